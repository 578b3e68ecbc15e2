"""Time, in the three senses that a controller needs, real or scaled.

A simulated park may run faster than the wall: then its calendar and its physics are scaled, while the
protocols' own timers (ages, time-outs, watchdogs) stay in real seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime: ...  # the site's calendar, UTC and aware; may jump

    def site_s(self) -> float: ...  # seconds of the site's physics, never going back: ramps, minimum times, energy

    def monotonic_s(self) -> float: ...  # real seconds, never going back: ages, time-outs, watchdogs, the cycle


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock: a real park."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def site_s(self) -> float:
        return time.monotonic()

    def monotonic_s(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A simulated park's clock: `start` was at `origin_s` of this machine's monotonic clock.

    Processes of one machine share the monotonic clock, so the same three numbers give the same time in each.
    """

    start: datetime
    origin_s: float
    speed: float

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.site_s())

    def site_s(self) -> float:
        return (time.monotonic() - self.origin_s) * self.speed

    def monotonic_s(self) -> float:
        return time.monotonic()
