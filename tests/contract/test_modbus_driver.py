"""What only Modbus has: blocks, splits, short answers, scale factors, several units on one connection."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from config.clock import SystemClock
from config.connection import ModbusTcp
from config.loader import example_site, load_site
from config.point import Point, points_of
from config.profile import ModbusProfile
from drivers.driver import Accepted, LinkDown, Quality, Rejected, Setpoint, Unconfirmed
from drivers.link import Link, LinkState
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection
from drivers.site import links_of

TIMEOUT_S = 0.3


@dataclass
class Gateway:
    """A Modbus TCP server written out by hand, with units that misbehave as told."""

    units: dict[int, dict[int, int]]
    asked: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Unit, function, address and count or value of each request."""
    connections: int = 0
    silent: set[int] = field(default_factory=set)
    """Units that do not answer."""
    failing: dict[int, int] = field(default_factory=dict)
    """Exception code by unit."""
    missing: int = 0
    """Registers left out of each answer."""
    mixed_up: bool = False
    """Answers a read as if one register had been written."""
    delay_s: float = 0.0
    port: int = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                request = await reader.readexactly(length - 1)
                # what was asked is settled now, also when the answer comes late
                answer = self._answer(unit, request)
                await asyncio.sleep(self.delay_s)
                if unit not in self.silent:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, unit: int, request: bytes) -> bytes:
        function, address, count = struct.unpack(">BHH", request[:5])
        self.asked.append((unit, function, address, count))
        if unit in self.failing:
            return bytes([function | 0x80, self.failing[unit]])
        registers = self.units[unit]
        if self.mixed_up:
            return struct.pack(">BHH", 6, address, 7)
        if function in (3, 4):
            wanted = range(address, address + count)
            if any(register not in registers for register in wanted):
                return bytes([function | 0x80, 2])
            words = [registers[register] for register in wanted][: count - self.missing]
            return struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)
        words = [count] if function == 6 else list(struct.unpack(f">{count}H", request[6:]))
        registers.update(enumerate(words, start=address))
        return request[:5]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway({1: {}, 2: {}})
    async with await gateway.start():
        yield gateway


def connection_to(gateway: Gateway) -> ModbusConnection:
    return ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=gateway.port, timeout_s=TIMEOUT_S))


def profile_points(**points: dict[str, object]) -> dict[str, Point]:
    profile = ModbusProfile.model_validate(
        {
            "protocol": "modbus",
            "description": "made up",
            "verified": True,
            "source": "this file",
            "points": {name: {"valid": [-1e6, 1e6], "type": "u16", **point} for name, point in points.items()},
        }
    )
    return {point.name: point for point in points_of("device", profile, {})}


async def connected(
    gateway: Gateway, points: dict[str, Point], unit: int = 1, connection: ModbusConnection | None = None
) -> ModbusDriver:
    driver = ModbusDriver(connection or connection_to(gateway), unit, list(points.values()), SystemClock())
    await driver.connect()
    return driver


THREE = profile_points(a_kw={"address": 10}, b_kw={"address": 11, "type": "s32"}, c_kw={"address": 15})


async def test_neighbours_cost_one_request(gateway: Gateway) -> None:
    gateway.units[1] = {register: register for register in range(10, 20)} | {11: 0xFFFF, 12: 0xFFFE}
    driver = await connected(gateway, THREE)
    readings = await driver.read(list(THREE.values()))
    assert [reading.value for reading in readings] == [10.0, -2.0, 15.0]
    assert gateway.asked == [(1, 3, 10, 6)]
    await driver.close()


async def test_a_refused_block_is_cut_where_it_must_be_from_then_on(gateway: Gateway) -> None:
    gateway.units[1] = {10: 1, 11: 0, 12: 2, 15: 3}  # 13 and 14 do not exist
    driver = await connected(gateway, THREE)
    halves = [(1, 3, 10, 1), (1, 3, 11, 5), (1, 3, 11, 2), (1, 3, 15, 1)]
    assert [reading.value for reading in await driver.read(list(THREE.values()))] == [1.0, 2.0, 3.0]
    assert gateway.asked == [(1, 3, 10, 6), *halves]
    gateway.asked.clear()
    assert [reading.value for reading in await driver.read(list(THREE.values()))] == [1.0, 2.0, 3.0]
    assert gateway.asked == [(1, 3, 10, 3), (1, 3, 15, 1)]
    await driver.close()


async def test_a_register_that_is_not_there_is_bad_alone(gateway: Gateway) -> None:
    gateway.units[1] = {10: 1, 11: 0, 12: 2}
    driver = await connected(gateway, THREE)
    good, also_good, missing = await driver.read(list(THREE.values()))
    assert (good.value, also_good.value) == (1.0, 2.0)
    assert (missing.quality, missing.reason) == (Quality.BAD, "the device refuses: illegal data address")
    await driver.close()


