"""Every profile that comes along, played by the simulated park: read, written and given back by our own drivers."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import config
from config.clock import SystemClock
from config.connection import Mqtt
from config.loader import load_profile, load_site
from config.point import Point
from config.point_spec import ModbusPoint, MqttPoint, OpcuaPoint
from config.points import NEEDS
from config.site import Site
from drivers.driver import Quality, Reading, Rejected, Setpoint
from drivers.link import Link
from drivers.site import links_of
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.furnished import Furnished
from simulators.plant import Plant
from simulators.seats import seats_of, server_for
from simulators.servers.mqtt import DIGITS
from simulators.servers.register_parts import Exponents
from simulators.watchdog import Watchdog

PROFILES = sorted(path.stem for path in (Path(config.__file__).parent / "profiles").glob("*.yaml"))
PATIENCE_S = 5.0
"""Some of a device's own periods; nobody waits that long where all is well."""

NOON = datetime(2026, 6, 14, 4, 0, tzinfo=UTC)
NUMBERS = {
    "rated_power_kw": 20,
    "safe_power_kw": 8,
    "rated_heat_kw": 20,
    "rated_cooling_kw": 20,
    "rated_kg_per_h": 20,
    "installed_kw": 20,
    "contract_import_kw": 500,
}

ASSETS: dict[str, dict[str, Any]] = {
    "battery": {
        "capacity_kwh": 40,
        "max_charge_kw": 20,
        "max_discharge_kw": 20,
        "charge_efficiency": 0.9,
        "discharge_efficiency": 0.9,
        "soc_min": 0.1,
        "soc_max": 0.9,
        "ramp_kw_per_s": 20,
        "wear_cny_per_kwh": 0,
    },
    "gas_boiler": {"max_heat_kw": 20, "min_heat_kw": 0, "efficiency": 0.9, "min_on_s": 0, "min_off_s": 0},
    "heat_pump": {
        "max_power_kw": 20,
        "min_power_kw": 0,
        "source": "air",
        "supply_degc": 55,
        "min_on_s": 0,
        "min_off_s": 0,
        "ramp_kw_per_s": 20,
    },
    "wind_turbine": {
        "rated_kw": 20,
        "hub_height_m": 80,
        "cut_in_m_per_s": 3,
        "rated_m_per_s": 12,
        "cut_out_m_per_s": 25,
    },
    "pv_plant": {"peak_kw": 20, "rated_kw": 20, "tilt_deg": 10, "azimuth_deg": 180},
    "hot_water_tank": {
        "capacity_kwh": 200,
        "loss_per_h": 0,
        "max_charge_kw": 200,
        "max_discharge_kw": 200,
        "soc_min": 0,
        "soc_max": 1,
        "low_degc": 40,
        "high_degc": 75,
    },
    "operator_limit": {"installed_kw": 20},
}
"""The kinds that a profile may bind to, those with more needs first."""

UNSEEN = {("huawei_luna2000", "power_setpoint_kw")}
"""A device at rest that says neither charge nor discharge has no setpoint to show."""


def kind_of(points: set[str]) -> str | None:
    for kind in ASSETS:
        needs = NEEDS[kind]
        if kind == "wind_turbine" and "wind_speed_m_per_s" not in points:
            continue
        if needs.one_of and not points & set(needs.one_of):
            continue
        if points.issuperset(needs.required) and (needs.setpoint is None or needs.setpoint in points):
            return kind
    if points.issuperset(NEEDS["grid_connection"].required):
        return "grid_connection"
    return "pv_plant" if "active_power_kw" in points and {"dc_power_kw", "pv_power_kw"} & points else None


def little_site(profile: str, folder: Path) -> Site:
    """A connection point, and beside it or in its place one device with the profile."""
    loaded = load_profile(Path(config.__file__).parent / "profiles" / f"{profile}.yaml")
    protocol = loaded.protocol
    setpoints = [name for name, point in loaded.points.items() if point.setpoint is not None]
    device = {
        "connection": "line",
        "profile": profile,
        "unit": 1,
        "parameters": {name: NUMBERS.get(name, f"{name}1") for name in loaded.parameters},
        "write": setpoints,
    }
    lines: dict[str, dict[str, Any]] = {
        "modbus": {"protocol": "modbus", "host": "127.0.0.1", "port": 15021},
        "opcua": {"protocol": "opcua", "endpoint": "opc.tcp://127.0.0.1:15031/park", "security": "none"},
        "mqtt": {"protocol": "mqtt", "host": "127.0.0.1", "port": 15041},
    }
    grid = {"kind": "grid_connection", "device": "grid_meter", "import_limit_kw": 300, "export_limit_kw": 300}
    data: dict[str, Any] = {
        "site": "little",
        "location": {"latitude": 30.25, "longitude": 120.17, "time_zone": "UTC"},
        "tariffs": ["zhejiang_industry_2026"],
        "connections": {"line": lines[protocol], "grid_line": {**lines["modbus"], "port": 15022}},
        "devices": {"grid_meter": {"connection": "grid_line", "profile": "sunspec_meter_203"}, "device": device},
        "assets": {"grid": grid},
        "simulation": {"start": NOON.isoformat(), "series": {}},
    }
    # what the park simulates beyond these kinds has whole parks as its tests; here its registers are tried
    known = profile.removeprefix("simulated_") in NEEDS.keys() - ASSETS.keys()
    kind = None if known else kind_of(set(loaded.points))
    if kind == "grid_connection":
        grid["device"] = "device"
    elif kind is not None:
        data["assets"]["asset"] = {"kind": kind, "device": "device", **ASSETS[kind]}
    path = folder / "little.yaml"
    YAML(typ="safe").dump(data, path)
    return load_site(path)


