"""What a Modbus unit says: its points in few requests, and which registers it does not give together."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from config.clock import Clock
from config.point import Point
from config.profile import ModbusPoint
from config.register import Requests
from drivers.codec import STRUCTS
from drivers.driver import Reading
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.quality import Stamp, judge
from drivers.register_values import Words, reading_in, source_of
from drivers.registers import Block, Cut, Span, blocks_of, cut_between, cut_out, joined, pieces_of, spans_of, value_span

_MOST_PLANS: Final = 16
"""A device is asked for all of its points, its fast ones, its slow ones, and single ones to read back."""


@dataclass(slots=True)
class Answers:
    """What a unit said, and when."""

    said: dict[Span, Words | Refusal] = field(default_factory=dict)
    stamps: dict[Span, Stamp] = field(default_factory=dict)

    def add(self, block: Block, words: Words | Refusal, stamp: Stamp) -> None:
        parts = dict.fromkeys(block.parts, words) if isinstance(words, Refusal) else cut_out(block, words)
        self.said.update(parts)
        self.stamps.update(dict.fromkeys(block.parts, stamp))


@dataclass(frozen=True, slots=True)
class _Plain:
    """A point that is one number in one place of an answer, which most are."""

    block: int
    at: int
    """Bytes from the beginning of the answer."""
    number: struct.Struct
    sentinels: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the same points are read each time."""

    blocks: tuple[Block, ...]
    points: tuple[tuple[Point, _Plain | None], ...]


class UnitReader:
    """Reads the points of one unit.

    When a device refuses to give registers together but gives them apart, it is found out by halving where it must
    be cut, and that is kept as long as the device is connected: once it has been away it may be another, or have
    another firmware. A device that refuses everything teaches nothing.
    """

    def __init__(self, connection: ModbusConnection, unit: int, requests: Requests, clock: Clock) -> None:
        self._connection = connection
        self._unit = unit
        self._requests = requests
        self._clock = clock
        self._cuts: set[Cut] = set()
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def forget(self) -> None:
        """The device may have become another one."""
        self._cuts.clear()
        self._plans.clear()

    async def readings(self, points: Sequence[Point]) -> tuple[list[Reading], Answers | None]:
        """One per point, in order, and all that was said where any of them is more than a plain number.

        Raises LinkDown.
        """
        plan = self._plan(points)
        heard = [await self._ask(block) for block in plan.blocks]
        if any(isinstance(words, Refusal) for words, _ in heard):
            pieced = await self._pieced(plan.blocks, heard)
            return [_reading(point, pieced) for point in points], pieced
        datas = [struct.pack(f">{len(words)}H", *words) for words, _ in heard if not isinstance(words, Refusal)]
        answers: Answers | None = None
        found = []
        for point, plain in plan.points:
            if plain is not None:
                data = datas[plain.block]
                raw: float | None = plain.number.unpack_from(data, plain.at)[0]
                if plain.sentinels and data[plain.at : plain.at + plain.number.size] in plain.sentinels:
                    raw = None
                reading = judge(point, raw, heard[plain.block][1])
                if reading.value is not None:
                    found.append(reading)
                    continue
            if answers is None:
                answers = Answers()
                for block, (words, stamp) in zip(plan.blocks, heard, strict=True):
                    answers.add(block, words, stamp)
            found.append(_reading(point, answers))
        return found, answers

    def _plan(self, points: Sequence[Point]) -> _Plan:
        names = tuple([point.name for point in points])
        plan = self._plans.get(names)
        if plan is None:
            while len(self._plans) >= _MOST_PLANS:
                del self._plans[next(iter(self._plans))]
            plan = self._plans[names] = _planned(points, self._requests, self._cuts)
        return plan

    async def _ask(self, block: Block) -> tuple[Words | Refusal, Stamp]:
        words = await self._connection.read(self._unit, block.whole)
        return words, Stamp.of(self._clock)

    # -- what it does not give together ----------------------------------------------------------

    async def _pieced(self, blocks: Sequence[Block], heard: Sequence[tuple[Words | Refusal, Stamp]]) -> Answers:
        answers = Answers()
        cuts: set[Cut] = set()
        some = False
        for block, (words, stamp) in zip(blocks, heard, strict=True):
            if isinstance(words, Refusal) and words.of_these:
                some |= await self._halved(pieces_of(block), words, stamp, answers, cuts)
            else:
                answers.add(block, words, stamp)
                some |= not isinstance(words, Refusal)
        if some and cuts:
            self._cuts |= cuts
            self._plans.clear()
        return answers

    async def _halved(
        self, pieces: Sequence[Block], refusal: Refusal, stamp: Stamp, answers: Answers, cuts: set[Cut]
    ) -> bool:
        """Get what there is of neighbouring pieces that were refused together. Returns whether anything was given."""
        if len(pieces) == 1:
            answers.add(pieces[0], refusal, stamp)
            return False
        middle = len(pieces) // 2
        given = [await self._gotten(half, answers, cuts) for half in (pieces[:middle], pieces[middle:])]
        (left_whole, left_some), (right_whole, right_some) = given
        # together is too much, or a side is refused in any company; else the reason lies within one of them
        if (left_whole and right_whole) or not (left_some and right_some):
            cuts.add(cut_between(pieces[middle - 1], pieces[middle]))
        return left_some or right_some

    async def _gotten(self, pieces: Sequence[Block], answers: Answers, cuts: set[Cut]) -> tuple[bool, bool]:
        """Whether all pieces were given in one answer, and whether any was given."""
        block = joined(pieces)
        words, stamp = await self._ask(block)
        if not isinstance(words, Refusal):
            answers.add(block, words, stamp)
            return True, True
        return False, await self._halved(pieces, words, stamp, answers, cuts)


def _reading(point: Point, answers: Answers) -> Reading:
    return reading_in(point, answers.said, answers.stamps[value_span(source_of(point))])


def _planned(points: Sequence[Point], requests: Requests, cuts: set[Cut]) -> _Plan:
    blocks = tuple(blocks_of([source_of(point) for point in points], requests, cuts))
    where = {part: index for index, block in enumerate(blocks) for part in block.parts}
    return _Plan(blocks, tuple((point, _plain(source_of(point), blocks, where)) for point in points))


def _plain(source: ModbusPoint, blocks: Sequence[Block], where: dict[Span, int]) -> _Plain | None:
    (span, *others) = spans_of(source)
    if others or source.low_word_first or source.bits is not None or source.values is not None:
        return None
    block = where[span]
    return _Plain(
        block=block,
        at=2 * (span.address - blocks[block].whole.address),
        number=STRUCTS[source.type],
        sentinels=frozenset(sentinel.to_bytes(2 * span.count, "big") for sentinel in source.sentinels),
    )
