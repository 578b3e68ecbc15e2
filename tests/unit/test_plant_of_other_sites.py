"""Parks of other shapes: no heat, no tank, several of a kind; and what cannot be simulated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.loader import example_site, load_site
from config.site import Site
from simulators.furnished import Furnished
from simulators.plant import Plant

NOON = datetime(2026, 1, 14, 4, 0, tzinfo=UTC)


def _site(folder: Path, change: Callable[[dict[str, Any]], None]) -> Site:
    """The demo park with a change, as a file of its own."""
    yaml = YAML(typ="safe")
    data = yaml.load(example_site("demo_park"))
    change(data)
    path = folder / "park.yaml"
    yaml.dump(data, path)
    return load_site(path)


def _without(data: dict[str, Any], *assets: str) -> None:
    for asset in assets:
        data["devices"].pop(data["assets"].pop(asset)["device"])
        data["simulation"]["series"].pop(asset, None)
        data["simulation"]["initial_soc"].pop(asset, None)


def test_a_park_without_heat(tmp_path: Path) -> None:
    site = _site(tmp_path, lambda data: _without(data, "heat_pump", "tank", "boiler", "heat_demand"))
    plant = Plant(site, start=NOON, seed=1)
    plant.command("battery_pcs", "power_setpoint_kw", 200)
    plant.advance(3600)
    assert plant.balance_residual < 1e-6
    assert plant.ledger.total.gas_kwh == 0


def test_loads_alone(tmp_path: Path) -> None:
    names = ("heat_pump", "tank", "boiler", "heat_demand", "pv_a", "pv_b", "wind", "battery")
    plant = Plant(_site(tmp_path, lambda data: _without(data, *names)), start=NOON, seed=1)
    plant.advance(3600)
    loads = sum(plant.values(meter)["active_power_kw"] for meter in ("hall_1_meter", "hall_2_meter"))
    assert plant.values("grid_meter")["active_power_kw"] == pytest.approx(loads)
    assert plant.balance_residual < 1e-6


def test_without_a_tank_the_heat_makers_follow_the_load(tmp_path: Path) -> None:
    plant = Plant(_site(tmp_path, lambda data: _without(data, "tank")), start=NOON, seed=1)
    plant.advance(600)
    for _ in range(10):
        plant.advance(60)
        made = sum(plant.values(d)["heat_power_kw"] for d in ("heat_pump_controller", "boiler_gateway"))
        assert made == pytest.approx(plant.values("heat_meter")["heat_power_kw"], rel=0.01)
    assert plant.values("boiler_gateway")["heat_power_kw"] > 0  # a January noon is more than the pump can do
    assert plant.balance_residual < 1e-6
    plant.set_running("boiler_gateway", False)
    plant.advance(60)
    assert plant.ledger.total.heat_unserved_kwh > 0


def test_two_batteries_and_two_tanks(tmp_path: Path) -> None:
    def double(data: dict[str, Any]) -> None:
        for asset, device in (("battery", "battery_pcs"), ("tank", "tank_sensors")):
            data["devices"][f"{device}_2"] = dict(data["devices"][device])
            data["assets"][f"{asset}_2"] = {**data["assets"][asset], "device": f"{device}_2"}

    plant = Plant(_site(tmp_path, double), start=NOON, seed=1)
    before = plant.values("grid_meter")["active_power_kw"]
    plant.command("battery_pcs", "power_setpoint_kw", 300)
    plant.command("battery_pcs_2", "power_setpoint_kw", -300)
    plant.advance(5)
    assert plant.values("battery_pcs")["active_power_kw"] == 300
    assert plant.values("battery_pcs_2")["active_power_kw"] == -300
    assert plant.values("grid_meter")["active_power_kw"] == pytest.approx(before, abs=100)
    plant.advance(12 * 3600)
    assert plant.balance_residual < 1e-6


def test_two_assets_behind_one_device(tmp_path: Path) -> None:
    """A heat pump's controller that also has the tank's sensors: each point is its own asset's."""
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    yaml = YAML(typ="safe")
    profile = yaml.load(example_site("demo_park").parents[1] / "profiles" / "simulated_heat_pump.yaml")
    profile["points"]["soc"] = {"node": "ns=1;s=Soc", "valid": [0, 1]}
    yaml.dump(profile, profiles / "heating.yaml")

    def merge(data: dict[str, Any]) -> None:
        data["devices"].pop(data["assets"]["tank"]["device"])
        data["assets"]["tank"]["device"] = "heat_pump_controller"
        data["devices"]["heat_pump_controller"]["profile"] = "heating"

    plant = Plant(_site(tmp_path, merge), start=NOON, seed=1)
    plant.command("heat_pump_controller", "power_setpoint_kw", 300)
    plant.advance(60)
    values = plant.values("heat_pump_controller")
    assert values["active_power_kw"] == 300
    assert values["soc"] == pytest.approx(0.6, abs=0.01)
    plant.set_running("heat_pump_controller", False)
    plant.advance(1)
    assert plant.values("heat_pump_controller")["active_power_kw"] == 0
    with pytest.raises(ValueError, match="the device takes power_setpoint_kw"):
        plant.command("heat_pump_controller", "soc", 1)


def test_what_cannot_be_simulated_is_refused(tmp_path: Path) -> None:
    site = _site(tmp_path, lambda data: data.pop("simulation"))
    with pytest.raises(ValueError, match="no 'simulation' section"):
        Plant(site, start=NOON, seed=1)

    with pytest.raises(ValueError, match="time zone"):
        Plant(load_site(example_site("demo_park")), start=datetime(2026, 1, 1), seed=1)  # noqa: DTZ001


def test_points_and_devices_that_no_physics_knows_are_furnished(tmp_path: Path) -> None:
    def swap(data: dict[str, Any]) -> None:
        data["devices"]["spare_meter"] = dict(data["devices"]["hall_1_meter"])
        data["assets"]["hall_2"]["device"] = "battery_pcs"
        data["assets"].pop("battery")
        data["simulation"]["initial_soc"].pop("battery")
        data["devices"].pop("hall_2_meter")

    site = _site(tmp_path, swap)
    plant = Plant(site, start=NOON, seed=1)
    assert "soc" not in plant.values("battery_pcs")
    furnished = Furnished(site, plant)
    battery = furnished.values("battery_pcs")
    assert battery.keys() == {point.name for point in site.points["battery_pcs"]}
    assert battery["active_power_kw"] == plant.values("battery_pcs")["active_power_kw"]
    furnished.command("battery_pcs", "power_setpoint_kw", 25.0)
    assert furnished.values("battery_pcs")["power_setpoint_kw"] == 25.0
    furnished.command("battery_pcs", "power_setpoint_kw", None)
    assert furnished.values("battery_pcs")["power_setpoint_kw"] == 0.0
    spare = furnished.values("spare_meter")
    assert all(low <= spare[of.name] <= high for of in site.points["spare_meter"] for low, high in [of.valid])
