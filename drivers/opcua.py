"""A device on OPC UA; its values come by subscription, or are polled in one call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from asyncua import ua

from config.clock import Clock
from config.point import Point
from config.point_spec import OpcuaPoint
from drivers.driver import Reading, Rejected, Setpoint, WriteResult
from drivers.opcua_addresses import check_address
from drivers.opcua_session import OpcuaSession
from drivers.opcua_values import reading_of, status_name, variant_of
from drivers.quality import Stamp, bad, confirm
from drivers.scaling import Refused, raw_of
from drivers.shared import SharedDriver

_Read = Callable[[Sequence[ua.NodeId]], Awaitable[list[tuple[ua.DataValue, Stamp]]]]


class OpcuaDriver(SharedDriver[OpcuaSession]):
    """The nodes of one device in a shared session."""

    def __init__(self, session: OpcuaSession, points: Sequence[Point], clock: Clock) -> None:
        """`points` are all points of the device.

        Raises DriverError for an address that cannot be understood, and for a setpoint whose read-back point
        the device has not.
        """
        super().__init__(session, points, clock)
        self._addresses = [_source(point).address for point in points]
        for address in self._addresses:
            check_address(address)

    async def _begin(self) -> None:
        # all at once, so that what browse paths mean costs one call
        await self._connection.nodes(self._addresses)

    async def _read(self, points: Sequence[Point]) -> list[Reading]:
        return await self._readings(points, self._connection.read)

    async def _readings(self, points: Sequence[Point], read: _Read) -> list[Reading]:
        nodes = await self._connection.nodes([_source(point).address for point in points])
        values = iter(await read([node for node in nodes if isinstance(node, ua.NodeId)]))
        now = Stamp.of(self._clock)
        return [
            bad(point, node, now) if isinstance(node, str) else reading_of(point, *next(values))
            for point, node in zip(points, nodes, strict=True)
        ]

    async def _preview(self, setpoint: Setpoint) -> list[str]:
        source = _source(setpoint.point)
        variant = variant_of(source, raw_of(setpoint.point, setpoint.value))
        return [f"node {source.address}: {variant.Value} ({variant.VariantType.name})"]

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        source = _source(setpoint.point)
        (node,) = await self._connection.nodes([source.address])
        if isinstance(node, str):
            return Rejected(f"{setpoint.point.key}: {node}")
        try:
            variant = variant_of(source, raw_of(setpoint.point, setpoint.value))
        except Refused as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        # without timestamps: many servers refuse to have them set by a client
        status = await self._connection.write(node, ua.DataValue(variant))
        if not status.is_good():
            return Rejected(f"{setpoint.point.key}: the server refuses: {status_name(status)}")
        (shown,) = await self._readings([self._shown_by[setpoint.point.name]], self._connection.ask)
        return confirm(setpoint, shown)


def _source(point: Point) -> OpcuaPoint:
    assert isinstance(point.source, OpcuaPoint)
    return point.source
