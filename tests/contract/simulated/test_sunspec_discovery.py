"""SunSpec discovery on the simulated inverter and meter: what it finds, and profiles that read like ours."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec

import config
from config.clock import SystemClock
from config.connection import ModbusTcp
from config.loader import load_profile
from config.point import Point, points_of
from config.profile import ModbusProfile
from drivers.driver import Accepted, Quality, Setpoint
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.registers import Span
from drivers.sunspec import Discovered, discover, values_of
from drivers.sunspec_profile import profiles_of

Serve = Callable[..., Awaitable[Any]]
PARAMETERS = {"rated_power_kw": 1000.0, "safe_power_kw": 330.0}
DEVICES = [("pv_a_inverter", "inverter", "sunspec_inverter_103"), ("grid_meter", "meter", "sunspec_meter_203")]


class Asked:
    """A served device and our connection to it."""

    def __init__(self, connection: ModbusConnection, port: int) -> None:
        self.connection = connection
        self.port = port

    async def read(self, address: int, count: int) -> tuple[int, ...] | Refusal:
        return await self.connection.read(1, Span("holding", address, count))

    async def found(self) -> Discovered:
        found = await discover(self.read)
        assert isinstance(found, Discovered), found
        return found

    async def readings(self, profile: ModbusProfile) -> dict[str, Any]:
        points = points_of("device", profile, PARAMETERS)
        driver = ModbusDriver(self.connection, 1, points, SystemClock())
        await driver.connect()
        return {point.name: reading for point, reading in zip(points, await driver.read(points), strict=True)}


@pytest.fixture
async def ask(serve: Serve) -> AsyncIterator[Callable[[str], Awaitable[Asked]]]:
    asked: list[Asked] = []

    async def start(device: str) -> Asked:
        port = (await serve(device)).address["port"]
        connection = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=port, timeout_s=2.0))
        asked.append(Asked(connection, port))
        return asked[-1]

    yield start
    for one in asked:
        await one.connection.shut()


@pytest.mark.parametrize(
    ("device", "models"),
    [
        ("pv_a_inverter", [(1, 40002, 66), (103, 40070, 50), (120, 40122, 26), (123, 40150, 24)]),
        ("grid_meter", [(1, 40002, 66), (203, 40070, 105)]),
    ],
)
async def test_what_a_simulated_device_shows(ask: Any, device: str, models: list[tuple[int, int, int]]) -> None:
    found = await (await ask(device)).found()
    assert [(model.id, model.address, model.length) for model in found.models] == models
    assert (found.base, found.manufacturer, found.serial, found.ended) == (40000, "parkgrid", device, "")


async def test_a_device_without_sunspec_says_so(ask: Any) -> None:
    assert isinstance(await discover((await ask("battery_pcs")).read), Refusal)


@pytest.mark.parametrize(("device", "role", "profile"), DEVICES)
async def test_pysunspec2_and_we_agree_on_every_point(ask: Any, device: str, role: str, profile: str) -> None:
    asked = await ask(device)
    ours = await values_of(asked.read, await asked.found())

    def scan() -> dict[tuple[int, str], float | None]:
        theirs = sunspec.SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=asked.port, timeout=2)
        try:
            theirs.scan()
            return {
                (model_id, name): point.cvalue
                for model_id, models in theirs.models.items()
                if isinstance(model_id, int)
                for name, point in models[0].points.items()
            }
        finally:
            theirs.close()

    theirs = await asyncio.to_thread(scan)
    compared = 0
    for model, points in ours.items():
        for name, value in points.items():
            said = theirs[model.id, name]
            if said is None and value == 0 and name.startswith("Tot"):
                continue  # pysunspec2 takes a counter that stands at 0 for none
            assert value == (None if said is None else pytest.approx(said)), (model.id, name)
            compared += value is not None
    assert compared > 15


@pytest.mark.parametrize(("device", "role", "shipped"), DEVICES)
async def test_the_suggested_profile_reads_like_the_one_that_comes_along(
    ask: Any, device: str, role: str, shipped: str
) -> None:
    asked = await ask(device)
    found = await asked.found()
    (made,) = profiles_of(found, await values_of(asked.read, found))
    assert made.role == role
    by_hand = load_profile(Path(config.__file__).parent / "profiles" / f"{shipped}.yaml")
    assert isinstance(by_hand, ModbusProfile)
    suggested = ModbusProfile.model_validate(made.profile)
    ours, theirs = await asked.readings(suggested), await asked.readings(by_hand)
    assert list(ours) == list(theirs)
    for name, reading in theirs.items():
        assert reading.quality is Quality.GOOD
        assert ours[name].value == reading.value
        assert math.isfinite(reading.value)
    # and it is the same in everything that reading and writing take
    assert suggested.points == by_hand.points


async def test_the_suggested_limit_is_taken(ask: Any, plant: Any) -> None:
    asked = await ask("pv_a_inverter")
    (made,) = profiles_of(await asked.found())
    points: tuple[Point, ...] = points_of("device", ModbusProfile.model_validate(made.profile), PARAMETERS)
    driver = ModbusDriver(asked.connection, 1, points, SystemClock())
    await driver.connect()
    (limit,) = (point for point in points if point.name == "power_limit_kw")
    assert await driver.write([Setpoint(point=limit, value=437.5)]) == [Accepted(pytest.approx(437.5))]
    assert plant.commands == [("pv_a_inverter", "power_limit_kw", pytest.approx(437.5))]
