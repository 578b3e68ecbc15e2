"""A device on OPC UA; its values are polled in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from config.clock import Clock
from config.point import Point
from config.profile import OpcuaPoint
from config.register import ModbusType
from drivers.codec import fitted
from drivers.driver import DriverError, Reading, Rejected, Setpoint, WriteResult
from drivers.opcua_session import OpcuaSession
from drivers.quality import Stamp, bad, confirm, judge
from drivers.scaling import Refused, raw_of
from drivers.shared import SharedDriver

_VARIANTS: Final[Mapping[str, tuple[ua.VariantType, ModbusType]]] = {
    "double": (ua.VariantType.Double, "f64"),
    "float": (ua.VariantType.Float, "f32"),
    "int16": (ua.VariantType.Int16, "s16"),
    "int32": (ua.VariantType.Int32, "s32"),
    "int64": (ua.VariantType.Int64, "s64"),
    "uint16": (ua.VariantType.UInt16, "u16"),
    "uint32": (ua.VariantType.UInt32, "u32"),
    "uint64": (ua.VariantType.UInt64, "u64"),
}
"""By type of a point: OPC UA's own name, and the codec's, which knows the range."""


class OpcuaDriver(SharedDriver[OpcuaSession]):
    """The nodes of one device in a shared session."""

    def __init__(self, session: OpcuaSession, points: Sequence[Point], clock: Clock) -> None:
        """`points` are all points of the device.

        Raises DriverError for a node that cannot be understood, and for a setpoint whose read-back point
        the device has not.
        """
        super().__init__(session, points, clock)
        for point in points:
            node_id(_source(point).node, ())

    async def _read(self, points: Sequence[Point]) -> list[Reading]:
        nodes = [node_id(_source(point).node, self._connection.namespaces) for point in points]
        values = iter(await self._connection.read([node for node in nodes if isinstance(node, ua.NodeId)]))
        stamp = Stamp.of(self._clock)
        return [
            bad(point, node, stamp) if isinstance(node, str) else _reading(point, next(values), stamp)
            for point, node in zip(points, nodes, strict=True)
        ]

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        source = _source(setpoint.point)
        node = node_id(source.node, self._connection.namespaces)
        if isinstance(node, str):
            return Rejected(f"{setpoint.point.key}: {node}")
        try:
            variant = _variant(source, raw_of(setpoint.point, setpoint.value))
        except Refused as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        # without timestamps: many servers refuse to have them set by a client
        status = await self._connection.write(node, ua.DataValue(variant))
        if not status.is_good():
            return Rejected(f"{setpoint.point.key}: the server refuses: {status.name}")
        (shown,) = await self._read([self._shown_by[setpoint.point.name]])
        return confirm(setpoint, shown)


def _source(point: Point) -> OpcuaPoint:
    assert isinstance(point.source, OpcuaPoint)
    return point.source


def node_id(node: str, namespaces: Sequence[str]) -> ua.NodeId | str:
    """The node that a text such as ``nsu=urn:plant;s=Pump.Power`` or ``ns=2;i=7`` means, by a server's namespaces.

    Words instead when the server has no such namespace. Raises DriverError for a text that means no node.
    """
    try:
        if not node.startswith("nsu="):
            return ua.NodeId.from_string(node)
        uri, _, identifier = node.removeprefix("nsu=").partition(";")
        index = namespaces.index(uri) if uri in namespaces else 0
        found = ua.NodeId.from_string(f"ns={index};{identifier}")
    except (UaError, ValueError) as error:
        raise DriverError(f"{node!r} is not an OPC UA node: {error}") from error
    return found if uri in namespaces else f"the server has no namespace {uri}"


def _reading(point: Point, value: ua.DataValue, stamp: Stamp) -> Reading:
    status = value.StatusCode or ua.StatusCode()
    source_at: datetime | None = value.SourceTimestamp
    if status.is_bad():
        return bad(point, f"the server says {status.name}", stamp, source_at)
    raw = value.Value.Value if value.Value is not None else None
    if raw is not None and not isinstance(raw, int | float):
        return bad(point, f"the node holds {type(raw).__name__}, not a number", stamp, source_at)
    doubt = f"the server says {status.name}" if status.is_uncertain() else ""
    return judge(point, raw, stamp, source_at=source_at, doubt=doubt)


def _variant(source: OpcuaPoint, raw: float) -> ua.Variant:
    """The raw number in the point's OPC UA type. Raises Refused."""
    if source.type == "boolean":
        if raw not in (0.0, 1.0):
            raise Refused(f"{raw:g} is neither 0 nor 1, as a boolean must be")
        return ua.Variant(bool(raw), ua.VariantType.Boolean)
    variant_type, kind = _VARIANTS[source.type]
    return ua.Variant(fitted(raw, kind), variant_type)
