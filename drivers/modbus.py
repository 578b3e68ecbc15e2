"""A device on Modbus."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from config.clock import Clock
from config.point import Point
from config.profile import ModbusPoint
from config.register import Heartbeat
from drivers.driver import Reading, Rejected, Setpoint, WriteResult
from drivers.heartbeat import Pulse, heartbeat_span
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.quality import Stamp, confirm
from drivers.register_values import NoNumber, Said, Words, exponent_said, reading_in, source_of
from drivers.register_writes import condition_span, objection, scale_factors_of, writes_of
from drivers.registers import Block, Span, blocks_of, cut, value_span
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

    def __init__(
        self,
        connection: ModbusConnection,
        unit: int,
        points: Sequence[Point],
        clock: Clock,
        heartbeats: Sequence[Heartbeat] = (),
    ) -> None:
        """`points` are all points of the device; its heartbeats begin with the first setpoint that it has taken.

        Raises DriverError for a setpoint whose read-back point the device has not.
        """
        super().__init__(connection, points, clock)
        self._unit = unit
        self._alone: set[Span] = set()
        self._exponents: dict[Span, int] = {}
        self._pulse = Pulse(tuple(heartbeats))
        self._controlled = False

    async def _begin(self) -> None:
        # a device that was away may have come back with other scale factors
        self._exponents.clear()
        self._pulse.forget()

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
            self._keep_exponents(source, answers.said)
        return reading_in(point, answers.said, answers.stamps[value_span(source)])

    def _keep_exponents(self, source: ModbusPoint, said: Said) -> None:
        """The scale factors of a point, as far as they were told, kept for the next write."""
        for span in scale_factors_of(source):
            with suppress(NoNumber):
                if span in said:
                    self._exponents[span] = exponent_said(said[span])

    # -- writing ---------------------------------------------------------------------------------

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        source = source_of(setpoint.point)
        try:
            writes = writes_of(setpoint, await self._exponents_to_write_with(source))
        except (NoNumber, Refused) as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        why_not = await self._objection(source)
        if why_not is not None:
            return Rejected(f"{setpoint.point.key}: {why_not}")
        for write in writes:
            refusal = await self._connection.write(self._unit, write.address, write.words, always_16=write.always_16)
            if refusal is not None:
                return Rejected(f"{setpoint.point.key}: register {write.address}: {refusal.reason}")
        self._controlled = True
        shown_by = self._shown_by[setpoint.point.name]
        answers = await self._answers([source_of(shown_by)])
        return confirm(setpoint, self._reading(shown_by, answers))

    async def _exponents_to_write_with(self, source: ModbusPoint) -> dict[int, int]:
        """By register. Raises NoNumber."""
        for span in scale_factors_of(source):
            if span not in self._exponents:
                self._exponents[span] = exponent_said(await self._connection.read(self._unit, span))
        return {span.address: self._exponents[span] for span in scale_factors_of(source)}

    async def _objection(self, source: ModbusPoint) -> str | None:
        """Why the device must not be written now, from what it says itself."""
        assert source.setpoint is not None  # a Setpoint has checked it
        for condition in source.setpoint.only_when:
            said = await self._connection.read(self._unit, condition_span(condition))
            found = objection(condition, said, low_word_first=source.low_word_first)
            if found is not None:
                return found
        return None

    async def _beat(self) -> list[Rejected]:
        if not self._controlled:
            return []
        for heartbeat in self._pulse.due(self._clock.monotonic_s()):
            if self._pulse.must_be_seen(heartbeat):
                self._pulse.seen(heartbeat, await self._connection.read(self._unit, heartbeat_span(heartbeat)))
            words = self._pulse.next(heartbeat, self._clock.monotonic_s())
            self._pulse.answered(heartbeat, await self._connection.write(self._unit, heartbeat.address, words))
        return [Rejected(f"{self}: {why}") for why in self._pulse.refused()]
