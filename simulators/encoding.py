"""From a point's value to what its device puts on the wire, and back.

The simulated devices have their own coding: with the drivers' one, a fault of it would cancel itself.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from config.point import Point
from config.register import ModbusType

_FORMAT: dict[ModbusType, str] = {
    "u16": "H",
    "s16": "h",
    "u32": "I",
    "s32": "i",
    "u64": "Q",
    "s64": "q",
    "f32": "f",
    "f64": "d",
}
_BITS = {kind: 8 * struct.calcsize(">" + form) for kind, form in _FORMAT.items()}


def width(kind: ModbusType) -> int:
    """Registers that a value of a type takes."""
    return _BITS[kind] // 16


def limits(kind: ModbusType) -> tuple[int, int]:
    """Lowest and highest whole number of an integer type."""
    bits = _BITS[kind]
    return (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def raw_of(point: Point, value: float) -> float:
    """The device's own number for a value: the inverse of value = sign * (raw * scale + offset)."""
    return (point.sign * value - point.offset) / point.scale


def value_of(point: Point, raw: float) -> float:
    return point.sign * (raw * point.scale + point.offset)


def no_value(kind: ModbusType) -> int:
    """The whole number that stands for no value where a profile names none: SunSpec's "not implemented"."""
    low, high = limits(kind)
    return high if kind.startswith("u") else low


def registers_of(
    kind: ModbusType, raw: float, *, low_word_first: bool = False, sentinels: Sequence[int] = ()
) -> tuple[int, ...]:
    """The registers of a number; an integer type rounds it and stops at its ends.

    NaN becomes the first of the `sentinels`, which are unsigned; without any it stays NaN in a float, else `no_value`.
    """
    if math.isnan(raw) and sentinels:
        packed = sentinels[0].to_bytes(_BITS[kind] // 8, "big")
    elif kind in ("f32", "f64"):
        packed = struct.pack(">" + _FORMAT[kind], raw)
    elif math.isnan(raw):
        packed = struct.pack(">" + _FORMAT[kind], no_value(kind))
    else:
        low, high = limits(kind)
        packed = struct.pack(">" + _FORMAT[kind], min(max(round(raw), low), high))
    words = struct.unpack(f">{len(packed) // 2}H", packed)
    return words[::-1] if low_word_first else words


def number_of(kind: ModbusType, registers: Sequence[int], *, low_word_first: bool = False) -> float:
    """The number in registers; ValueError when their count does not fit the type."""
    if len(registers) != width(kind):
        raise ValueError(f"{kind} takes {width(kind)} registers, not {len(registers)}")
    words = registers[::-1] if low_word_first else registers
    number: float = struct.unpack(">" + _FORMAT[kind], struct.pack(f">{len(words)}H", *words))[0]
    return number


def exponent_for(largest: float, kind: ModbusType) -> int:
    """The SunSpec scale factor that shows numbers up to `largest` with the finest step that the type allows.

    Devices have fixed scale factors, so this is made from the range of a point and not from its present value.
    """
    _, high = limits(kind)
    exponent = -10
    while largest / 10.0**exponent > high:
        exponent += 1
    return exponent
