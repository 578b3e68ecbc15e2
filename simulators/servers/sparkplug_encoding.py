"""Sparkplug B payloads as a simulated edge node writes and reads them: the few Protocol Buffers fields of numbers.

The field numbers are those of the Sparkplug specification 3.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

INT64, DOUBLE, BOOLEAN = 4, 10, 11
"""Data types of metrics."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A birth gives it name and alias; after it the alias alone will do."""

    name: str | None
    alias: int | None
    datatype: int
    value: float | bool | None
    """None for a metric that has no value."""

    def packed(self, time_ms: int) -> bytes:
        fields = b"" if self.name is None else _bytes(1, self.name.encode())
        if self.alias is not None:
            fields += _varint(2, self.alias)
        fields += _varint(3, time_ms) + _varint(4, self.datatype)
        if self.value is None:
            return fields + _varint(7, 1)
        match self.datatype:
            case 11:
                return fields + _varint(14, int(self.value))
            case 4:
                return fields + _varint(11, int(self.value) % 2**64)
            case _:
                return fields + _tag(13, _FIXED64) + struct.pack("<d", self.value)


def packed(metrics: Sequence[Metric], time_ms: int, seq: int | None) -> bytes:
    """A payload; a death has no sequence number."""
    payload = _varint(1, time_ms) + b"".join(_bytes(2, metric.packed(time_ms)) for metric in metrics)
    return payload if seq is None else payload + _varint(3, seq)


@dataclass(frozen=True, slots=True)
class Command:
    """A metric as somebody wants it."""

    name: str | None
    alias: int | None
    value: float


def commands_in(payload: bytes) -> list[Command]:
    """The numbers of a command's metrics. Raises ValueError for bytes that are no payload."""
    return [
        command
        for number, value in _fields(payload)
        if number == 2 and isinstance(value, bytes) and (command := _command(value)) is not None
    ]


def _command(data: bytes) -> Command | None:
    found = dict(_fields(data))
    name, alias, datatype = found.get(1), found.get(2), found.get(4)
    value: float
    match found:
        case {13: bytes(packed_value)}:
            (value,) = struct.unpack("<d", packed_value)
        case {12: bytes(packed_value)}:
            (value,) = struct.unpack("<f", packed_value)
        case {14: int(number)} | {10: int(number)} | {11: int(number)}:
            bits = 64 if 11 in found else 32
            is_signed = isinstance(datatype, int) and datatype <= INT64
            value = number - (1 << bits) if is_signed and number >> bits - 1 & 1 else number
        case _:
            return None
    return Command(
        name.decode() if isinstance(name, bytes) else None, alias if isinstance(alias, int) else None, float(value)
    )


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        number, form = tag >> 3, tag & 7
        if form == _VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if form == _BYTES:
            size, at = _read_varint(data, at)
        elif form in (_FIXED64, _FIXED32):
            size = 8 if form == _FIXED64 else 4
        else:
            raise ValueError(f"field {number} is written in a form that is none: {form}")
        if at + size > len(data):
            raise ValueError(f"field {number} ends before its end")
        yield number, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
    raise ValueError("a number ends before its end")


def _tag(number: int, form: int) -> bytes:
    return _bare(number << 3 | form)


def _varint(number: int, value: int) -> bytes:
    return _tag(number, _VARINT) + _bare(value)


def _bytes(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _bare(len(content)) + content


def _bare(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
