"""Five thousand MQTT messages a second into one session, beside aiomqtt and paho-mqtt that only count them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from config.clock import SystemClock
from controller.controller import ACQUIRE_SHARE
from controller.pacer import Pacer
from driver_load.field import Usage, percentile, rss_mb, running
from driver_load.park import HOST, mqtt_park, mqtt_topics
from drivers.driver import Quality

OFFERED_PER_S = 5000
DROPPED = "$SYS/broker/publish/messages/dropped"
ARRIVE_S = 2.5
"""The last messages arrive, and the broker counts those that it dropped: every second, as it is told to."""


@dataclass
class Publishing:
    """The publisher's process while it runs, and what it has done once it is over."""

    sent: int = 0
    due: int = 0
    dropped: int = 0


async def measure(port: int, seconds: float) -> dict[str, float]:
    ours = await _ours(port, seconds)
    aio, aio_cpu = await _aiomqtt(port, seconds / 2)
    bare, bare_cpu = await _paho(port, seconds / 2)
    return {
        **ours,
        "aiomqtt_received_share": aio,
        "aiomqtt_cpu_share": aio_cpu,
        "cpu_to_aiomqtt": ours["cpu_share"] / aio_cpu,
        "paho_received_share": bare,
        "paho_cpu_share": bare_cpu,
        "cpu_to_paho": ours["cpu_share"] / bare_cpu,
    }


async def _ours(port: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        site = mqtt_park(Path(folder), port)
    cycle_s = site.control.cycle_s
    lags_ms: list[float] = []
    good = 0
    async with running(site) as one:
        await one.field.acquire(10 * cycle_s)  # subscribes
        async with _published(port) as published:
            await asyncio.sleep(cycle_s)
            pacer, never = Pacer(cycle_s, SystemClock()), asyncio.Event()
            usage = Usage()
            cycles = round(seconds / cycle_s)
            for _ in range(cycles):
                await pacer.wait(never)
                await one.field.acquire(ACQUIRE_SHARE * cycle_s)
                for reading in one.snapshot().readings.values():
                    good += reading.quality is Quality.GOOD
                    if reading.source_at is not None:
                        lags_ms.append(1e3 * (reading.at - reading.source_at).total_seconds())
            cpu_share = usage.cpu_share()
        await one.field.acquire(10 * cycle_s)
        # each topic counts its messages, so the last numbers add up to what was sent
        seen = sum(reading.value or 0.0 for reading in one.snapshot().readings.values())
    return {
        "offered_per_s": OFFERED_PER_S,
        "published_share": published.sent / published.due,
        "kept_up_share": seen / published.sent,
        "received_share": 1.0 - published.dropped / published.sent,
        "good_share": good / (cycles * len(mqtt_topics())),
        "lag_median_ms": percentile(lags_ms, 0.5),
        "lag_p99_ms": percentile(lags_ms, 0.99),
        "cpu_share": cpu_share,
        "rss_mb": rss_mb(),
    }


async def _aiomqtt(port: int, seconds: float) -> tuple[float, float]:
    """Share of the messages that arrived, and share of a core."""
    received = 0

    async def count(client: aiomqtt.Client) -> None:
        nonlocal received
        async for _ in client.messages:
            received += 1

    async with aiomqtt.Client(HOST, port) as client:
        for topic in mqtt_topics():
            await client.subscribe(topic)
        counting = asyncio.create_task(count(client))
        try:
            async with _published(port) as published:
                cpu_share = await _cpu_share(seconds)
        finally:
            counting.cancel()
            await asyncio.wait([counting])
    return received / published.sent, cpu_share


async def _paho(port: int, seconds: float) -> tuple[float, float]:
    """The same with paho-mqtt in a thread."""
    received = 0

    def count(client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        nonlocal received
        received += 1

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = count
    client.connect(HOST, port)
    client.loop_start()
    try:
        client.subscribe([(topic, 0) for topic in mqtt_topics()])
        await asyncio.sleep(1.0)
        async with _published(port) as published:
            cpu_share = await _cpu_share(seconds)
    finally:
        client.disconnect()
        client.loop_stop()
    return received / published.sent, cpu_share


async def _cpu_share(seconds: float) -> float:
    await asyncio.sleep(1.0)
    usage = Usage()
    await asyncio.sleep(seconds)
    return usage.cpu_share()


@contextlib.asynccontextmanager
async def _published(port: int) -> AsyncIterator[Publishing]:
    """Messages are published; afterwards how many, and how many of them the broker dropped."""
    published = Publishing()
    before = await _dropped(port)
    arguments = ["-m", "driver_load.mqtt_publisher", str(port), str(OFFERED_PER_S)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    try:
        yield published
        said, _ = await process.communicate(b"")  # ends its standard input, which nothing does before 3.12 otherwise
        published.sent, published.due = map(int, said.split())
        await asyncio.sleep(ARRIVE_S)
        published.dropped = await _dropped(port) - before
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _dropped(port: int) -> int:
    async with aiomqtt.Client(HOST, port) as client:
        await client.subscribe(DROPPED)
        async with asyncio.timeout(5):
            message = await anext(client.messages)
    assert isinstance(message.payload, bytes)
    return int(message.payload)
