"""A device that comes and goes: reconnecting with back-off, and never an exception for what is only silence."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from config.clock import Clock
from config.point import Point
from drivers.backoff import BackOff
from drivers.driver import (
    Accepted,
    Driver,
    LinkDown,
    Quality,
    Reading,
    Rejected,
    Setpoint,
    TurnedAway,
    Unconfirmed,
    WriteResult,
)
from drivers.gate import Passed, WriteGate
from drivers.line import Line
from drivers.quality import Stamp, bad

T = TypeVar("T")

_log = logging.getLogger(__name__)


class LinkState(Enum):
    DOWN = "down"
    UP = "up"
    """The last thing asked of the device was answered."""


@dataclass(slots=True)
class Counts:
    """What a link has seen since it was made."""

    good: int = 0
    uncertain: int = 0
    bad: int = 0
    confirmed: int = 0
    rejected: int = 0
    unconfirmed: int = 0


class Link:
    """Keeps one driver connected.

    A device that was up is tried again in the next cycle. It is tried less and less often, up to the cap, only
    while others on its line are heard and it is not, or while the connection turns us away: where nobody is
    disturbed, a line that is back is found back at once. A try is at most one request that nobody answers, so it
    costs at most one time-out.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        line: Line | None = None,
        gate: WriteGate | None = None,
        *,
        cap_s: float = 60.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`line` is what it shares with the others behind its connection; `chance` draws from 0 to 1 for the jitter.

        `gate` says what may be written; without one, nothing.
        """
        self._driver = driver
        self._clock = clock
        self._line = line or Line()
        self._gate = gate or WriteGate()
        self._chance = chance
        self._backoff = BackOff(cap_s=cap_s)
        self._answers: int | None = None
        """How many answers the line had seen when this device failed to answer last; None since it answered."""
        self._lock = asyncio.Lock()
        self._connected = False
        self._closed = False
        self._state = LinkState.DOWN
        self._reason = "not connected yet"
        self._unheard = ""
        self.counts = Counts()

    @property
    def state(self) -> LinkState:
        return self._state

    @property
    def reason(self) -> str:
        """Why the link is down; empty while it is up."""
        return self._reason

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """One reading per point, in order; BAD with the reason while the device is down."""
        if not points:
            return []
        readings = await self._attempt(lambda: self._driver.read(points))
        if readings is None:
            stamp, reason = Stamp.of(self._clock), self._reason
            readings = [bad(point, reason, stamp) for point in points]
        qualities = [reading.quality for reading in readings]
        self.counts.good += qualities.count(Quality.GOOD)
        self.counts.uncertain += qualities.count(Quality.UNCERTAIN)
        self.counts.bad += qualities.count(Quality.BAD)
        return readings

    async def write(self, setpoints: Sequence[Setpoint]) -> list[WriteResult]:
        """One result per setpoint, in order; Unconfirmed with the reason while the device is down."""
        if not setpoints:
            return []
        results = await self._attempt(lambda: self._through_the_gate(setpoints))
        if results is None:
            results = [Unconfirmed(None, self._reason) for _ in setpoints]
        for result in results:
            match result:
                case Accepted():
                    self.counts.confirmed += 1
                case Rejected():
                    self.counts.rejected += 1
                case Unconfirmed():
                    self.counts.unconfirmed += 1
        return results

    async def preview(self, setpoint: Setpoint) -> list[str] | Rejected | Unconfirmed:
        """What would be sent for a setpoint, or why nothing would; Unconfirmed while the device is down."""
        found = await self._attempt(lambda: self._previewed(setpoint))
        return Unconfirmed(None, self._reason) if found is None else found[0]

    async def give_back(self, point: Point) -> WriteResult | None:
        """Leave a point as its profile wants it when the controller goes: as it was found, or to the device itself.

        Returns None where there is nothing to give back, Unconfirmed while the device is down.
        """
        assert point.setpoint is not None
        found = self._gate.found(point)
        if point.setpoint.on_stop == "restore" and found is None:
            return None
        results = await self._attempt(lambda: self._given_back(point, found))
        return Unconfirmed(None, self._reason) if results is None else results[0]

    async def _through_the_gate(self, setpoints: Sequence[Setpoint]) -> list[WriteResult]:
        return [await self._written(setpoint) for setpoint in setpoints]

    async def _passed(self, setpoint: Setpoint) -> Passed | Rejected:
        first = self._gate.must_be_seen(setpoint.point)
        if first is not None:
            (shown,) = await self._driver.read([first])
            if (refused := self._gate.saw(setpoint.point, shown)) is not None:
                return refused
        return self._gate.checked(setpoint, self._clock.monotonic_s())

    async def _previewed(self, setpoint: Setpoint) -> list[list[str] | Rejected]:
        passed = await self._passed(setpoint)
        return [passed if isinstance(passed, Rejected) else await self._driver.preview(passed.setpoint)]

    async def _written(self, setpoint: Setpoint) -> WriteResult:
        passed = await self._passed(setpoint)
        if isinstance(passed, Rejected):
            return passed
        (result,) = await self._driver.write([passed.setpoint])
        self._gate.told(passed.setpoint, result, self._clock.monotonic_s())
        return replace(result, reason=passed.reason) if isinstance(result, Accepted) and passed.reason else result

    async def _given_back(self, point: Point, found: float | None) -> list[WriteResult]:
        assert point.setpoint is not None
        if point.setpoint.on_stop == "restore" and found is not None:
            results = await self._driver.write([Setpoint(point=point, value=found)])
        else:
            results = [await self._driver.release(point)]
        self._gate.given_back(point, results[0])
        return results

    async def identity(self) -> dict[str, str]:
        """What the device says of itself, by name; nothing while it is down."""
        found = await self._attempt(self._identities)
        return {} if found is None else found[0]

    async def _identities(self) -> list[dict[str, str]]:
        return [await self._driver.identity()]

    async def beat(self) -> None:
        """Let the device hear that it is still controlled, where its profile says how and it is time.

        It never opens a connection: only a device that has taken a setpoint wants to hear it.
        """
        if not self._connected:
            return
        refused = await self._attempt(self._driver.beat)
        if refused is None:
            return
        why = "; ".join(each.reason for each in refused)
        if why and why != self._unheard:
            _log.warning("%s", why)
        self._unheard = why

    async def close(self) -> None:
        """Give back the connection, for good. Closing twice changes nothing."""
        self._closed = True
        self._connected = False
        self._state, self._reason = LinkState.DOWN, "closed"
        await self._driver.close()

    async def _attempt(self, ask: Callable[[], Awaitable[list[T]]]) -> list[T] | None:
        """What the device answers, None while it is down; the wire is not touched before the next try is due."""
        async with self._lock:
            if self._closed or not (self._connected or self._due()):
                return None
            try:
                if not self._connected:
                    await self._open()
                answer = await ask()
            except LinkDown as error:
                self._failed(str(error))
                return None
            # a connection alone is no success: a gateway accepts one for a unit that is dead
            self._state, self._reason = LinkState.UP, ""
            self._backoff, self._answers = self._backoff.succeeded(), None
            self._line.heard()
            return answer

    def _due(self) -> bool:
        now_s = self._clock.monotonic_s()
        if not self._line.due(now_s):
            self._reason = self._line.reason
            return False
        return self._backoff.due(now_s)

    async def _open(self) -> None:
        try:
            await self._driver.connect()
        except LinkDown as error:
            turned_away = isinstance(error, TurnedAway)
            self._line.not_opened(self._clock.monotonic_s(), self._chance(), str(error), turned_away=turned_away)
            raise
        self._line.opened()
        self._connected = True

    def _failed(self, reason: str) -> None:
        self._connected = False
        self._state, self._reason = LinkState.DOWN, reason
        # one answer may get lost; a device counts as silent when others are heard before it is
        counts = self._answers is not None and self._line.answers > self._answers
        self._answers = self._line.answers
        self._backoff = self._backoff.failed(self._clock.monotonic_s(), self._chance(), counts=counts)
