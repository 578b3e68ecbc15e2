"""From what a device said to what we say: the one place that decides whether a number is believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.clock import Clock
from config.point import Point
from drivers.driver import Accepted, DriverError, Quality, Reading, Setpoint, Unconfirmed
from drivers.scaling import value_of

_ROUNDING = 1e-9
"""A read-back that is off by exactly the tolerance is followed, whatever the last binary digit says."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When we heard something, on both of our clocks."""

    received_s: float
    at: datetime

    @classmethod
    def of(cls, clock: Clock) -> Stamp:
        return cls(received_s=clock.monotonic_s(), at=clock.now())


def bad(point: Point, reason: str, stamp: Stamp, source_at: datetime | None = None) -> Reading:
    """A reading without a value, and why."""
    return Reading(
        point=point.key,
        value=None,
        quality=Quality.BAD,
        received_s=stamp.received_s,
        at=stamp.at,
        source_at=source_at,
        reason=reason,
    )


def good(key: str, value: float, stamp: Stamp) -> Reading:
    """The reading of a value that is within the valid range of the point with this key."""
    return Reading(key, value, Quality.GOOD, stamp.received_s, stamp.at)


def judge(
    point: Point,
    raw: float | None,
    stamp: Stamp,
    *,
    exponent: int = 0,
    source_at: datetime | None = None,
    doubt: str = "",
) -> Reading:
    """The reading that a raw number stands for.

    BAD for "no value" (None), for what is not finite and for what is outside the point's valid range;
    UNCERTAIN when there is a `doubt`; else GOOD.
    """
    if raw is None:
        return bad(point, "the device has no value", stamp, source_at)
    value = value_of(point, raw, exponent)
    low, high = point.valid
    if not low <= value <= high:
        if not math.isfinite(value):
            return bad(point, "not a finite number", stamp, source_at)
        return bad(point, f"{value:g} is outside {low:g}..{high:g}", stamp, source_at)
    return Reading(
        point=point.key,
        value=value,
        quality=Quality.UNCERTAIN if doubt else Quality.GOOD,
        received_s=stamp.received_s,
        at=stamp.at,
        source_at=source_at,
        reason=doubt,
    )


def confirm(setpoint: Setpoint, shown: Reading) -> Accepted | Unconfirmed:
    """Whether a device follows a setpoint, from the reading of the point that shows the value in force."""
    limits = setpoint.point.setpoint
    assert limits is not None  # a Setpoint has checked it
    if shown.value is None:
        return Unconfirmed(None, f"{shown.point} cannot be read back: {shown.reason}")
    if shown.quality is not Quality.GOOD:
        return Unconfirmed(shown.value, f"{shown.point} is uncertain: {shown.reason}")
    if abs(shown.value - setpoint.value) > limits.tolerance + _ROUNDING * max(1.0, abs(setpoint.value)):
        return Unconfirmed(
            shown.value, f"{shown.point} shows {shown.value:g}, not {setpoint.value:g} within {limits.tolerance:g}"
        )
    return Accepted(shown.value)


def read_back_points(points: Sequence[Point]) -> dict[str, Point]:
    """By setpoint, the point of the same device that shows the value in force.

    Raises DriverError when the device has no such point.
    """
    by_name = {point.name: point for point in points}
    shown_by: dict[str, Point] = {}
    for point in points:
        if point.setpoint is not None:
            if point.setpoint.read_back not in by_name:
                raise DriverError(f"{point.key}: there is no point {point.setpoint.read_back!r} to read it back from")
            shown_by[point.name] = by_name[point.setpoint.read_back]
    return shown_by
