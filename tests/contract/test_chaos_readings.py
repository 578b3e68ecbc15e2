"""Whatever a network does: every reading is right, or it is none, and when the network is well again so are they.

What can be noticed at all differs. TCP has a checksum, so that its own faults are losses, delays and pieces, never
other bytes. What a box in between alters is noticed by RTU (its checksum), TLS and OPC UA's signatures. Plain Modbus
TCP tells by its header which request an answer belongs to and how long it is; registers altered on the way look like
any others, and no client can know. The same is true of OPC UA without security and of MQTT without TLS: they are left
out of what alters bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from chaos_proxy import ChaosProxy, End, chance_of_this_run, flipped_bits, flipped_bits_within
from driver_rig import CLOCK, ProxiedRig
from modbus_rigs import ModbusRig, ModbusRtuOverTcpRig, ModbusRtuRig, ModbusTlsRig
from mqtt_rig import MqttRig
from opcua_rig import OpcuaPolledRig, OpcuaRig, OpcuaServer
from ports import unused_port

from drivers.driver import Reading
from drivers.link import Link

TIMEOUT_S = 0.3
PATIENCE_S = 20.0
"""How long a well line may take to give a reading on a machine that has other things to do."""

FAULT_S = 0.7
"""More than two time-outs, so that a fault is met by requests in every state."""

RIGS: dict[str, Callable[..., ProxiedRig]] = {
    "modbus-tcp": ModbusRig,
    "modbus-rtu": ModbusRtuRig,
    "modbus-rtu-over-tcp": ModbusRtuOverTcpRig,
    "modbus-tls": ModbusTlsRig,
    "opcua": OpcuaRig,
    "opcua-polled": OpcuaPolledRig,
    "mqtt": MqttRig,
}

LAG_S = {"mqtt": 10.0, "opcua": 2.5 * TIMEOUT_S}
"""How old the value of a reading may be beyond its request: MQTT gives what was published last, up to `stale_s` ago, an
OPC UA subscription what may have been a time-out on its way, be believed for another, and have waited to be sent."""

Fault = Callable[[ChaosProxy, random.Random], Awaitable[None]]


# -- what is done to the line ----------------------------------------------------------------------


async def slow(line: ChaosProxy, _: random.Random) -> None:
    for way in (line.to_client, line.to_server):
        way.delay_s, way.jitter_s = 0.02, 0.05


async def too_slow(line: ChaosProxy, _: random.Random) -> None:
    """Answers come before and after the time-out, and no later than a line without transaction ids allows for."""
    line.to_client.delay_s, line.to_client.jitter_s = 0.6 * TIMEOUT_S, 1.1 * TIMEOUT_S


async def byte_by_byte(line: ChaosProxy, _: random.Random) -> None:
    for way in (line.to_client, line.to_server):
        way.slice_bytes = 1


async def in_pieces(line: ChaosProxy, _: random.Random) -> None:
    for way in (line.to_client, line.to_server):
        way.slice_bytes, way.slice_pause_s = 7, 0.004


async def narrow(line: ChaosProxy, _: random.Random) -> None:
    """So narrow that some answers take longer than the time-out."""
    line.to_client.bytes_per_s = 100


async def twice(line: ChaosProxy, _: random.Random) -> None:
    line.to_client.twice = True


async def answers_vanish(line: ChaosProxy, _: random.Random) -> None:
    line.to_client.hole = True


async def requests_vanish(line: ChaosProxy, _: random.Random) -> None:
    line.to_server.hole = True


async def all_vanishes(line: ChaosProxy, _: random.Random) -> None:
    line.to_client.hole = line.to_server.hole = True


async def frozen(line: ChaosProxy, chance: random.Random) -> None:
    """What was kept arrives all at once, when the next is asked already."""
    line.freeze()
    asyncio.get_running_loop().call_later(TIMEOUT_S * (0.8 + 0.6 * chance.random()), line.thaw)


async def reset(line: ChaosProxy, _: random.Random) -> None:
    line.reset()


async def cut(line: ChaosProxy, chance: random.Random) -> None:
    line.to_client.cut_after = chance.randrange(200)


async def closed_to_the_server(line: ChaosProxy, _: random.Random) -> None:
    line.close(End.SERVER)


async def closed_to_the_client(line: ChaosProxy, _: random.Random) -> None:
    line.close(End.CLIENT)


async def refused(line: ChaosProxy, _: random.Random) -> None:
    await line.refuse()


async def vanished(line: ChaosProxy, _: random.Random) -> None:
    await line.vanish()


async def altered(line: ChaosProxy, _: random.Random) -> None:
    line.to_client.spoil, line.to_server.spoil = flipped_bits(0.3), flipped_bits(0.1)


async def altered_header(line: ChaosProxy, _: random.Random) -> None:
    """Transaction, protocol, length and unit, then function and byte count: nothing of the registers."""
    line.to_client.spoil, line.to_server.spoil = flipped_bits_within(0.5, 0, 9), flipped_bits_within(0.2, 0, 8)


LATE: Sequence[Fault] = (slow, too_slow, byte_by_byte, in_pieces, narrow, frozen)
LOST: Sequence[Fault] = (answers_vanish, requests_vanish, all_vanishes)
ENDED: Sequence[Fault] = (reset, cut, closed_to_the_server, closed_to_the_client, refused, vanished)
FAULTS: dict[str, Sequence[Fault]] = {
    "modbus-tcp": (*LATE, *LOST, *ENDED, twice, altered_header),
    # the end of its socket is the end of the pseudo terminal, which nothing brings back
    "modbus-rtu": (*LATE, *LOST, twice, altered),
    "modbus-rtu-over-tcp": (*LATE, *LOST, *ENDED, twice, altered),
    "modbus-tls": (*LATE, *LOST, *ENDED, twice, altered),
    "opcua": (*LATE, *LOST, *ENDED),
    "opcua-polled": (*LATE, *LOST, *ENDED),
    "mqtt": (*LATE, *LOST, *ENDED),
}
TOO_LATE_TOGETHER: dict[str, Sequence[Fault]] = {
    "modbus-rtu": (frozen, narrow, twice),
    "modbus-rtu-over-tcp": (twice,),
}
"""RTU has no transaction ids: an answer that comes a second time, or later than any device may be, after the same unit
was asked anew can be told from the new one by nobody. One of these alone does not bring that about, two together do."""


# -- what the device really shows ------------------------------------------------------------------


@dataclass
class Shown:
    """A device whose power changes all the time, and never to a value that it had before."""

    rig: ProxiedRig
    lag_s: float
    log: list[tuple[float, float]] = field(default_factory=list)
    """From when, and the value in kW. The one before is gone once showing it has ended."""
    gone: list[float] = field(default_factory=list)

    async def go_on(self) -> None:
        number = 0
        while True:
            number += 1
            # from one sign to the other, so that both its registers change each time
            raw = number if number % 2 else -number
            self.log.append((time.monotonic(), -raw / 10))
            await self.rig.show("active_power_kw", raw)
            self.gone.append(time.monotonic())
            await asyncio.sleep(0.01)

    def check(self, readings: Sequence[Reading], asked_s: float, answered_s: float) -> None:
        power, soc, supply = (reading.value for reading in readings)
        assert soc in (None, pytest.approx(0.5)), readings
        assert supply in (None, pytest.approx(20.0)), readings
        if power is None:
            return
        # the last one or two are there still
        gone = [*self.gone[1:], math.inf, math.inf]
        right = [
            value
            for (began_s, value), gone_s in zip(self.log, gone, strict=False)
            if began_s <= answered_s and gone_s >= asked_s - self.lag_s
        ]
        assert any(power == pytest.approx(value) for value in right), (type(self.rig).__name__, power, right)


@pytest.fixture(scope="module")
def opcua_server() -> Iterator[OpcuaServer]:
    server = OpcuaServer()
    yield server
    server.close()


@contextlib.asynccontextmanager
async def running(protocol: str, opcua_server: OpcuaServer) -> AsyncIterator[tuple[ProxiedRig, Shown]]:
    port = unused_port()
    rig = RIGS[protocol](port, opcua_server) if protocol.startswith("opcua") else RIGS[protocol](port)
    rig.timeout_s = TIMEOUT_S
    await rig.start()
    await rig.show("soc", 50)
    await rig.show("supply_degc", 200)
    shown = Shown(rig, LAG_S.get(protocol, 0.0))
    showing = asyncio.create_task(shown.go_on())
    try:
        yield rig, shown
    finally:
        showing.cancel()
        await asyncio.wait([showing])
        rig.line.heal()
        await rig.stop()


async def read(link: Link, rig: ProxiedRig, shown: Shown) -> list[Reading]:
    points = [rig.points[name] for name in ("active_power_kw", "soc", "supply_degc")]
    asked_s = time.monotonic()
    readings = await link.read(points)
    shown.check(readings, asked_s, time.monotonic())
    return readings


async def read_for(duration_s: float, link: Link, rig: ProxiedRig, shown: Shown) -> None:
    until_s = time.monotonic() + duration_s
    while time.monotonic() < until_s:
        await read(link, rig, shown)
        await asyncio.sleep(0.005)


async def well(link: Link, rig: ProxiedRig, shown: Shown) -> None:
    """Until the line gives everything."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        readings = await read(link, rig, shown)
        if all(reading.value is not None for reading in readings):
            return
        assert time.monotonic() < deadline_s, readings
        await asyncio.sleep(0.02)