async def test_a_device_that_refuses_everything_keeps_its_blocks(gateway: Gateway) -> None:
    gateway.units[1] = dict.fromkeys(range(10, 20), 7)
    gateway.failing[1] = 6
    driver = await connected(gateway, THREE)
    readings = await driver.read(list(THREE.values()))
    assert {reading.reason for reading in readings} == {"the device refuses: device busy"}
    gateway.failing.clear()
    gateway.asked.clear()
    assert all(reading.value is not None for reading in await driver.read(list(THREE.values())))
    assert len(gateway.asked) == 1
    await driver.close()


async def test_a_short_answer_is_no_value(gateway: Gateway) -> None:
    gateway.units[1] = dict.fromkeys(range(10, 20), 7)
    gateway.missing = 1
    points = profile_points(b_kw={"address": 11, "type": "s32"})
    driver = await connected(gateway, points)
    (reading,) = await driver.read([points["b_kw"]])
    assert reading.quality is Quality.BAD
    assert reading.reason == "answered 1 registers instead of 2 from 11"
    await driver.close()


async def test_an_answer_to_another_question_is_no_value(gateway: Gateway) -> None:
    gateway.mixed_up = True
    points = profile_points(a_kw={"address": 10})
    driver = await connected(gateway, points)
    (reading,) = await driver.read([points["a_kw"]])
    assert reading.reason == "answered function 6 to a read of holding registers"
    await driver.close()


async def test_input_registers_and_low_words_first(gateway: Gateway) -> None:
    gateway.units[1] = {10: 0x0000, 11: 0x3FC0}
    points = profile_points(heat_kw={"address": 10, "type": "f32", "low_word_first": True, "table": "input"})
    driver = await connected(gateway, points)
    (reading,) = await driver.read([points["heat_kw"]])
    assert reading.value == 1.5
    assert gateway.asked == [(1, 4, 10, 2)]
    await driver.close()


# -- scale factors -------------------------------------------------------------------------------

SCALED = profile_points(
    power_kw={"address": 10, "type": "s16", "scale_factor": 11, "scale": 0.001, "sentinels": [0x8000]},
    limit_kw={
        "address": 30,
        "scale_factor": 31,
        "setpoint": {
            "range": [0, 1000],
            "resolution": 0.1,
            "tolerance": 0.1,
            "safe": 0,
            "arm": [{"address": 40, "value": 120}, {"address": 50, "type": "u32", "value": 70000}],
        },
    },
)


@pytest.mark.parametrize(
    ("word", "exponent", "value", "reason"),
    [
        (7301, 1, 73.01, ""),
        (7301, 0xFFFF, 0.7301, ""),
        (0x8000, 1, None, "the device has no value"),
        (7301, 0x8000, None, "the device has no scale factor"),
        (7301, 300, None, "scale factor 300 is outside -10..10"),
    ],
)
async def test_a_scale_factor_is_read_with_its_value(
    gateway: Gateway, word: int, exponent: int, value: float | None, reason: str
) -> None:
    gateway.units[1] = {10: word, 11: exponent}
    driver = await connected(gateway, SCALED)
    (reading,) = await driver.read([SCALED["power_kw"]])
    assert reading.value == (None if value is None else pytest.approx(value))
    assert reading.reason == reason
    assert len(gateway.asked) == 1
    await driver.close()


async def test_a_write_asks_for_the_scale_factor_once_and_arms_in_order(gateway: Gateway) -> None:
    gateway.units[1] = {30: 0, 31: 0xFFFE, 40: 0, 50: 0, 51: 0}
    driver = await connected(gateway, SCALED)
    setpoint = Setpoint(point=SCALED["limit_kw"], value=65.5)
    assert await driver.write([setpoint]) == [Accepted(65.5)]
    # 70000 is 0x00011170: function 16 with two registers, after the single one by function 6
    writes = [(1, 6, 30, 6550), (1, 6, 40, 120), (1, 16, 50, 2)]
    assert gateway.asked == [(1, 3, 31, 1), *writes, (1, 3, 30, 2)]
    assert (gateway.units[1][50], gateway.units[1][51]) == (1, 0x1170)
    gateway.asked.clear()
    assert await driver.write([setpoint]) == [Accepted(65.5)]
    assert gateway.asked == [*writes, (1, 3, 30, 2)]
    await driver.close()


async def test_a_value_that_does_not_fit_is_rejected_before_anything_is_written(gateway: Gateway) -> None:
    gateway.units[1] = {30: 5, 31: 0xFFFE, 40: 0, 50: 0, 51: 0}
    driver = await connected(gateway, SCALED)
    (result,) = await driver.write([Setpoint(point=SCALED["limit_kw"], value=700.0)])
    assert result == Rejected("device.limit_kw: 70000 is outside 0..65535, the range of u16")
    assert gateway.units[1][30] == 5
    await driver.close()


async def test_without_a_scale_factor_nothing_is_written(gateway: Gateway) -> None:
    gateway.units[1] = {30: 5, 31: 0x8000}
    driver = await connected(gateway, SCALED)
    (result,) = await driver.write([Setpoint(point=SCALED["limit_kw"], value=7.0)])
    assert result == Rejected("device.limit_kw: the device has no scale factor")
    assert gateway.asked == [(1, 3, 31, 1)]
    await driver.close()


