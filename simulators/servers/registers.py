"""The registers of a Modbus device that is described by its profile and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Literal, Protocol

from pymodbus.constants import ExcCodes

from config.point import Point
from config.profile import ModbusProfile
from config.register import USUAL_REQUESTS, DeviceText, Heartbeat, ModbusType, Requests
from simulators.encoding import number_of, registers_of, width
from simulators.served import Served
from simulators.servers.register_parts import Exponents, Part, modbus_of, parts_of
from simulators.servers.setpoint_registers import SetpointRegisters, Unknown, WordAt
from simulators.watchdog import Watchdog

Table = Literal["holding", "input"]

RANGE_SLACK = 1e-6
"""Share of a setpoint's range that a value may be outside: float arithmetic, far below any device's resolution."""

HEARTBEATS_MISSED = 2
"""Periods without a heartbeat until a device is on its own: a profile's period is at most half of that time."""


class Registers(Protocol):
    """The register map of one Modbus unit. What a device refuses, it answers with an exception code."""

    @property
    def device(self) -> str: ...

    @property
    def unit(self) -> int: ...

    @property
    def span(self) -> tuple[int, int]: ...  # lowest and highest address

    def read(self, table: Table, address: int, count: int) -> list[int] | ExcCodes: ...

    def write(self, address: int, words: Sequence[int]) -> ExcCodes | None: ...


def in_range(point: Point, value: float) -> bool:
    """Whether a device accepts a value for its setpoint."""
    assert point.setpoint is not None
    slack = RANGE_SLACK * (point.setpoint.high - point.setpoint.low)
    return point.setpoint.low - slack <= value <= point.setpoint.high + slack


class Look:
    """What a device says in one request: the plant is looked at once, and each point is encoded once."""

    def __init__(self, values: Callable[[], Mapping[str, float]], parts: Mapping[str, list[Part]]) -> None:
        """`parts` are of points that do not say what the plant has."""
        self._values = values
        self.parts = dict(parts)

    @cached_property
    def values(self) -> Mapping[str, float]:
        return self._values()


