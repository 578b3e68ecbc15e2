"""SunSpec discovery on devices that pysunspec2 describes and pymodbus serves: nobody there knows our tables."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sunspec2
import sunspec2.device
import sunspec2.modbus.client
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.clock import Clock, SystemClock
from config.connection import ModbusTcp
from config.point import Point, points_of
from config.profile import ModbusProfile
from drivers.driver import Accepted, Quality, Rejected, Setpoint
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.registers import Span
from drivers.sunspec import Discovered, discover, values_of
from drivers.sunspec_profile import profiles_of

TEST_DATA = Path(sunspec2.__file__).parent / "tests" / "test_data"
COMMON = {"ID": 1, "Mn": "Foreign", "Md": "F-1", "Vr": "7", "SN": "42", "DA": 1}
"""What stands in front of every device made here."""

FLOAT_INVERTER = {"ID": 113, "W": 432100.0, "Hz": 50.02, "WH": 1.5e6, "St": 4, "A": 650.5}
FLOAT_METER = {"ID": 213, "W": -1250.5, "PhV": 229.5, "Hz": 49.98, "VAR": 300.0, "TotWhExp": 5e5, "TotWhImp": 7.5e5}
# every counter of a module has counted: pysunspec2 takes one that stands at 0 for none
MPPT = {
    "ID": 160,
    "DCA_SF": -2,
    "DCV_SF": -1,
    "DCW_SF": 1,
    "DCWH_SF": 2,
    "N": 2,
    "module": [
        {"ID": 1, "IDStr": "east", "DCW": 1234, "DCWH": 77},
        {"ID": 2, "IDStr": "west", "DCW": 4321, "DCWH": 88},
    ],
}
INVERTER = {"ID": 103, "W": 3000, "W_SF": 1, "Hz": 4998, "Hz_SF": -2, "WH": 123456, "WH_SF": 2, "St": 4}
STORAGE = {
    "ID": 124,
    "WChaMax": 5000,
    "WChaMax_SF": 1,
    "StorCtl_Mod": 0,
    "ChaState": 655,
    "ChaState_SF": -1,
    "ChaSt": 4,
    "OutWRte": -250,
    "InWRte": 1000,
    "InOutWRte_SF": -1,
    "InOutWRte_RvrtTms": 60,
    "ChaGriSet": 1,
}
BANK = {
    "ID": 802,
    "SoC": 4321,
    "SoC_SF": -2,
    "SoH": 990,
    "SoH_SF": -1,
    "W": -250,
    "W_SF": 2,
    "LocRemCtl": 0,
    "V": 8000,
    "V_SF": -1,
    "A": -31,
    "A_SF": 0,
    "WHRtg": 2000,
    "WHRtg_SF": 3,
    "CtrlHb": 9,
}
CONTROLS = {
    "ID": 704,
    "WMaxLimPctEna": 0,
    "WMaxLimPct": 1000,
    "WMaxLimPct_SF": -1,
    "WMaxLimPctEnaRvrt": 1,
    "WMaxLimPctRvrtTms": 0,
    "WSetEna": 0,
    "WSetMod": 0,
    "WSet": 0,
    "WSetRvrt": 5,
    "WSet_SF": 2,
    "WSetEnaRvrt": 0,
    "WSetRvrtTms": 0,
}
DER = {"ID": 701, "W": -120, "W_SF": 2, "InvSt": 3, "TotWhInj": 10, "TotWhAbs": 20, "TotWh_SF": 3}
CAPACITY = {"ID": 713, "SoC": 555, "Pct_SF": -1, "WHRtg": 100, "WH_SF": 3}
CONTROL = {"ID": 715, "LocRemCtl": 0, "DERHb": 77, "ControllerHb": 65535, "OpCtl": 1}
DC = {
    "ID": 714,
    "NPrt": 2,
    "DCA_SF": -1,
    "DCV_SF": -1,
    "DCW_SF": 2,
    "DCWH_SF": 3,
    "Tmp_SF": 0,
    "DCW": -110,
    "Prt": [{"PrtTyp": 0, "ID": 1, "DCW": 40, "DCV": 8000}, {"PrtTyp": 1, "ID": 2, "DCW": -150, "DCV": 7500}],
}
IMMEDIATE = {
    "ID": 123,
    "Conn": 1,
    "WMaxLimPct": 1000,
    "WMaxLimPct_SF": -1,
    "WMaxLimPct_RvrtTms": 0,
    "WMaxLim_Ena": 0,
    "OutPFSet_Ena": 0,
    "VArPct_Ena": 0,
}
SETTINGS = {"ID": 121, "WMax": 5000, "WMax_SF": 1}
STATUS = {"ID": 122, "PVConn": 7, "StorConn": 3, "ECPConn": 1, "ActWh": 12345678901, "WAval": 400, "WAval_SF": 1}

DEVICES: dict[str, list[dict[str, Any]]] = {
    "float": [COMMON, FLOAT_INVERTER, FLOAT_METER],
    "hybrid": [COMMON, INVERTER, SETTINGS, STATUS, STORAGE, MPPT],
    "bank": [COMMON, BANK],
    "limited": [COMMON, INVERTER, IMMEDIATE],
    "der": [COMMON, DER, CONTROLS, CAPACITY, DC, CONTROL],
}


@dataclass
class SteppedClock:
    """Time that a test moves on."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 10, 14, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def site_s(self) -> float:
        return self.seconds

    def monotonic_s(self) -> float:
        return self.seconds