async def test_a_read_back_that_cannot_be_read_is_unconfirmed(gateway: Gateway) -> None:
    points = profile_points(
        limit_kw={
            "address": 30,
            "setpoint": {"range": [0, 9], "resolution": 1, "tolerance": 0, "safe": 0, "read_back": "in_force_kw"},
        },
        in_force_kw={"address": 60},
    )
    driver = await connected(gateway, points)
    (result,) = await driver.write([Setpoint(point=points["limit_kw"], value=7.0)])
    assert isinstance(result, Unconfirmed)
    assert result.reason == "device.in_force_kw cannot be read back: the device refuses: illegal data address"
    assert gateway.units[1][30] == 7
    await driver.close()


# -- several units -------------------------------------------------------------------------------

ONE = profile_points(power_kw={"address": 10})


async def test_units_share_one_connection_until_the_last_leaves(gateway: Gateway) -> None:
    gateway.units = {1: {10: 100}, 2: {10: 200}}
    connection = connection_to(gateway)
    first, second = [await connected(gateway, ONE, unit, connection) for unit in (1, 2)]
    answers = await asyncio.gather(*(driver.read([ONE["power_kw"]]) for driver in (first, second) * 5))
    assert [answer[0].value for answer in answers] == [100.0, 200.0] * 5
    assert gateway.connections == 1
    await first.close()
    assert (await second.read([ONE["power_kw"]]))[0].value == 200.0
    assert gateway.connections == 1
    await second.close()
    with pytest.raises(LinkDown):
        await second.read([ONE["power_kw"]])


async def test_a_silent_unit_leaves_the_others_alone(gateway: Gateway) -> None:
    gateway.units = {1: {10: 100}, 2: {10: 200}}
    gateway.silent = {2}
    connection = connection_to(gateway)
    first, second = [await connected(gateway, ONE, unit, connection) for unit in (1, 2)]
    with pytest.raises(LinkDown, match="unit 2 does not answer"):
        await second.read([ONE["power_kw"]])
    assert (await first.read([ONE["power_kw"]]))[0].value == 100.0
    # the silent unit took its connection with it
    assert gateway.connections == 2
    await first.close()
    await second.close()


async def test_a_unit_that_the_gateway_cannot_reach_is_down(gateway: Gateway) -> None:
    gateway.units = {1: {10: 100}, 2: {10: 200}}
    gateway.failing = {2: 11}
    connection = connection_to(gateway)
    first, second = [await connected(gateway, ONE, unit, connection) for unit in (1, 2)]
    with pytest.raises(LinkDown, match="unit 2: it does not answer the gateway"):
        await second.read([ONE["power_kw"]])
    assert (await first.read([ONE["power_kw"]]))[0].value == 100.0
    assert gateway.connections == 1
    await first.close()
    await second.close()


async def test_a_late_answer_is_not_taken_for_a_new_one(gateway: Gateway) -> None:
    gateway.units[1] = {10: 1}
    driver = await connected(gateway, ONE)
    gateway.delay_s = 1.5 * TIMEOUT_S
    with pytest.raises(LinkDown):
        await driver.read([ONE["power_kw"]])
    gateway.delay_s = 0.0
    gateway.units[1] = {10: 2}
    await driver.connect()
    for _ in range(5):
        assert (await driver.read([ONE["power_kw"]]))[0].value == 2.0
        await asyncio.sleep(0.1)
    await driver.close()


# -- a profile of the park -----------------------------------------------------------------------


async def test_a_sunspec_inverter_by_the_demo_parks_profile(gateway: Gateway) -> None:
    words = {40084: 5123, 40085: 2, 40094: 0x0012, 40095: 0xD687, 40096: 3, 40108: 4, 40173: 0xFFFE}
    words |= {40155: 10000, 40157: 0, 40159: 0}
    # SunSpec fills its models without a gap
    gateway.units[1] = dict.fromkeys(range(40069, 40180), 0xFFFF) | words
    site = load_site(example_site("demo_park"), {"pv_a_tcp": {"port": gateway.port}})
    link: Link = links_of(site, SystemClock())["pv_a_inverter"]
    points = site.points["pv_a_inverter"]
    readings = {reading.point.partition(".")[2]: reading for reading in await link.read(points)}
    assert readings["active_power_kw"].value == pytest.approx(512.3)  # 5123 x 10^2 W
    assert readings["energy_kwh"].value == pytest.approx(0x12D687)  # x 10^3 Wh
    assert readings["status"].value == 4.0
    assert readings["power_limit_kw"].value == pytest.approx(1000.0)  # 10000 x 10^-2 % of 1000 kW
    assert link.state is LinkState.UP

    limit = site.point("pv_a", "power_limit_kw")
    assert limit is not None
    assert await link.write([Setpoint(point=limit, value=437.6)]) == [Accepted(pytest.approx(438.0))]
    assert [gateway.units[1][register] for register in (40155, 40157, 40159)] == [4380, 120, 1]
    assert (link.counts.good, link.counts.bad, link.counts.confirmed) == (4, 0, 1)
    await link.close()
