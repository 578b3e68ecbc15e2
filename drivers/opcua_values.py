"""From what an OPC UA server says to a reading, and from a number to what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from asyncua import ua

from config.point import Point
from config.point_spec import OpcuaPoint
from config.register import ModbusType
from drivers.codec import fitted
from drivers.driver import Reading
from drivers.quality import Stamp, bad, judge
from drivers.scaling import Refused

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

_CODE: Final = 0xFFFF0000
"""The bits of a status that say what it is; those below add that a value was clamped, or that older ones were
dropped, and its name is not found with them."""

_SEVERITIES: Final = {"Good": 0x00000000, "Uncertain": 0x40000000, "Bad": 0x80000000}


def status_name(status: ua.StatusCode) -> str:
    """A status by its name, whatever it adds."""
    code = ua.StatusCode(ua.UInt32(status.value & _CODE))
    # the library calls every code that it does not know by its severity
    return code.name if code.name not in _SEVERITIES or code.value in _SEVERITIES.values() else f"0x{status.value:08X}"


def reading_of(point: Point, value: ua.DataValue, stamp: Stamp) -> Reading:
    """The reading that a server's value stands for: BAD without a number, UNCERTAIN where the server doubts it."""
    status = value.StatusCode or ua.StatusCode()
    source_at: datetime | None = value.SourceTimestamp
    if status.is_bad():
        return bad(point, f"the server says {status_name(status)}", stamp, source_at)
    raw = value.Value.Value if value.Value is not None else None
    if raw is not None and not isinstance(raw, int | float):
        return bad(point, f"the node holds {type(raw).__name__}, not a number", stamp, source_at)
    doubt = f"the server says {status_name(status)}" if status.is_uncertain() else ""
    return judge(point, raw, stamp, source_at=source_at, doubt=doubt)


def variant_of(source: OpcuaPoint, raw: float) -> ua.Variant:
    """The raw number in the point's OPC UA type. Raises Refused."""
    if source.type == "boolean":
        if raw not in (0.0, 1.0):
            raise Refused(f"{raw:g} is neither 0 nor 1, as a boolean must be")
        return ua.Variant(bool(raw), ua.VariantType.Boolean)
    variant_type, kind = _VARIANTS[source.type]
    return ua.Variant(fitted(raw, kind), variant_type)
