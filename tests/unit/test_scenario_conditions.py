"""Weather and demand of a scenario, against those of the same site and seed without it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from config.site import Site
from simulators.noise import FloatArray
from simulators.scenarios.conditions import ChangedWeather, changed_loads, surroundings_in
from simulators.scenarios.loading import load_scenario
from simulators.scenarios.scenario import LoadChange, Scenario
from simulators.scenarios.window import Slope
from simulators.surroundings import OUTDOOR, Surroundings
from simulators.weather import Weather

NOON = datetime(2026, 7, 15, 4, tzinfo=UTC)
"""12:00 near Hangzhou."""


def at(*hours: float) -> FloatArray:
    """UTC seconds of so many hours after noon, shape (n,)."""
    return NOON.timestamp() + np.array(hours) * 3600.0


def scenario_of(folder: Path, site: Site, *lines: str) -> Scenario:
    path = folder / "noon.yaml"
    head = ("description: from noon", "start: 2026-07-15T12:00:00", "length: 6h")
    path.write_text("\n".join((*head, *lines)), encoding="utf-8")
    return load_scenario(path, site)


def test_a_slope_is_a_trapezium() -> None:
    slope = Slope.model_validate({"at": "1h", "for": "2h", "ramp": "30m"})
    share = slope.share(at(0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 2.75, 2.999999, 3.0), NOON, timedelta(hours=6))
    assert share == pytest.approx([0, 0, 0.5, 1, 1, 1, 0.5, 0, 0], abs=1e-5)


def test_without_a_ramp_it_comes_and_goes_at_once() -> None:
    slope = Slope.model_validate({"at": "1h"})
    # without an end it goes with the scenario
    assert list(slope.share(at(0.99, 1.0, 5.99, 6.0), NOON, timedelta(hours=6))) == [0, 1, 1, 0]


def test_hours_count_through_a_day_on_which_clocks_are_put_back(demo_site: Site, tmp_path: Path) -> None:
    location = demo_site.location.model_copy(update={"time_zone": "Europe/Berlin"})
    site = dataclasses.replace(demo_site, file=demo_site.file.model_copy(update={"location": location}))
    path = tmp_path / "autumn.yaml"
    text = "description: x\nstart: 2026-10-25T00:00:00\nlength: 24h\ntemperature: [{at: 12h, for: 1h, offset_k: 3}]\n"
    path.write_text(text, encoding="utf-8")
    scenario = load_scenario(path, site)
    assert scenario.start == datetime(2026, 10, 24, 22, tzinfo=UTC)
    (warmth,) = scenario.file.temperature
    # twelve hours after midnight it is 11 o'clock on the wall
    begin, end = warmth.bounds(scenario.start, scenario.length)
    assert begin == datetime(2026, 10, 25, 10, tzinfo=UTC)
    assert end - begin == timedelta(hours=1)


def test_clouds_take_the_share_of_the_sun_that_they_say(demo_site: Site, tmp_path: Path) -> None:
    scenario = scenario_of(
        tmp_path, demo_site, "clouds: [{at: 1h, for: 1h, depth: 0.8}, {at: 1h, for: 1h, depth: 0.5}]"
    )
    plain = Weather(demo_site.location, seed=scenario.seed, mean_wind_m_per_s=5.5).sky(at(0.5, 1.5))
    changed = ChangedWeather(demo_site, scenario).sky(at(0.5, 1.5))
    assert changed.direct_w_per_m2[0] == plain.direct_w_per_m2[0]
    assert changed.diffuse_w_per_m2[0] == plain.diffuse_w_per_m2[0]
    # together they hide 1 - 0.2 * 0.5 = 0.9; a cloud takes 0.95 of the direct light and lets 0.18 of all through
    assert changed.direct_w_per_m2[1] == pytest.approx(plain.direct_w_per_m2[1] * (1 - 0.95 * 0.9))
    through = plain.diffuse_w_per_m2[1] * 0.1 + 0.18 * 0.9 * plain.global_w_per_m2[1]
    assert changed.diffuse_w_per_m2[1] == pytest.approx(through)


def test_warmth_wind_and_loads(demo_site: Site, tmp_path: Path) -> None:
    scenario = scenario_of(
        tmp_path,
        demo_site,
        "temperature: [{at: 1h, offset_k: 4, ramp: 1h}]",
        "wind: [{at: 1h, for: 2h, factor: 1.5}, {at: 1h, for: 2h, factor: 0.5}]",
        "loads: [{at: 1h, for: 2h, factor: 0.25, kinds: [electric_load]}]",
    )
    times = at(0.5, 1.5)
    plain = Surroundings(demo_site, scenario.seed).course(times)
    changed = surroundings_in(demo_site, scenario.seed, scenario).course(times)
    assert changed.keys() == plain.keys()
    for key in (OUTDOOR, ("wind", "wind_speed_m_per_s"), ("hall_1", "demand_kw"), ("pv_a", "irradiance_w_per_m2")):
        assert changed[key][0] == plain[key][0]
    assert changed[OUTDOOR][1] - plain[OUTDOOR][1] == pytest.approx(2.0)  # half of the ramp
    wind = ("wind", "wind_speed_m_per_s")
    assert changed[wind][1] == pytest.approx(plain[wind][1] * 0.75)
    assert changed["hall_2", "demand_kw"][1] == pytest.approx(plain["hall_2", "demand_kw"][1] * 0.25)
    assert changed["heat_demand", "demand_kw"][1] == plain["heat_demand", "demand_kw"][1]


def test_a_change_of_loads_without_kinds_concerns_all_that_follow_a_series(demo_site: Site) -> None:
    assert changed_loads(LoadChange(factor=1), demo_site) == ("hall_1", "hall_2", "heat_demand")
    assert changed_loads(LoadChange(factor=1, kinds=("heat_load",)), demo_site) == ("heat_demand",)


def test_without_a_scenario_nothing_is_changed(demo_site: Site) -> None:
    assert type(surroundings_in(demo_site, 7, None)) is Surroundings