async def tried(protocol: str, fault: Fault, chance: random.Random, opcua_server: OpcuaServer) -> None:
    async with running(protocol, opcua_server) as (rig, shown):
        link = Link(rig.driver(), CLOCK)
        await well(link, rig, shown)
        await fault(rig.line, chance)
        await read_for(FAULT_S, link, rig, shown)
        rig.line.heal()
        await rig.line.listen()
        await well(link, rig, shown)
        await link.close()


async def tried_one_after_another(protocol: str, chance: random.Random, opcua_server: OpcuaServer) -> None:
    async with running(protocol, opcua_server) as (rig, shown):
        link = Link(rig.driver(), CLOCK)
        await well(link, rig, shown)
        faults = [fault for fault in FAULTS[protocol] if fault not in TOO_LATE_TOGETHER.get(protocol, ())]
        for _ in range(12):
            for fault in chance.sample(faults, 2):
                await fault(rig.line, chance)
            await read_for(FAULT_S / 2 * chance.random(), link, rig, shown)
            if chance.random() < 0.7:
                rig.line.heal()
                await rig.line.listen()
                await read_for(FAULT_S / 2 * chance.random(), link, rig, shown)
        rig.line.heal()
        await rig.line.listen()
        await well(link, rig, shown)
        await link.close()


