"""How devices are spoken to: Modbus, OPC UA and MQTT behind one Driver protocol."""
