"""Two hundred Modbus TCP devices with fifty points each, read every second through the field as the controller does."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from config.clock import SystemClock
from controller.controller import ACQUIRE_SHARE
from controller.pacer import Pacer
from driver_load.field import Usage, percentile, rss_mb, running
from driver_load.park import MODBUS_DEVICES, modbus_park
from drivers.driver import Quality

WARM_UP = 3
"""Cycles in which everything connects."""
PULSE_S = 0.01


async def measure(port: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        site = modbus_park(Path(folder), port, MODBUS_DEVICES)
    late_ms: list[float] = []
    acquire_ms: list[float] = []
    freeze_ms: list[float] = []
    fresh: list[float] = []
    lags_ms: list[float] = []
    never = asyncio.Event()
    async with running(site) as one, asyncio.TaskGroup() as group:
        pacer = Pacer(site.control.cycle_s, SystemClock())
        pulse: asyncio.Task[None] | None = None
        cycles = WARM_UP + round(seconds / site.control.cycle_s)
        usage = Usage()
        for cycle in range(cycles):
            if cycle == WARM_UP:
                pulse = group.create_task(_pulse(lags_ms))
                usage = Usage()
            late_s = await pacer.wait(never)
            began_s = time.monotonic()
            await one.field.acquire(ACQUIRE_SHARE * site.control.cycle_s)
            acquired_s = time.monotonic()
            readings = one.snapshot().readings.values()
            frozen_s = time.monotonic()
            if cycle < WARM_UP:
                continue
            late_ms.append(1e3 * late_s)
            acquire_ms.append(1e3 * (acquired_s - began_s))
            freeze_ms.append(1e3 * (frozen_s - acquired_s))
            fresh.append(sum(r.received_s >= began_s and r.quality is Quality.GOOD for r in readings))
        cpu_share = usage.cpu_share()
        assert pulse is not None
        pulse.cancel()
        counts = one.field.reads()["modbus"]
    points = sum(len(points) for points in site.points.values())
    return {
        "points": points,
        "late_p99_ms": percentile(late_ms, 0.99),
        "late_median_ms": percentile(late_ms, 0.5),
        "loop_lag_p99_ms": percentile(lags_ms, 0.99),
        "acquire_median_ms": percentile(acquire_ms, 0.5),
        "acquire_max_ms": max(acquire_ms),
        "freeze_median_ms": percentile(freeze_ms, 0.5),
        "fresh_share": sum(fresh) / (points * len(fresh)),
        "good_share": counts["good"] / (counts["good"] + counts["bad"]),
        "missed_cycles": pacer.overruns,
        "cpu_share": cpu_share,
        "rss_mb": rss_mb(),
    }


async def _pulse(lags_ms: list[float]) -> None:
    """How late the loop is for whatever else wants a turn, many times in each cycle."""
    while True:
        due_s = time.monotonic() + PULSE_S
        await asyncio.sleep(PULSE_S)
        lags_ms.append(1e3 * (time.monotonic() - due_s))
