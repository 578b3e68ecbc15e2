"""What a device was set to before us is looked at first, kept through crashes, and given back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from modbus_unit import Unit, served

from config.clock import SystemClock
from config.connection import ModbusTcp
from config.point import Point, points_of
from config.profile import ModbusProfile
from drivers.driver import Accepted, Rejected, Setpoint, Unconfirmed
from drivers.found import FoundFile
from drivers.gate import WriteGate
from drivers.link import Link
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection

LIMIT, MODE = 200, 201


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    async with served() as one:
        one.registers = {LIMIT: 70, MODE: 5}
        yield one


class Control:
    """A controller's link to a unit whose power can be limited, from its start to its end or its death."""

    def __init__(self, unit: Unit, state: Path, **setpoint: Any) -> None:
        limits = {"range": [0, 100], "resolution": 1, "tolerance": 0, "safe": 0, **setpoint}
        profile = ModbusProfile.model_validate(
            {
                "description": "made up",
                "verified": True,
                "source": "this file",
                "protocol": "modbus",
                "points": {
                    "power_limit_kw": {"address": LIMIT, "type": "u16", "valid": [0, 100], "setpoint": limits},
                },
            }
        )
        (self.point,) = points_of("inverter", profile, {})
        points: list[Point] = [self.point]
        spec = ModbusTcp(protocol="modbus", host="127.0.0.1", port=unit.port, timeout_s=2.0)
        clock = SystemClock()
        gate = WriteGate(points, [self.point.name], FoundFile(state))
        self.link = Link(ModbusDriver(ModbusConnection(spec), 1, points, clock), clock, gate=gate)

    async def write(self, value: float) -> Any:
        (result,) = await self.link.write([Setpoint(point=self.point, value=value)])
        return result


async def test_an_installers_limit_is_never_loosened_not_even_after_a_crash(unit: Unit, tmp_path: Path) -> None:
    first = Control(unit, tmp_path, installer_limit=True)
    assert await first.write(90) == Accepted(70.0, "kept at the installer's limit of 70")
    assert await first.write(20) == Accepted(20.0)
    await first.link.close()  # killed: nothing is given back

    second = Control(unit, tmp_path, installer_limit=True)
    assert await second.write(100) == Accepted(70.0, "kept at the installer's limit of 70")
    assert [words for _, _, words in unit.written] == [(70,), (20,), (70,)]
    await second.write(30)
    await second.link.close()

    # somebody has thrown the state folder away: what we left ourselves is the limit then, which is tighter
    third = Control(unit, tmp_path / "new", installer_limit=True)
    assert await third.write(100) == Accepted(30.0, "kept at the installer's limit of 30")
    await third.link.close()


async def test_what_is_found_is_on_the_disk_before_the_first_write(unit: Unit, tmp_path: Path) -> None:
    control = Control(unit, tmp_path, installer_limit=True)
    unit.locked = {LIMIT}  # the write is refused: as far as a controller comes that is killed just before it
    assert isinstance(await control.write(20), Rejected)
    assert FoundFile(tmp_path).get("inverter.power_limit_kw") == 70.0
    assert unit.written == []
    await control.link.close()


async def test_a_limit_that_cannot_be_read_is_in_force(unit: Unit, tmp_path: Path) -> None:
    del unit.registers[LIMIT]
    control = Control(unit, tmp_path, installer_limit=True)
    result = await control.write(20)
    assert isinstance(result, Rejected)
    assert "cannot be read" in result.reason
    unit.registers[LIMIT] = 50
    assert await control.write(60) == Accepted(50.0, "kept at the installer's limit of 50")
    await control.link.close()


async def test_what_was_found_is_restored_also_by_the_controller_after_the_one_that_died(
    unit: Unit, tmp_path: Path
) -> None:
    first = Control(unit, tmp_path, on_stop="restore")
    await first.write(20)
    await first.link.close()
    second = Control(unit, tmp_path, on_stop="restore")
    await second.write(30)
    assert await second.link.give_back(second.point) == Accepted(70.0)
    assert unit.registers[LIMIT] == 70
    assert await second.link.give_back(second.point) is None
    await second.link.close()


async def test_what_was_never_written_is_not_given_back(unit: Unit, tmp_path: Path) -> None:
    control = Control(unit, tmp_path, on_stop="restore")
    assert await control.link.give_back(control.point) is None
    assert unit.written == []
    await control.link.close()


async def test_a_device_is_released_to_its_own_control(unit: Unit, tmp_path: Path) -> None:
    release = [{"address": MODE, "value": 0}, {"address": LIMIT, "value": 100}]
    control = Control(unit, tmp_path, on_stop="release", release=release)
    await control.write(20)
    assert await control.link.give_back(control.point) == Accepted(100.0)
    assert unit.written[1:] == [(6, MODE, (0,)), (6, LIMIT, (100,))]
    unit.locked = {MODE}
    assert isinstance(await control.link.give_back(control.point), Rejected)
    await control.link.close()
    assert isinstance(await control.link.give_back(control.point), Unconfirmed)


def test_a_release_must_be_said(unit: Unit, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on_stop: release needs release"):
        Control(unit, tmp_path, on_stop="release")
