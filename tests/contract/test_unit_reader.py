"""What a unit does not give together is found out, kept, and does not harm what lies beside it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from modbus_unit import Unit, served

from config.clock import SystemClock
from config.connection import ModbusTcp
from config.point import Point, points_of
from config.profile import ModbusProfile
from drivers.driver import Accepted, LinkDown, Quality, Setpoint
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    async with served() as one:
        yield one


class Device:
    """Our driver for a unit, with a profile of numbers in single registers unless told otherwise."""

    def __init__(self, unit: Unit, points: dict[str, Any], **profile: Any) -> None:
        read = ModbusProfile.model_validate(
            {
                "description": "made up",
                "verified": True,
                "source": "this file",
                "protocol": "modbus",
                "points": points,
                **profile,
            }
        )
        self.points: tuple[Point, ...] = points_of("device", read, {})
        spec = ModbusTcp(protocol="modbus", host="127.0.0.1", port=unit.port, timeout_s=2.0)
        self.driver = ModbusDriver(
            ModbusConnection(spec),
            1,
            self.points,
            SystemClock(),
            requests=read.requests,
            identity=read.identity,
        )

    async def __aenter__(self) -> Device:
        await self.driver.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.driver.close()

    async def values(self) -> list[float | None]:
        return [reading.value for reading in await self.driver.read(self.points)]


def at(address: int, **more: Any) -> dict[str, Any]:
    return {"address": address, "type": "u16", "valid": [0, 65535], **more}


async def test_a_hole_between_points_costs_one_more_request_and_no_more(unit: Unit) -> None:
    unit.registers = {address: address for address in range(100, 120) if address != 110}
    points = {f"p{address}": at(address) for address in range(100, 120) if address != 110}
    async with Device(unit, points) as device:
        assert await device.values() == [float(address) for address in range(100, 120) if address != 110]
        begun = len(unit.read)
        assert await device.values() == [float(address) for address in range(100, 120) if address != 110]
        assert unit.read[begun:] == [(100, 10), (111, 9)]


async def test_a_register_that_is_not_there_takes_nothing_with_it(unit: Unit) -> None:
    unit.registers = {address: address for address in range(100, 116) if address != 107}
    async with Device(unit, {f"p{address}": at(address) for address in range(100, 116)}) as device:
        for _ in range(3):
            begun = len(unit.read)
            readings = await device.driver.read(device.points)
            assert {r.point for r in readings if r.quality is not Quality.GOOD} == {"device.p107"}
        assert unit.read[begun:] == [(100, 7), (107, 1), (108, 8)]


async def test_a_device_that_refuses_everything_teaches_nothing(unit: Unit) -> None:
    points = {f"p{address}": at(address) for address in range(100, 108)}
    async with Device(unit, points) as device:
        assert await device.values() == [None] * 8
        unit.registers = {address: address for address in range(100, 108)}
        begun = len(unit.read)
        assert await device.values() == [float(address) for address in range(100, 108)]
        assert unit.read[begun:] == [(100, 8)]


async def test_what_was_learned_is_forgotten_with_the_connection(unit: Unit) -> None:
    unit.registers = {100: 1, 102: 2}
    async with Device(unit, {"a": at(100), "b": at(102)}) as device:
        await device.values()
        unit.registers[101] = 0
        await device.driver.close()
        await device.driver.connect()
        begun = len(unit.read)
        assert await device.values() == [1.0, 2.0]
        assert unit.read[begun:] == [(100, 3)]


@pytest.mark.parametrize("seed", range(25))
async def test_any_device_is_learned_down_to_the_fewest_requests(unit: Unit, seed: int) -> None:
    chance = random.Random(seed)
    wanted = sorted(chance.sample(range(100, 160), chance.randint(2, 30)))
    missing = set(chance.sample(range(100, 160), chance.randint(0, 8)))
    unit.registers = {address: address for address in range(100, 160) if address not in missing}
    async with Device(unit, {f"p{address}": at(address) for address in wanted}) as device:
        for _ in range(len(wanted)):
            begun = len(unit.read)
            assert await device.values() == [None if address in missing else float(address) for address in wanted]
        # by hand: a request goes on while the gap is narrow and nothing in it is missing; what is missing stands alone
        cuts = sum(
            right - left - 1 > 8 or any(address in missing for address in range(left, right + 1))
            for left, right in pairwise(wanted)
        )
        assert len(unit.read[begun:]) == 1 + cuts


async def test_declared_holes_and_limits_are_kept_from_the_first_request_on(unit: Unit) -> None:
    unit.registers = {address: address for address in range(200)}
    requests = {"most_registers": 4, "widest_gap": 1, "holes": [{"first": 103, "last": 103}]}
    points = {f"p{address}": at(address) for address in (100, 101, 102, 104, 105, 107, 108, 111)}
    async with Device(unit, points, requests=requests) as device:
        await device.values()
    assert unit.read == [(100, 3), (104, 4), (108, 1), (111, 1)]


async def test_bits_of_one_register_are_several_points(unit: Unit) -> None:
    unit.registers = {100: 0b1010_0110}
    state = {"values": {0: 10, 2: 30}}
    points = {
        "low": at(100, bits=[0, 3]),
        "flag": at(100, bits=[7, 7]),
        "state": at(100, bits=[4, 5], **state),
        "all": at(100),
    }
    async with Device(unit, points) as device:
        assert await device.values() == [6.0, 1.0, 30.0, 166.0]
        unit.registers[100] = 0b0001_0000
        readings = await device.driver.read(device.points)
    assert [reading.value for reading in readings] == [0.0, 0.0, None, 16.0]
    assert len(unit.read) == 2


WHO = {"manufacturer": {"address": 10, "registers": 4, "expect": "ACME"}, "serial": {"address": 20, "registers": 3}}


def words(text: str, count: int) -> list[int]:
    packed = text.encode().ljust(2 * count, b"\0")
    return [int.from_bytes(packed[at : at + 2], "big") for at in range(0, 2 * count, 2)]


async def test_a_device_says_who_it_is(unit: Unit) -> None:
    unit.registers = dict(zip(range(10, 14), words("ACME Ltd", 4), strict=True)) | {100: 7}
    async with Device(unit, {"a": at(100)}, identity=WHO) as device:
        assert await device.values() == [7.0]
        assert await device.driver.identity() == {"manufacturer": "ACME Ltd", "serial": ""}
        unit.registers |= dict(zip(range(20, 23), words("A\x0117 ", 3), strict=True))
        assert (await device.driver.identity())["serial"] == "A17"


async def test_another_device_behind_the_address_is_neither_read_nor_written(unit: Unit) -> None:
    unit.registers = dict(zip(range(10, 14), words("Emca", 4), strict=True)) | {100: 7}
    limits = {"range": [0, 10], "resolution": 1, "tolerance": 0, "safe": 0}
    async with Device(unit, {"a": at(100, setpoint=limits)}, identity=WHO) as device:
        with pytest.raises(LinkDown, match="manufacturer is 'Emca' and does not begin with 'ACME'"):
            await device.values()
        await device.driver.connect()
        with pytest.raises(LinkDown, match="'Emca'"):
            await device.driver.write([Setpoint(point=device.points[0], value=3.0)])
        assert unit.written == []
        unit.registers |= dict(zip(range(10, 14), words("ACME", 4), strict=True))
        await device.driver.connect()
        assert await device.driver.write([Setpoint(point=device.points[0], value=3.0)]) == [Accepted(3.0)]


async def test_a_text_may_have_its_low_bytes_first(unit: Unit) -> None:
    unit.registers = {10: int.from_bytes(b"BA", "big"), 11: int.from_bytes(b"\0C", "big"), 100: 1}
    who = {"model": {"address": 10, "registers": 2, "low_byte_first": True}}
    async with Device(unit, {"a": at(100)}, identity=who) as device:
        assert await device.driver.identity() == {"model": "ABC"}


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({"requests": {"holes": [{"first": 99, "last": 101}]}}, "point 'a' needs holding register 100, in the hole"),
        ({"requests": {"most_registers": 1}, "points": {"b": at(5, type="u32")}}, "point 'b' takes 2 registers"),
        (
            {"identity": {"model": {"address": 5, "registers": 8}}, "requests": {"most_registers": 6}},
            "identity 'model'",
        ),
        ({"points": {"a": at(1, bits=[3, 2])}}, "from the lower to the higher"),
        ({"points": {"a": at(1, bits=[0, 16])}}, "bits of u16"),
        ({"points": {"a": at(1, type="s16", bits=[0, 1])}}, "without a sign"),
        ({"points": {"a": at(1, bits=[0, 1], plus=[2])}}, "neither plus, minus nor direction"),
        ({"points": {"a": at(1, sentinels=[0x10000])}}, "not an unsigned number of 16 bits"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_profile(profile: dict[str, Any], said: str) -> None:
    whole = {"description": "d", "verified": True, "source": "s", "protocol": "modbus", "points": {"a": at(100)}}
    with pytest.raises(ValueError, match=said):
        ModbusProfile.model_validate({**whole, **profile})
