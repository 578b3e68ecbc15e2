"""What the controller records, and how it reaches InfluxDB."""
