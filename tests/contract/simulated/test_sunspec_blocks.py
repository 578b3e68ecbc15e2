"""Whole SunSpec blocks around vendors' profiles, walked, read and controlled by pysunspec2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec
from sunspec2.modbus.modbus import ModbusClientException

import config
from config.clock import SystemClock
from config.connection import ModbusTcp
from config.loader import load_profile
from config.point import points_of
from config.profile import ModbusPoint, ModbusProfile
from drivers.driver import Accepted, Rejected, Setpoint
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection
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
            "energy_kwh": 1234.5,
            "available": 1.0,
            "dc_1_power_kw": -6.25,
            "dc_2_power_kw": -6.25,
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


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[str], Awaitable[Inverter]]]:
    """Serves devices; they end with the test."""
    started: list[Inverter] = []

    async def start(profile: str) -> Inverter:
        started.append(Inverter(profile))
        await started[-1].server.start()
        return started[-1]

    yield start
    for inverter in started:
        await inverter.server.stop()


Serve = Callable[[str], Awaitable[Inverter]]


def ids_of(device: Any) -> list[int]:
    return [each.model_id for each in device.model_list]


@pytest.mark.parametrize("profile", LAYOUTS)
async def test_a_client_walks_every_block(serve: Serve, profile: str) -> None:
    inverter = await serve(profile)
    seen = await inverter.look(ids_of)
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


def spoken(device: Any) -> Iterator[tuple[int, Any]]:
    """Every point of every model with its model's id, those of repeated groups too."""
    for each in device.model_list:
        groups = [
            each,
            *(group for part in each.groups.values() for group in (part if isinstance(part, list) else [part])),
        ]
        yield from ((each.model_id, point) for group in groups for point in group.points.values())


NO_NUMBER = {"ID", "L", "DA", "Pad", "N", "NPrt"}
UNIMPLEMENTED_COUNTERS = ("acc32", "acc64")
"""Their "not implemented" is 0, which a counter may be."""


@pytest.mark.parametrize("profile", LAYOUTS)
async def test_what_is_not_implemented_says_so_and_what_is_has_its_scale(serve: Serve, profile: str) -> None:
    inverter = await serve(profile)

    def at(device: Any) -> tuple[int, list[str], list[str]]:
        said, silent, lame = 0, [], []
        for model_id, point in spoken(device):
            name = f"{model_id}.{point.pdef['name']}"
            if point.value is None:
                silent.append(name)
            elif point.sf is not None and point.cvalue is None and point.pdef["type"] not in UNIMPLEMENTED_COUNTERS:
                lame.append(name)
            else:
                said += 1
        return said, silent, lame

    said, silent, lame = await inverter.look(at)
    assert lame == []
    assert said > 30
    # nothing is made up: these are of functions that no profile has, or of what nobody measures
    known = {"103.TmpSnk", "120.WHRtg", "121.VMax", "123.OutPFSet_WinTms", "124.MinRsvPct", "203.TotVAh_SF"}
    known |= {"701.TmpAmb", "702.ReactSusceptRtg", "704.VarSetEna", "713.WHRtg", "714.Tmp", "715.ControllerHb"}
    models = {str(each.id) for each in LAYOUTS[profile]}
    assert {name for name in known if name.partition(".")[0] in models} <= set(silent)


async def test_a_client_reads_the_battery_of_the_new_models(serve: Serve) -> None:
    inverter = await serve("sunspec_der_storage")
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
async def test_a_client_controls_by_the_new_models(serve: Serve, profile: str, point: str) -> None:
    inverter = await serve(profile)
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


async def test_a_client_can_take_its_command_back(serve: Serve) -> None:
    inverter = await serve("sunspec_der_storage")

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
        {"WSetRvrt": 5_000, "WSetEna": 1},  # it falls back to 0 only
    ],
)
async def test_a_battery_refuses_what_it_cannot_do(serve: Serve, written: dict[str, float]) -> None:
    inverter = await serve("sunspec_der_storage")

    def command(device: Any) -> None:
        controls = device.models[704][0]
        for name, value in written.items():
            getattr(controls, name).cvalue = value
            controls.write()

    with pytest.raises(ModbusClientException, match="exception: 3"):
        await inverter.look(command)
    assert inverter.commands == []


async def test_a_battery_under_local_control_takes_nothing_from_remote(serve: Serve) -> None:
    inverter = await serve("sunspec_der_storage")
    inverter.shown["available"] = 0.0

    def command(device: Any) -> None:
        assert device.models[715][0].LocRemCtl.value == 1
        device.models[704][0].WSet.cvalue = 10_000
        device.models[704][0].write()

    with pytest.raises(ModbusClientException, match="exception: 4"):
        await inverter.look(command)
    assert await inverter.look(lambda device: device.models[704][0].WSet.cvalue) == 0
    assert inverter.commands == []


async def test_our_driver_sees_that_a_battery_is_under_local_control(serve: Serve) -> None:
    inverter = await serve("sunspec_der_storage")
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


async def test_a_client_reads_the_fronius_battery(serve: Serve) -> None:
    inverter = await serve("fronius_gen24_battery")

    def at(device: Any) -> Any:
        dc = device.models[160][0]
        modules = [(module.ID.value, module.DCW.cvalue) for module in dc.groups["module"]]
        storage, ac = device.models[124][0], device.models[103][0]
        return modules, storage.ChaState.cvalue, storage.ChaSt.value, storage.WChaMax.cvalue, ac.W.cvalue, dc.N.value

    modules, charge, state, most, ac_w, count = await inverter.look(at)
    assert modules == [(1, 0), (2, 0), (3, 12_500), (4, 0)]
    assert (charge, state, most, ac_w, count) == (62.5, 4, 50_000, -12_500, 4)


async def test_a_client_reads_the_fronius_meter(serve: Serve) -> None:
    inverter = await serve("fronius_meter")

    def at(device: Any) -> Any:
        meter = device.models[203][0]
        return [getattr(meter, name).cvalue for name in ("W", "WphA", "PhV", "Hz", "TotWhImp", "TotWhExp")]

    seen = await inverter.look(at)
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
    serve: Serve, profile: str, mode: int, out_pct: float, in_pct: float, wanted_kw: float
) -> None:
    inverter = await serve(profile)

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
    assert rest == (0, 0)


async def test_a_client_limits_the_fronius_inverter_for_as_long_as_it_says(serve: Serve) -> None:
    inverter = await serve("fronius_gen24")

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