class Hand:
    """A clock that is moved by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Rig:
    """A little park whose device is served, and our driver for it."""

    site: Site
    plant: Furnished
    watchdog: Watchdog
    hand: Hand
    server: Any
    link: Link

    @property
    def points(self) -> tuple[Point, ...]:
        return self.site.points["device"]

    def shown(self, point: Point) -> float:
        held = self.watchdog.held("device", point.name)
        return self.plant.values("device")[point.name] if held is None else held

    async def read(self) -> dict[str, Reading]:
        await self.server.refresh()
        readings = await self.link.read(self.points)
        return {point.name: reading for point, reading in zip(self.points, readings, strict=True)}


def step_of(point: Point, value: float, exponents: Exponents | None) -> float:
    """What the wire can tell apart of a value, with a little for the numbers in between."""
    match point.source:
        case ModbusPoint() as source if source.type.startswith("f"):
            return 1e-5 * max(abs(value), 1)
        case ModbusPoint() as source:
            assert exponents is not None
            return abs(point.scale) * 10.0 ** exponents[source.scale_factor] + 1e-9 * abs(value)
        case MqttPoint():
            return abs(point.scale) * 10.0**-DIGITS + 1e-9 * abs(value)
        case OpcuaPoint() as source if source.type not in ("double", "float"):
            return 0.51 * abs(point.scale)
        case _:
            return 1e-5 * max(abs(value), 1)


def compare(rig: Rig, readings: dict[str, Reading], unseen: set[tuple[str, str]] = UNSEEN) -> None:
    profile = rig.site.devices["device"].profile
    numbers = [point for point in rig.points if isinstance(point.source, ModbusPoint)]
    exponents = Exponents(numbers) if numbers else None
    for point in rig.points:
        reading, shown = readings[point.name], rig.shown(point)
        if (profile, point.name) in unseen:
            assert reading.quality is Quality.BAD
            continue
        assert reading.quality is Quality.GOOD, (point.name, reading)
        if (profile, point.name) == ("sungrow_sh", "status"):
            # one bit of the state says which way the battery goes
            assert reading.value is not None
            assert int(reading.value) & ~0b10 == int(shown) & ~0b10
            continue
        tolerance = step_of(point, shown, exponents)
        assert reading.value == pytest.approx(shown, abs=tolerance), (point.name, reading)


@pytest.fixture(params=PROFILES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    site = little_site(request.param, tmp_path)
    plant = Furnished(site, Plant(site, start=NOON, seed=1))
    plant.advance(60)
    hand = Hand()
    watchdog = Watchdog(plant, hand)
    (seat,) = (seat for seat in seats_of(site) if "device" in seat.devices)
    broker, own = None, None
    if isinstance(connection := site.connections["line"], Mqtt):
        own = OwnBroker(mosquitto=installed_mosquitto())
        await own.start()
        broker = connection.model_copy(update={"port": own.port})
    server = server_for(site, seat, 0, broker, plant, watchdog)
    await server.start()
    here = server.address if own is None else {"port": own.port}
    reached = load_site(site.path, {"line": here})
    link = links_of(reached, SystemClock())["device"]
    yield Rig(site, plant, watchdog, hand, server, link)
    await link.close()
    await server.stop()
    if own is not None:
        await own.stop()


async def until_right(rig: Rig, unseen: set[tuple[str, str]]) -> None:
    """Compare again and again: what publishes by itself takes its time."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            compare(rig, await rig.read(), unseen)
            return
        except AssertionError:
            if time.monotonic() > until_s:
                raise
        await asyncio.sleep(0.1)


def asked(point: Point) -> float:
    """A value to write that is neither at rest nor at an end."""
    assert point.setpoint is not None
    known = point.source.values if isinstance(point.source, ModbusPoint | MqttPoint) else None
    if known:
        return max(point.sign * (number * point.scale + point.offset) for number in known.values())
    wanted = point.setpoint.low + 0.7 * (point.setpoint.high - point.setpoint.low)
    return math.floor(wanted / point.setpoint.resolution) * point.setpoint.resolution


async def test_what_is_shown_is_read_and_what_is_written_is_done_until_it_falls_away(rig: Rig) -> None:
    await until_right(rig, UNSEEN)
    setpoints = [(point, point.setpoint) for point in rig.points if point.setpoint is not None]
    for point, setpoint in setpoints:
        (result,) = await rig.link.write([Setpoint(point=point, value=asked(point))])
        assert not isinstance(result, Rejected), result
        held = rig.watchdog.held("device", point.name)
        assert held == pytest.approx(asked(point), abs=setpoint.resolution), (point.name, result)
    rig.plant.advance(60)
    await until_right(rig, set())
    readings = await rig.read()
    for point, setpoint in setpoints:
        followed = readings[setpoint.read_back].value
        assert followed == pytest.approx(asked(point), abs=setpoint.tolerance), point.name
    reverting = [(point, setpoint.revert_s) for point, setpoint in setpoints if setpoint.revert_s is not None]
    if reverting:
        rig.hand.now_s = max(revert_s for _, revert_s in reverting)
        rig.watchdog.check()
        assert [rig.watchdog.held("device", point.name) for point, _ in reverting] == [None] * len(reverting)
        rig.plant.advance(60)
        await until_right(rig, UNSEEN)
