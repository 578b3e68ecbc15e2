"""Between a device's raw numbers and the site's values: value = sign * (raw * 10^exponent * scale + offset)."""

from __future__ import annotations

import math

from config.point import Point
from drivers.driver import DriverError

EXPONENTS = range(-10, 11)
"""The powers of ten that a SunSpec scale factor may name."""


class Refused(DriverError):
    """A value that cannot be put on the wire as it is. The message says value, range and name."""


def value_of(point: Point, raw: float, exponent: int = 0) -> float:
    """The value in the point's unit and the site's sign; not finite when `raw` is not."""
    return point.sign * (_times_ten_to(float(raw), exponent) * point.scale + point.offset) + 0.0


def raw_of(point: Point, value: float, exponent: int = 0) -> float:
    """The raw number for a value, not yet rounded to what the wire can carry.

    Raises Refused for a value that is not finite, and for a point whose scale is zero.
    """
    if not math.isfinite(value):
        raise Refused(f"{point.key}: {value} is not a number that can be written")
    if point.scale == 0:
        raise Refused(f"{point.key}: its scale is 0, so no value can be written")
    return raw_number(point.sign * value - point.offset, point.scale, exponent)


def raw_number(number: float, scale: float, exponent: int = 0) -> float:
    """The raw number for `number`, which has the device's sign and offset already.

    Raises Refused for a scale of 0.
    """
    if scale == 0:
        raise Refused("its scale is 0, so no value can be written")
    return _times_ten_to(number / scale, -exponent)


def _times_ten_to(number: float, exponent: int) -> float:
    if exponent == 0:
        return number
    # dividing by a whole power of ten rounds once, multiplying by 0.1 twice: 123 / 10 is 12.3
    return number * 10.0**exponent if exponent >= 0 else number / 10.0**-exponent
