"""Ten thousand OPC UA values behind one session: how many changes are taken, beside a bare subscription of asyncua."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from asyncua import Client, ua

from config.clock import SystemClock
from controller.controller import ACQUIRE_SHARE
from controller.pacer import Pacer
from driver_load.field import Running, Usage, rss_mb, running
from driver_load.park import HOST, opcua_nodes, opcua_park

PATIENCE_S = 60.0
PUBLISHING_MS = 500
SETTLE_S = 2.0


async def measure(port: int, seconds: float) -> dict[str, float]:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    bare = await _bare(port, seconds)
    ours = await _ours(port, seconds)
    return {
        **ours,
        **bare,
        "changes_to_bare": ours["changes_per_s"] / bare["bare_changes_per_s"],
        "cpu_to_bare": ours["cpu_share"] / bare["bare_cpu_share"],
    }


async def _ours(port: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        site = opcua_park(Path(folder), port)
    points = sum(len(points) for points in site.points.values())
    cycle_s = site.control.cycle_s
    async with running(site) as one:
        began_s = time.monotonic()
        while len(_values(one)) < points:
            if time.monotonic() - began_s > PATIENCE_S:
                raise SystemExit(f"only {len(_values(one))} of {points} values came")
            await one.field.acquire(cycle_s)
        all_read_s = time.monotonic() - began_s
        await asyncio.sleep(SETTLE_S)

        changes, fresh, cycles = 0, 0, 0
        before = _values(one)
        pacer, never = Pacer(cycle_s, SystemClock()), asyncio.Event()
        usage, began_s = Usage(), time.monotonic()
        while time.monotonic() - began_s < seconds:
            await pacer.wait(never)
            await one.field.acquire(ACQUIRE_SHARE * cycle_s)
            values = _values(one)
            changes += sum(value != before[key] for key, value in values.items())
            fresh += len(values)
            cycles += 1
            before = values
        took_s, cpu_share = time.monotonic() - began_s, usage.cpu_share()
        memory_mb = rss_mb()
    return {
        "points": points,
        "all_read_s": all_read_s,
        "changes_per_s": changes / took_s,
        "good_share": fresh / (points * cycles),
        "cpu_share": cpu_share,
        "rss_mb": memory_mb,
    }


def _values(one: Running) -> dict[str, float]:
    readings = one.snapshot().readings
    return {key: reading.value for key, reading in readings.items() if reading.value is not None}


class _Counting:
    def __init__(self) -> None:
        self.changes = 0

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        self.changes += 1


async def _bare(port: int, seconds: float) -> dict[str, float]:
    client = Client(f"opc.tcp://{HOST}:{port}/", timeout=PATIENCE_S)
    async with client:
        nodes = [client.get_node(ua.NodeId(name, 2)) for name in opcua_nodes()]
        counting = _Counting()
        began_s = time.monotonic()
        subscription = await client.create_subscription(PUBLISHING_MS, counting)
        for first in range(0, len(nodes), 1000):
            await subscription.subscribe_data_change(nodes[first : first + 1000])
        while counting.changes < len(nodes):
            if time.monotonic() - began_s > PATIENCE_S:
                raise SystemExit(f"asyncua alone heard {counting.changes} of {len(nodes)} values")
            await asyncio.sleep(0.05)
        all_heard_s = time.monotonic() - began_s
        await asyncio.sleep(SETTLE_S)
        usage, began_s, before = Usage(), time.monotonic(), counting.changes
        await asyncio.sleep(seconds)
        changes = counting.changes - before
        took_s, cpu_share = time.monotonic() - began_s, usage.cpu_share()
        await subscription.delete()
    return {
        "bare_all_heard_s": all_heard_s,
        "bare_changes_per_s": changes / took_s,
        "bare_cpu_share": cpu_share,
    }
