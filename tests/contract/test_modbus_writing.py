"""What goes over the wire for a setpoint: order, blocks and functions, what stops it, and heartbeats after it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gateway import running
from modbus_unit import Unit, served

from config.connection import ModbusTcp
from config.loader import example_site, load_site
from config.point import Point, points_of
from config.profile import ModbusProfile
from config.register import Heartbeat
from drivers.driver import Accepted, LinkDown, Rejected, Setpoint, WriteResult
from drivers.gate import WriteGate
from drivers.link import Link
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection

LIMITS = {"range": [-100, 100], "resolution": 0.1, "tolerance": 0.1, "safe": 0}
RATE = {"address": 12, "type": "s16", "scale_factor": 25, "sentinels": [0x8000]}
STORAGE = {
    "before": [{"address": 15, "value": 120}],
    "also": [{"address": 13, "carries": "negative"}],
    "together": [[12, 13]],
    "arm": [{"address": 5, "value": 3}],
}
"""A battery of SunSpec's model 124, at 0."""


@dataclass
class Clock:
    """Time that a test moves on."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 10, 14, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def site_s(self) -> float:
        return self.seconds

    def monotonic_s(self) -> float:
        return self.seconds


@dataclass
class Told:
    """A unit, and a driver for a profile with one setpoint."""

    unit: Unit
    driver: ModbusDriver
    point: Point
    clock: Clock

    async def write(self, value: float) -> WriteResult:
        (result,) = await self.driver.write([Setpoint(point=self.point, value=value)])
        return result


Tell = Callable[..., Awaitable[Told]]


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    async with served() as one:
        one.registers = dict.fromkeys(range(60), 0)
        yield one


@pytest.fixture
async def tell(unit: Unit) -> AsyncIterator[Tell]:
    drivers: list[ModbusDriver] = []

    async def start(
        point: dict[str, Any], setpoint: dict[str, Any], heartbeats: tuple[dict[str, Any], ...] = ()
    ) -> Told:
        profile = ModbusProfile.model_validate(
            {
                "protocol": "modbus",
                "description": "made up",
                "verified": True,
                "source": "this file",
                "points": {"power_setpoint_kw": {"valid": [-1000, 1000], **point, "setpoint": {**LIMITS, **setpoint}}},
                "heartbeats": heartbeats,
            }
        )
        (made,) = points_of("device", profile, {})
        clock = Clock()
        connection = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=unit.port, timeout_s=2.0))
        drivers.append(ModbusDriver(connection, 1, [made], clock, profile.heartbeats))
        await drivers[-1].connect()
        return Told(unit, drivers[-1], made, clock)

    yield start
    for driver in drivers:
        await driver.close()


# -- order, blocks, functions ------------------------------------------------------------------------


async def test_a_block_goes_out_in_one_request_between_what_comes_before_and_what_arms_it(tell: Tell) -> None:
    told = await tell(RATE, STORAGE)
    told.unit.registers[25] = 0xFFFE  # hundredths
    assert await told.write(-50) == Accepted(-50.0)
    # -5000 is 0xEC78
    assert told.unit.written == [(6, 15, (120,)), (16, 12, (0xEC78, 5000)), (6, 5, (3,))]
    told.unit.written.clear()
    assert await told.write(50) == Accepted(50.0)
    assert told.unit.written == [(6, 15, (120,)), (16, 12, (5000, 0xEC78)), (6, 5, (3,))]
    # the scale factor was asked for once, and the value after each write
    assert told.unit.read[0] == (25, 1)
    assert [address for address, _ in told.unit.read[1:]] == [12, 12]


async def test_a_block_takes_in_what_comes_before_and_after_and_keeps_its_place(tell: Tell) -> None:
    setpoint = {
        "before": [{"address": 30, "value": 1}, {"address": 9, "value": 7}],
        "arm": [{"address": 12, "type": "u32", "value": 70000}, {"address": 31, "value": 2}],
        "together": [[9, 13]],
    }
    told = await tell({"address": 10, "type": "s32"}, setpoint)
    assert await told.write(-3) == Accepted(-3.0)
    block = (7, 0xFFFF, 0xFFFD, 1, 0x1170)
    assert told.unit.written == [(6, 30, (1,)), (16, 9, block), (6, 31, (2,))]


async def test_function_16_for_a_single_register_where_the_device_wants_it(tell: Tell) -> None:
    told = await tell({"address": 10, "type": "s16"}, {"function": 16, "arm": [{"address": 20, "value": 1}]})
    assert await told.write(-2) == Accepted(-2.0)
    assert told.unit.written == [(16, 10, (0xFFFE,)), (16, 20, (1,))]


async def test_a_sum_is_written_in_parts_and_read_back_as_one(tell: Tell) -> None:
    point = {"address": 10, "type": "u32", "minus": [14]}
    also = [
        {"address": 12, "carries": "positive_part"},
        {"address": 14, "carries": "negative_part"},
        {"address": 16, "codes": {-1: 2289, 0: 2424, 1: 2424}},
    ]
    told = await tell(point, {"carries": "positive_part", "also": also})
    assert await told.write(-70) == Accepted(-70.0)
    assert [(address, words[1]) for _, address, words in told.unit.written] == [(10, 0), (12, 0), (14, 70), (16, 2289)]
    told.unit.written.clear()
    assert await told.write(70) == Accepted(70.0)
    assert [(address, words[1]) for _, address, words in told.unit.written] == [(10, 70), (12, 70), (14, 0), (16, 2424)]


async def test_phases_share_a_value_evenly(tell: Tell) -> None:
    also = [{"address": address, "carries": "share"} for address in (20, 21)]
    told = await tell(
        {"address": 17, "type": "s16", "plus": [20, 21], "turn": True, "scale": 0.001},
        {"carries": "share", "also": also, "function": 16},
    )
    assert await told.write(0.9) == Accepted(0.9)
    # the device counts the other way: -300 W each
    assert told.unit.written == [(16, 17, (0xFED4,)), (16, 20, (0xFED4,)), (16, 21, (0xFED4,))]


async def test_a_further_register_may_have_its_own_type_scale_and_scale_factor(tell: Tell) -> None:
    also = [{"address": 40, "type": "u32", "carries": "size", "scale": 0.001, "scale_factor": 44, "range": [0, 80]}]
    told = await tell(RATE, {"also": also})
    told.unit.registers |= {25: 0, 44: 0xFFFF}
    assert await told.write(-20) == Accepted(-20.0)
    # 20 kW in tenths of a watt: 200 000 is 0x00030D40
    assert told.unit.written == [(6, 12, (0xFFEC,)), (16, 40, (3, 0x0D40))]


# -- what does not fit, and what must not be ----------------------------------------------------------


@pytest.mark.parametrize(
    ("also", "value", "reason"),
    [
        ({"address": 13, "carries": "negative"}, -40, "register 13: 40000 is outside -32768..32767, the range of s16"),
        ({"address": 13, "type": "u16", "carries": "value"}, -1, "register 13: -1000 is outside 0..65535"),
        ({"address": 13, "carries": "size", "range": [0, 5]}, 6, "register 13: 6 is outside 0..5"),
        (
            {"address": 13, "carries": "value", "sentinels": [1000]},
            1,
            "register 13: 1000 would read as 'no value' on the device",
        ),
    ],
)
async def test_a_part_that_does_not_fit_is_rejected_before_anything_is_written(
    tell: Tell, also: dict[str, Any], value: float, reason: str
) -> None:
    # the value itself fits; the further register is in thousandths
    further = {"type": "s16", **also, "scale": 0.001}
    told = await tell({"address": 10, "type": "s32"}, {"before": [{"address": 30, "value": 1}], "also": [further]})
    result = await told.write(value)
    assert isinstance(result, Rejected)
    assert result.reason.startswith(f"device.power_setpoint_kw: {reason}")
    assert told.unit.written == []


async def test_a_device_under_local_control_is_not_written(tell: Tell) -> None:
    local = {"address": 50, "values": [0], "otherwise": "the device is under local control"}
    told = await tell({"address": 10, "type": "s16"}, {"only_when": [local], "arm": [{"address": 20, "value": 1}]})
    told.unit.registers[50] = 1
    why = "device.power_setpoint_kw: the device is under local control (register 50 says 1)"
    assert await told.write(5) == Rejected(why)
    assert told.unit.written == []
    told.unit.registers[50] = 0
    assert await told.write(5) == Accepted(5.0)
    told.unit.registers[50] = 0xFFFF
    assert isinstance(await told.write(6), Rejected)
    del told.unit.registers[50]
    why = "it cannot be seen whether it may be written: register 50: the device refuses: illegal data address"
    assert await told.write(6) == Rejected(f"device.power_setpoint_kw: {why}")
    assert told.unit.registers[10] == 5


# -- heartbeats --------------------------------------------------------------------------------------

WATCHDOG = {"address": 8, "value": 60, "period_s": 5}
COUNTER = {"address": 40, "type": "u32", "period_s": 2}
PLAIN = {"address": 10, "type": "s16"}


async def test_heartbeats_begin_with_the_first_setpoint_and_keep_their_periods(tell: Tell) -> None:
    told = await tell(PLAIN, {}, (WATCHDOG, COUNTER))
    told.unit.registers |= {40: 1, 41: 0xFFFF}
    assert await told.driver.beat() == []
    assert (told.unit.written, told.unit.read) == ([], [])
    await told.write(5)
    told.unit.written.clear()
    for _ in range(10):
        assert await told.driver.beat() == []
        told.clock.seconds += 1
    watchdog, count = (16, 40), (6, 8)
    assert [written[:2] for written in told.unit.written].count(watchdog) == 5
    assert [written[:2] for written in told.unit.written].count(count) == 2
    # it goes on from what the device showed, 0x0001FFFF
    assert [words for _, address, words in told.unit.written if address == 40] == [(2, n) for n in range(5)]
    assert {words for _, address, words in told.unit.written if address == 8} == {(60,)}


async def test_a_counter_passes_over_no_value_and_starts_again(tell: Tell) -> None:
    told = await tell(PLAIN, {}, ({"address": 40, "period_s": 1},))
    told.unit.registers[40] = 0xFFFD
    await told.write(5)
    told.unit.written.clear()
    for _ in range(3):
        await told.driver.beat()
        told.clock.seconds += 1
    assert [words for _, _, words in told.unit.written] == [(0xFFFE,), (0,), (1,)]


async def test_a_setpoint_that_was_not_taken_starts_no_heartbeat(tell: Tell) -> None:
    told = await tell(PLAIN, {}, (WATCHDOG,))
    told.unit.locked = {10}
    assert isinstance(await told.write(5), Rejected)
    await told.driver.beat()
    assert told.unit.written == []


async def test_a_heartbeat_that_is_refused_is_told(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    told = await tell(PLAIN, {}, (WATCHDOG,))
    link = Link(told.driver, told.clock, gate=WriteGate([told.point], [told.point.name]))
    await link.write([Setpoint(point=told.point, value=5)])
    for locked in ({8}, set(), {8}):
        told.unit.locked = locked
        for _ in range(11):
            told.clock.seconds += 1
            await link.beat()
    # told when it begins, and not each second
    reason = "unit 1: heartbeat at 8: the device refuses: illegal data address"
    assert [record.message.partition(": ")[2] for record in caplog.records] == [reason, reason]


async def test_a_link_that_is_not_connected_does_not_beat(tell: Tell) -> None:
    told = await tell(PLAIN, {}, (WATCHDOG,))
    link = Link(told.driver, told.clock, gate=WriteGate([told.point], [told.point.name]))
    await link.write([Setpoint(point=told.point, value=5)])
    await link.close()
    told.unit.written.clear()
    told.clock.seconds += 5
    await link.beat()
    assert told.unit.written == []
    with pytest.raises(LinkDown):
        await told.driver.beat()


async def test_the_field_beats_before_it_reads_and_only_what_it_has_written_to(unit: Unit) -> None:
    unit.registers = dict.fromkeys(range(300), 0)
    whole = load_site(example_site("demo_park"), {"battery_tcp": {"port": unit.port}})
    file = whole.file.model_copy(update={"devices": {"battery_pcs": whole.devices["battery_pcs"]}, "assets": {}})
    beats = {"heartbeats": (Heartbeat(address=250, period_s=2),)}
    modbus = {"battery_pcs": whole.modbus["battery_pcs"].model_copy(update=beats)}
    points = {"battery_pcs": whole.points["battery_pcs"]}
    site, clock = replace(whole, file=file, points=points, modbus=modbus), Clock()
    (point,) = (point for point in site.points["battery_pcs"] if point.name == "power_setpoint_kw")
    async with running(site, clock) as one:
        await one.field.acquire(2.0)
        clock.seconds += 10
        await one.field.acquire(2.0)
        assert unit.registers[250] == 0
        results: list[WriteResult] = []
        await one.field.apply([Setpoint(point=point, value=5)], lambda _, result: results.append(result), 2.0)
        assert results == [Accepted(5.0)]
        seen = []
        for _ in range(4):
            clock.seconds += 1
            await one.field.acquire(2.0)
            seen.append(unit.registers[250])
        assert seen == [1, 1, 2, 2]
        assert one.failures == []
    clock.seconds += 10
    assert unit.registers[250] == 2
