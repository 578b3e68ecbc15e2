"""The links of a site, one per device, over as few connections as the site names."""

from __future__ import annotations

import os
import ssl
from typing import assert_never

from config.clock import Clock
from config.connection import Connection, ModbusRtu, ModbusRtuOverTcp, ModbusTcp, ModbusTls, Mqtt, OpcUa
from config.point import SparkplugMetric
from config.site import Site
from drivers.certificates import Certificates
from drivers.driver import Driver, DriverError
from drivers.found import Found
from drivers.gate import WriteGate
from drivers.line import Line
from drivers.link import Link
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection
from drivers.mqtt import MqttDriver
from drivers.mqtt_client import address_of
from drivers.mqtt_session import MqttSession
from drivers.opcua import OpcuaDriver
from drivers.opcua_session import OpcuaSession
from drivers.sparkplug import SparkplugDriver
from drivers.tls import client_context


def links_of(site: Site, clock: Clock, found: Found | None = None) -> dict[str, Link]:
    """A link for each device of the site, by device name; nothing is connected yet.

    `found` keeps what the devices were set to before we wrote to them; in memory when not given.

    Raises DriverError for a password that is not in the environment, and for a device whose profile names a
    node or a read-back point that cannot be.
    """
    certificates = Certificates(site.certificates)
    shared = {name: _connection(site, spec, certificates, clock) for name, spec in site.connections.items()}
    lines = {name: Line() for name in site.connections}
    links: dict[str, Link] = {}
    for name, device in site.devices.items():
        points = site.points[name]
        driver: Driver
        match shared[device.connection]:
            case ModbusConnection() as connection:
                profile = site.modbus[name]
                driver = ModbusDriver(
                    connection,
                    device.unit,
                    points,
                    clock,
                    profile.heartbeats,
                    requests=profile.requests,
                    identity=profile.identity,
                )
            case OpcuaSession() as session:
                driver = OpcuaDriver(session, points, clock)
            case MqttSession() as session if any(isinstance(point.source, SparkplugMetric) for point in points):
                driver = SparkplugDriver(session, points, clock)
            case MqttSession() as session:
                driver = MqttDriver(session, points, clock)
            case other:
                assert_never(other)
        links[name] = Link(driver, clock, lines[device.connection], WriteGate(points, device.write, found))
    return links


def _connection(
    site: Site, spec: Connection, certificates: Certificates, clock: Clock
) -> ModbusConnection | OpcuaSession | MqttSession:
    match spec:
        case ModbusTls():
            context = _tls(site, spec, spec.ca_file, f"modbus+tls://{spec.host}:{spec.port}")
            context.check_hostname = spec.check_host_name
            return ModbusConnection(spec, context)
        case ModbusTcp() | ModbusRtu() | ModbusRtuOverTcp():
            return ModbusConnection(spec)
        case OpcUa():
            return OpcuaSession(spec, certificates, _secret(spec.password_env, spec.endpoint), clock)
        case Mqtt():
            where = address_of(spec)
            tls = None if spec.ca_file is None else _tls(site, spec, spec.ca_file, where)
            return MqttSession(spec, _secret(spec.password_env, where), clock, tls)
        case other:
            assert_never(other)


def _tls(site: Site, spec: ModbusTls | Mqtt, authority: str, where: str) -> ssl.SSLContext:
    own = None
    if spec.certificate_file is not None and spec.key_file is not None:
        own = (site.file_named(spec.certificate_file), site.file_named(spec.key_file))
    return client_context(where, site.file_named(authority), own, _secret(spec.key_password_env, where))


def _secret(name: str | None, address: str) -> str | None:
    """What the environment variable of that name holds; None where no name is given."""
    if name is None:
        return None
    if name not in os.environ:
        raise DriverError(f"{address}: environment variable {name} is not set")
    return os.environ[name]
