"""A line that is back is read again within two periods, whatever was wrong with it and however long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from chaos_proxy import ChaosProxy
from driver_rig import CLOCK, ProxiedRig
from modbus_rigs import ModbusRig, ModbusRtuOverTcpRig, ModbusTlsRig
from mqtt_rig import MqttRig
from opcua_rig import OpcuaPolledRig, OpcuaRig, OpcuaServer
from ports import unused_port

from config.point import Point
from drivers.driver import Reading
from drivers.link import Link

PERIOD_S = 1.0
TIMEOUT_S = 0.4
AWAY_PERIODS = 5
"""Long enough for a back-off to have grown, if there were one."""
PERIODS_TO_BE_BACK = 2

Fault = Callable[[ChaosProxy], Awaitable[None]]


async def refused(line: ChaosProxy) -> None:
    await line.refuse()


async def switched_off(line: ChaosProxy) -> None:
    await line.vanish()


async def silent(line: ChaosProxy) -> None:
    line.to_client.hole = line.to_server.hole = True


async def frozen(line: ChaosProxy) -> None:
    line.freeze()


@pytest.fixture(scope="module")
def opcua_server() -> Iterator[OpcuaServer]:
    server = OpcuaServer()
    yield server
    server.close()


@contextlib.asynccontextmanager
async def running(rig: ProxiedRig) -> AsyncIterator[tuple[Link, list[Point]]]:
    rig.timeout_s = TIMEOUT_S
    await rig.start()
    await rig.show("soc", 50)
    link = Link(rig.driver(), CLOCK)
    try:
        yield link, [rig.points[name] for name in ("active_power_kw", "soc")]
    finally:
        await link.close()
        await rig.stop()


async def read_at_each_period(link: Link, points: list[Point], at_most: int) -> AsyncIterator[list[Reading]]:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(at_most):
        yield await link.read(points)
        await asyncio.sleep(max(0.0, began_s + (number + 1) * PERIOD_S - loop.time()))


def complete(readings: list[Reading]) -> bool:
    return all(reading.value is not None for reading in readings)


async def comes_back(rig: ProxiedRig, fault: Fault) -> None:
    async with running(rig) as (link, points):
        seen = [complete(readings) async for readings in read_at_each_period(link, points, 4)]
        assert seen[-1], seen
        await fault(rig.line)
        seen = [complete(readings) async for readings in read_at_each_period(link, points, AWAY_PERIODS)]
        assert not any(seen[-2:]), (type(rig).__name__, seen)
        rig.line.heal()
        await rig.line.listen()
        seen = [complete(readings) async for readings in read_at_each_period(link, points, PERIODS_TO_BE_BACK)]
        assert seen[-1], (type(rig).__name__, link.reason)


@pytest.mark.server("mosquitto")
@pytest.mark.parametrize("faults", [(refused, switched_off), (silent, frozen)], ids=["refused", "silent"])
async def test_a_line_that_is_back_is_read_within_two_periods(
    faults: tuple[Fault, ...], opcua_server: OpcuaServer
) -> None:
    # nearly all of it is waiting
    async with asyncio.TaskGroup() as group:
        for fault in faults:
            rigs: list[ProxiedRig] = [kind(unused_port()) for kind in (ModbusRig, ModbusRtuOverTcpRig, ModbusTlsRig)]
            rigs += [MqttRig(unused_port()), OpcuaRig(unused_port(), opcua_server)]
            for rig in [*rigs, OpcuaPolledRig(unused_port(), opcua_server)]:
                group.create_task(comes_back(rig, fault))
