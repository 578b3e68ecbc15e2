"""Which devices are served together, and by what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.connection import ModbusRtu, ModbusRtuOverTcp, ModbusTcp, ModbusTls, Mqtt, OpcUa
from config.point import SparkplugMetric
from config.site import Site
from simulators.faults.line import Line
from simulators.faults.lined import Lined
from simulators.faults.present import FaultyServed, Present
from simulators.served import Served, Server
from simulators.watchdog import Watchdog

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Seat:
    """Devices that only work together: all behind one port, or with one session at the broker."""

    connection: str
    devices: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.devices[0]


def seats_of(site: Site) -> list[Seat]:
    """Every device of the site, in the file's order."""
    seats: list[Seat] = []
    for name, connection in site.connections.items():
        devices = tuple(device for device, of in site.devices.items() if of.connection == name)
        if isinstance(connection, Mqtt):
            seats += [Seat(name, together) for together in _sessions(site, devices)]
        elif devices:
            seats.append(Seat(name, devices))
    return seats


def _sessions(site: Site, devices: Sequence[str]) -> list[tuple[str, ...]]:
    """Which devices share a session at the broker: those behind one Sparkplug edge node; every other has its own."""
    nodes: dict[tuple[str, str], list[str]] = {}
    for device in devices:
        edge = next((of.source for of in site.points[device] if isinstance(of.source, SparkplugMetric)), None)
        key = ("", device) if edge is None else (f"{edge.group}/", edge.edge_node)
        nodes.setdefault(key, []).append(device)
    return [tuple(together) for together in nodes.values()]


def port_of(site: Site, seat: Seat) -> int:
    """The port that the site file gives to a seat; 0 for a device that listens nowhere."""
    match site.connections[seat.connection]:
        case ModbusTcp(port=port) | ModbusRtuOverTcp(port=port) | ModbusTls(port=port):
            return port
        case OpcUa(endpoint=endpoint):
            return urlsplit(endpoint).port or 0
        case Mqtt() | ModbusRtu():
            return 0


def lined_server(
    site: Site, seat: Seat, port: int, broker: Mqtt | None, served: Served, watchdog: Watchdog, present: Present
) -> Lined:
    """The server of a seat behind the line of its connection, on which faults may come; made anew with each start."""
    listens = not isinstance(site.connections[seat.connection], Mqtt | ModbusRtu)

    def make(shown_port: int | None) -> Server:
        own_port = 0 if listens else port
        return server_for(site, seat, own_port, broker, served, watchdog, present, shown_port)

    return Lined(seat.devices, seat.connection, make, present, Line(LOOPBACK, port) if listens else None)


def server_for(
    site: Site,
    seat: Seat,
    port: int,
    broker: Mqtt | None,
    served: Served,
    watchdog: Watchdog,
    present: Present | None = None,
    shown_port: int | None = None,
) -> Server:
    """The server of a seat, not started. `port` 0 takes a free one; `broker` replaces the site file's.

    `present` are the faults, none when not given; `shown_port` is where clients reach it, if by another port.
    The protocols are imported here: a device that runs apart loads its own only.
    """
    present = present or Present(site.points)
    served = FaultyServed(served, present, seat.devices)
    match site.connections[seat.connection]:
        case ModbusTcp() | ModbusRtuOverTcp() | ModbusRtu() | ModbusTls():
            return _modbus(site, seat, port, served, watchdog, present)
        case OpcUa(endpoint=endpoint) as spec:
            from simulators.servers.opcua import Login, OpcuaServer

            # the password is known by its variable only: where that is not set, nobody can be asked for it
            password = "" if spec.password_env is None else os.environ.get(spec.password_env)
            login = None if spec.username is None or password is None else Login(spec.username, password)
            points = {device: site.points[device] for device in seat.devices}
            here = urlsplit(endpoint)._replace(netloc=f"{LOOPBACK}:{port}").geturl()
            return OpcuaServer(points, here, port, served, watchdog, present, shown_port, login)
        case Mqtt() as connection:
            from simulators.servers.mqtt import MqttServer
            from simulators.servers.sparkplug import SparkplugNode

            if any(isinstance(point.source, SparkplugMetric) for point in site.points[seat.name]):
                behind = {device: site.points[device] for device in seat.devices}
                return SparkplugNode(behind, broker or connection, served, watchdog, present)
            return MqttServer(seat.name, site.points[seat.name], broker or connection, served, watchdog, present)


def _modbus(site: Site, seat: Seat, port: int, served: Served, watchdog: Watchdog, present: Present) -> Server:
    from simulators.faults.registers import FaultyRegisters
    from simulators.servers.modbus import ModbusServer
    from simulators.servers.registers import ProfileRegisters, Registers
    from simulators.servers.sunspec import SunspecInverter, SunspecMeter
    from simulators.servers.sunspec_block import LAYOUTS, SunspecBlock

    units: list[Registers] = []
    for device in seat.devices:
        unit, points, profile = site.devices[device].unit, site.points[device], site.devices[device].profile
        if profile.startswith("sunspec_inverter"):
            units.append(SunspecInverter(device, unit, points, served, watchdog))
        elif profile.startswith("sunspec_meter"):
            units.append(SunspecMeter(device, unit, points, served))
        elif profile in LAYOUTS:
            units.append(SunspecBlock(device, unit, points, served, watchdog, site.modbus[device], LAYOUTS[profile]))
        else:
            units.append(ProfileRegisters(device, unit, points, served, watchdog, site.modbus.get(device)))
    faulty = [FaultyRegisters(unit, present) for unit in units]
    connection = site.connections[seat.connection]
    if isinstance(connection, ModbusRtu):
        from simulators.servers.serial_line import SerialLine

        return SerialLine(ModbusServer(faulty, LOOPBACK, port, rtu=True))
    rtu, tls = isinstance(connection, ModbusRtuOverTcp), isinstance(connection, ModbusTls)
    return ModbusServer(faulty, LOOPBACK, port, rtu=rtu, tls=tls)
