"""Whole parks of many carriers: every bus closes at every step, whatever is commanded and whatever dies."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest

from config.loader import example_site, load_site
from config.points import NEEDS
from config.site import Site
from simulators.command_log import CommandLog
from simulators.faults.book import FaultBook
from simulators.furnished import Furnished
from simulators.plant import Plant
from simulators.truth import write_truth

HOURS = {"small_factory": 24, "steel_plant": 24, "hydrogen_park": 24, "campus": 6}
"""How long each site is simulated; the campus has 60 assets, and its whole day is left to the benchmark."""
SITES = list(HOURS)


def plant_of(name: str, seed: int = 5) -> tuple[Site, Plant]:
    site = load_site(example_site(name))
    assert site.file.simulation is not None
    return site, Plant(site, start=site.file.simulation.start, seed=seed)


@pytest.mark.parametrize("name", SITES)
def test_a_day_on_local_control_closes_every_balance(name: str) -> None:
    _, plant = plant_of(name)
    plant.advance(HOURS[name] * 3600)
    assert plant.balance_residual < 1e-3
    assert plant.balance_residual < 1e-6  # far better, in fact
    total = plant.ledger.total
    assert total.import_kwh > 0
    assert total.unserved_kwh < 1e-6 * total.import_kwh


@pytest.mark.parametrize("name", SITES)
def test_a_day_of_random_commands_and_faults_closes_every_balance(name: str) -> None:
    chance = random.Random(3)
    site, plant = plant_of(name)
    setpoints = [
        (asset.device, setpoint, point.setpoint)
        for asset_name, asset in site.assets.items()
        if (setpoint := NEEDS[asset.kind].setpoint) is not None
        and (point := site.point(asset_name, setpoint)) is not None
    ]
    end = plant.now + timedelta(hours=HOURS[name])
    while plant.now < end:
        device, point, limits = chance.choice(setpoints)
        assert limits is not None
        plant.command(device, point, None if chance.random() < 0.3 else chance.uniform(limits.low, limits.high))
        if chance.random() < 0.05:
            plant.set_running(chance.choice(setpoints)[0], chance.random() < 0.6)
        plant.advance(chance.choice((0.1, 1.0, 14.4, 60.0, 200.0)))
    assert plant.balance_residual < 1e-6


@pytest.mark.parametrize("name", SITES)
def test_every_reading_is_in_the_valid_range_of_its_profile(name: str) -> None:
    site, plant = plant_of(name)
    furnished = Furnished(site, plant)
    for _ in range(4 * HOURS[name]):
        for device, points in site.points.items():
            values = furnished.values(device)
            for point in points:
                assert point.valid[0] <= values[point.name] <= point.valid[1], (point.key, values[point.name])
        plant.advance(900)


@pytest.mark.parametrize("name", SITES)
def test_the_same_seed_gives_the_same_truth_byte_by_byte(name: str, tmp_path: Path) -> None:
    texts = []
    for number, seed in enumerate((5, 5, 6)):
        site, plant = plant_of(name, seed)
        book = FaultBook(site, start=plant.now, seed=seed)
        # in other pieces each time: what is true does not depend on who asks
        pieces = 6 + 6 * (number % 2)
        for _ in range(pieces):
            plant.advance(HOURS[name] / 4 * 3600 / pieces)
        file = tmp_path / f"{number}.json"
        write_truth(file, plant, plant, CommandLog(plant, None), book)
        texts.append(file.read_bytes())
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    assert json.loads(texts[0])["balance_residual"] < 1e-6


def test_waste_heat_is_used_before_gas_is_burnt() -> None:
    _, plant = plant_of("steel_plant")
    plant.advance(24 * 3600)
    accounts = plant.ledger.total.accounts
    assert accounts["waste_steam"].steam_fed_kwh > 10 * accounts["steam_backup"].steam_fed_kwh
    assert accounts["hot_water"].heat_fed_kwh > 10 * accounts["boiler"].heat_fed_kwh
    assert accounts["orc"].electricity_fed_kwh > 0
    assert accounts["top_gas"].electricity_fed_kwh > 0


def test_hydrogen_is_made_of_what_the_park_has_to_spare() -> None:
    _, plant = plant_of("hydrogen_park")
    plant.advance(24 * 3600)
    accounts = plant.ledger.total.accounts
    made, used = accounts["electrolyser"], accounts["dispensers"]
    assert made.hydrogen_fed_kwh > 0
    assert 0.5 < made.hydrogen_fed_kwh / made.electricity_used_kwh < 33.33 / 50
    assert used.unserved_kwh == 0
