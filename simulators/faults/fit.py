"""Whether a fault fits the thing that it is meant for: said in the words of the site file."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from config.assets import GridConnection
from config.connection import ModbusRtu, Mqtt, OpcUa
from config.document import shown
from config.faults import nearest
from config.point_spec import MqttPoint
from config.points import NEEDS
from config.site import Site
from simulators.faults.kinds import (
    BlackHole,
    BreakerOpen,
    BrokerRestart,
    ClockWrong,
    Fault,
    FaultSpec,
    LinkDown,
    Protocol,
    Reset,
    Slow,
    Trip,
    ValueFault,
    WatchdogOff,
    WritesIgnored,
    WritesRejected,
)

Misfit = tuple[str, str]
"""The key that does not fit, and what is wrong with it."""

POWERS = ("active_power_kw", "heat_power_kw")
"""What a value fault falls upon when it names no point: what limits and balances are made of."""

# they say how the device is, not what it measures
_STATES = ("available", "status")


def protocol_of(site: Site, connection: str) -> Protocol:
    match site.connections[connection]:
        case OpcUa():
            return "opcua"
        case Mqtt():
            return "mqtt"
        case _:
            return "modbus"


def connection_of(site: Site, fault: FaultSpec) -> str:
    """The connection that a fault falls upon, or that its device is on."""
    return fault.target if fault.on == "connection" else site.devices[fault.target].connection


def measured(site: Site, device: str) -> list[str]:
    """The points of a device that are no setpoints."""
    return [point.name for point in site.points[device] if point.setpoint is None]


def points_hit(site: Site, fault: ValueFault) -> tuple[str, ...]:
    """The points that a value fault falls upon."""
    if fault.points:
        return fault.points
    known = measured(site, fault.target)
    return tuple(name for name in POWERS if name in known) or tuple(name for name in known if name not in _STATES)


def misfits(site: Site, fault: Fault, *, own_broker: bool = True, breaker: bool = False) -> list[Misfit]:
    """Everything that speaks against a fault at this site.

    `own_broker` says whether the park has a broker of its own, `breaker` whether its plant has one to open.
    """
    if found := _of_target(site, fault):
        return found
    protocol = protocol_of(site, connection_of(site, fault))
    if protocol not in fault.protocols:
        has = ", ".join(fault.protocols)
        return [("kind", f"{fault.kind} is a fault of {has}; {fault.target} speaks {protocol}")]
    match fault:
        case BrokerRestart():
            return [] if own_broker else [("target", f"the broker of {fault.target} is not the park's own")]
        case LinkDown() | BlackHole() | Slow() | Reset():
            if isinstance(site.connections[fault.target], ModbusRtu):
                return [("target", f"{fault.target} is a serial line; its faults are those of the devices on it")]
            foreign = protocol == "mqtt" and not own_broker
            return [("target", f"the broker of {fault.target} is not the park's own")] if foreign else []
        case ValueFault():
            return _of_points(site, fault)
        case WritesIgnored() | WritesRejected() | WatchdogOff():
            able = any(point.setpoint is not None for point in site.points[fault.target])
            return [] if able else [("target", f"{fault.target} has no setpoint that could be written")]
        case ClockWrong():
            return _of_clock(site, fault, protocol)
        case Trip():
            return _of_trip(site, fault)
        case BreakerOpen():
            return _of_breaker(site, fault, breaker)
        case _:
            return []


def mistimed(fault: Fault) -> list[Misfit]:
    """What speaks against the times of a fault that is set by command."""
    return [("at", "a fault that is set by command begins now")] if fault.at is not None else []


def resolved_at(site: Site, at: datetime) -> datetime:
    """A time with its zone: the site's where none is named."""
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(site.location.time_zone))


def _of_target(site: Site, fault: Fault) -> list[Misfit]:
    devices = list(site.devices)
    connections = {site.devices[name].connection for name in devices}
    known, other = (devices, connections) if fault.on == "device" else (connections, devices)
    if fault.target in known:
        return []
    return [("target", _unknown(fault, known, other))]


def _unknown(fault: Fault, known: Collection[str], other: Collection[str]) -> str:
    what, not_what = ("device", "connection") if fault.on == "device" else ("connection", "device")
    if fault.target in other:
        return f"{fault.target} is a {not_what}; {fault.kind} falls upon a {what}: {nearest(fault.target, known)}"
    return f"there is no {what} {shown(fault.target)}; {nearest(fault.target, known)}"


def _of_points(site: Site, fault: ValueFault) -> list[Misfit]:
    known = measured(site, fault.target)
    found: list[Misfit] = []
    for name in fault.points:
        if name in known:
            continue
        if any(point.name == name for point in site.points[fault.target]):
            found.append(("points", f"{name} is a setpoint of {fault.target}; writes_ignored is the fault for it"))
        else:
            found.append(("points", f"{fault.target} has no point {shown(name)}; {nearest(name, known)}"))
    return found


def _of_clock(site: Site, fault: Fault, protocol: Protocol) -> list[Misfit]:
    stamped = protocol == "opcua" or any(
        isinstance(point.source, MqttPoint) and point.source.time_path is not None
        for point in site.points[fault.target]
    )
    return [] if stamped else [("target", f"{fault.target} gives no time stamps that could be wrong")]


def _of_trip(site: Site, fault: Fault) -> list[Misfit]:
    # the other assets are measured only: there is nothing in them that could switch itself off
    able = [asset.device for name, asset in site.assets.items() if _commanded(site, name)]
    if fault.target in able:
        return []
    return [("target", f"{fault.target} is only measured and cannot trip; {nearest(fault.target, able)}")]


def _commanded(site: Site, asset: str) -> bool:
    return NEEDS[site.assets[asset].kind].setpoint is not None


def _of_breaker(site: Site, fault: Fault, breaker: bool) -> list[Misfit]:
    meters = [asset.device for asset in site.assets.values() if isinstance(asset, GridConnection)]
    if fault.target not in meters:
        return [("target", f"{fault.target} is not at the grid connection; {nearest(fault.target, meters)}")]
    return [] if breaker else [("kind", "the simulated plant has no breaker that could be opened")]
