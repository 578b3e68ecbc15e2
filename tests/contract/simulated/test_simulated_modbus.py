"""The simulated Modbus devices, seen by pymodbus, pysunspec2 and mbpoll, none of which know our code."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import ssl
import struct
from collections.abc import Callable
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec
from pydantic import TypeAdapter
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, AsyncModbusTlsClient
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from still_plant import StillPlant

from config.clock import SystemClock
from config.connection import Modbus, ModbusRtu, ModbusRtuOverTcp, ModbusTls
from config.site import Site
from drivers.site import links_of


async def client_of(server: Any) -> AsyncModbusTcpClient:
    client = AsyncModbusTcpClient("127.0.0.1", port=server.address["port"], timeout=2, retries=0)
    assert await client.connect()
    return client


async def in_thread(server: Any, look: Callable[[Any], Any], unit: int = 1) -> Any:
    """pysunspec2 waits: it runs beside the event loop that serves it."""

    def run() -> Any:
        device = sunspec.SunSpecModbusClientDeviceTCP(
            slave_id=unit, ipaddr="127.0.0.1", ipport=server.address["port"], timeout=2
        )
        try:
            device.scan()
            return look(device)
        finally:
            device.close()

    return await asyncio.to_thread(run)


def s32(words: list[int]) -> int:
    return struct.unpack(">i", struct.pack(">2H", *words))[0]


# -- devices after their profile ------------------------------------------------------------------


async def test_the_battery_shows_its_values_in_its_own_coding(serve: Any) -> None:
    client = await client_of(await serve("battery_pcs"))
    # charging is positive in the device: -250.5 kW at the site is 2505 * 0.1 kW here
    assert s32((await client.read_holding_registers(100, count=2, device_id=1)).registers) == 2505
    assert (await client.read_holding_registers(102, count=3, device_id=1)).registers == [4321, 1, 1]
    words = (await client.read_holding_registers(110, count=8, device_id=1)).registers
    assert struct.unpack(">QQ", struct.pack(">8H", *words)) == (70_000_125, 80_000_250)
    client.close()


async def test_the_meter_of_a_dark_park_answers_with_zeros(serve: Any, plant: StillPlant) -> None:
    plant.shown["grid_meter"] |= dict.fromkeys(
        ("active_power_kw", "reactive_power_kvar", "voltage_v", "frequency_hz"), 0.0
    )
    client = await client_of(await serve("grid_meter"))
    # from A on: current, its phases, and further on voltage, frequency and power
    words = (await client.read_holding_registers(40072, count=17, device_id=1)).registers
    assert [words[address - 40072] for address in (40072, 40077, 40086, 40088)] == [0, 0, 0, 0]
    imported = (await client.read_holding_registers(40116, count=2, device_id=1)).registers
    assert s32(imported) == 12345678  # in 10 Wh, as before
    client.close()


async def test_the_boiler_has_input_registers_with_the_low_word_first(serve: Any) -> None:
    client = await client_of(await serve("boiler_gateway"))
    low, high = (await client.read_input_registers(10, count=2, device_id=1)).registers
    assert struct.unpack(">f", struct.pack(">2H", high, low))[0] == 700.25
    assert (await client.read_input_registers(12, count=1, device_id=1)).registers == [815]
    # 2^33: word 2 of 4 is 2, counted from the lowest
    assert (await client.read_input_registers(14, count=4, device_id=1)).registers == [0, 0, 2, 0]
    assert (await client.read_holding_registers(40, count=1, device_id=1)).registers == [7000]
    client.close()


@pytest.mark.parametrize(("address", "count"), [(99, 2), (105, 1), (104, 2), (0, 1), (204, 1), (65535, 1)])
async def test_an_address_that_the_device_has_not_is_exception_2(serve: Any, address: int, count: int) -> None:
    client = await client_of(await serve("battery_pcs"))
    answer = await client.read_holding_registers(address, count=count, device_id=1)
    assert answer.exception_code == ExcCodes.ILLEGAL_ADDRESS
    client.close()


async def test_a_table_or_function_that_the_device_has_not_is_refused(serve: Any) -> None:
    client = await client_of(await serve("battery_pcs"))
    assert (await client.read_input_registers(100, count=1, device_id=1)).exception_code == ExcCodes.ILLEGAL_ADDRESS
    assert (await client.read_coils(100, count=1, device_id=1)).exception_code == ExcCodes.ILLEGAL_FUNCTION
    client.close()


async def test_an_unknown_unit_is_answered_by_the_gateway(serve: Any) -> None:
    client = await client_of(await serve("battery_pcs"))
    answer = await client.read_holding_registers(100, count=1, device_id=7)
    assert answer.exception_code == ExcCodes.GATEWAY_NO_RESPONSE
    client.close()


async def test_two_units_behind_one_port(serve: Any, demo_site: Site, plant: Any) -> None:
    """The boiler moves behind the battery's port as unit 2."""
    boiler = demo_site.devices["boiler_gateway"].model_copy(update={"connection": "battery_tcp", "unit": 2})
    devices = {**demo_site.devices, "boiler_gateway": boiler}
    site = dataclasses.replace(demo_site, file=demo_site.file.model_copy(update={"devices": devices}))
    server = await serve("boiler_gateway", site=site)
    assert server.devices == ("battery_pcs", "boiler_gateway")
    client = await client_of(server)
    assert (await client.read_holding_registers(102, count=1, device_id=1)).registers == [4321]
    assert (await client.read_holding_registers(40, count=1, device_id=2)).registers == [7000]
    client.close()


