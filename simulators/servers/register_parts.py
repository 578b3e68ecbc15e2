"""What a value of a point looks like in the registers of its device: the way from values to words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from config.point import Point
from config.point_spec import Direction, ModbusPoint
from config.register import Carries, FurtherRegister, ModbusType
from simulators.encoding import exponent_for, raw_of, registers_of

Words = tuple[int, ...]

_WHOLE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Part:
    """Registers that have something of a value."""

    address: int
    words: Words
    masks: Words | None = None
    """The bits that they have of it; all of them when not given."""


class Exponents:
    """The scale factors of a device: fixed for its life, made for the largest values that its points may have."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._known: dict[int, int] = {}
        for point in points:
            source = modbus_of(point)
            largest = max(abs(raw_of(point, bound)) for bound in point.valid)
            self._widen(source.scale_factor, largest, source.type)
            for further in source.setpoint.also if source.setpoint is not None else ():
                scale = further.scale if isinstance(further.scale, float) else point.scale
                self._widen(further.scale_factor, largest * abs(point.scale / scale), further.type or source.type)

    def _widen(self, address: int | None, largest: float, kind: ModbusType) -> None:
        if address is not None and not kind.startswith("f"):
            self._known[address] = max(exponent_for(largest, kind), self._known.get(address, -10))

    def __getitem__(self, address: int | None) -> int:
        return 0 if address is None else self._known.get(address, 0)


def modbus_of(point: Point) -> ModbusPoint:
    assert isinstance(point.source, ModbusPoint)
    return point.source


def parts_of(point: Point, value: float, exponents: Exponents) -> list[Part]:
    """All registers of a point's value, with sums, signs and bits; NaN is the device's way to have no value."""
    source = modbus_of(point)
    raw = raw_of(point, value) / 10.0 ** exponents[source.scale_factor]
    if source.values is not None and not math.isnan(raw):
        known = source.values
        raw = min(known, key=lambda key: abs(known[key] - raw))
    if source.bits is not None:
        return [_bits(source, *source.bits, 0.0 if math.isnan(raw) else raw)]
    if source.direction is not None:
        return _directed(source, source.direction, raw)
    taken = _split(max(raw, 0.0) if source.minus else raw, 1 + len(source.plus), source.type)
    given = _split(max(-raw, 0.0), len(source.minus), source.type)
    places = (source.address, *source.plus, *source.minus)
    return [Part(address, words_of(source, number)) for address, number in zip(places, taken + given, strict=True)]


def words_of(source: ModbusPoint, number: float, kind: ModbusType | None = None) -> Words:
    return registers_of(
        kind or source.type, number, low_word_first=source.low_word_first, sentinels=() if kind else source.sentinels
    )


def further_part(point: Point, further: FurtherRegister, value: float, exponents: Exponents) -> Part:
    """What another register of a setpoint has of its value."""
    source = modbus_of(point)
    assert source.setpoint is not None
    counted = point.sign * value
    kind = further.type or source.type
    if further.codes is not None:
        number: float = further.codes[0 if not counted or math.isnan(counted) else 1 if counted > 0 else -1]
    else:
        assert further.carries is not None
        scale = further.scale if isinstance(further.scale, float) else 1.0 if further.has_own_scale else point.scale
        factor = further.scale_factor if further.has_own_scale else source.scale_factor
        number = _carried(counted, further.carries, source.setpoint.shares) / scale / 10.0 ** exponents[factor]
    return Part(further.address, words_of(source, number, kind))


def own_part(point: Point, value: float, exponents: Exponents) -> list[Part]:
    """The registers of a setpoint with the value that is in force, those beside its own register too."""
    source = modbus_of(point)
    assert source.setpoint is not None
    carries, shares = source.setpoint.carries, source.setpoint.shares
    further = [further_part(point, each, value, exponents) for each in source.setpoint.also]
    if carries == "value" or source.direction is not None or source.values is not None:
        parts = parts_of(point, value, exponents)
    else:
        number = _carried(point.sign * value - point.offset, carries, shares) / point.scale
        parts = [Part(source.address, words_of(source, number / 10.0 ** exponents[source.scale_factor]))]
    own = {part.address for part in parts}
    return parts + [part for part in further if part.address not in own]


def _carried(counted: float, carries: Carries, shares: int) -> float:
    by_kind = {
        "value": counted,
        "negative": -counted,
        "positive_part": max(counted, 0.0),
        "negative_part": max(-counted, 0.0),
        "size": abs(counted),
        "share": counted / max(shares, 1),
    }
    return by_kind[carries]


def _bits(source: ModbusPoint, low: int, high: int, raw: float) -> Part:
    most = (1 << high - low + 1) - 1
    number = min(max(round(raw), 0), most)
    return Part(
        source.address, words_of(source, number << low, source.type), words_of(source, most << low, source.type)
    )


def _directed(source: ModbusPoint, direction: Direction, raw: float) -> list[Part]:
    """The size of a number where its sign puts it, and the sign in a register of its own."""
    codes: dict[int, int] = {sign: code for code, sign in reversed(direction.signs.items())}
    sign = 0 if not raw or math.isnan(raw) else 1 if raw > 0 else -1
    code = codes.get(sign, codes.get(1, next(iter(direction.signs))))
    size = words_of(source, abs(raw))
    parts = [Part(source.address, size)]
    if direction.negative_address is not None:
        nothing = words_of(source, 0)
        places = (source.address, direction.negative_address)
        parts = [Part(place, size if (place != source.address) == (sign < 0) else nothing) for place in places]
    if direction.bit is None:
        return [*parts, Part(direction.address, (code & _WHOLE,))]
    return [*parts, Part(direction.address, (code << direction.bit,), (1 << direction.bit,))]


def _split(total: float, count: int, kind: ModbusType) -> list[float]:
    """Even parts with exactly this sum: of whole numbers, the first ones have what is left over."""
    if count == 0:
        return []
    if kind.startswith("f") or math.isnan(total):
        return [total / count] * count
    least, left = divmod(round(abs(total)), count)
    return [math.copysign(least + (number < left), total) for number in range(count)]
