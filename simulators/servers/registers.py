"""The registers of a Modbus device that is described by its profile and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pymodbus.constants import ExcCodes

from config.point import Point
from config.profile import ModbusPoint
from simulators.encoding import exponent_for, number_of, raw_of, registers_of, value_of, width
from simulators.served import Served
from simulators.watchdog import Watchdog

Table = Literal["holding", "input"]

RANGE_SLACK = 1e-6
"""Share of a setpoint's range that a value may be outside: float arithmetic, far below any device's resolution."""


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


@dataclass(frozen=True, slots=True)
class _Cell:
    """One register of a point's value."""

    point: Point
    source: ModbusPoint
    index: int


class ProfileRegisters:
    """Serves exactly the registers that the points of a device name; any other address is refused."""

    def __init__(self, device: str, unit: int, points: Sequence[Point], served: Served, watchdog: Watchdog) -> None:
        self.device = device
        self.unit = unit
        self._served = served
        self._watchdog = watchdog
        self._cells: dict[tuple[Table, int], _Cell] = {}
        self._exponents: dict[tuple[Table, int], int] = {}
        self._armed: dict[int, int] = {}
        for point in points:
            source = point.source
            assert isinstance(source, ModbusPoint)
            for index in range(width(source.type)):
                self._cells[source.table, source.address + index] = _Cell(point, source, index)
            if source.scale_factor is not None:
                largest = max(abs(raw_of(point, bound)) for bound in point.valid)
                known = self._exponents.get((source.table, source.scale_factor))
                exponent = exponent_for(largest, source.type)
                self._exponents[source.table, source.scale_factor] = exponent if known is None else max(known, exponent)
            for register in source.setpoint.arm if source.setpoint is not None else ():
                for index in range(width(register.type)):
                    self._armed[register.address + index] = 0

    @property
    def span(self) -> tuple[int, int]:
        addresses = [address for _, address in (*self._cells, *self._exponents)] + list(self._armed)
        return min(addresses), max(addresses)

    def read(self, table: Table, address: int, count: int) -> list[int] | ExcCodes:
        values = self._served.values(self.device)
        encoded: dict[str, tuple[int, ...]] = {}
        words = []
        for place in range(address, address + count):
            if (cell := self._cells.get((table, place))) is not None:
                name = cell.point.name
                if name not in encoded:
                    encoded[name] = self._encode(cell, values)
                words.append(encoded[name][cell.index])
            elif (exponent := self._exponents.get((table, place))) is not None:
                words.append(*registers_of("s16", exponent))
            elif table == "holding" and place in self._armed:
                words.append(self._armed[place])
            else:
                return ExcCodes.ILLEGAL_ADDRESS
        return words

    def write(self, address: int, words: Sequence[int]) -> ExcCodes | None:
        """Take whole setpoints only: half of a 32-bit number is a number that nobody meant."""
        wanted: list[tuple[Point, float]] = []
        armed: dict[int, int] = {}
        at = 0
        while at < len(words):
            if address + at in self._armed:
                armed[address + at] = words[at]
                at += 1
                continue
            cell = self._cells.get(("holding", address + at))
            if cell is None or cell.index != 0 or cell.point.setpoint is None:
                return ExcCodes.ILLEGAL_ADDRESS
            end = at + width(cell.source.type)
            if end > len(words):
                return ExcCodes.ILLEGAL_ADDRESS
            raw = number_of(cell.source.type, words[at:end], low_word_first=cell.source.low_word_first)
            value = value_of(cell.point, raw * 10.0 ** self._exponent(cell.source))
            if not in_range(cell.point, value):
                return ExcCodes.ILLEGAL_VALUE
            wanted.append((cell.point, value))
            at = end
        for point, value in wanted:
            assert point.setpoint is not None
            self._watchdog.write(self.device, point.name, value, point.setpoint.revert_s)
        self._armed.update(armed)
        return None

    def _encode(self, cell: _Cell, values: Mapping[str, float]) -> tuple[int, ...]:
        point, source = cell.point, cell.source
        held = self._watchdog.held(self.device, point.name)
        raw = raw_of(point, values[point.name] if held is None else held) / 10.0 ** self._exponent(source)
        return registers_of(source.type, raw, low_word_first=source.low_word_first, sentinels=source.sentinels)

    def _exponent(self, source: ModbusPoint) -> int:
        return 0 if source.scale_factor is None else self._exponents[source.table, source.scale_factor]
