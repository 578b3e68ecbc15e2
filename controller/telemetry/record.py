"""One record and its exact form in InfluxDB's line protocol."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from controller.telemetry.schema import MEASUREMENTS, FieldType, Measurement

FieldValue = float | int | bool | str | None
"""None, nan and infinity mean "no value": the field is left out, never written as 0. NumPy scalars are fine."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT_MAX = 2**63 - 1  # InfluxDB keeps integers in 64 bits
_STRING_LIMIT_BYTES = 64_000  # InfluxDB refuses string fields beyond 64 KiB
_TAG_LIMIT_BYTES = 8_000  # a series key may have 64 KiB in all
# Line protocol has no escape for a backslash in a tag or key, and a line break there ends the line.
_UNSAFE_IN_TAGS = re.compile(r"[\\\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class TelemetryError(Exception):
    """The family of what telemetry raises."""


class BadRecord(TelemetryError):
    """A record that the schema refuses; the message names measurement, field or tag, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one measurement had to say at one time."""

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, FieldValue]
    at: datetime
    """Aware; the start for what belongs to an interval."""


def to_line(record: Record) -> str | None:
    """The record as one line with its time in nanoseconds, or None when none of its fields has a value.

    Tags are in alphabetical order and empty optional ones left out; fields keep their order. Raises BadRecord.
    """
    measurement = MEASUREMENTS.get(record.measurement)
    if measurement is None:
        raise BadRecord(f"{record.measurement!r} is not a measurement; there are {', '.join(MEASUREMENTS)}")
    head = record.measurement + _tags(record, measurement)
    fields = [
        f"{name}={text}"
        for name, value in record.fields.items()
        if (text := _field(record.measurement, measurement, name, value)) is not None
    ]
    return f"{head} {','.join(fields)} {_nanoseconds(record)}" if fields else None


_TAG = re.compile(r",([^=]+)=((?:\\.|[^, ])+)")
_FIELD = re.compile(r'[ ,]([A-Za-z]\w*)=("(?:\\.|[^"\\])*"|[^, ]+)', re.DOTALL)


def from_line(line: str) -> Record:
    """The record that `to_line` made the line from, without the fields and tags that had no value."""
    name = line[: line.index(",")]
    tags: dict[str, str] = {}
    position = len(name)
    while found := _TAG.match(line, position):
        tags[found[1]] = re.sub(r"\\(.)", r"\1", found[2])
        position = found.end()
    fields: dict[str, FieldValue] = {}
    while found := _FIELD.match(line, position):
        fields[found[1]] = _value(found[2])
        position = found.end()
    return Record(name, tags, fields, _EPOCH + timedelta(microseconds=int(line[position:]) // 1000))


def _value(text: str) -> FieldValue:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    if text in ("true", "false"):
        return text == "true"
    return int(text[:-1]) if text.endswith("i") else float(text)


def _tags(record: Record, measurement: Measurement) -> str:
    unknown = record.tags.keys() - set(measurement.tags) - set(measurement.optional_tags)
    missing = [tag for tag in measurement.tags if not record.tags.get(tag)]
    if unknown or missing:
        what = f"has no tag {', '.join(sorted(unknown))}" if unknown else f"needs the tag {', '.join(missing)}"
        raise BadRecord(f"{record.measurement} {what}")
    parts: list[str] = []
    for tag, value in sorted(record.tags.items()):
        if not isinstance(value, str) or _UNSAFE_IN_TAGS.search(value) or _bytes(value) > _TAG_LIMIT_BYTES:
            raise BadRecord(f"{record.measurement}: tag {tag} cannot hold {value!r:.60}")
        if value:
            escaped = value.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
            parts.append(f",{tag}={escaped}")
    return "".join(parts)


def _field(measurement_name: str, measurement: Measurement, name: str, value: object) -> str | None:
    field_type = measurement.type_of(name)
    if field_type is None or _NAME.fullmatch(name) is None or name == "time":
        raise BadRecord(f"{measurement_name} has no field {name!r}")
    if value is None or (isinstance(value, (float, np.floating)) and not math.isfinite(value)):
        return None
    text = _typed(field_type, value)
    if text is None:
        raise BadRecord(f"{measurement_name}.{name} is of type {field_type}: {value!r:.60} does not fit")
    return text


def _typed(field_type: FieldType, value: object) -> str | None:
    """The value as line protocol writes the type; None when it is of another kind."""
    is_bool = isinstance(value, (bool, np.bool_))
    match field_type:
        case "bool":
            return ("true" if value else "false") if is_bool else None
        case "int":
            # a flag may be counted, a float may not: 2.7 alarms would become 2
            if not is_bool and not isinstance(value, (int, np.integer)):
                return None
            number = int(value)  # type: ignore[call-overload]
            return f"{number}i" if -_INT_MAX - 1 <= number <= _INT_MAX else None
        case "float":
            if is_bool or not isinstance(value, (float, int, np.floating, np.integer)):
                return None
            try:
                as_float = float(value)
            except OverflowError:
                return None
            return repr(as_float) if math.isfinite(as_float) else None
        case "str":
            if not isinstance(value, str) or _bytes(value) > _STRING_LIMIT_BYTES:
                return None
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'


def _bytes(text: str) -> int:
    """Length in UTF-8; a text that UTF-8 cannot hold counts as too long."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return _STRING_LIMIT_BYTES + 1


def _nanoseconds(record: Record) -> int:
    if record.at.tzinfo is None:
        raise BadRecord(f"{record.measurement}: the time {record.at.isoformat()} has no time zone")
    return (record.at - _EPOCH) // _MICROSECOND * 1000
