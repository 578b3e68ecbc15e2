"""The fixed grid of the cycle: every start lies on a multiple of the period, late ones are skipped and counted."""

from __future__ import annotations

import asyncio
import math

from config.clock import Clock


class Pacer:
    """Waits for the next start. All times are real seconds."""

    def __init__(self, period_s: float, clock: Clock) -> None:
        self._period_s = period_s
        self._clock = clock
        self._next_s = math.ceil(clock.monotonic_s() / period_s) * period_s
        self.overruns = 0
        """Starts that were missed because the cycle before took too long."""

    async def wait(self, stop: asyncio.Event) -> float:
        """Sleep until the next start, or until `stop` is set. Returns how late the start is."""
        now_s = self._clock.monotonic_s()
        missed = math.floor((now_s - self._next_s) / self._period_s)
        if missed > 0:
            self.overruns += missed
            self._next_s += missed * self._period_s
        if self._next_s > now_s:
            try:
                async with asyncio.timeout(self._next_s - now_s):
                    await stop.wait()
            except TimeoutError:
                pass
        late_s = max(0.0, self._clock.monotonic_s() - self._next_s)
        self._next_s += self._period_s
        return late_s
