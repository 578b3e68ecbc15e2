"""Whole SunSpec blocks around vendors' profiles, walked, read and controlled by pysunspec2."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec

import config
from config.loader import load_profile
from config.point import points_of
from config.profile import ModbusPoint, ModbusProfile
from simulators.servers.modbus import ModbusServer
from simulators.servers.sunspec_block import LAYOUTS, SunspecBlock
from simulators.servers.sunspec_models import BASE, MARKER
from simulators.watchdog import Watchdog

VENDORS = 64_000
"""From here on models belong to vendors."""

PARAMETERS = {"rated_power_kw": 50, "safe_power_kw": 20}


class Inverter:
    """A plant of one device, which does what it is told."""

    now = datetime(2026, 6, 14, 4, 0, tzinfo=UTC)

    def __init__(self, profile: str) -> None:
        loaded = load_profile(Path(config.__file__).parent / "profiles" / f"{profile}.yaml")
        assert isinstance(loaded, ModbusProfile)
        parameters = {name: value for name, value in PARAMETERS.items() if name in loaded.parameters}
        self.points = points_of("device", loaded, parameters)
        self.commands: list[float | None] = []
        self.now_s = 0.0
        self.shown = {
            "active_power_kw": -12.5,
            "soc": 0.625,
            "status": 4,
            "frequency_hz": 49.98,
            "voltage_v": 231.0,
            "reactive_power_kvar": 3.5,
            "energy_import_kwh": 1234.5,
            "energy_export_kwh": 77.7,
            "power_setpoint_kw": 0.0,
            "power_limit_kw": 50.0,
        }
        self.watchdog = Watchdog(self, lambda: self.now_s)
        block = SunspecBlock("device", 1, self.points, self, self.watchdog, loaded, LAYOUTS[profile])
        self.server = ModbusServer([block], "127.0.0.1", 0)

    def values(self, device: str) -> dict[str, float]:
        return self.shown

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append(value)

    async def look(self, at: Callable[[Any], Any]) -> Any:
        """What a SunSpec client sees that has walked the block."""

        def scanned() -> Any:
            device = sunspec.SunSpecModbusClientDeviceTCP(
                slave_id=1, ipaddr="127.0.0.1", ipport=self.server.address["port"], timeout=5
            )
            device.scan()
            try:
                return at(device)
            finally:
                device.close()

        return await asyncio.to_thread(scanned)


def ids_of(device: Any) -> list[int]:
    return [each.model_id for each in device.model_list]


@pytest.mark.parametrize("profile", LAYOUTS)
async def test_a_client_walks_every_block(profile: str) -> None:
    inverter = Inverter(profile)
    await inverter.server.start()
    seen = await inverter.look(ids_of)
    await inverter.server.stop()
    # it knows no model of a single vendor, and walks on behind it
    assert seen == [each.id for each in LAYOUTS[profile] if each.id < VENDORS]


@pytest.mark.parametrize("profile", LAYOUTS)
def test_what_a_profile_names_stands_where_its_models_have_it(profile: str) -> None:
    places: set[int] = set()
    start = BASE + len(MARKER)
    factors: dict[int, int] = {}
    for each in LAYOUTS[profile]:
        at = {field.name: start + field.offset for field in each.fields}
        places |= {at[field.name] for field in each.fields if field.kind != "p"}
        factors |= {at[field.name]: at[field.scale_factor] for field in each.fields if field.scale_factor}
        start += 2 + each.length
    for point in Inverter(profile).points:
        source = point.source
        assert isinstance(source, ModbusPoint)
        for address in (source.address, *source.plus, *source.minus):
            assert address in places
            assert factors.get(address) == source.scale_factor


async def test_a_client_reads_the_fronius_battery() -> None:
    inverter = Inverter("fronius_gen24_battery")
    await inverter.server.start()

    def at(device: Any) -> Any:
        dc = device.models[160][0]
        modules = [(module.ID.value, module.DCW.cvalue) for module in dc.groups["module"]]
        storage, ac = device.models[124][0], device.models[103][0]
        return modules, storage.ChaState.cvalue, storage.ChaSt.value, storage.WChaMax.cvalue, ac.W.cvalue, dc.N.value

    modules, charge, state, most, ac_w, count = await inverter.look(at)
    await inverter.server.stop()
    assert modules == [(1, 0), (2, 0), (3, 12_500), (4, 0)]
    assert (charge, state, most, ac_w, count) == (62.5, 4, 50_000, -12_500, 4)


async def test_a_client_reads_the_fronius_meter() -> None:
    inverter = Inverter("fronius_meter")
    await inverter.server.start()

    def at(device: Any) -> Any:
        meter = device.models[203][0]
        return [getattr(meter, name).cvalue for name in ("W", "WphA", "PhV", "Hz", "TotWhImp", "TotWhExp")]

    seen = await inverter.look(at)
    await inverter.server.stop()
    # the profile believes up to 20 MW, which 16 bits show in steps of a kilowatt
    assert seen[0] == pytest.approx(-12_500, abs=1000)
    assert seen[1] == pytest.approx(-12_500 / 3, abs=1000)
    assert seen[2:4] == [pytest.approx(231, abs=0.1), pytest.approx(49.98, abs=0.01)]
    assert seen[4:] == [pytest.approx(1_234_500, abs=1000), pytest.approx(77_700, abs=1000)]


@pytest.mark.parametrize("profile", ["sunspec_storage_124", "fronius_gen24_battery"])
@pytest.mark.parametrize(
    ("mode", "out_pct", "in_pct", "wanted_kw"),
    [
        (3, 40, -40, 20),  # exactly this
        (3, -40, 40, -20),
        (2, -30, 0, -15),  # a highest discharge below nothing is a lowest charge
        (1, 0, -30, 15),
        (3, 80, 60, 0),  # room both ways: the battery rests
    ],
)
async def test_a_client_commands_a_storage(
    profile: str, mode: int, out_pct: float, in_pct: float, wanted_kw: float
) -> None:
    inverter = Inverter(profile)
    await inverter.server.start()

    def command(device: Any) -> Any:
        storage = device.models[124][0]
        storage.InOutWRte_RvrtTms.value = 30
        storage.ChaGriSet.value = 1
        storage.OutWRte.cvalue = out_pct
        storage.InWRte.cvalue = in_pct
        storage.StorCtl_Mod.value = mode
        storage.write()
        storage.read()
        return storage.StorCtl_Mod.value, storage.OutWRte.cvalue, storage.InWRte.cvalue, storage.InOutWRte_RvrtTms.value

    assert await inverter.look(command) == (mode, out_pct, in_pct, 30)
    assert inverter.commands[-1] == pytest.approx(wanted_kw)
    inverter.now_s = 29.9
    inverter.watchdog.check()
    assert inverter.commands[-1] is not None
    inverter.now_s = 30.0
    inverter.watchdog.check()
    assert inverter.commands[-1] is None
    rest = await inverter.look(
        lambda device: (device.models[124][0].StorCtl_Mod.value, device.models[124][0].OutWRte.cvalue)
    )
    await inverter.server.stop()
    assert rest == (0, 0)


async def test_a_client_limits_the_fronius_inverter_for_as_long_as_it_says() -> None:
    inverter = Inverter("fronius_gen24")
    await inverter.server.start()

    def limit(device: Any) -> None:
        controls = device.models[123][0]
        controls.WMaxLimPct.cvalue = 60
        controls.WMaxLimPct_RvrtTms.value = 40
        controls.write()
        assert inverter.commands == []
        controls.WMaxLim_Ena.value = 1
        controls.write()

    await inverter.look(limit)
    assert inverter.commands == [30.0]
    inverter.now_s = 40.0
    inverter.watchdog.check()
    assert inverter.commands == [30.0, None]
    await inverter.server.stop()
