"""What a Sparkplug metric means as a number: its data type, announced in the birth, says how its bits are read."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum

from drivers.sparkplug_payload import Metric


class DataType(IntEnum):
    """The types that are numbers, as the Sparkplug specification 3.0 counts them."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11


_SIGNED = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_UNSIGNED = {DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64}
"""By type, its bits."""

_NAMES = {int(datatype): datatype.name.lower() for datatype in DataType}


def number_of(metric: Metric, datatype: int) -> float | str:
    """The number that a metric says, or why it says none."""
    if metric.null:
        return "the device has no value"
    match datatype, metric.value:
        case (DataType.BOOLEAN, bool() as truth):
            return float(truth)
        case (DataType.FLOAT | DataType.DOUBLE, float() as number):
            return number
        case (_, bool() | float() | None):
            pass
        case (_, whole) if datatype in _UNSIGNED and whole < 1 << _UNSIGNED[DataType(datatype)]:
            return float(whole)
        case (_, whole) if datatype in _SIGNED:
            signed = _with_sign(whole, _SIGNED[DataType(datatype)], metric.long)
            if signed is not None:
                return float(signed)
    if datatype in _NAMES:
        return f"the metric says nothing that is of type {_NAMES[datatype]}"
    return f"the metric is of type {datatype}, which is no number"


def _with_sign(whole: int, bits: int, long: bool) -> int | None:
    """A number in two's complement; None for what does not fit its type.

    Fields on the wire are unsigned and of 32 or 64 bits. Some devices fill a shorter number up with its sign to the
    width of the field, others do not.
    """
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    field = 64 if long else 32
    if whole <= min(high, (1 << field - 1) - 1):
        return whole
    for width in (bits, field):
        if bits <= width <= field and 1 << width - 1 <= whole < 1 << width and whole - (1 << width) >= low:
            return whole - (1 << width)
    return None


def time_of(timestamp_ms: int | None) -> datetime | None:
    """A time stamp as a time; None for one that no calendar has."""
    if timestamp_ms is None:
        return None
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
