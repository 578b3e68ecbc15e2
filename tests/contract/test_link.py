"""When a link touches the wire, in the time of a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from ports import unused_port

from config.connection import ModbusTcp
from config.loader import example_site, load_site
from config.point import Point, points_of
from config.profile import ModbusProfile
from drivers.driver import DriverError, LinkDown, Quality, Setpoint, Unconfirmed
from drivers.gate import WriteGate
from drivers.line import Line
from drivers.link import Link, LinkState
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection
from drivers.site import links_of

TIMEOUT_S = 0.2
SHORTEST_CYCLE_S = 0.2


@dataclass
class JumpingClock:
    seconds: float = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 10, 14, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def site_s(self) -> float:
        return self.seconds

    def monotonic_s(self) -> float:
        return self.seconds


@dataclass
class Unit:
    """Modbus units with the number 7 in every register, and mute buttons; unit 1 is the one that is counted."""

    requests: int = 0
    connections: int = 0
    mute: bool = False
    dead: set[int] = field(default_factory=set)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = await reader.readexactly(12)
                self.requests += request[6] == 1
                if self.mute or request[6] in self.dead:
                    continue
                if request[7] == 3:
                    writer.write(request[:5] + bytes([5]) + request[6:8] + bytes([2, 0, 7]))
                else:
                    writer.write(request)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


PROFILE = ModbusProfile.model_validate(
    {
        "protocol": "modbus",
        "description": "made up",
        "verified": True,
        "source": "this file",
        "points": {
            "limit_kw": {
                "address": 10,
                "type": "u16",
                "valid": [0, 100],
                "setpoint": {"range": [0, 100], "resolution": 1, "tolerance": 0, "safe": 0},
            }
        },
    }
)
POINT: Point = points_of("device", PROFILE, {})[0]


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    unit = Unit()
    async with await asyncio.start_server(unit.serve, "127.0.0.1", 0) as server:
        unit.port = server.sockets[0].getsockname()[1]
        yield unit


def links_to(port: int, clock: JumpingClock, units: int, cap_s: float = 60.0, chance: float = 0.0) -> list[Link]:
    """Units behind one connection."""
    connection = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=port, timeout_s=TIMEOUT_S))
    line = Line()
    drivers = [ModbusDriver(connection, unit, [POINT], clock) for unit in range(1, units + 1)]
    gates = [WriteGate([POINT], [POINT.name]) for _ in drivers]
    pairs = zip(drivers, gates, strict=True)
    return [Link(driver, clock, line, gate, cap_s=cap_s, chance=lambda: chance) for driver, gate in pairs]


def link_to(port: int, clock: JumpingClock) -> Link:
    return links_to(port, clock, 1)[0]


async def values_of(links: Sequence[Link]) -> list[float | None]:
    return [(await link.read([POINT]))[0].value for link in links]


async def test_nothing_is_connected_before_it_is_needed(unit: Unit) -> None:
    link = link_to(unit.port, JumpingClock())
    assert await link.read([]) == []
    assert await link.write([]) == []
    assert (link.state, unit.connections) == (LinkState.DOWN, 0)
    await link.close()


async def test_a_dead_unit_behind_a_live_gateway_is_asked_less_and_less(unit: Unit) -> None:
    clock = JumpingClock()
    links = link, _ = links_to(unit.port, clock, 2, cap_s=5.0)
    assert await values_of(links) == [7.0, 7.0]
    assert (link.state, unit.requests) == (LinkState.UP, 1)

    unit.dead = {1}
    (reading,) = await link.read([POINT])
    assert (reading.quality, reading.value, reading.received_s) == (Quality.BAD, None, clock.seconds)
    assert "unit 1 does not answer" in reading.reason
    assert (link.state, unit.requests) == (LinkState.DOWN, 2)

    # the first retry is for a lost answer, and the waits begin when the neighbour is heard and this one is not
    for wait_s in (0.15, 1.0, 2.0, 4.0, 5.0, 5.0):
        before = unit.requests
        clock.seconds += wait_s - 0.001
        assert await values_of(links) == [None, 7.0]
        assert unit.requests == before, "asked before it was due"
        clock.seconds += 0.001
        assert await values_of(links) == [None, 7.0]
        assert unit.requests == before + 1, "asked once, not more"

    unit.dead = set()
    clock.seconds += 5.0
    (reading,) = await link.read([POINT])
    assert (reading.value, link.state, link.reason) == (7.0, LinkState.UP, "")
    for each in links:
        await each.close()


async def test_a_unit_that_is_alone_on_its_line_is_asked_in_every_cycle(unit: Unit) -> None:
    clock = JumpingClock()
    link = link_to(unit.port, clock)
    await link.read([POINT])
    unit.mute = True
    for _ in range(5):
        before = unit.requests
        assert await values_of([link]) == [None]
        assert unit.requests == before + 1
        await link.read([POINT])
        assert unit.requests == before + 1, "asked twice in a cycle"
        clock.seconds += SHORTEST_CYCLE_S
    unit.mute = False
    assert await values_of([link]) == [7.0]
    await link.close()


async def test_while_down_a_write_is_unconfirmed_and_says_why(unit: Unit) -> None:
    clock = JumpingClock()
    link = link_to(unit.port, clock)
    setpoint = Setpoint(point=POINT, value=7.0)
    unit.mute = True
    await link.read([POINT])
    asked = unit.requests
    (result,) = await link.write([setpoint])
    assert isinstance(result, Unconfirmed)
    assert result.read_back is None
    assert "does not answer" in result.reason
    assert unit.requests == asked

    unit.mute = False
    clock.seconds += SHORTEST_CYCLE_S
    await link.write([setpoint])  # a write that is due connects as a read does
    assert link.state is LinkState.UP
    assert (link.counts.confirmed, link.counts.unconfirmed, link.counts.bad) == (1, 1, 1)
    await link.close()


async def test_a_closed_link_stays_closed(unit: Unit) -> None:
    link = link_to(unit.port, JumpingClock())
    await link.read([POINT])
    await link.close()
    (reading,) = await link.read([POINT])
    assert (reading.reason, link.state, unit.connections) == ("closed", LinkState.DOWN, 1)


async def test_a_cancelled_read_leaves_the_link_usable(unit: Unit) -> None:
    link = link_to(unit.port, JumpingClock())
    unit.mute = True
    reading = asyncio.create_task(link.read([POINT]))
    await asyncio.sleep(TIMEOUT_S / 4)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    unit.mute = False
    assert (await link.read([POINT]))[0].value == 7.0
    await link.close()


async def test_a_link_never_raises_for_a_host_that_is_not_there() -> None:
    link = link_to(unused_port(), JumpingClock())
    (reading,) = await link.read([POINT])
    assert "no connection" in reading.reason
    await link.close()


def test_a_site_has_a_link_per_device_and_says_which_password_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = JumpingClock()
    site = load_site(example_site("demo_park"))
    links = links_of(site, clock)
    assert list(links) == list(site.devices)
    assert all(link.state is LinkState.DOWN for link in links.values())

    secret = load_site(example_site("demo_park"), {"broker": {"username": "ems", "password_env": "PARK_BROKER"}})
    monkeypatch.delenv("PARK_BROKER", raising=False)
    with pytest.raises(DriverError, match="PARK_BROKER is not set"):
        links_of(secret, clock)
    monkeypatch.setenv("PARK_BROKER", "open sesame")
    assert len(links_of(secret, clock)) == len(site.devices)


async def test_a_driver_raises_where_a_link_does_not(unit: Unit) -> None:
    spec = ModbusTcp(protocol="modbus", host="127.0.0.1", port=unit.port, timeout_s=TIMEOUT_S)
    driver = ModbusDriver(ModbusConnection(spec), 1, [POINT], JumpingClock())
    with pytest.raises(LinkDown, match="not connected"):
        await driver.read([POINT])
