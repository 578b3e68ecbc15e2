"""From setpoints to registers, as a profile says it: what is written, in which order and requests. Pure: no wire."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from config.figure import resolve
from config.point_spec import Direction, ModbusPoint
from config.register import Condition, FurtherRegister, RegisterValue, part_of
from config.setpoint_spec import ModbusSetpoint
from drivers.codec import decode, encode, registers_of
from drivers.driver import Setpoint
from drivers.modbus_connection import Refusal
from drivers.register_values import Words, source_of
from drivers.registers import Span
from drivers.scaling import Refused, raw_number, raw_of

_SAME = 1e-6
"""Values that a device tells apart by a number of their own are never as near as this."""


@dataclass(frozen=True, slots=True)
class Write:
    """Registers to be written in one request."""

    address: int
    words: Words
    always_16: bool = False
    """True for a device that wants function 16 for a single register too."""

    @property
    def end(self) -> int:
        """The address after the last register."""
        return self.address + len(self.words)


def scale_factors_of(source: ModbusPoint) -> tuple[Span, ...]:
    """The scale factor registers without which a point cannot be written."""
    further = source.setpoint.also if source.setpoint is not None else ()
    addresses = (source.scale_factor, *(each.scale_factor for each in further))
    known = dict.fromkeys(address for address in addresses if address is not None)
    return tuple(Span(source.table, address, 1) for address in known)


def writes_of(setpoint: Setpoint, exponents: Mapping[int, int] | None = None) -> list[Write]:
    """What to write for a setpoint, in order: before, the value, what else carries it, its direction, what arms it.

    `exponents` are the powers of ten by scale factor register (`scale_factors_of`).
    Raises Refused, for the whole setpoint: when one part does not fit nothing is written.
    """
    source = source_of(setpoint.point)
    spec = source.setpoint
    assert spec is not None  # a Setpoint has checked it
    known = exponents or {}
    writes = [
        *(_fixed(source, register) for register in spec.before),
        *_values(setpoint, source, spec, known),
        *(_fixed(source, register) for register in spec.arm),
    ]
    for first, last in spec.together:
        writes = _joined(writes, first, last)
    return [Write(write.address, write.words, spec.function == 16) for write in writes]


def releases_of(source: ModbusPoint) -> list[Write]:
    """What hands a device back to its own control, in order. Raises Refused."""
    assert source.setpoint is not None
    return [_fixed(source, register) for register in source.setpoint.release]


def _values(
    setpoint: Setpoint, source: ModbusPoint, spec: ModbusSetpoint, exponents: Mapping[int, int]
) -> Iterator[Write]:
    raw = raw_of(setpoint.point, setpoint.value, _exponent(source.scale_factor, exponents))
    if source.values is not None:
        raw = _key_of(setpoint, source.values, raw)
    further = [_further(setpoint, source, spec, register, exponents) for register in spec.also]
    if source.direction is None:
        yield Write(source.address, _encoded(source, part_of(raw, spec.carries, spec.shares)))
        yield from further
    else:
        size, way = _directed(source, source.direction, raw)
        yield from (size, *further, way)


def _exponent(scale_factor: int | None, exponents: Mapping[int, int]) -> int:
    return 0 if scale_factor is None else exponents.get(scale_factor, 0)


def _fixed(source: ModbusPoint, register: RegisterValue) -> Write:
    return Write(register.address, encode(register.value, register.type, low_word_first=source.low_word_first))


def _encoded(source: ModbusPoint, raw: float) -> Words:
    return encode(raw, source.type, low_word_first=source.low_word_first, sentinels=source.sentinels)


def _further(
    setpoint: Setpoint,
    source: ModbusPoint,
    spec: ModbusSetpoint,
    register: FurtherRegister,
    exponents: Mapping[int, int],
) -> Write:
    kind = register.type or source.type
    sentinels = register.sentinels
    if sentinels is None:
        sentinels = source.sentinels if kind == source.type else ()
    try:
        raw = _number_for(setpoint, source, spec, register, exponents)
        return Write(register.address, encode(raw, kind, low_word_first=source.low_word_first, sentinels=sentinels))
    except Refused as refused:
        raise Refused(f"register {register.address}: {refused}") from None


def _number_for(
    setpoint: Setpoint,
    source: ModbusPoint,
    spec: ModbusSetpoint,
    register: FurtherRegister,
    exponents: Mapping[int, int],
) -> float:
    """The raw number that a further register gets; it is the value as the device counts it that is parted."""
    counted = setpoint.point.sign * setpoint.value
    if register.carries is None:
        assert register.codes is not None  # a register has the one or the other
        return register.codes[int(math.copysign(1, counted)) if counted else 0]
    part = part_of(counted, register.carries, spec.shares)
    if register.range is not None:
        low, high = (resolve(figure, {}) for figure in register.range)
        if not low <= part <= high:
            raise Refused(f"{part:g} is outside {low:g}..{high:g}")
    scale, scale_factor = setpoint.point.scale, source.scale_factor
    if register.has_own_scale:
        scale = 1.0 if register.scale is None else resolve(register.scale, {})
        scale_factor = register.scale_factor
    return raw_number(part, scale, _exponent(scale_factor, exponents))


def _key_of(setpoint: Setpoint, values: Mapping[int, float], wanted: float) -> int:
    for key, number in values.items():
        if abs(number - wanted) < _SAME:
            return key
    known = ", ".join(f"{number:g}" for number in values.values())
    raise Refused(f"{setpoint.value:g} is none of the values that it knows: {known}")


def _directed(source: ModbusPoint, direction: Direction, raw: float) -> tuple[Write, Write]:
    """The size of a number and then the way it counts, each in its register."""
    codes: dict[int, int] = {sign: code for code, sign in direction.signs.items()}
    sign = -1 if raw < 0 else 1
    address = source.address
    if sign < 0 and direction.negative_address is not None:
        address = direction.negative_address
    code = codes[0] if raw == 0 and 0 in codes else codes[sign]
    return Write(address, _encoded(source, abs(raw))), Write(direction.address, encode(code, "u16"))


def _joined(writes: Sequence[Write], first: int, last: int) -> list[Write]:
    """The writes with those from `first` to `last` in one, where the first of them stood."""
    block = sorted((write for write in writes if first <= write.address <= last), key=lambda write: write.address)
    whole = Write(first, tuple(word for write in block for word in write.words))
    assert (block[0].address, whole.end) == (first, last + 1)  # the profile has checked it
    at = min(writes.index(write) for write in block)
    rest = [write for write in writes if write not in block]
    return [*rest[:at], whole, *rest[at:]]


# -- before it ---------------------------------------------------------------------------------------


def condition_span(condition: Condition) -> Span:
    return Span(condition.table, condition.address, registers_of(condition.type))


def objection(condition: Condition, said: Words | Refusal, *, low_word_first: bool = False) -> str | None:
    """Why a device must not be written, from what it says; None when it may."""
    if isinstance(said, Refusal):
        return f"it cannot be seen whether it may be written: register {condition.address}: {said.reason}"
    number = decode(said, condition.type, low_word_first=low_word_first)
    if number in condition.values:
        return None
    shown = "nothing that is a number" if number is None else f"{number:g}"
    return f"{condition.otherwise} (register {condition.address} says {shown})"