async def test_a_write_becomes_a_command_and_falls_back_when_not_renewed(
    serve: Any, plant: Any, hand: Any, watchdog: Any
) -> None:
    client = await client_of(await serve("battery_pcs"))
    # discharging 120.5 kW is -1205 for the device
    answer = await client.write_registers(200, list(struct.unpack(">2H", struct.pack(">i", -1205))), device_id=1)
    assert not answer.isError()
    assert plant.commands == [("battery_pcs", "power_setpoint_kw", 120.5)]
    assert s32((await client.read_holding_registers(200, count=2, device_id=1)).registers) == -1205
    hand.now_s = 9.9
    watchdog.check()
    assert len(plant.commands) == 1
    hand.now_s = 10.0
    watchdog.check()
    assert plant.commands[1:] == [("battery_pcs", "power_setpoint_kw", None)]
    assert s32((await client.read_holding_registers(200, count=2, device_id=1)).registers) == 0
    watchdog.check()
    assert len(plant.commands) == 2
    client.close()


async def test_a_renewed_setpoint_stays_and_one_without_revert_time_stays_for_ever(
    serve: Any, plant: Any, hand: Any, watchdog: Any
) -> None:
    battery = await client_of(await serve("battery_pcs"))
    boiler = await client_of(await serve("boiler_gateway"))
    await boiler.write_register(40, 6000, device_id=1)
    for second in range(0, 40, 8):
        hand.now_s = float(second)
        watchdog.check()
        await battery.write_registers(200, [0, 1000], device_id=1)
    assert plant.commands == [("boiler_gateway", "heat_setpoint_kw", 600.0)] + 5 * [
        ("battery_pcs", "power_setpoint_kw", -100.0)
    ]
    battery.close()
    boiler.close()


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (200, [0, 10001], ExcCodes.ILLEGAL_VALUE),  # 1000.1 kW
        (200, [0xFFFF, 0xFFFF - 10000], ExcCodes.ILLEGAL_VALUE),  # -1000.1 kW
        (200, [0], ExcCodes.ILLEGAL_ADDRESS),  # half a number
        (201, [0], ExcCodes.ILLEGAL_ADDRESS),
        (200, [0, 0, 0], ExcCodes.ILLEGAL_ADDRESS),
        (102, [0], ExcCodes.ILLEGAL_ADDRESS),  # measured, not written
    ],
)
async def test_a_write_that_the_device_cannot_follow_is_refused(
    serve: Any, plant: Any, address: int, words: list[int], code: ExcCodes
) -> None:
    client = await client_of(await serve("battery_pcs"))
    assert (await client.write_registers(address, words, device_id=1)).exception_code == code
    assert plant.commands == []
    client.close()


# -- SunSpec --------------------------------------------------------------------------------------


async def test_a_sunspec_client_reads_the_meter(serve: Any) -> None:
    def look(device: Any) -> dict[str, Any]:
        common, meter = device.models[1][0], device.models[203][0]
        assert sorted(key for key in device.models if isinstance(key, int)) == [1, 203]
        shown = {name: getattr(meter, name).cvalue for name in ("W", "VAR", "PhV", "PhVphA", "Hz", "WphB", "PF")}
        shown |= {name: getattr(meter, name).cvalue for name in ("TotWhImp", "TotWhExp", "A", "VA", "PPV", "Evt")}
        return {**shown, "Mn": common.Mn.value, "SN": common.SN.value, "DA": common.DA.value}

    shown = await in_thread(await serve("grid_meter"), look)
    assert shown["W"] == -321_000
    assert shown["VAR"] == 45_000
    assert shown["PhV"] == shown["PhVphA"] == 5774
    assert shown["Hz"] == pytest.approx(50.02)
    assert shown["WphB"] == -107_000
    # counters step by 10 Wh
    assert shown["TotWhImp"] == pytest.approx(123_456_780)
    assert shown["TotWhExp"] == pytest.approx(987_650)
    # sqrt(321^2 + 45^2) = 324.1 kVA; / 5774 V = 56 A; 321 / 324.1 = 99.03 %
    assert shown["VA"] == 324_000
    assert shown["A"] == 56
    assert shown["PF"] == pytest.approx(-99.03)
    assert shown["PPV"] == 10_001
    assert (shown["Mn"], shown["SN"], shown["DA"], shown["Evt"]) == ("parkgrid", "grid_meter", 1, 0)