def words_of(models: Sequence[Mapping[str, Any]]) -> list[int]:
    """The block of a device as pysunspec2 lays it out."""
    words = [0x5375, 0x6E53]
    for data in models:
        model = sunspec2.device.Model(model_id=data["ID"], data=data)
        packed = bytearray(model.get_mb())
        assert model.error_info == ""
        packed[2:4] = (len(packed) // 2 - 2).to_bytes(2, "big")
        words += struct.unpack(f">{len(packed) // 2}H", packed)
    return [*words, 0xFFFF, 0]


def ieee_1547_device() -> list[dict[str, Any]]:
    """The example device that comes with pysunspec2: 701 to 713 in one."""
    models = json.loads((TEST_DATA / "device_1547.json").read_text(encoding="utf-8"))["models"]
    return [model for model in models if model["ID"] != 0xFFFF]


class Served:
    """A device behind a pymodbus server."""

    def __init__(self, server: ModbusTcpServer) -> None:
        self._server = server
        self.port = port = cast("asyncio.Server", server.transport).sockets[0].getsockname()[1]
        self.connection = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=port, timeout_s=2.0))

    async def read(self, address: int, count: int) -> tuple[int, ...] | Refusal:
        return await self.connection.read(1, Span("holding", address, count))

    async def set(self, address: int, word: int) -> None:
        """The device changes by itself."""
        await self._server.async_setValues(1, 16, address, [word])

    async def model_seen_by_pysunspec2(self, model_id: int) -> dict[str, float | None]:
        models = await asyncio.to_thread(self.seen_by_pysunspec2)
        return next(model for model in models if model["ID"] == model_id)

    def seen_by_pysunspec2(self) -> list[dict[str, float | None]]:
        """Scaled values by point of each model in order; of repeated groups with their number in front."""
        client = sunspec2.modbus.client.SunSpecModbusClientDeviceTCP(
            slave_id=1, ipaddr="127.0.0.1", ipport=self.port, timeout=2
        )
        try:
            client.scan()
            models = []
            for model in client.model_list:
                values = {name: point.cvalue for name, point in model.points.items()}
                for group in model.groups.values():
                    for number, module in enumerate(group if isinstance(group, list) else [], start=1):
                        values |= {f"{number}.{name}": point.cvalue for name, point in module.points.items()}
                models.append(values)
            return models
        finally:
            client.close()


