"""What each asset is told: a file for each role that an asset can have."""