async def test_a_sunspec_client_reads_the_inverter(serve: Any) -> None:
    def look(device: Any) -> dict[str, Any]:
        assert sorted(key for key in device.models if isinstance(key, int)) == [1, 103, 120, 123]
        shown = {name: getattr(device.models[103][0], name).cvalue for name in ("W", "WH", "St", "Hz", "PhVphA", "A")}
        shown |= {name: getattr(device.models[120][0], name).cvalue for name in ("WRtg", "DERTyp", "PFRtgQ1", "ARtg")}
        shown |= {name: getattr(device.models[123][0], name).cvalue for name in ("WMaxLimPct", "WMaxLim_Ena", "Conn")}
        missing = [
            point.pdef["name"]
            for model in (1, 103, 120, 123)
            for point in device.models[model][0].points.values()
            if point.pdef.get("mandatory") == "M" and point.value is None
        ]
        return {**shown, "missing": missing}

    shown = await in_thread(await serve("pv_a_inverter"), look)
    assert shown["missing"] == []
    assert shown["W"] == 612_300
    assert shown["WH"] == 5_432_100
    assert (shown["St"], shown["Hz"], shown["PhVphA"]) == (4, 50, 230)
    # 612.3 kW / 230 V = 2662 A in all three phases
    assert shown["A"] == 2662
    assert (shown["WRtg"], shown["DERTyp"], shown["PFRtgQ1"]) == (1_000_000, 4, 0.9)
    assert (shown["WMaxLimPct"], shown["WMaxLim_Ena"], shown["Conn"]) == (33, 0, 1)


async def test_a_sunspec_client_limits_the_inverter_until_the_limit_reverts(
    serve: Any, plant: Any, hand: Any, watchdog: Any
) -> None:
    server = await serve("pv_a_inverter")

    def limit(device: Any) -> None:
        controls = device.models[123][0]
        controls.WMaxLimPct.cvalue = 60
        controls.WMaxLimPct_RvrtTms.value = 30
        controls.write()
        assert plant.commands == []
        controls.WMaxLim_Ena.value = 1
        controls.write()

    await in_thread(server, limit)
    assert plant.commands == [("pv_a_inverter", "power_limit_kw", 600.0)]

    def controls_of(device: Any) -> tuple[Any, ...]:
        controls = device.models[123][0]
        return controls.WMaxLimPct.cvalue, controls.WMaxLimPct_RvrtTms.value, controls.WMaxLim_Ena.value

    assert await in_thread(server, controls_of) == (60, 30, 1)
    hand.now_s = 29.9
    watchdog.check()
    assert len(plant.commands) == 1
    hand.now_s = 30.0
    watchdog.check()
    assert plant.commands[1:] == [("pv_a_inverter", "power_limit_kw", None)]
    assert await in_thread(server, controls_of) == (33, 30, 0)


