"""Whether the registers of a setpoint can carry all that a site may want of it."""

from __future__ import annotations

from collections.abc import Iterator

from config.point import Point
from config.point_spec import ModbusPoint
from config.register import fits, part_of


def beyond_reach(point: Point) -> Iterator[str]:
    """The ends of a setpoint's range that its own register cannot hold, in words.

    Nothing is said where the number depends on what the device says: a scale factor, a direction, texts for numbers.
    """
    source, setpoint = point.source, point.setpoint
    if not isinstance(source, ModbusPoint) or source.setpoint is None or setpoint is None or point.scale == 0:
        return
    if source.scale_factor is not None or source.direction is not None or source.values is not None:
        return
    for value in sorted({setpoint.low, setpoint.high, setpoint.safe}):
        number = part_of(point.sign * value - point.offset, source.setpoint.carries, source.setpoint.shares)
        raw = round(number / point.scale)
        if not fits(float(raw), source.type):
            share = f", of {source.setpoint.shares} shares each," if source.setpoint.carries == "share" else ""
            yield f"{value:g}{share} would be {raw} in its register, which has {source.type}"
