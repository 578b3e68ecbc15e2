"""One Modbus device read through our link, beside pymodbus's bare client and beside one request for each point."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from config.clock import SystemClock
from driver_load.field import Usage
from driver_load.park import HOST, MODBUS_BLOCKS, MODBUS_POINTS, modbus_park
from drivers.driver import Quality
from drivers.site import links_of

READS = 25
"""Per round and kind: long enough to be measured, short enough that what else the machine does hits all kinds."""
ROUNDS_PER_S = 5
DEVICE = "device_0"


async def measure(port: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        site = modbus_park(Path(folder), port, 1)
    link = links_of(site, SystemClock())[DEVICE]
    points = site.points[DEVICE]
    bare = AsyncModbusTcpClient(HOST, port=port, retries=0)
    if not await bare.connect():
        raise SystemExit("the Modbus server does not answer")

    async def ours() -> None:
        readings = await link.read(points)
        assert all(reading.quality is Quality.GOOD for reading in readings), readings

    async def blocks() -> None:
        for first, count in MODBUS_BLOCKS:
            answer = await bare.read_holding_registers(first, count=2 * count)
            assert len(answer.registers) == 2 * count

    async def decoded() -> None:
        for first, count in MODBUS_BLOCKS:
            answer = await bare.read_holding_registers(first, count=2 * count)
            values = bare.convert_from_registers(answer.registers, bare.DATATYPE.FLOAT32)
            assert isinstance(values, list)
            assert len(values) == count

    async def one_by_one() -> None:
        for first, count in MODBUS_BLOCKS:
            for index in range(count):
                answer = await bare.read_holding_registers(first + 2 * index, count=2)
                assert len(answer.registers) == 2

    try:
        assert len(points) == MODBUS_POINTS
        ways = (ours, blocks, decoded, one_by_one)
        for way in ways:
            await _time(way)
        usage = Usage()
        rounds = [[await _time(way) for way in ways] for _ in range(max(5, round(ROUNDS_PER_S * seconds)))]
        cpu_share = usage.cpu_share()
    finally:
        bare.close()
        await link.close()
    return {
        "ours_ms": 1e3 * statistics.median(ours for ours, *_ in rounds),
        "bare_ms": 1e3 * statistics.median(bare for _, bare, *_ in rounds),
        "to_bare": statistics.median(ours / bare for ours, bare, *_ in rounds),
        "to_bare_decoded": statistics.median(ours / decoded for ours, _, decoded, _ in rounds),
        "one_by_one_to_ours": statistics.median(singly / ours for ours, _, _, singly in rounds),
        "coalescing": MODBUS_POINTS / len(MODBUS_BLOCKS),
        "cpu_share": cpu_share,
    }


async def _time(way: Callable[[], Awaitable[None]]) -> float:
    """Seconds for one read of the device."""
    began_s = time.perf_counter()
    for _ in range(READS):
        await way()
    return (time.perf_counter() - began_s) / READS
