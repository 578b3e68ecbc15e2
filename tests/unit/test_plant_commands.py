"""What devices do when commanded, released, killed and brought back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.loader import example_site, load_site
from config.site import Site
from simulators.plant import Plant
from simulators.surroundings import Surroundings

NOON = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(example_site("demo_park"))


@pytest.fixture(scope="module")
def surroundings(site: Site) -> Surroundings:
    return Surroundings(site, 7)


@pytest.fixture
def plant(site: Site, surroundings: Surroundings) -> Plant:
    return Plant(site, start=NOON, seed=7, surroundings=surroundings)


def test_before_the_first_step_everything_reads_sensibly(site: Site, plant: Plant) -> None:
    assert plant.now == NOON
    assert plant.values("battery_pcs") == {
        "active_power_kw": 0,
        "soc": 0.8,
        "status": 1,
        "available": 1,
        "energy_import_kwh": 0,
        "energy_export_kwh": 0,
        "power_setpoint_kw": 0,
        "reactive_power_kvar": 0,
        "reactive_setpoint_kvar": 0,
    }
    assert plant.values("tank_sensors") == {"soc": 0.6, "supply_degc": 61.0}
    assert plant.values("heat_meter")["supply_degc"] == pytest.approx(61.0)
    assert plant.values("grid_meter")["energy_import_kwh"] == 0
    assert plant.values("grid_meter")["active_power_kw"] != 0
    assert 49.8 < plant.values("grid_meter")["frequency_hz"] < 50.2


def test_battery_follows_on_its_ramp_and_is_released_to_zero(plant: Plant) -> None:
    plant.command("battery_pcs", "power_setpoint_kw", 700)
    powers = []
    for _ in range(5):
        plant.advance(1)
        powers.append(plant.values("battery_pcs")["active_power_kw"])
    assert powers == pytest.approx([200, 400, 600, 700, 700])
    assert plant.values("battery_pcs")["power_setpoint_kw"] == 700
    plant.command("battery_pcs", "power_setpoint_kw", None)
    plant.advance(3.5)
    assert plant.values("battery_pcs")["active_power_kw"] == 0
    assert plant.values("battery_pcs")["power_setpoint_kw"] == 0


def test_a_command_beyond_the_rating_is_kept_within_it(plant: Plant) -> None:
    plant.command("battery_pcs", "power_setpoint_kw", -5000)
    plant.command("boiler_gateway", "heat_setpoint_kw", 9000)
    plant.command("heat_pump_controller", "power_setpoint_kw", -1)
    plant.advance(120)
    assert plant.values("battery_pcs")["active_power_kw"] == -1000
    assert plant.values("battery_pcs")["power_setpoint_kw"] == -1000
    assert plant.values("boiler_gateway")["heat_power_kw"] == 1500
    assert plant.values("heat_pump_controller")["power_setpoint_kw"] == 0


def test_grid_takes_what_the_battery_gives(plant: Plant) -> None:
    before = plant.values("grid_meter")["active_power_kw"]
    plant.command("battery_pcs", "power_setpoint_kw", 500)
    plant.advance(2.5)
    # the rest of the park hardly moves in 2.5 s
    assert plant.values("grid_meter")["active_power_kw"] == pytest.approx(before - 500, abs=60)


def test_released_generators_fall_to_the_safe_value_of_their_profile(plant: Plant) -> None:
    for device in ("pv_a_inverter", "wind_controller"):
        assert plant.values(device)["power_limit_kw"] == 1000
        plant.command(device, "power_limit_kw", 50)
    plant.advance(20)
    for device in ("pv_a_inverter", "wind_controller"):
        assert plant.values(device)["active_power_kw"] <= 50
        assert plant.values(device)["power_limit_kw"] == 50
        plant.command(device, "power_limit_kw", None)
    plant.advance(20)
    assert 50 < plant.values("pv_a_inverter")["active_power_kw"] <= 330
    assert plant.values("pv_a_inverter")["power_limit_kw"] == 330


def test_released_heat_makers_hold_the_tank(plant: Plant) -> None:
    levels = []
    for _ in range(24 * 12):
        plant.advance(300)
        levels.append(plant.values("tank_sensors")["soc"])
    assert min(levels) > 0.4
    assert max(levels) < 0.62
    # the pump alone is enough on an October day
    assert plant.values("boiler_gateway")["gas_energy_kwh"] == 0
    assert plant.ledger.total.heat_unserved_kwh == 0


def test_the_boiler_is_the_backup_of_a_stopped_heat_pump(plant: Plant) -> None:
    plant.command("heat_pump_controller", "power_setpoint_kw", 0)
    plant.advance(4 * 3600)
    assert plant.values("boiler_gateway")["gas_energy_kwh"] > 0
    assert plant.values("tank_sensors")["soc"] > 0.2


def test_an_empty_tank_leaves_heat_unserved_and_cools_the_supply(plant: Plant) -> None:
    plant.command("heat_pump_controller", "power_setpoint_kw", 0)
    plant.command("boiler_gateway", "heat_setpoint_kw", 0)
    warm = plant.values("heat_meter")["supply_degc"]
    plant.advance(8 * 3600)
    assert plant.values("tank_sensors")["soc"] == pytest.approx(0, abs=1e-6)
    meter = plant.values("heat_meter")
    assert meter["heat_power_kw"] == pytest.approx(0, abs=1)
    assert meter["supply_degc"] < warm - 30
    assert plant.ledger.total.heat_unserved_kwh > 100
    assert plant.balance_residual < 1e-6


def test_a_full_tank_leaves_a_surplus(plant: Plant) -> None:
    plant.command("boiler_gateway", "heat_setpoint_kw", 1500)
    plant.advance(8 * 3600)
    assert plant.values("tank_sensors")["soc"] == pytest.approx(1, abs=1e-3)
    assert plant.ledger.total.surplus_heat_kwh > 100
    assert plant.balance_residual < 1e-6


def test_a_dead_device_gives_nothing_and_forgets_its_setpoint(plant: Plant) -> None:
    plant.command("battery_pcs", "power_setpoint_kw", 800)
    plant.advance(10)
    for device in ("battery_pcs", "pv_a_inverter", "wind_controller", "heat_pump_controller", "boiler_gateway"):
        plant.set_running(device, False)
    plant.command("battery_pcs", "power_setpoint_kw", 500)
    plant.advance(1)
    for device in ("battery_pcs", "pv_a_inverter", "wind_controller", "heat_pump_controller"):
        assert plant.values(device)["active_power_kw"] == 0
    assert plant.values("battery_pcs")["available"] == 0
    plant.set_running("battery_pcs", True)
    plant.advance(60)
    assert plant.values("battery_pcs")["active_power_kw"] == 0
    plant.command("battery_pcs", "power_setpoint_kw", 500)
    plant.advance(60)
    assert plant.values("battery_pcs")["active_power_kw"] == 500


def test_a_dead_meter_goes_on_counting(plant: Plant) -> None:
    plant.set_running("hall_1_meter", False)
    plant.advance(600)
    assert plant.values("hall_1_meter")["energy_kwh"] > 10
    assert plant.balance_residual < 1e-6


def test_what_is_no_setpoint_is_refused(plant: Plant) -> None:
    with pytest.raises(ValueError, match=r"battery_pcs\.soc is not a setpoint; the device takes power_setpoint_kw"):
        plant.command("battery_pcs", "soc", 0.5)
    with pytest.raises(ValueError, match="the device takes none"):
        plant.command("hall_1_meter", "power_limit_kw", 5)
    with pytest.raises(ValueError, match="nan is not a setpoint"):
        plant.command("battery_pcs", "power_setpoint_kw", float("nan"))
    with pytest.raises(KeyError, match="no asset of the site uses a device 'toaster'"):
        plant.command("toaster", "power_setpoint_kw", 5)
    with pytest.raises(KeyError):
        plant.values("toaster")
