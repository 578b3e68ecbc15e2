"""The demo park's servers in front of a plant that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
from campus import Campus, campus_at_rest
from fault_eyes import Eye
from fault_rig import SHOWN as FAULT_SHOWN
from fault_rig import Rig, fault_site
from still_plant import StillPlant
from sunspec_device import SunspecDevice

from config.connection import Mqtt
from config.site import Site
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.seats import seats_of, server_for
from simulators.served import Server
from simulators.servers import mqtt_session
from simulators.watchdog import Watchdog

SHOWN = {
    "grid_meter": {
        "active_power_kw": -321.0,
        "reactive_power_kvar": 45.0,
        "voltage_v": 5774.0,
        "frequency_hz": 50.02,
        "energy_import_kwh": 123456.78,
        "energy_export_kwh": 987.65,
    },
    "pv_a_inverter": {"active_power_kw": 612.3, "energy_kwh": 5432.1, "status": 4, "power_limit_kw": 330.0},
    "battery_pcs": {
        "active_power_kw": -250.5,
        "soc": 0.4321,
        "status": 1,
        "available": 1,
        "energy_import_kwh": 70000.125,
        "energy_export_kwh": 80000.25,
        "power_setpoint_kw": 0.0,
    },
    "boiler_gateway": {
        "heat_power_kw": 700.25,
        "supply_degc": 81.5,
        "gas_energy_kwh": 2**33 / 1000,
        "status": 2,
        "heat_setpoint_kw": 700.0,
    },
    "wind_controller": {
        "active_power_kw": 432.1,
        "wind_speed_m_per_s": 8.7,
        "energy_kwh": 999.5,
        "available": 1,
        "power_limit_kw": 330.0,
    },
    "heat_pump_controller": {
        "active_power_kw": 210.0,
        "heat_power_kw": 690.0,
        "outdoor_degc": 14.5,
        "supply_degc": 55.25,
        "energy_kwh": 1234.5,
        "available": 0,
        "power_setpoint_kw": 0.0,
    },
    "tank_sensors": {"soc": 0.375, "supply_degc": 53.125},
    "hall_1_meter": {"active_power_kw": 876.543, "reactive_power_kvar": -12.5, "energy_kwh": 4321.0},
    "hall_2_meter": {"active_power_kw": 0.0, "reactive_power_kvar": 0.0, "energy_kwh": 0.0},
    "heat_meter": {"heat_power_kw": 1500.5, "supply_degc": 60.0, "return_degc": 40.0, "energy_kwh": 100.0},
}
SHOWN["pv_b_inverter"] = SHOWN["pv_a_inverter"]


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def plant(demo_site: Site) -> StillPlant:
    return StillPlant(demo_site, SHOWN)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def watchdog(plant: StillPlant, hand: Hand) -> Watchdog:
    return Watchdog(plant, hand)


Serve = Callable[..., Coroutine[Any, Any, Server]]


@pytest.fixture
async def serve(demo_site: Site, plant: StillPlant, watchdog: Watchdog) -> AsyncIterator[Serve]:
    """Starts the server of a device on a free port, with all that stands behind the same port."""
    started: list[Server] = []

    async def start(device: str, broker: Mqtt | None = None, site: Site = demo_site) -> Server:
        (seat,) = (seat for seat in seats_of(site) if device in seat.devices)
        server = server_for(site, seat, 0, broker, plant, watchdog)
        await server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.stop()


@pytest.fixture
async def serve_sunspec() -> AsyncIterator[Callable[[str], Awaitable[SunspecDevice]]]:
    """Serves SunSpec devices by their profile; they end with the test."""
    started: list[SunspecDevice] = []

    async def start(profile: str) -> SunspecDevice:
        started.append(SunspecDevice(profile))
        await started[-1].server.start()
        return started[-1]

    yield start
    for device in started:
        await device.server.stop()


@pytest.fixture(scope="session")
def campus() -> Campus:
    return campus_at_rest()


@pytest.fixture
async def serve_campus(campus: Campus) -> AsyncIterator[Callable[[str], Awaitable[Server]]]:
    """Starts the server of one of its devices on a free port, with all that stands behind the same port."""
    started: list[Server] = []

    async def start(device: str) -> Server:
        started.append(campus.server(device))
        await started[-1].start()
        return started[-1]

    yield start
    for server in started:
        await server.stop()


@pytest.fixture(params=["mosquitto", "embedded"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[OwnBroker]:
    """The park's own broker, as either program."""
    mosquitto = installed_mosquitto() if request.param == "mosquitto" else None
    if request.param == "mosquitto" and mosquitto is None:
        pytest.skip("needs the server program mosquitto, which is not installed")
    own = OwnBroker(mosquitto=mosquitto)
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices on MQTT publish and come back at once."""
    monkeypatch.setattr(mqtt_session, "PUBLISH_S", 0.05)
    monkeypatch.setattr(mqtt_session, "RETRY_S", 0.05)


@pytest.fixture(scope="session")
def fault_park() -> Site:
    return fault_site()


@pytest.fixture
async def start_rig(fault_park: Site) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Rig]]]:
    """Starts fault parks in front of a still plant; they end with the test."""
    rigs: list[Rig] = []

    async def start(**options: Any) -> Rig:
        rigs.append(Rig(StillPlant(fault_park, FAULT_SHOWN), fault_park, **options))
        await rigs[-1].park.start()
        return rigs[-1]

    yield start
    for rig in rigs:
        await rig.close()


@pytest.fixture
async def rig(start_rig: Callable[..., Coroutine[Any, Any, Rig]]) -> Rig:
    return await start_rig()


@pytest.fixture(params=["modbus", "opcua", "mqtt"])
def eye(request: pytest.FixtureRequest, rig: Rig) -> Eye:
    return rig.eye(request.param)
