"""What a Sparkplug metric means as a number, and back: its data type, announced in the birth, says how."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum

from drivers.scaling import Refused
from drivers.sparkplug_payload import Metric, real, truth, whole


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
        case (_, bare) if datatype in _UNSIGNED and bare < 1 << _UNSIGNED[DataType(datatype)]:
            return float(bare)
        case (_, bare) if datatype in _SIGNED:
            signed = _with_sign(bare, _SIGNED[DataType(datatype)], metric.long)
            if signed is not None:
                return float(signed)
    if datatype in _NAMES:
        return f"the metric says nothing that is of type {_NAMES[datatype]}"
    return f"the metric is of type {datatype}, which is no number"


def _with_sign(bare: int, bits: int, long: bool) -> int | None:
    """A number in two's complement; None for what does not fit its type.

    Fields on the wire are unsigned and of 32 or 64 bits. Some devices fill a shorter number up with its sign to the
    width of the field, others do not.
    """
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    field = 64 if long else 32
    if bare <= min(high, (1 << field - 1) - 1):
        return bare
    for width in (bits, field):
        if bits <= width <= field and 1 << width - 1 <= bare < 1 << width and bare - (1 << width) >= low:
            return bare - (1 << width)
    return None


def written(number: float, datatype: int) -> bytes:
    """A number as a metric of a type is written; whole types round to the nearest. Raises Refused."""
    match datatype:
        case DataType.FLOAT | DataType.DOUBLE:
            try:
                return real(number, double=datatype == DataType.DOUBLE)
            except OverflowError:
                raise Refused(f"{number:g} does not fit a float") from None
        case DataType.BOOLEAN:
            if number not in (0.0, 1.0):
                raise Refused(f"{number:g} is neither 0 nor 1, and the metric is a boolean")
            return truth(number == 1.0)
        case _ if datatype in _SIGNED or datatype in _UNSIGNED:
            bits = (_SIGNED | _UNSIGNED)[DataType(datatype)]
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if datatype in _SIGNED else (0, (1 << bits) - 1)
            if not low <= round(number) <= high:
                raise Refused(f"{number:g} does not fit the type {_NAMES[datatype]}, {low} to {high}")
            return whole(round(number), bits)
        case _:
            raise Refused(f"the metric is of type {datatype}, which is no number")


def time_of(timestamp_ms: int | None) -> datetime | None:
    """A time stamp as a time; None for one that no calendar has."""
    if timestamp_ms is None:
        return None
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
