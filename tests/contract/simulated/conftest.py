"""A plant that stands still, to see what the servers make of known values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.connection import Mqtt
from config.site import Site
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.seats import seats_of, server_for
from simulators.served import Server
from simulators.watchdog import Watchdog

NOW = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)

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


class StillPlant:
    """Shows what it is told to, and does what it is commanded at once."""

    def __init__(self, site: Site) -> None:
        self.now = NOW
        self.shown = {device: dict(values) for device, values in SHOWN.items()}
        self.commands: list[tuple[str, str, float | None]] = []
        self.dead: set[str] = set()
        self._safe = {
            (point.device, point.name): point.setpoint.safe for point in site.all_points() if point.setpoint is not None
        }

    def advance(self, dt_s: float) -> None:
        self.now += timedelta(seconds=dt_s)

    def set_running(self, device: str, running: bool) -> None:
        (self.dead.discard if running else self.dead.add)(device)

    def permit(self, device: str, point: str, safe: float) -> None:
        """Make a point that the site only measures one that takes commands."""
        self._safe[device, point] = safe

    def values(self, device: str) -> Mapping[str, float]:
        return self.shown[device]

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append((device, point, value))
        self.shown[device][point] = self._safe[device, point] if value is None else value


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def plant(demo_site: Site) -> StillPlant:
    return StillPlant(demo_site)


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
