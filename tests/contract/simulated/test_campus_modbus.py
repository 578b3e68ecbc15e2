"""The campus's Modbus devices, read by mbpoll and pysunspec2; what they see is what the plant has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sunspec2.modbus.client as sunspec
from campus import HOST, PATIENCE_S, Campus, said_by

from simulators.served import Server

Serve = Callable[[str], Awaitable[Server]]

LOOK_AGAIN_S = 0.05


# -- mbpoll ----------------------------------------------------------------------------------------


async def polled(*words: str, where: str = HOST) -> list[float]:
    """The values that mbpoll shows; 16 bits as signed numbers."""
    out = await said_by("mbpoll", "-0", "-1", "-q", *words, where)
    shown = (line.split(":", 1)[1].split() for line in out.splitlines() if line.startswith("["))
    return [float(values[-1].strip("()")) for values in shown]


@pytest.mark.server("mbpoll")
@pytest.mark.parametrize(
    ("device", "words", "point", "step"),
    [
        ("grid_meter", "-a 1 -t 4:float -B -r 65", "active_power_kw", 0.01),
        ("north_halls_inverter", "-a 1 -t 3:int -r 5030", "active_power_kw", 0.001),
        ("south_halls_inverter", "-a 2 -t 3:int -r 5030", "active_power_kw", 0.001),
        ("labs_inverter", "-a 1 -t 4:int -B -r 32080", "active_power_kw", 0.001),
        ("offices_inverter", "-a 3 -t 4:int -B -r 30775", "active_power_kw", 0.001),
        ("clinic_pcs", "-a 228 -t 4 -r 30", "soc", 0.0006),
        ("chiller_2", "-a 2 -t 4:float -B -r 2", "cooling_power_kw", 0.001),
    ],
)
async def test_mbpoll_reads_a_vendors_device(
    campus: Campus, serve_campus: Serve, device: str, words: str, point: str, step: float
) -> None:
    server = await serve_campus(device)
    (shown,) = await polled("-p", str(server.address["port"]), *words.split())
    (of,) = (each for each in campus.site.points[device] if each.name == point)
    assert of.sign * (shown * of.scale + of.offset) == pytest.approx(campus.truth(device)[point], abs=step)


@pytest.mark.server("mbpoll")
async def test_mbpoll_reads_and_limits_a_sunspec_inverter(campus: Campus, serve_campus: Serve) -> None:
    server = await serve_campus("library_inverter")
    where = ("-p", str(server.address["port"]), "-a", "1", "-t", "4")
    power, exponent = await polled(*where, "-r", "40084", "-c", "2")
    power_w = 1000 * campus.truth("library_inverter")["active_power_kw"]
    assert power_w > 10_000
    assert power * 10**exponent == pytest.approx(power_w, abs=10**exponent)
    assert campus.truth("library_inverter")["power_limit_kw"] == 300
    # WMaxLimPct in hundredths, for one minute, and its enable
    for register, value in ((40155, 5000), (40157, 60), (40159, 1)):
        await said_by("mbpoll", "-0", "-1", "-q", *where, "-r", str(register), HOST, str(value))
    assert campus.truth("library_inverter")["power_limit_kw"] == 150
    await said_by("mbpoll", "-0", "-1", "-q", *where, "-r", "40159", HOST, "0")
    assert campus.watchdog.held("library_inverter", "power_limit_kw") is None


@pytest.mark.server("mbpoll", "socat")
async def test_mbpoll_reads_four_meters_on_one_serial_line(campus: Campus, serve_campus: Serve, tmp_path: Path) -> None:
    server = await serve_campus("library_meter")
    line = tmp_path / "line"
    socat = await asyncio.create_subprocess_exec(
        "socat", f"pty,raw,echo=0,link={line}", f"tcp:{HOST}:{server.address['port']}"
    )
    try:
        for _ in range(round(PATIENCE_S / LOOK_AGAIN_S)):
            if line.exists():
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        for device, words, per_kw in (
            ("library_meter", "-a 1 -t 4:float -B -r 19026", 1000),
            ("canteen_meter", "-a 2 -t 3:float -B -r 52", 1000),
            ("sports_meter", "-a 3 -t 4:float -B -r 3059", 1),
            ("theatre_meter", "-a 4 -t 4:float -B -r 0", 1000),
        ):
            (shown,) = await polled("-m", "rtu", "-P", "none", *words.split(), where=str(line))
            assert shown == pytest.approx(per_kw * campus.truth(device)["active_power_kw"], rel=1e-4), device
    finally:
        socat.terminate()
        await socat.wait()


# -- pysunspec2 ------------------------------------------------------------------------------------


SUNSPEC: list[tuple[str, dict[str, str], dict[str, float]]] = [
    ("library_inverter", {"103.W": "active_power_kw", "103.WH": "energy_kwh"}, {"120.WRtg": 300_000}),
    (
        "sports_inverter",
        {"701.W": "active_power_kw", "701.TotWhInj": "energy_kwh", "714.DCW": "active_power_kw"},
        {"702.WMax": 500_000, "701.ACType": 2},
    ),
    ("canteen_inverter", {"103.W": "active_power_kw"}, {"121.WMax": 100_000, "160.N": 4}),
    ("east_pcs", {"103.W": "active_power_kw", "124.ChaState": "soc"}, {"124.WChaMax": 250_000}),
    (
        "west_pcs",
        {"701.W": "active_power_kw", "713.SoC": "soc", "701.TotWhAbs": "energy_export_kwh"},
        {"702.WChaRteMax": 400_000, "715.LocRemCtl": 0},
    ),
]


@pytest.mark.parametrize(("device", "measured", "fixed"), SUNSPEC, ids=[device for device, *_ in SUNSPEC])
async def test_pysunspec2_reads_a_sunspec_device(
    campus: Campus, serve_campus: Serve, device: str, measured: dict[str, str], fixed: dict[str, float]
) -> None:
    server = await serve_campus(device)
    unit = campus.site.devices[device].unit

    def scanned() -> tuple[dict[str, float], dict[str, float]]:
        client = sunspec.SunSpecModbusClientDeviceTCP(
            slave_id=unit, ipaddr=HOST, ipport=server.address["port"], timeout=5
        )
        client.scan()
        try:
            values = {
                f"{each.model_id}.{name}": point.cvalue
                for each in client.model_list
                for name, point in each.points.items()
            }
            steps = {
                f"{each.model_id}.{name}": 10.0 ** (point.sf_value or 0)
                for each in client.model_list
                for name, point in each.points.items()
            }
            return values, steps
        finally:
            client.close()

    values, steps = await asyncio.to_thread(scanned)
    truth = campus.truth(device)
    for name, point in measured.items():
        unit_of_it = 100 if point == "soc" else 1000
        # pysunspec2 takes a counter that stands at 0 for none
        assert (values[name] or 0) == pytest.approx(unit_of_it * truth[point], abs=steps[name]), name
    assert {name: values[name] for name in fixed} == pytest.approx(fixed)
