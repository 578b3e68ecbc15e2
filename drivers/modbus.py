"""A device on Modbus."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from config.clock import Clock
from config.point import Point
from config.profile import ModbusPoint
from drivers.driver import Reading, Rejected, Setpoint, WriteResult
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.quality import Stamp, confirm
from drivers.register_values import NoNumber, Said, Words, exponent_in, reading_in, source_of, writes_of
from drivers.registers import Block, Span, blocks_of, cut, exponent_span, value_span
from drivers.scaling import Refused
from drivers.shared import SharedDriver


@dataclass(slots=True)
class _Answers:
    """What a unit said, and when."""

    said: dict[Span, Words | Refusal] = field(default_factory=dict)
    stamps: dict[Span, Stamp] = field(default_factory=dict)

    def add(self, span: Span, words: Words | Refusal, stamp: Stamp) -> None:
        self.said[span] = words
        self.stamps[span] = stamp


class ModbusDriver(SharedDriver[ModbusConnection]):
    """One unit behind a shared connection.

    Neighbouring registers are read together. When a device refuses such a block but gives its parts,
    the parts are asked for one by one from then on.
    """

    def __init__(self, connection: ModbusConnection, unit: int, points: Sequence[Point], clock: Clock) -> None:
        """`points` are all points of the device.

        Raises DriverError for a setpoint whose read-back point the device has not.
        """
        super().__init__(connection, points, clock)
        self._unit = unit
        self._alone: set[Span] = set()
        self._exponents: dict[Span, int] = {}

    async def _begin(self) -> None:
        # a device that was away may have come back with other scale factors
        self._exponents.clear()

    def __str__(self) -> str:
        return f"{self._connection}: unit {self._unit}"

    async def _read(self, points: Sequence[Point]) -> list[Reading]:
        answers = await self._answers([source_of(point) for point in points])
        return [self._reading(point, answers) for point in points]

    # -- reading ---------------------------------------------------------------------------------

    async def _answers(self, sources: Sequence[ModbusPoint]) -> _Answers:
        answers = _Answers()
        for block in blocks_of(sources, self._alone):
            words = await self._connection.read(self._unit, block.whole)
            stamp = Stamp.of(self._clock)
            if not isinstance(words, Refusal):
                for part, piece in cut(block, words).items():
                    answers.add(part, piece, stamp)
            elif block.parts == (block.whole,):
                answers.add(block.whole, words, stamp)
            else:
                await self._part_by_part(block, answers)
        return answers

    async def _part_by_part(self, block: Block, answers: _Answers) -> None:
        for part in block.parts:
            words = await self._connection.read(self._unit, part)
            answers.add(part, words, Stamp.of(self._clock))
        # a device that refuses the parts as well did not refuse the block for its size
        if any(not isinstance(answers.said[part], Refusal) for part in block.parts):
            self._alone.update(block.parts)

    def _reading(self, point: Point, answers: _Answers) -> Reading:
        source = source_of(point)
        if point.setpoint is not None:
            with suppress(NoNumber):
                self._keep_exponent(source, answers.said)
        return reading_in(point, answers.said, answers.stamps[value_span(source)])

    def _keep_exponent(self, source: ModbusPoint, said: Said) -> int:
        """The scale factor of a point, kept for the next write. Raises NoNumber."""
        exponent = exponent_in(source, said)
        span = exponent_span(source)
        if span is not None:
            self._exponents[span] = exponent
        return exponent

    # -- writing ---------------------------------------------------------------------------------

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        try:
            exponent = await self._exponent_to_write_with(source_of(setpoint.point))
            writes = writes_of(setpoint, exponent)
        except (NoNumber, Refused) as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        for write in writes:
            refusal = await self._connection.write(self._unit, write.address, write.words)
            if refusal is not None:
                return Rejected(f"{setpoint.point.key}: register {write.address}: {refusal.reason}")
        shown_by = self._shown_by[setpoint.point.name]
        answers = await self._answers([source_of(shown_by)])
        return confirm(setpoint, self._reading(shown_by, answers))

    async def _exponent_to_write_with(self, source: ModbusPoint) -> int:
        """Raises NoNumber."""
        span = exponent_span(source)
        if span is None:
            return 0
        if span in self._exponents:
            return self._exponents[span]
        return self._keep_exponent(source, {span: await self._connection.read(self._unit, span)})
