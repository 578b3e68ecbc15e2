"""What a device understands from the registers of a setpoint: the way from words to a value that counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from config.point import Point
from config.point_spec import Direction
from config.register import FurtherRegister, ModbusType, RegisterValue
from simulators.encoding import number_of, value_of, width
from simulators.servers.register_parts import Exponents, Part, Words, modbus_of, own_part, words_of

WordAt = Callable[[int], int]
"""What stands in a holding register now."""


class Unknown(ValueError):
    """A number that the device has no meaning for."""


class SetpointRegisters:
    """The registers of one setpoint: those of its value, and those that make it count or give it back."""

    def __init__(self, point: Point, exponents: Exponents) -> None:
        source = modbus_of(point)
        assert source.setpoint is not None
        self.point = point
        self._source = source
        self._spec = source.setpoint
        self._exponents = exponents
        self.value_numbers: dict[int, ModbusType] = dict(self._value_numbers())
        """First register and type of what the value is made of."""
        self.numbers: dict[int, ModbusType] = dict(self.value_numbers)
        """The same of everything that may be written."""
        for fixed in (*self._spec.before, *self._spec.arm, *self._spec.release):
            self.numbers.setdefault(fixed.address, fixed.type)
        self.timers: frozenset[int] = frozenset()
        """Of the registers that arm it, those that have a time: any time will do."""
        self.numbers_places = _places(self.numbers)
        self.value_places = _places(self.value_numbers)
        self.arm_places = _places({fixed.address: fixed.type for fixed in self._spec.arm})
        self.release_places = _places({fixed.address: fixed.type for fixed in self._spec.release})

    @property
    def safe(self) -> float:
        assert self.point.setpoint is not None
        return self.point.setpoint.safe

    def _value_numbers(self) -> Iterable[tuple[int, ModbusType]]:
        source = self._source
        for address in (source.address, *source.plus, *source.minus):
            yield address, source.type
        if source.direction is not None:
            yield source.direction.address, "u16"
            if source.direction.negative_address is not None:
                yield source.direction.negative_address, source.type
        for further in self._spec.also:
            yield further.address, further.type or source.type

    def at_rest(self, value: float) -> list[Part]:
        """What stands there while nobody commands the device and it does `value` by itself."""
        fixed = {arm.address: words_of(self._source, 0 if arm.value else 1, arm.type) for arm in self._spec.arm}
        fixed |= {before.address: words_of(self._source, 0, before.type) for before in self._spec.before}
        parts = [part for part in own_part(self.point, value, self._exponents) if part.address not in fixed]
        parts += [Part(address, words) for address, words in fixed.items()]
        given_back = {release.address: self._fixed(release) for release in self._spec.release}
        kept = [part for part in parts if part.address not in given_back]
        return [*kept, *(Part(address, words) for address, words in given_back.items())]

    def in_force(self, value: float) -> list[Part]:
        """What stands there while the device does `value` by command, but for what was written."""
        return own_part(self.point, value, self._exponents)

    def is_armed(self, word_at: WordAt) -> bool:
        return self._all_there([arm for arm in self._spec.arm if arm.address not in self.timers], word_at)

    def is_given_back(self, written: Iterable[int], word_at: WordAt) -> bool:
        """Whether a write has handed the device back to its own control."""
        touched = not self.release_places.isdisjoint(written)
        return touched and self._all_there(self._spec.release, word_at)

    def value(self, word_at: WordAt) -> float | None:
        """The value that the registers say, in the point's unit and the site's sign; None when they say no way.

        Raises Unknown for a number that means nothing to the device.
        """
        source = self._source
        if source.direction is not None:
            raw = self._directed(source.direction, word_at)
            return None if raw is None else self._value_of(raw)
        if source.values is not None:
            number = self._number(source.address, source.type, word_at)
            if number not in source.values:
                raise Unknown(f"{number:g}")
            return self._value_of(source.values[int(number)])
        if source.plus or source.minus:
            taken = sum(self._number(at, source.type, word_at) for at in (source.address, *source.plus))
            given = sum(self._number(at, source.type, word_at) for at in source.minus)
            return self._value_of(taken - given)
        return self._carried(word_at)

    def _carried(self, word_at: WordAt) -> float:
        raw = self._number(self._source.address, self._source.type, word_at)
        match self._spec.carries:
            case "value":
                pass
            case "negative":
                raw = -raw
            case "share":
                raw *= self._spec.shares
            case "positive_part":
                return self._value_of(raw) - self.point.sign * self._further("negative_part", word_at)
            case "negative_part":
                return self._value_of(-raw) + self.point.sign * self._further("positive_part", word_at)
            case "size":
                raw *= self._sign(word_at)
        return self._value_of(raw)

    def _further(self, carries: str, word_at: WordAt) -> float:
        """What another register has of the value, as the device counts it; 0 where there is none."""
        for further in self._spec.also:
            if further.carries == carries:
                number = self._number(further.address, further.type or self._source.type, word_at)
                return number * self._unit(further)
        return 0.0

    def _unit(self, further: FurtherRegister) -> float:
        if not further.has_own_scale:
            return self.point.scale * 10.0 ** self._exponents[self._source.scale_factor]
        scale = further.scale if isinstance(further.scale, float) else 1.0
        return scale * 10.0 ** self._exponents[further.scale_factor]

    def _sign(self, word_at: WordAt) -> int:
        for further in self._spec.also:
            if further.codes is not None:
                number = self._number(further.address, further.type or self._source.type, word_at)
                signs = [sign for sign, code in further.codes.items() if code == number]
                if not signs:
                    raise Unknown(f"{number:g}")
                return max(signs, key=abs)
        return 1

    def _directed(self, direction: Direction, word_at: WordAt) -> float | None:
        said = word_at(direction.address)
        if direction.bit is not None:
            said = said >> direction.bit & 1
        if said not in direction.signs:
            return None
        sign = direction.signs[said]
        apart = sign < 0 and direction.negative_address is not None
        address = direction.negative_address if apart else self._source.address
        assert address is not None
        size = self._number(address, self._source.type, word_at)
        return size if size < 0 else sign * size

    def _value_of(self, raw: float) -> float:
        return value_of(self.point, raw * 10.0 ** self._exponents[self._source.scale_factor])

    def _number(self, address: int, kind: ModbusType, word_at: WordAt) -> float:
        words = [word_at(address + index) for index in range(width(kind))]
        return number_of(kind, words, low_word_first=self._source.low_word_first)

    def _fixed(self, fixed: RegisterValue) -> Words:
        return words_of(self._source, fixed.value, fixed.type)

    def _all_there(self, wanted: Iterable[RegisterValue], word_at: WordAt) -> bool:
        return all(
            tuple(word_at(fixed.address + index) for index in range(width(fixed.type))) == self._fixed(fixed)
            for fixed in wanted
        )


def _places(numbers: dict[int, ModbusType]) -> frozenset[int]:
    return frozenset(address + index for address, kind in numbers.items() for index in range(width(kind)))