ALL_FAULTS = dict.fromkeys(fault for faults in FAULTS.values() for fault in faults)
GROUPS = [
    pytest.param(("modbus-tcp", "modbus-rtu-over-tcp", "modbus-tls", "opcua"), id="sockets"),
    pytest.param(("modbus-rtu",), marks=pytest.mark.server("socat"), id="serial"),
    pytest.param(("mqtt",), marks=pytest.mark.server("mosquitto"), id="mqtt"),
]
"""What is tried at the same time: nearly all of it is waiting."""


@pytest.mark.parametrize("protocols", GROUPS[:1])
@pytest.mark.parametrize("fault", ALL_FAULTS, ids=lambda fault: fault.__name__)
async def test_a_reading_on_a_socket_is_right_or_none_under(
    fault: Fault, protocols: Sequence[str], opcua_server: OpcuaServer
) -> None:
    chance = chance_of_this_run()
    async with asyncio.TaskGroup() as group:
        for protocol in protocols:
            if fault in FAULTS[protocol]:
                group.create_task(tried(protocol, fault, chance, opcua_server))


@pytest.mark.parametrize("protocols", GROUPS[1:])
async def test_a_reading_is_right_or_none_under_any_fault(protocols: Sequence[str], opcua_server: OpcuaServer) -> None:
    chance = chance_of_this_run()
    async with asyncio.TaskGroup() as group:
        for protocol in protocols:
            for fault in FAULTS[protocol]:
                group.create_task(tried(protocol, fault, chance, opcua_server))


@pytest.mark.parametrize("protocols", [*GROUPS, pytest.param(("opcua-polled",), id="polled")])
async def test_a_reading_is_right_or_none_under_one_fault_after_another(
    protocols: Sequence[str], opcua_server: OpcuaServer
) -> None:
    chance = chance_of_this_run()
    async with asyncio.TaskGroup() as group:
        for protocol in protocols:
            group.create_task(tried_one_after_another(protocol, chance, opcua_server))
