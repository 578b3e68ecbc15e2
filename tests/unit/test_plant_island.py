"""The breaker opens: a grid-forming battery holds the park, sheds, or lets it go dark."""

from __future__ import annotations

import pytest

from config.loader import example_site, load_site
from config.site import Site
from simulators.plant import Plant

NIGHT_S = 17 * 3600
"""From the start at 06:00 to 23:00."""


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(example_site("hydrogen_park"))


def plant_at(site: Site, after_s: float) -> Plant:
    assert site.file.simulation is not None
    plant = Plant(site, start=site.file.simulation.start, seed=5)
    plant.advance(after_s)
    return plant


def close(plant: Plant) -> None:
    """The grid is back, and its relay may close the breaker."""
    plant.close_breaker()
    plant.command("grid_meter", "reconnection_release", 1.0)


def grid(plant: Plant) -> dict[str, float]:
    shown = plant.values("grid_meter")
    return {name: shown[name] for name in ("active_power_kw", "frequency_hz", "voltage_v")}


def test_a_forming_battery_takes_what_the_grid_gave(site: Site) -> None:
    plant = plant_at(site, 3600)
    before_kw = plant.values("grid_meter")["active_power_kw"] + plant.values("battery_pcs")["active_power_kw"]
    plant.open_breaker()
    plant.advance(5)
    shown = grid(plant)
    assert shown["active_power_kw"] == 0.0
    assert plant.values("battery_pcs")["active_power_kw"] == pytest.approx(before_kw, abs=100)
    # 1 % of droop at full discharge
    expected_hz = 50.0 - 0.5 * plant.values("battery_pcs")["active_power_kw"] / 1500
    assert shown["frequency_hz"] == pytest.approx(expected_hz)
    assert plant.values("halls_meter")["active_power_kw"] > 0
    close(plant)
    plant.advance(5)
    assert grid(plant)["active_power_kw"] != 0.0
    assert plant.balance_residual < 1e-6


def test_an_island_closes_its_balance_for_hours_and_comes_back(site: Site) -> None:
    plant = plant_at(site, 3600)
    plant.open_breaker()
    imported_kwh = plant.ledger.total.import_kwh
    plant.advance(2 * 3600)
    assert plant.ledger.total.import_kwh == pytest.approx(imported_kwh)
    close(plant)
    plant.advance(3600)
    assert plant.ledger.total.import_kwh > imported_kwh
    assert plant.balance_residual < 1e-6


def test_an_island_that_is_short_sheds_first_and_goes_dark_when_the_battery_is_empty(site: Site) -> None:
    plant = plant_at(site, NIGHT_S)
    for device in ("wind_controller", "fuel_cell_plc"):
        plant.set_running(device, False)
    plant.open_breaker()
    shed = False
    for _ in range(24 * 60):
        plant.advance(60)
        if plant.values("halls_meter")["active_power_kw"] == 0.0:
            break
        shed = shed or plant.values("cold_room_relay")["active_power_kw"] == 0.0
    else:
        pytest.fail("the island lives on nothing")
    assert shed or plant.values("battery_pcs")["soc"] < 0.05
    shown = grid(plant)
    assert (shown["active_power_kw"], shown["frequency_hz"], shown["voltage_v"]) == (0.0, 0.0, 0.0)
    assert plant.values("electrolyser_plc")["available"] == 0.0
    assert plant.balance_residual < 1e-6
    assert plant.ledger.total.unserved_kwh > 0
    close(plant)
    plant.advance(60)
    assert plant.values("halls_meter")["active_power_kw"] > 0
    assert grid(plant)["frequency_hz"] == pytest.approx(50, abs=0.2)


def test_a_park_without_a_forming_battery_is_dark_at_once() -> None:
    site = load_site(example_site("demo_park"))
    assert site.file.simulation is not None
    plant = Plant(site, start=site.file.simulation.start, seed=5)
    plant.advance(60)
    plant.command("battery_pcs", "power_setpoint_kw", 500.0)
    plant.open_breaker()
    plant.advance(10)
    assert plant.values("hall_1_meter")["active_power_kw"] == 0.0
    assert plant.values("battery_pcs")["active_power_kw"] == 0.0
    plant.close_breaker()
    plant.advance(10)
    assert plant.values("hall_1_meter")["active_power_kw"] > 0
    assert plant.balance_residual < 1e-6


def test_surplus_of_an_island_is_held_back_by_its_generators(site: Site) -> None:
    plant = plant_at(site, 6 * 3600)
    plant.open_breaker()
    for _ in range(4 * 60):
        plant.advance(60)
    # next to nothing flows for minutes, and counters of a thousand kWh are rounded
    assert plant.balance_residual < 1e-4
    assert 0 <= plant.values("battery_pcs")["soc"] <= 1


def test_the_relay_waits_for_the_grid_and_for_its_release(site: Site) -> None:
    plant = plant_at(site, 3600)

    def shown() -> tuple[float, float]:
        plant.advance(1)
        values = plant.values("grid_meter")
        return values["breaker_closed"], values["reconnection_permitted"]

    assert shown() == (1.0, 1.0)
    plant.open_breaker()
    plant.command("grid_meter", "reconnection_release", 1.0)
    assert shown() == (0.0, 0.0)
    plant.command("grid_meter", "reconnection_release", None)
    plant.close_breaker()
    assert shown() == (0.0, 1.0)
    plant.command("grid_meter", "reconnection_release", 1.0)
    assert shown() == (1.0, 1.0)
    # never opens it
    plant.command("grid_meter", "reconnection_release", 0.0)
    assert shown() == (1.0, 1.0)


def test_a_park_without_control_comes_back_by_itself(site: Site) -> None:
    assert site.file.simulation is not None
    plant = Plant(site, start=site.file.simulation.start, seed=5, controlled=False)
    plant.open_breaker()
    plant.advance(60)
    plant.close_breaker()
    plant.advance(1)
    assert plant.values("grid_meter")["breaker_closed"] == 1.0
