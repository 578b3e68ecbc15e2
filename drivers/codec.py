"""Modbus registers and the numbers in them. Sixteen bits each, high word first unless told otherwise."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from config.register import REGISTER_BITS, ModbusType
from config.register import registers_of as registers_of
from drivers.scaling import Refused

_FLOATS: Final[Mapping[ModbusType, str]] = {"f32": ">f", "f64": ">d"}

STRUCTS: Final[Mapping[ModbusType, struct.Struct]] = {
    "u16": struct.Struct(">H"),
    "s16": struct.Struct(">h"),
    "u32": struct.Struct(">I"),
    "s32": struct.Struct(">i"),
    "u64": struct.Struct(">Q"),
    "s64": struct.Struct(">q"),
    "f32": struct.Struct(">f"),
    "f64": struct.Struct(">d"),
}
"""The types as they stand in the bytes of an answer, high word first."""


def limits_of(kind: ModbusType) -> tuple[int, int]:
    """The lowest and the highest number of a whole-number type."""
    bits = registers_of(kind) * REGISTER_BITS
    return (0, (1 << bits) - 1) if kind.startswith("u") else (-(1 << bits - 1), (1 << bits - 1) - 1)


def decode(
    words: Sequence[int], kind: ModbusType, *, low_word_first: bool = False, sentinels: Sequence[int] = ()
) -> int | float | None:
    """The raw number in registers, None where they say "no value": a sentinel, a NaN or an infinity.

    `sentinels` are compared with the registers read as one unsigned number.
    Raises ValueError when there are not as many registers as the type takes.
    """
    if len(words) != registers_of(kind):
        raise ValueError(f"{kind} takes {registers_of(kind)} registers, not {len(words)}")
    unsigned = 0
    for word in reversed(words) if low_word_first else words:
        unsigned = unsigned << REGISTER_BITS | word
    if unsigned in sentinels:
        return None
    if kind in _FLOATS:
        number: float = struct.unpack(_FLOATS[kind], unsigned.to_bytes(2 * len(words), "big"))[0]
        return number if math.isfinite(number) else None
    _, high = limits_of(kind)
    return unsigned if unsigned <= high else unsigned - (1 << len(words) * REGISTER_BITS)


def fitted(raw: float, kind: ModbusType) -> int | float:
    """The number nearest to `raw` that the type can carry; never wrapped round, never cut off.

    Raises Refused for a number out of the type's range.
    """
    if not math.isfinite(raw):
        raise Refused(f"{raw} is not a number that can be written")
    if kind in _FLOATS:
        try:
            return float(struct.unpack(_FLOATS[kind], struct.pack(_FLOATS[kind], raw))[0])
        except OverflowError:
            raise Refused(f"{raw:g} is too large for {kind}") from None
    low, high = limits_of(kind)
    whole = round(raw)
    if not low <= whole <= high:
        raise Refused(f"{raw:g} is outside {low}..{high}, the range of {kind}")
    return whole


def encode(
    raw: float, kind: ModbusType, *, low_word_first: bool = False, sentinels: Sequence[int] = ()
) -> tuple[int, ...]:
    """The registers that carry the number nearest to `raw`.

    Raises Refused for a number out of the type's range, and for one that would read as "no value".
    """
    number = fitted(raw, kind)
    count = registers_of(kind)
    if kind in _FLOATS:
        unsigned = int.from_bytes(struct.pack(_FLOATS[kind], number), "big")
    else:
        unsigned = int(number) % (1 << count * REGISTER_BITS)
    if unsigned in sentinels:
        raise Refused(f"{raw:g} would read as 'no value' on the device")
    mask = (1 << REGISTER_BITS) - 1
    words = tuple(unsigned >> REGISTER_BITS * index & mask for index in range(count))
    return words if low_word_first else words[::-1]
