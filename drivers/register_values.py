"""From registers to readings, as a profile says it. Pure: no wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from config.point import Point
from config.point_spec import Direction, ModbusPoint
from drivers.codec import decode
from drivers.driver import DriverError, Reading
from drivers.modbus_connection import Refusal
from drivers.quality import Stamp, bad, judge
from drivers.registers import Span, direction_span, exponent_span, span_at, value_span
from drivers.scaling import EXPONENTS

Words = tuple[int, ...]

Said = Mapping[Span, Words | Refusal]
"""What a device said when it was asked for spans of registers."""

_NO_SCALE_FACTOR = 0x8000
"""What a SunSpec scale factor says when there is none."""


class NoNumber(DriverError):
    """Registers that hold no number for a point. The message says why."""


def source_of(point: Point) -> ModbusPoint:
    assert isinstance(point.source, ModbusPoint)
    return point.source


def reading_in(point: Point, said: Said, stamp: Stamp) -> Reading:
    """The reading of a point; `said` holds at least its `spans_of`."""
    source = source_of(point)
    try:
        raw = _raw_in(source, said)
        exponent = exponent_in(source, said)
    except NoNumber as missing:
        return bad(point, str(missing), stamp)
    return judge(point, raw, stamp, exponent=exponent)


def exponent_in(source: ModbusPoint, said: Said) -> int:
    """The power of ten in a point's scale factor register (SunSpec sunssf, s16); 0 for a point without one.

    Raises NoNumber.
    """
    span = exponent_span(source)
    return 0 if span is None else exponent_said(said[span])


def exponent_said(words: Words | Refusal) -> int:
    """The power of ten in a scale factor register. Raises NoNumber."""
    if isinstance(words, Refusal):
        raise NoNumber(f"no scale factor: {words.reason}")
    exponent = decode(words, "s16", sentinels=(_NO_SCALE_FACTOR,))
    if exponent is None:
        raise NoNumber("the device has no scale factor")
    if exponent not in EXPONENTS:
        raise NoNumber(f"scale factor {exponent} is outside {EXPONENTS[0]}..{EXPONENTS[-1]}")
    return int(exponent)


def _raw_in(source: ModbusPoint, said: Said) -> float | None:
    """The raw number of a point, None for "no value". Raises NoNumber."""
    first, sign = value_span(source), 1
    if source.direction is not None:
        sign = _sign_in(source, source.direction, said)
        if sign < 0 and source.direction.negative_address is not None:
            first = span_at(source, source.direction.negative_address)
    added = [_number_at(source, span, said) for span in (first, *_spans(source, source.plus))]
    taken = [_number_at(source, span, said) for span in _spans(source, source.minus)]
    total = 0.0
    for number, weight in (*((number, 1) for number in added), *((number, -1) for number in taken)):
        if number is None:
            return None
        total += weight * number
    if source.values is not None:
        if total not in source.values:
            raise NoNumber(f"the device says {total:g}, which is none of {_listed(source.values)}")
        total = source.values[int(total)]
    # a device that gives the number its sign already is not turned a second time
    return total if sign == 1 or (sign < 0 and total < 0) else sign * total


def _spans(source: ModbusPoint, addresses: tuple[int, ...]) -> list[Span]:
    return [span_at(source, address) for address in addresses]


def _number_at(source: ModbusPoint, span: Span, said: Said) -> float | None:
    words = _words_at(span, said)
    number = decode(words, source.type, low_word_first=source.low_word_first, sentinels=source.sentinels)
    if source.bits is None or number is None:
        return number
    low, high = source.bits
    return int(number) >> low & (1 << high - low + 1) - 1


def _words_at(span: Span, said: Said) -> Words:
    words = said[span]
    if isinstance(words, Refusal):
        raise NoNumber(words.reason)
    return words


def _sign_in(source: ModbusPoint, direction: Direction, said: Said) -> int:
    span = direction_span(source)
    assert span is not None
    (word,) = _words_at(span, said)
    if direction.bit is not None:
        word = word >> direction.bit & 1
    if word not in direction.signs:
        raise NoNumber(f"register {direction.address} says {word}, which is none of {_listed(direction.signs)}")
    return direction.signs[word]


def _listed(numbers: Mapping[int, object]) -> str:
    return ", ".join(str(number) for number in numbers)


def text_in(words: Words, *, low_byte_first: bool = False) -> str:
    """The text in registers, two characters in each: up to the first zero, without what cannot be printed."""
    order: Literal["little", "big"] = "little" if low_byte_first else "big"
    packed = b"".join(word.to_bytes(2, order) for word in words).partition(b"\0")[0]
    return "".join(sign for sign in packed.decode("utf-8", "replace") if sign.isprintable()).strip()
