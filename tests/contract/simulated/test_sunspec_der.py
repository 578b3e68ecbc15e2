"""Simulated devices with the SunSpec models of IEEE 1547-2018, read and controlled by pysunspec2 and by our driver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sunspec2.modbus.modbus import ModbusClientException
from sunspec_device import SunspecDevice

from config.clock import SystemClock
from config.connection import ModbusTcp
from config.profile import ModbusProfile
from drivers.driver import Accepted, Rejected, Setpoint
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.registers import Span
from drivers.sunspec import Discovered, discover, values_of
from drivers.sunspec_profile import profiles_of

Serve = Callable[[str], Awaitable[SunspecDevice]]


@asynccontextmanager
async def line_to(device: SunspecDevice) -> AsyncIterator[ModbusConnection]:
    line = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=device.server.address["port"]))
    yield line
    await line.shut()


async def test_a_client_reads_the_battery_of_the_new_models(serve_sunspec: Serve) -> None:
    inverter = await serve_sunspec("sunspec_der_storage")
    inverter.shown["energy_import_kwh"] = 5_000_000.125  # more than 32 bits of Wh

    def at(device: Any) -> Any:
        ac, rated, store, dc, control = (device.models[of][0] for of in (701, 702, 713, 714, 715))
        measured = {name: getattr(ac, name).cvalue for name in ("W", "Var", "Hz", "LNV", "WL2", "TotWhInj", "TotWhAbs")}
        port = dc.groups["Prt"][0]
        return (
            measured,
            (ac.InvSt.value, ac.ACType.value, ac.Alrm.value),
            (rated.WMaxRtg.cvalue, rated.WChaRteMax.cvalue, rated.VNomRtg.cvalue),
            (store.SoC.cvalue, store.SoH.cvalue, store.WHRtg.cvalue),
            (dc.NPrt.value, port.PrtTyp.value, port.IDStr.value, port.DCW.cvalue),
            (control.LocRemCtl.value, control.ControllerHb.value, control.DERHb.value),
        )

    measured, states, rated, store, port, control = await inverter.look(at)
    inverter.now += timedelta(seconds=7)
    later = await inverter.look(lambda device: device.models[715][0].DERHb.value)
    assert measured == {
        "W": pytest.approx(-12_500, abs=10),
        "Var": pytest.approx(3_500, abs=10),
        "Hz": pytest.approx(49.98),
        "LNV": pytest.approx(231.0),
        "WL2": pytest.approx(-12_500 / 3, abs=10),
        "TotWhInj": 5_000_000_125,
        "TotWhAbs": 77_700,
    }
    assert states == (3, 2, 0)
    assert rated == (50_000, 50_000, pytest.approx(398.4))
    assert store == (62.5, None, None)
    assert port == (1, 1, "Storage 1", pytest.approx(-12_500, abs=10))
    assert control[:2] == (0, None)
    assert later == control[2] + 7


@pytest.mark.parametrize(
    ("profile", "point"), [("sunspec_der_storage", "WSet"), ("sunspec_der_inverter", "WMaxLimPct")]
)
async def test_a_client_controls_by_the_new_models(serve_sunspec: Serve, profile: str, point: str) -> None:
    inverter = await serve_sunspec(profile)
    is_store = point == "WSet"

    def command(device: Any) -> Any:
        controls = device.models[704][0]
        getattr(controls, point).cvalue = -20_000 if is_store else 40
        getattr(controls, f"{point}RvrtTms").value = 90_000  # more than 16 bits
        controls.write()
        assert inverter.commands == []  # prepared, and not enabled
        getattr(controls, f"{point}Ena").value = 1
        controls.write()
        controls.read()
        return [getattr(controls, name).cvalue for name in (point, f"{point}RvrtTms", f"{point}Ena")]

    assert await inverter.look(command) == [-20_000 if is_store else 40, 90_000, 1]
    assert inverter.commands == [pytest.approx(-20 if is_store else 20)]
    inverter.now_s = 89_999.0
    inverter.watchdog.check()
    assert len(inverter.commands) == 1
    inverter.now_s = 90_000.0
    inverter.watchdog.check()
    assert inverter.commands[1:] == [None]
    assert await inverter.look(lambda device: getattr(device.models[704][0], f"{point}Ena").value) == 0


@pytest.mark.parametrize("profile", ["sunspec_der_storage", "sunspec_der_inverter"])
async def test_a_client_sets_the_reactive_power(serve_sunspec: Serve, profile: str) -> None:
    inverter = await serve_sunspec(profile)

    def command(device: Any) -> float:
        controls = device.models[704][0]
        controls.VarSetMod.value = 4
        controls.VarSet.cvalue = -15_000
        controls.VarSetRvrtTms.value = 30
        controls.write()
        assert inverter.commands == []  # prepared, and not enabled
        controls.VarSetEna.value = 1
        controls.write()
        controls.read()
        return controls.VarSet.cvalue

    assert await inverter.look(command) == -15_000
    assert inverter.commands == [pytest.approx(-15)]
    inverter.now_s = 30.0
    inverter.watchdog.check()
    assert inverter.commands[1:] == [None]


async def test_a_client_can_take_its_command_back(serve_sunspec: Serve) -> None:
    inverter = await serve_sunspec("sunspec_der_storage")

    def command(device: Any) -> None:
        controls = device.models[704][0]
        for value in (1, 0):
            controls.WSet.cvalue = 12_000
            controls.WSetEna.value = value
            controls.write()

    await inverter.look(command)
    # the enable lies before the value, and goes out first
    assert inverter.commands == [0, pytest.approx(12), None]


@pytest.mark.parametrize(
    "written",
    [
        {"WSet": 60_000, "WSetEna": 1},  # more than it has
        {"WSetMod": 0, "WSetEna": 1},  # a share of its rating, which it does not take
        {"VarSetMod": 3, "VarSetEna": 1},  # likewise
        {"VarSetMod": 4, "VarSet": 30_000, "VarSetEna": 1},  # more than 0.44 of its rating
        {"WSetRvrt": 5_000, "WSetEna": 1},  # it falls back to 0 only
    ],
)
async def test_a_battery_refuses_what_it_cannot_do(serve_sunspec: Serve, written: dict[str, float]) -> None:
    inverter = await serve_sunspec("sunspec_der_storage")

    def command(device: Any) -> None:
        controls = device.models[704][0]
        for name, value in written.items():
            getattr(controls, name).cvalue = value
            controls.write()

    with pytest.raises(ModbusClientException, match="exception: 3"):
        await inverter.look(command)
    assert inverter.commands == []


async def test_a_battery_under_local_control_takes_nothing_from_remote(serve_sunspec: Serve) -> None:
    inverter = await serve_sunspec("sunspec_der_storage")
    inverter.shown["available"] = 0.0

    def command(device: Any) -> None:
        assert device.models[715][0].LocRemCtl.value == 1
        device.models[704][0].WSet.cvalue = 10_000
        device.models[704][0].write()

    with pytest.raises(ModbusClientException, match="exception: 4"):
        await inverter.look(command)
    assert await inverter.look(lambda device: device.models[704][0].WSet.cvalue) == 0
    assert inverter.commands == []


async def test_our_driver_sees_that_a_battery_is_under_local_control(serve_sunspec: Serve) -> None:
    inverter = await serve_sunspec("sunspec_der_storage")
    line = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=inverter.server.address["port"]))
    driver = ModbusDriver(line, 1, inverter.points, SystemClock())
    await driver.connect()
    points = {point.name: point for point in inverter.points}
    setpoint = Setpoint(point=points["power_setpoint_kw"], value=-12.5)
    assert await driver.write([setpoint]) == [Accepted(pytest.approx(-12.5))]
    inverter.shown["available"] = 0.0
    (reading,) = await driver.read([points["available"]])
    assert reading.value == 0.0
    (refused,) = await driver.write([setpoint])
    assert isinstance(refused, Rejected)
    assert "the device is under local control" in refused.reason
    assert inverter.commands == [pytest.approx(-12.5)]
    await driver.close()


@pytest.mark.parametrize("profile", ["sunspec_der_storage", "sunspec_der_inverter"])
async def test_what_discovery_suggests_is_the_profile_that_comes_along(serve_sunspec: Serve, profile: str) -> None:
    device = await serve_sunspec(profile)
    async with line_to(device) as line:

        async def read(address: int, count: int) -> tuple[int, ...] | Refusal:
            return await line.read(1, Span("holding", address, count))

        found = await discover(read)
        assert isinstance(found, Discovered)
        (made,) = profiles_of(found, await values_of(read, found))
    assert ModbusProfile.model_validate(made.profile).points == device.profile.points
    assert made.profile.get("heartbeats", []) == []
