"""Profiles that come along and are written in several registers, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from modbus_unit import Unit, served

import config
from config.clock import SystemClock
from config.connection import ModbusTcp
from config.loader import load_profile
from config.point import points_of
from config.profile import ModbusProfile
from drivers.driver import Accepted, Rejected, Setpoint, Unconfirmed, WriteResult
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection


class Device:
    """A unit that speaks as a profile has it, and our driver for it."""

    def __init__(self, unit: Unit, profile: str, **parameters: float) -> None:
        loaded = load_profile(Path(config.__file__).parent / "profiles" / f"{profile}.yaml")
        assert isinstance(loaded, ModbusProfile)
        self.unit = unit
        self.points = {point.name: point for point in points_of("device", loaded, parameters)}
        spec = ModbusTcp(protocol="modbus", host="127.0.0.1", port=unit.port, timeout_s=2.0)
        points = list(self.points.values())
        self.driver = ModbusDriver(ModbusConnection(spec), 1, points, SystemClock(), loaded.heartbeats)

    async def write(self, name: str, value: float) -> WriteResult:
        (result,) = await self.driver.write([Setpoint(point=self.points[name], value=value)])
        return result


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    async with served() as one:
        yield one


async def connected(unit: Unit, profile: str, **parameters: float) -> Device:
    device = Device(unit, profile, **parameters)
    await device.driver.connect()
    return device


async def test_lambda_takes_its_surplus_by_function_16(unit: Unit) -> None:
    unit.registers = {102: 0}
    device = await connected(unit, "lambda_eu_l", rated_power_kw=5)
    assert await device.write("surplus_power_kw", 3.5) == Accepted(3.5)
    assert unit.written == [(16, 102, (3500,))]
    await device.driver.close()


async def test_the_limits_of_an_sma_hybrid_leave_just_what_is_wanted(unit: Unit) -> None:
    unit.registers = dict.fromkeys((31393, 31394, 31395, 31396, 40236, 40237, *range(40793, 40803)), 0)
    device = await connected(unit, "sma_hybrid", rated_power_kw=10)
    # the battery has not followed yet
    assert isinstance(await device.write("power_setpoint_kw", -7), Unconfirmed)
    assert [address for _, address, _ in unit.written] == [40801, 40799, 40797, 40793, 40795, 40236]
    in_force = {address: unit.registers[address + 1] for address in (40793, 40795, 40797, 40799, 40801, 40236)}
    assert in_force == {40793: 7000, 40795: 7000, 40797: 0, 40799: 0, 40801: 0, 40236: 2289}
    unit.registers[31394] = 6900
    assert await device.write("power_setpoint_kw", -7) == Accepted(-6.9)
    (reading,) = await device.driver.read([device.points["power_setpoint_kw"]])
    assert reading.value == -7.0
    await device.driver.close()


async def test_three_phases_of_a_victron_share_the_power(unit: Unit) -> None:
    unit.registers = dict.fromkeys(range(37, 42), 1)
    device = await connected(unit, "victron_vebus", rated_power_kw=30)
    assert await device.write("power_setpoint_kw", -10) == Accepted(pytest.approx(-9.999))
    assert [unit.registers[address] for address in range(37, 42)] == [3333, 0, 0, 3333, 3333]
    assert {function for function, _, _ in unit.written} == {16}
    await device.driver.close()


KACO = {40154: 64201, 40159: 11, 40162: 0, 40163: 0, 40179: 0, 40200: 0xFFFF}


async def test_a_kaco_is_set_and_its_watchdog_wound_up(unit: Unit) -> None:
    unit.registers = dict.fromkeys(range(40154, 40208), 0) | KACO
    device = await connected(unit, "kaco_gridsave", rated_power_kw=50)
    await device.driver.beat()
    assert unit.written == []
    assert await device.write("power_setpoint_kw", -12.5) == Accepted(-12.5)
    assert unit.written == [(6, 40163, (0x10000 - 250,)), (6, 40179, (1,))]
    assert await device.driver.beat() == []
    assert unit.written[2:] == [(6, 40162, (60,))]
    await device.driver.close()


async def test_an_assumed_place_is_not_written_when_another_model_lies_there(unit: Unit) -> None:
    unit.registers = dict.fromkeys(range(40154, 40208), 0) | KACO | {40154: 122}
    device = await connected(unit, "kaco_gridsave", rated_power_kw=50)
    why = "model 64201 is not where this profile has it (register 40154 says 122)"
    assert await device.write("power_setpoint_kw", -12.5) == Rejected(f"device.power_setpoint_kw: {why}")
    await device.driver.beat()
    assert unit.written == []
    await device.driver.close()


async def test_a_fronius_battery_gets_both_rates_at_once(unit: Unit) -> None:
    unit.registers = dict.fromkeys(range(40343, 40369), 0) | {40343: 124, 40368: 0xFFFE}
    device = await connected(unit, "fronius_gen24_battery", rated_power_kw=10)
    assert await device.write("power_setpoint_kw", -2.5) == Accepted(-2.5)
    assert (16, 40355, (0x10000 - 2500, 2500)) in unit.written
    assert (unit.registers[40348], unit.registers[40358], unit.registers[40360]) == (3, 120, 1)
    # a hundred times finer, the charge rate would not fit, and nothing is sent
    unit.written.clear()
    unit.registers[40368] = 0xFFFC
    await device.driver.connect()
    assert isinstance(await device.write("power_setpoint_kw", -9), Rejected)
    assert unit.written == []
    await device.driver.close()
