"""The links of a site, one per device, over as few connections as the site names."""

from __future__ import annotations

import os
from typing import assert_never

from config.clock import Clock
from config.connection import ModbusTcp, Mqtt, OpcUa
from config.site import Site
from drivers.driver import Driver, DriverError
from drivers.link import Link
from drivers.modbus import ModbusDriver
from drivers.modbus_tcp import ModbusTcpConnection
from drivers.mqtt import MqttDriver
from drivers.mqtt_session import MqttSession
from drivers.opcua import OpcuaDriver
from drivers.opcua_session import OpcuaSession


def links_of(site: Site, clock: Clock) -> dict[str, Link]:
    """A link for each device of the site, by device name; nothing is connected yet.

    Raises DriverError for a password that is not in the environment, and for a device whose profile names a
    node or a read-back point that cannot be.
    """
    shared = {name: _connection(spec, clock) for name, spec in site.connections.items()}
    links: dict[str, Link] = {}
    for name, device in site.devices.items():
        points = site.points[name]
        driver: Driver
        match shared[device.connection]:
            case ModbusTcpConnection() as connection:
                driver = ModbusDriver(connection, device.unit, points, clock)
            case OpcuaSession() as session:
                driver = OpcuaDriver(session, points, clock)
            case MqttSession() as session:
                driver = MqttDriver(session, points, clock)
            case other:
                assert_never(other)
        links[name] = Link(driver, clock)
    return links


def _connection(spec: ModbusTcp | OpcUa | Mqtt, clock: Clock) -> ModbusTcpConnection | OpcuaSession | MqttSession:
    match spec:
        case ModbusTcp():
            return ModbusTcpConnection(spec)
        case OpcUa():
            return OpcuaSession(spec)
        case Mqtt():
            return MqttSession(spec, _password(spec), clock)
        case other:
            assert_never(other)


def _password(spec: Mqtt) -> str | None:
    if spec.password_env is None:
        return None
    if spec.password_env not in os.environ:
        raise DriverError(f"mqtt://{spec.host}:{spec.port}: environment variable {spec.password_env} is not set")
    return os.environ[spec.password_env]
