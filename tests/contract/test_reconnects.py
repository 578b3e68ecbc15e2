"""A thousand connections that end in every way leave nothing behind: no task, no socket, no memory."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from chaos_proxy import End, chance_of_this_run
from driver_rig import ProxiedRig
from modbus_rigs import ModbusRig, ModbusRtuOverTcpRig, ModbusTlsRig
from mqtt_rig import MqttRig
from opcua_rig import OpcuaRig, OpcuaServer

from config.point import Point
from drivers.driver import Driver, LinkDown

TIMES = 1000
WARM_UP = 50
"""After so many everything that is made once has been made."""
MEASURED = 200
"""Connections whose memory is traced, which makes them slow."""
BYTES_EACH = 64
"""What one connection may leave: less than any object that it makes."""
FRAMES = 25
"""Deep enough to see our drivers below what their libraries allocate."""
PATIENCE_S, PAUSE_S = 5.0, 0.02
STEADY = 25
"""So often the same is seen before it counts as being at rest."""
NOTICED_S = 0.002

RIGS: dict[str, Callable[[int], ProxiedRig]] = {
    "modbus-tcp": ModbusRig,
    "modbus-rtu-over-tcp": ModbusRtuOverTcpRig,
    "modbus-tls": ModbusTlsRig,
    "mqtt": MqttRig,
}


@pytest.fixture(scope="module")
def opcua_server() -> Iterator[OpcuaServer]:
    server = OpcuaServer()
    yield server
    server.close()


def held() -> Counter[str]:
    """How many tasks of which kind, and how many files and sockets."""
    found = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())
    found["files"] = len(list(Path("/proc/self/fd").iterdir()))
    return found


async def at_rest(rig: ProxiedRig) -> Counter[str]:
    """What is held once nothing is on its way out any more."""
    # what we left half open on purpose stands in the proxy until the server leaves, which not every server does
    rig.line.reset()
    seen: list[Counter[str]] = []
    for _ in range(int(PATIENCE_S / PAUSE_S)):
        seen.append(held())
        if len(seen) > STEADY and all(each == seen[-1] for each in seen[-STEADY:]):
            break
        await asyncio.sleep(PAUSE_S)
    return seen[-1]


def allocated() -> int:
    """Bytes that are in use and were asked for below a driver; the servers of the rigs are in this process too."""
    gc.collect()
    ours = tracemalloc.Filter(True, "*/drivers/*.py", all_frames=True)
    snapshot = tracemalloc.take_snapshot().filter_traces([ours])
    return sum(trace.size for trace in snapshot.traces)


async def allocated_by_one(rig: ProxiedRig) -> int:
    """What is in use while one connection is open."""
    driver = rig.driver()
    await driver.connect()
    in_use = allocated()
    await driver.close()
    return in_use


async def connect_and_lose(rig: ProxiedRig, times: int) -> None:
    """Connections that are reset, closed by the server, cut in the middle of an answer, or closed by us."""
    chance = chance_of_this_run()
    points = [rig.points[name] for name in ("active_power_kw", "soc")]
    driver = rig.driver()
    until = rig.line.accepted + times
    rounds = 0
    while rig.line.accepted < until:
        rounds += 1
        assert rounds < 4 * times, "most rounds open no connection"
        way = chance.randrange(4)
        if way == 2:
            rig.line.to_client.cut_after = chance.randrange(1, 60)
        with contextlib.suppress(LinkDown):
            await driver.connect()
            await driver.read(points)
        if way == 3:
            await driver.close()
            continue
        if way == 1:
            rig.line.close(End.CLIENT)
        else:
            rig.line.reset()
        await noticed(rig, driver, points)
    await driver.close()
    rig.line.heal()


async def noticed(rig: ProxiedRig, driver: Driver, points: Sequence[Point]) -> None:
    """Until the driver knows that its connection has gone, or has opened another one in its place already."""
    accepted = rig.line.accepted
    with contextlib.suppress(LinkDown):
        for _ in range(int(PATIENCE_S / NOTICED_S)):
            await asyncio.sleep(NOTICED_S)
            await driver.read(points)
            if rig.line.accepted > accepted:
                return
        pytest.fail("the driver does not notice that the connection has gone")


async def leaves_nothing(rig: ProxiedRig) -> None:
    await rig.start()
    try:
        await connect_and_lose(rig, WARM_UP)
        before, accepted = await at_rest(rig), rig.line.accepted
        await connect_and_lose(rig, TIMES)
        assert rig.line.accepted - accepted >= TIMES
        left = await at_rest(rig) - before
        assert left == Counter(), left
        tracemalloc.start(FRAMES)
        assert await allocated_by_one(rig) > 0, "nothing is seen below the drivers"
        await connect_and_lose(rig, WARM_UP)
        await at_rest(rig)
        bytes_before = allocated()
        await connect_and_lose(rig, MEASURED)
        await at_rest(rig)
        left_bytes = allocated() - bytes_before
        assert left_bytes < BYTES_EACH * MEASURED, left_bytes
    finally:
        tracemalloc.stop()
        await rig.stop()


@pytest.mark.parametrize(
    "protocol",
    [pytest.param(name, marks=[pytest.mark.server("mosquitto")] if name == "mqtt" else []) for name in RIGS],
)
async def test_a_thousand_connections_leave_nothing(protocol: str, free_port: int) -> None:
    await leaves_nothing(RIGS[protocol](free_port))


async def test_a_thousand_opcua_sessions_leave_nothing(free_port: int, opcua_server: OpcuaServer) -> None:
    await leaves_nothing(OpcuaRig(free_port, opcua_server))