class ProfileRegisters:
    """Serves exactly the registers that a profile names; any other address is refused, and holes with them.

    What is written stays in the registers until the device gives it up. A setpoint counts from when its own registers
    and those that arm it say so, until it is handed back, its time is over, or the heartbeat stops.
    """

    def __init__(
        self,
        device: str,
        unit: int,
        points: Sequence[Point],
        served: Served,
        watchdog: Watchdog,
        profile: ModbusProfile | None = None,
    ) -> None:
        """`profile` has what is not in the points: texts, heartbeats, and what may be asked for."""
        self.device = device
        self.unit = unit
        self._served = served
        self._watchdog = watchdog
        self._points = {point.name: point for point in points}
        self._exponents = Exponents(points)
        self._requests: Requests = USUAL_REQUESTS if profile is None else profile.requests
        self._heartbeats: tuple[Heartbeat, ...] = () if profile is None else profile.heartbeats
        self._setpoints = {
            name: SetpointRegisters(of, self._exponents) for name, of in self._points.items() if of.setpoint
        }
        self._in_force: set[str] = set()
        self._written: dict[int, int] = {}
        self._fixed: dict[tuple[Table, int], int] = {}
        self._shown_by: dict[tuple[Table, int], list[str]] = {}
        """Who says what stands in a register, by name: first whose it is, then who has single bits of it."""
        self._numbers: dict[int, ModbusType] = {}
        for each in self._setpoints.values():
            self._numbers |= each.numbers
        for beat in self._heartbeats:
            self._numbers[beat.address] = beat.type
            self._fix("holding", beat.address, registers_of(beat.type, 0))
        self._lay_out({} if profile is None else profile.identity)

    def _lay_out(self, identity: Mapping[str, DeviceText]) -> None:
        # what is measured comes before a setpoint in the same register: some devices show there what they do;
        # and a sum comes after its single parts, which it overrules
        def rank(point: Point) -> tuple[bool, int]:
            source = modbus_of(point)
            return point.setpoint is not None, len(source.plus) + len(source.minus)

        for point in sorted(self._points.values(), key=rank):
            source = modbus_of(point)
            known = point.name in self._setpoints
            parts = self._setpoints[point.name].at_rest(0.0) if known else parts_of(point, 0.0, self._exponents)
            for part in parts:
                for index in range(len(part.words)):
                    names = self._shown_by.setdefault((source.table, part.address + index), [])
                    if not (names and known) or part.masks is not None:
                        names.append(point.name)
            if source.scale_factor is not None:
                self._fix(source.table, source.scale_factor, registers_of("s16", self._exponents[source.scale_factor]))
            for further in source.setpoint.also if source.setpoint is not None else ():
                if further.scale_factor is not None:
                    exponent = self._exponents[further.scale_factor]
                    self._fix("holding", further.scale_factor, registers_of("s16", exponent))
            for condition in source.setpoint.only_when if source.setpoint is not None else ():
                words = registers_of(condition.type, condition.values[0], low_word_first=source.low_word_first)
                self._fix(condition.table, condition.address, words)
        for name, text in identity.items():
            said = text.expect or (self.device if name == "serial" else "parkgrid")
            self._fix(text.table, text.address, _words_of(said, text))

    def _fix(self, table: Table, address: int, words: Sequence[int]) -> None:
        for index, word in enumerate(words):
            self._fixed[table, address + index] = word

    @property
    def span(self) -> tuple[int, int]:
        addresses = [address for _, address in (*self._fixed, *self._shown_by)] + list(self._numbers)
        return min(addresses), max(addresses)

    def read(self, table: Table, address: int, count: int) -> list[int] | ExcCodes:
        if count > self._requests.most_registers or self._in_a_hole(table, address, count):
            return ExcCodes.ILLEGAL_ADDRESS
        self._forget_what_fell_back()
        shown = self._look()
        words = []
        for place in range(address, address + count):
            word = self._word(table, place, shown)
            if word is None:
                return ExcCodes.ILLEGAL_ADDRESS
            words.append(word)
        return words

    def _in_a_hole(self, table: Table, address: int, count: int) -> bool:
        return any(
            hole.table == table and address <= hole.last and hole.first < address + count
            for hole in self._requests.holes
        )

    def beside(self, table: Table, place: int) -> int | None:
        """A register that no point names; None where there is none."""
        return None

    def _look(self, parts: Mapping[str, list[Part]] = MappingProxyType({})) -> Look:
        return Look(lambda: self._served.values(self.device), parts)

    def _told(self, place: int, written: Mapping[int, int], shown: Look) -> int:
        """What a device was told in a register, whatever it shows there; what stands there if it was told nothing."""
        return written[place] if place in written else self._word("holding", place, shown) or 0

    def _word(self, table: Table, place: int, shown: Look) -> int | None:
        """What stands in a register."""
        names = self._shown_by.get((table, place), [])
        is_measured = bool(names) and names[0] not in self._setpoints
        if table == "holding" and not is_measured and place in self._written:
            return self._written[place]
        if not names:
            return self._fixed.get((table, place)) if (table, place) in self._fixed else self.beside(table, place)
        word, bits = 0, 0
        for name in names:
            if name not in shown.parts:
                shown.parts[name] = self._encoded(name, shown)
            for part in shown.parts[name]:
                index = place - part.address
                if not 0 <= index < len(part.words):
                    continue
                if part.masks is None:
                    word = word & bits | part.words[index] & ~bits
                else:
                    # single bits keep what they say, whoever has the whole register
                    mask = part.masks[index]
                    word, bits = word & ~mask | part.words[index] & mask, bits | mask
        return word

    def _encoded(self, name: str, shown: Look) -> list[Part]:
        value = self._watchdog.held(self.device, name)
        if value is None:
            value = shown.values.get(name, math.nan)
        if name in self._setpoints:
            setpoint = self._setpoints[name]
            return setpoint.in_force(value) if name in self._in_force else setpoint.at_rest(value)
        return parts_of(self._points[name], value, self._exponents)

    def write(self, address: int, words: Sequence[int]) -> ExcCodes | None:
        """Take whole numbers only: half of a 32-bit number is a number that nobody meant."""
        at = address
        while at < address + len(words):
            if at not in self._numbers:
                return ExcCodes.ILLEGAL_ADDRESS
            at += width(self._numbers[at])
        if at > address + len(words) or self._in_a_hole("holding", address, len(words)):
            return ExcCodes.ILLEGAL_ADDRESS
        self._forget_what_fell_back()
        news = dict(enumerate(words, start=address))
        values = self._understood(news)
        if values is None:
            return ExcCodes.ILLEGAL_VALUE
        self._hear(news)
        self._written |= news
        for name, value in values.items():
            self._obey(name, value, news)
        return None

    def _understood(self, news: Mapping[int, int]) -> dict[str, float | None] | None:
        """What the setpoints would be after a write, of those it touches; None when the device cannot take it."""
        after = self._written | dict(news)
        shown = self._look_with_all_setpoints()

        def word_at(place: int) -> int:
            return self._told(place, after, shown)

        values: dict[str, float | None] = {}
        for name, registers in self._setpoints.items():
            if not any(place in news for place in registers.numbers_places):
                continue
            try:
                value = registers.value(word_at)
            except Unknown:
                return None
            point = self._points[name]
            if value is not None and not registers.value_places.isdisjoint(news) and not in_range(point, value):
                return None
            values[name] = value
        return values

    def _obey(self, name: str, value: float | None, news: Iterable[int]) -> None:
        """Do what the registers of a setpoint say after a write."""
        registers, point = self._setpoints[name], self._points[name]
        shown = self._look_with_all_setpoints()

        def word_at(place: int) -> int:
            return self._told(place, self._written, shown)

        if registers.is_given_back(news, word_at):
            self._give_back(name)
        elif not registers.is_armed(word_at) or value is None:
            # prepared, and not in force: a device that held a value lets it go
            self._in_force.discard(name)
            self._watchdog.release(self.device, name)
        elif name in self._in_force or not (registers.value_places | registers.arm_places).isdisjoint(news):
            self._in_force.add(name)
            self._watchdog.write(self.device, name, value, self.revert_s(point, word_at))
            for beat in self._heartbeats:
                self._watchdog.expect(self.device, HEARTBEATS_MISSED * beat.period_s)

    def revert_s(self, point: Point, word_at: WordAt) -> float | None:
        """After which time without a write a setpoint falls away; some devices have it in a register."""
        assert point.setpoint is not None
        return point.setpoint.revert_s

    def _give_back(self, name: str) -> None:
        self._in_force.discard(name)
        registers = self._setpoints[name]
        for place in registers.value_places | registers.arm_places | registers.release_places:
            self._written.pop(place, None)
        self._watchdog.release(self.device, name)

    def _forget_what_fell_back(self) -> None:
        for name in [name for name in self._in_force if self._watchdog.held(self.device, name) is None]:
            self._give_back(name)

    def _look_with_all_setpoints(self) -> Look:
        """Setpoints that have no value now are at rest: a device takes that for it which is told a part of one."""
        values = self._served.values(self.device)
        unseen = [name for name in self._setpoints if math.isnan(values.get(name, math.nan))]
        return self._look({name: self._setpoints[name].at_rest(self._setpoints[name].safe) for name in unseen})

    def _hear(self, news: Mapping[int, int]) -> None:
        """A heartbeat with a fixed number is heard each time, one that counts when it has gone on."""
        for beat in self._heartbeats:
            places = range(beat.address, beat.address + width(beat.type))
            if beat.address not in news:
                continue
            before = [self._written.get(place, 0) for place in places]
            now = [news[place] for place in places]
            same = number_of(beat.type, before) == number_of(beat.type, now)
            if beat.value is not None or not same:
                self._watchdog.beat(self.device, HEARTBEATS_MISSED * beat.period_s)


def _words_of(said: str, text: DeviceText) -> list[int]:
    content = said.encode("ascii", "replace")[: 2 * text.registers].ljust(2 * text.registers, b"\0")
    order: Literal["little", "big"] = "little" if text.low_byte_first else "big"
    return [int.from_bytes(content[at : at + 2], order) for at in range(0, len(content), 2)]
