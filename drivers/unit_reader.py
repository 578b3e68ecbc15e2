"""What a Modbus unit says: its points in few requests, and which registers it does not give together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from config.clock import Clock
from config.point import Point
from config.register import Requests
from drivers.driver import Reading
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.quality import Stamp
from drivers.read_plan import Answers, Plan
from drivers.register_values import Words
from drivers.registers import Block, Cut, cut_between, joined, pieces_of

_MOST_PLANS: Final = 16
"""A device is asked for all of its points, its fast ones, its slow ones, and single ones to read back."""


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
        self._plans: dict[tuple[str, ...], Plan] = {}

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
            return [pieced.reading(point) for point in points], pieced
        return plan.judged([(words, stamp) for words, stamp in heard if not isinstance(words, Refusal)])

    def _plan(self, points: Sequence[Point]) -> Plan:
        names = tuple([point.name for point in points])
        plan = self._plans.get(names)
        if plan is None:
            while len(self._plans) >= _MOST_PLANS:
                del self._plans[next(iter(self._plans))]
            plan = self._plans[names] = Plan.of(points, self._requests, self._cuts)
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