@pytest.fixture
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """The device and the base that the test names."""
    name, base = request.param
    words = words_of(ieee_1547_device() if name == "1547" else DEVICES[name])
    # only these registers exist: everything else is an illegal data address
    unit = SimDevice(1, [SimData(base, values=words, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer([unit], address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    one = Served(server)
    yield one
    await one.connection.shut()
    await server.shutdown()


def counters_of(model_id: int) -> set[str]:
    points = sunspec2.device.get_model_def(model_id)["group"]["points"]
    return {point["name"] for point in points if point["type"].startswith("acc")}


async def found_in(served: Served) -> Discovered:
    found = await discover(served.read)
    assert isinstance(found, Discovered), found
    return found


@pytest.mark.parametrize(
    "served", [(name, base) for name in (*DEVICES, "1547") for base in (40000, 0, 50000)], indirect=True, ids=str
)
async def test_we_find_and_read_what_pysunspec2_does(served: Served) -> None:
    found = await found_in(served)
    ours = await values_of(served.read, found)
    theirs = await asyncio.to_thread(served.seen_by_pysunspec2)
    assert [model.id for model in found.models] == [said["ID"] for said in theirs]
    assert [model.length for model in found.models] == [said["L"] for said in theirs]
    assert found.ended == ""
    compared = 0
    for model, said in zip(found.models, theirs, strict=True):
        for name, value in ours.get(model, {}).items():
            expected = said[name]
            if expected is None and value == 0 and name in counters_of(model.id):
                continue  # pysunspec2 takes a counter that stands at 0 for none
            assert value == (None if expected is None else pytest.approx(expected)), (model.id, name)
            compared += value is not None
    assert compared >= 8


async def driver_for(
    served: Served, role: str, clock: Clock | None = None, **parameters: float
) -> tuple[ModbusDriver, dict[str, Point]]:
    """A connected driver with the profile that discovery makes."""
    found = await found_in(served)
    made = {one.role: one for one in profiles_of(found, await values_of(served.read, found))}[role]
    profile = ModbusProfile.model_validate(made.profile)
    points = points_of("device", profile, parameters)
    driver = ModbusDriver(served.connection, 1, points, clock or SystemClock(), profile.heartbeats)
    await driver.connect()
    return driver, {point.name: point for point in points}


async def readings_of(served: Served, role: str, **parameters: float) -> dict[str, float]:
    driver, points = await driver_for(served, role, **parameters)
    readings = await driver.read(list(points.values()))
    assert {reading.quality for reading in readings} == {Quality.GOOD}
    return {reading.point.partition(".")[2]: reading.value for reading in readings if reading.value is not None}


@pytest.mark.parametrize("served", [("float", 40000)], indirect=True)
async def test_a_float_inverter_and_its_meter_in_one_device(served: Served) -> None:
    assert await readings_of(served, "inverter", rated_power_kw=500) == pytest.approx(
        {"active_power_kw": 432.1, "energy_kwh": 1500.0, "status": 4.0}
    )
    assert await readings_of(served, "meter") == pytest.approx(
        {
            "active_power_kw": -1.2505,
            "voltage_v": 229.5,
            "frequency_hz": 49.98,
            "reactive_power_kvar": 0.3,
            "energy_export_kwh": 500.0,
            "energy_import_kwh": 750.0,
        }
    )


@pytest.mark.parametrize("served", [("hybrid", 0)], indirect=True)
async def test_a_hybrid_is_an_inverter_and_a_battery(served: Served) -> None:
    assert await readings_of(served, "inverter", rated_power_kw=50) == pytest.approx(
        {
            "active_power_kw": 30.0,
            "energy_kwh": 12345.6,
            "status": 4.0,
            "dc_1_power_kw": 12.34,
            "dc_2_power_kw": 43.21,
        }
    )
    # the rate in force is -25.0 % of 50 kW: a charge
    assert await readings_of(served, "storage", rated_power_kw=50) == pytest.approx(
        {"active_power_kw": 30.0, "soc": 0.655, "power_setpoint_kw": -12.5}
    )


@pytest.mark.parametrize("served", [("bank", 50000)], indirect=True)
async def test_a_battery_bank_is_read_and_not_written(served: Served) -> None:
    assert await readings_of(served, "storage", rated_power_kw=1000) == pytest.approx(
        {"active_power_kw": -25.0, "soc": 0.4321, "available": 1.0}
    )


# -- control -------------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [("hybrid", 40000)], indirect=True)
@pytest.mark.parametrize("power_kw", [20.0, -12.5, 0.0])
async def test_a_battery_of_model_124_gets_exactly_what_it_is_told(served: Served, power_kw: float) -> None:
    driver, points = await driver_for(served, "storage", rated_power_kw=50)
    setpoint = Setpoint(point=points["power_setpoint_kw"], value=power_kw)
    assert await driver.write([setpoint]) == [Accepted(pytest.approx(power_kw))]
    seen = await served.model_seen_by_pysunspec2(124)
    assert seen["OutWRte"] == pytest.approx(power_kw / 50 * 100)
    assert seen["InWRte"] == pytest.approx(-power_kw / 50 * 100)
    assert (seen["StorCtl_Mod"], seen["ChaGriSet"], seen["InOutWRte_RvrtTms"]) == (3, 1, 120)
    # what else stands in the model is left as it was
    assert (seen["WChaMax"], seen["ChaState"]) == (50000, pytest.approx(65.5))


@pytest.mark.parametrize("served", [("der", 0)], indirect=True)
async def test_a_battery_of_the_new_models_is_read_and_controlled(served: Served) -> None:
    driver, points = await driver_for(served, "storage", rated_power_kw=50)
    readings = await driver.read(list(points.values()))
    assert {reading.point.partition(".")[2]: reading.value for reading in readings} == pytest.approx(
        {
            "active_power_kw": -12.0,
            "energy_import_kwh": 10.0,
            "energy_export_kwh": 20.0,
            "soc": 0.555,
            "available": 1.0,
            "power_setpoint_kw": 0.0,
        }
    )
    setpoint = Setpoint(point=points["power_setpoint_kw"], value=-33.3)
    assert await driver.write([setpoint]) == [Accepted(pytest.approx(-33.3))]
    seen = await served.model_seen_by_pysunspec2(704)
    assert (seen["WSet"], seen["WSetMod"], seen["WSetEna"]) == (pytest.approx(-33300), 1, 1)
    assert (seen["WSetRvrt"], seen["WSetEnaRvrt"], seen["WSetRvrtTms"]) == (0, 1, 120)
    # the power limit of the same model is another matter
    assert (seen["WMaxLimPctEna"], seen["WMaxLimPct"]) == (0, 100)


@pytest.mark.parametrize("served", [("der", 40000)], indirect=True)
async def test_a_device_hears_that_it_is_controlled_and_keeps_local_control(served: Served) -> None:
    clock = SteppedClock()
    driver, points = await driver_for(served, "storage", clock, rated_power_kw=50)
    setpoint = points["power_setpoint_kw"]
    control = next(model for model in (await found_in(served)).models if model.id == 715)
    await driver.beat()
    assert (await served.model_seen_by_pysunspec2(715))["ControllerHb"] == 65535
    await driver.write([Setpoint(point=setpoint, value=10)])
    for count in (65536, 65537, 65538):
        assert await driver.beat() == []
        assert (await served.model_seen_by_pysunspec2(715))["ControllerHb"] == count
        clock.seconds += 1
    await served.set(control.address + 2, 1)
    assert await driver.write([Setpoint(point=setpoint, value=20)]) == [
        Rejected(f"{setpoint.key}: the device is under local control (register {control.address + 2} says 1)")
    ]
    assert (await served.model_seen_by_pysunspec2(704))["WSet"] == pytest.approx(10000)
    (reading,) = await driver.read([points["available"]])
    assert reading.value == 0.0


@pytest.mark.parametrize("served", [("1547", 40000)], indirect=True)
async def test_without_a_scale_factor_the_example_of_pysunspec2_is_not_written(served: Served) -> None:
    driver, points = await driver_for(served, "storage", rated_power_kw=10)
    setpoint = points["power_setpoint_kw"]
    before = await served.model_seen_by_pysunspec2(704)
    assert await driver.write([Setpoint(point=setpoint, value=4.0)]) == [
        Rejected(f"{setpoint.key}: the device has no scale factor")
    ]
    assert await served.model_seen_by_pysunspec2(704) == before


@pytest.mark.parametrize("served", [("limited", 40000), ("limited", 0)], indirect=True)
async def test_an_inverter_is_limited_and_the_limit_read_back(served: Served) -> None:
    driver, points = await driver_for(served, "inverter", rated_power_kw=50, safe_power_kw=20)
    limit = points["power_limit_kw"]
    assert await driver.write([Setpoint(point=limit, value=31.25)]) == [Accepted(pytest.approx(31.25))]
    seen = await served.model_seen_by_pysunspec2(123)
    assert (seen["WMaxLimPct"], seen["WMaxLim_Ena"], seen["WMaxLimPct_RvrtTms"]) == (pytest.approx(62.5), 1, 120)
    assert (seen["Conn"], seen["OutPFSet_Ena"]) == (1, 0)
