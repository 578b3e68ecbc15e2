"""The fixed grid of the cycle, on a clock that only moves when the test says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from controller.pacer import Pacer

PERIOD_S = 0.02
"""Short, because the pacer really sleeps up to this long."""


@dataclass
class ManualClock:
    monotonic: float

    def now(self) -> datetime:
        return datetime(2026, 10, 14, tzinfo=UTC) + timedelta(seconds=self.monotonic)

    def site_s(self) -> float:
        return self.monotonic

    def monotonic_s(self) -> float:
        return self.monotonic


async def slept_s(pacer: Pacer, stop: asyncio.Event) -> tuple[float, float]:
    """How late the start is, and how long the pacer slept in real time."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    late_s = await pacer.wait(stop)
    return late_s, loop.time() - began_s


async def test_the_first_start_is_the_next_multiple_of_the_period() -> None:
    pacer = Pacer(PERIOD_S, ManualClock(100.005))
    late_s, sleep_s = await slept_s(pacer, asyncio.Event())
    assert late_s == 0.0
    assert sleep_s >= 0.013  # 15 ms but for the timer's resolution; a busy machine may take longer
    assert pacer.overruns == 0


async def test_a_cycle_that_ends_in_time_waits_for_the_rest_of_the_period() -> None:
    clock = ManualClock(100.0)
    pacer = Pacer(PERIOD_S, clock)
    assert (await slept_s(pacer, asyncio.Event()))[0] == 0.0
    clock.monotonic = 100.012
    _, sleep_s = await slept_s(pacer, asyncio.Event())
    assert sleep_s >= 0.007
    assert pacer.overruns == 0


async def test_a_late_start_is_measured_and_the_grid_stays() -> None:
    clock = ManualClock(100.0)
    pacer = Pacer(PERIOD_S, clock)
    stop = asyncio.Event()
    await pacer.wait(stop)  # at 100.00
    clock.monotonic = 100.025
    assert await pacer.wait(stop) == pytest.approx(0.005)  # the start of 100.02
    clock.monotonic = 100.04
    assert await pacer.wait(stop) == pytest.approx(0.0, abs=1e-9)  # the start of 100.04, not of 100.045
    assert pacer.overruns == 0


async def test_starts_that_were_missed_are_skipped_and_counted() -> None:
    clock = ManualClock(100.0)
    pacer = Pacer(PERIOD_S, clock)
    stop = asyncio.Event()
    await pacer.wait(stop)
    clock.monotonic = 100.085  # 100.02, 100.04 and 100.06 went by; 100.08 is 5 ms late
    assert await pacer.wait(stop) == pytest.approx(0.005)
    assert pacer.overruns == 3
    clock.monotonic = 100.1
    await pacer.wait(stop)
    assert pacer.overruns == 3


async def test_a_stop_ends_the_wait_at_once() -> None:
    pacer = Pacer(10.0, ManualClock(101.0))
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    async with asyncio.timeout(5.0):
        await pacer.wait(stop)
    assert stop.is_set()


async def test_cancellation_passes() -> None:
    waiting = asyncio.create_task(Pacer(10.0, ManualClock(101.0)).wait(asyncio.Event()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