async def test_the_inverters_limit_as_a_controller_writes_it(serve: Any, plant: Any, hand: Any, watchdog: Any) -> None:
    client = await client_of(await serve("pv_a_inverter"))

    async def write(address: int, *words: int) -> ExcCodes | None:
        answer = await client.write_registers(address, list(words), device_id=1)
        return answer.exception_code if answer.isError() else None

    for address, word in ((40155, 5000), (40157, 120), (40159, 1)):
        assert await write(address, word) is None
    assert plant.commands == [("pv_a_inverter", "power_limit_kw", 500.0)]
    # the same again after 100 s: once more a command, and the time runs anew from there
    hand.now_s = 100.0
    for address, word in ((40155, 5000), (40157, 120), (40159, 1)):
        assert await write(address, word) is None
    assert len(plant.commands) == 2
    hand.now_s = 219.0
    watchdog.check()
    assert len(plant.commands) == 2
    # in one write, with window and ramp as they are
    assert await write(40155, 2500, 0, 0, 0, 1) is None
    assert plant.commands[-1] == ("pv_a_inverter", "power_limit_kw", 250.0)
    hand.now_s = 1e6
    watchdog.check()
    assert plant.commands[-1][2] == 250.0  # no reversion time: for ever
    assert await write(40159, 0) is None
    assert plant.commands[-1] == ("pv_a_inverter", "power_limit_kw", None)
    before = len(plant.commands)
    assert await write(40155, 10001) == ExcCodes.ILLEGAL_VALUE
    assert await write(40159, 2) == ExcCodes.ILLEGAL_VALUE
    assert await write(40156, 5) == ExcCodes.ILLEGAL_VALUE
    assert await write(40084, 5) == ExcCodes.ILLEGAL_ADDRESS
    assert len(plant.commands) == before
    client.close()


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="needs the program mbpoll, which is not installed")
async def test_mbpoll_reads_the_meter(serve: Any) -> None:
    server = await serve("grid_meter")
    process = await asyncio.create_subprocess_exec(
        *("mbpoll", "-m", "tcp", "-p", str(server.address["port"]), "-a", "1", "-0", "-1", "-q"),
        *("-r", "40088", "-c", "5", "127.0.0.1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    lines = {line.split(":")[0]: line.split(":")[1].split() for line in out.decode().splitlines() if line[:1] == "["}
    # W = -321 and its scale factor 3, as mbpoll shows 16 bits: unsigned, and signed where it differs
    assert lines["[40088]"] == [str(65536 - 321), "(-321)"]
    assert lines["[40092]"] == ["3"]


# -- lines ----------------------------------------------------------------------------------------


def on_transport(site: Site, connection: Modbus) -> Site:
    """The site with another connection to its battery."""
    connections = {**site.connections, "battery_tcp": connection}
    return dataclasses.replace(site, file=site.file.model_copy(update={"connections": connections}))


async def test_a_device_behind_a_serial_server_speaks_in_rtu_frames(serve: Any, demo_site: Site) -> None:
    line = ModbusRtuOverTcp(protocol="modbus", transport="rtu_over_tcp", host="127.0.0.1", port=15023)
    server = await serve("battery_pcs", site=on_transport(demo_site, line))
    client = AsyncModbusTcpClient("127.0.0.1", port=server.address["port"], framer=FramerType.RTU, timeout=2, retries=0)
    assert await client.connect()
    assert s32((await client.read_holding_registers(100, count=2, device_id=1)).registers) == 2505
    client.close()


async def read_soc(site: Site, server: Any) -> float | None:
    """What our own driver reads at the address that the park announces."""
    told = site.connections["battery_tcp"].model_dump() | server.address
    spec = TypeAdapter(Modbus).validate_python(told)
    link = links_of(on_transport(site, spec), SystemClock())["battery_pcs"]
    (soc,) = [point for point in site.points["battery_pcs"] if point.name == "soc"]
    (reading,) = await link.read([soc])
    await link.close()
    return reading.value


async def test_a_serial_line_is_a_terminal_of_the_parks_own(serve: Any, demo_site: Site) -> None:
    line = ModbusRtu(protocol="modbus", transport="rtu", serial_port="/dev/ttyUSB0", baud_rate=9600, parity="none")
    site = on_transport(demo_site, line)
    server = await serve("battery_pcs", site=site)
    port = server.address["serial_port"]
    # a client of another maker, and then ours: who leaves does not end the line
    client = AsyncModbusSerialClient(port, framer=FramerType.RTU, baudrate=9600, timeout=2, retries=0)
    assert await client.connect()
    assert s32((await client.read_holding_registers(100, count=2, device_id=1)).registers) == 2505
    client.close()
    assert await read_soc(site, server) == pytest.approx(0.4321)
    await server.stop()
    assert not await asyncio.to_thread(os.path.lexists, port)


async def test_a_server_within_tls_announces_whom_to_trust(serve: Any, demo_site: Site) -> None:
    line = ModbusTls(protocol="modbus", transport="tls", host="127.0.0.1", ca_file="nobody.pem")
    site = on_transport(demo_site, line)
    server = await serve("battery_pcs", site=site)
    assert await read_soc(site, server) == pytest.approx(0.4321)
    context = ssl.create_default_context(cafile=server.address["ca_file"])
    client = AsyncModbusTlsClient("127.0.0.1", port=server.address["port"], sslctx=context, timeout=2, retries=0)
    assert await client.connect()
    assert s32((await client.read_holding_registers(100, count=2, device_id=1)).registers) == 2505
    client.close()
