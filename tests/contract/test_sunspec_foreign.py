"""SunSpec discovery on devices that pysunspec2 describes and pymodbus serves: nobody there knows our tables."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import sunspec2
import sunspec2.device
import sunspec2.modbus.client
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.clock import SystemClock
from config.connection import ModbusTcp
from config.point import points_of
from config.profile import ModbusProfile
from drivers.driver import Quality
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
SETTINGS = {"ID": 121, "WMax": 5000, "WMax_SF": 1}
STATUS = {"ID": 122, "PVConn": 7, "StorConn": 3, "ECPConn": 1, "ActWh": 12345678901, "WAval": 400, "WAval_SF": 1}

DEVICES: dict[str, list[dict[str, Any]]] = {
    "float": [COMMON, FLOAT_INVERTER, FLOAT_METER],
    "hybrid": [COMMON, INVERTER, SETTINGS, STATUS, STORAGE, MPPT],
    "bank": [COMMON, BANK],
}


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

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=port, timeout_s=2.0))

    async def read(self, address: int, count: int) -> tuple[int, ...] | Refusal:
        return await self.connection.read(1, Span("holding", address, count))

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
    one = Served(cast("asyncio.Server", server.transport).sockets[0].getsockname()[1])
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


async def readings_of(served: Served, role: str, **parameters: float) -> dict[str, float]:
    found = await found_in(served)
    made = {one.role: one for one in profiles_of(found, await values_of(served.read, found))}[role]
    points = points_of("device", ModbusProfile.model_validate(made.profile), parameters)
    driver = ModbusDriver(served.connection, 1, points, SystemClock())
    await driver.connect()
    readings = await driver.read(points)
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
