"""Sparkplug B payloads on the wire: the fields of its Protocol Buffers messages that a reader of numbers needs.

Fields as the Sparkplug specification 3.0 numbers them. What is nested is skipped by its length and never entered, so
depth costs nothing; a payload is read once from its beginning to its end, and nothing is kept of what is not asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from drivers.driver import DriverError


class Malformed(DriverError):
    """Bytes that are no Sparkplug payload. The message says why."""


MOST_METRICS: Final = 20_000
"""A large plant controller has some thousands; what announces more is not one of ours."""

COMPRESSED: Final = b"SPBV1.0_COMPRESSED"
BOOLEAN: Final = 11


class _Payload(IntEnum):
    """Fields of a payload."""

    TIMESTAMP = 1
    METRICS = 2
    SEQ = 3
    UUID = 4


class _Field(IntEnum):
    """Fields of a metric; values other than numbers are texts, bytes, data sets, templates and extensions."""

    NAME = 1
    ALIAS = 2
    TIMESTAMP = 3
    DATATYPE = 4
    IS_HISTORICAL = 5
    IS_NULL = 7
    INT = 10
    LONG = 11
    FLOAT = 12
    DOUBLE = 13
    BOOLEAN = 14
    STRING = 15
    EXTENSION = 19


_PLAIN: Final = (_Field.ALIAS, _Field.TIMESTAMP, _Field.DATATYPE, _Field.IS_HISTORICAL, _Field.IS_NULL)


class _Form(IntEnum):
    """How a field is written."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of a payload, as it stands there."""

    name: str | None
    alias: int | None
    timestamp_ms: int | None
    datatype: int | None
    historical: bool
    null: bool
    value: int | float | bool | None
    """As a whole number without a sign where it was written as one; None for what is no number."""
    long: bool
    """Whether a whole number was written with 64 bits and not with 32."""


@dataclass(frozen=True, slots=True)
class SparkplugPayload:
    timestamp_ms: int | None
    seq: int
    """0 when it does not stand there: some encoders leave out what is zero."""
    metrics: tuple[Metric, ...]


def payload_of(data: bytes) -> SparkplugPayload:
    """Raises Malformed, and nothing else."""
    timestamp_ms, seq = None, 0
    metrics: list[Metric] = []
    for number, value in _fields(data):
        match number, value:
            case (_Payload.TIMESTAMP, int()):
                timestamp_ms = value
            case (_Payload.METRICS, bytes()):
                if len(metrics) == MOST_METRICS:
                    raise Malformed(f"it has more than {MOST_METRICS} metrics")
                metrics.append(_metric(value))
            case (_Payload.SEQ, int()):
                seq = value
            case (_Payload.UUID, bytes()) if value == COMPRESSED:
                raise Malformed("it is compressed, which is not read")
    return SparkplugPayload(timestamp_ms, seq, tuple(metrics))


def _metric(data: bytes) -> Metric:
    name: str | None = None
    plain: dict[int, int] = {}
    value: int | float | bool | None = None
    long = False
    for number, found in _fields(data):
        match number, found:
            case (_Field.NAME, bytes()):
                try:
                    name = found.decode() or None
                except UnicodeDecodeError:
                    raise Malformed("the name of a metric is no text") from None
            case (_Field.INT, int()):
                value, long = found & 0xFFFFFFFF, False
            case (_Field.LONG, int()):
                value, long = found, True
            case (_Field.FLOAT, bytes()) if len(found) == 4:
                (value,) = struct.unpack("<f", found)
            case (_Field.DOUBLE, bytes()) if len(found) == 8:
                (value,) = struct.unpack("<d", found)
            case (_Field.BOOLEAN, int()):
                value = found != 0
            case (_, bytes()) if _Field.STRING <= number <= _Field.EXTENSION:
                value = None  # of several values the last one counts
            case (_, int()) if number in _PLAIN:
                plain[number] = found
    return Metric(
        name=name,
        alias=plain.get(_Field.ALIAS),
        timestamp_ms=plain.get(_Field.TIMESTAMP),
        datatype=plain.get(_Field.DATATYPE),
        historical=plain.get(_Field.IS_HISTORICAL, 0) != 0,
        null=plain.get(_Field.IS_NULL, 0) != 0,
        value=value,
        long=long,
    )


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and content of each field in order: a number for a varint, else the bytes. Raises Malformed."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, form = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("it has a field without a number")
        match form:
            case _Form.VARINT:
                value, position = _varint(data, position)
                yield number, value
                continue
            case _Form.FIXED64:
                length = 8
            case _Form.BYTES:
                length, position = _varint(data, position)
            case _Form.FIXED32:
                length = 4
            case _:
                raise Malformed(f"it has a field of the unknown form {form}")
        if length > end - position:
            raise Malformed("it ends in the middle of a field")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise Malformed("it ends in the middle of a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise Malformed("it has a number of more than 64 bits")


# -- what is sent --------------------------------------------------------------------------------


def command(name: str, datatype: int, written: bytes, timestamp_ms: int) -> bytes:
    """The payload of an NCMD or DCMD for one metric; `written` is its value as a field (`whole`, `real`, `truth`)."""
    metric = (
        _field(_Field.NAME, _Form.BYTES, name.encode())
        + _field(_Field.TIMESTAMP, _Form.VARINT, timestamp_ms)
        + _field(_Field.DATATYPE, _Form.VARINT, datatype)
        + written
    )
    return _field(_Payload.TIMESTAMP, _Form.VARINT, timestamp_ms) + _field(_Payload.METRICS, _Form.BYTES, metric)


def rebirth_request(timestamp_ms: int) -> bytes:
    """The payload of an NCMD that asks an edge node to announce its metrics again."""
    return command("Node Control/Rebirth", BOOLEAN, truth(True), timestamp_ms)


def whole(value: int, bits: int) -> bytes:
    """A whole number of a type that has so many bits, as the specification writes it: in two's complement."""
    field = _Field.LONG if bits == 64 else _Field.INT
    return _field(field, _Form.VARINT, value & (1 << bits) - 1)


def real(value: float, *, double: bool) -> bytes:
    """Raises OverflowError for a number that is too large."""
    if double:
        return _as_varint(_Field.DOUBLE << 3 | _Form.FIXED64) + struct.pack("<d", value)
    return _as_varint(_Field.FLOAT << 3 | _Form.FIXED32) + struct.pack("<f", value)


def truth(value: bool) -> bytes:
    return _field(_Field.BOOLEAN, _Form.VARINT, int(value))


def _field(number: int, form: int, content: int | bytes) -> bytes:
    tag = _as_varint(number << 3 | form)
    if isinstance(content, int):
        return tag + _as_varint(content)
    return tag + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
