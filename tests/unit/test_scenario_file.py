"""Scenario files: what they may say, how they are refused, and which of ours fits which site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.loader import SiteError, example_site, example_sites, load_site
from config.site import Site
from simulators.faults.kinds import BreakerOpen, Stuck
from simulators.scenarios.loading import SCENARIOS, example_scenarios, load_scenario, scenario_path
from simulators.scenarios.scenario import Scenario

NO_TURBINE = "windy_night.yaml:5: wind: site {} has no wind turbine"
NO_HEAT = "winter_week.yaml:9: loads.0.kinds.0: site {} has no heat_load with a recorded series; "
NO_RECEIVER = "grid_orders.yaml:6: orders: site {} has no operator_limit"
REFUSED = {
    ("windy_night", "small_factory"): NO_TURBINE,
    ("windy_night", "steel_plant"): NO_TURBINE,
    ("winter_week", "small_factory"): NO_HEAT,
    ("winter_week", "hydrogen_park"): NO_HEAT,
    **{("grid_orders", name): NO_RECEIVER for name in ("campus", "demo_park", "small_factory")},
}
"""By scenario and site: the begin of the only mistake."""


@pytest.fixture(scope="module")
def sites() -> dict[str, Site]:
    return {name: load_site(example_site(name)) for name in example_sites()}


def written(folder: Path, text: str) -> Path:
    path = folder / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, site: Site, **how: bool) -> list[str]:
    with pytest.raises(SiteError) as refused:
        load_scenario(path, site, **how)
    return [str(mistake) for mistake in refused.value.faults]


def loaded(folder: Path, site: Site, *lines: str) -> Scenario:
    text = "\n".join(("description: a day", "length: 24h", "start: 2026-07-15T06:00:00", *lines))
    return load_scenario(written(folder, text), site)


def test_every_part_with_what_is_not_given(demo_site: Site, tmp_path: Path) -> None:
    scenario = loaded(
        tmp_path,
        demo_site,
        "clouds: [{at: 4h, for: 90m, depth: 0.9, ramp: 3m}]",
        "temperature: [{offset_k: -5}]",
        "loads: [{factor: 0.5, kinds: [heat_load]}]",
        "grid_outages: [{at: 23h}]",
        "faults: [{kind: frozen, target: grid_meter, at: 00:30:00, for: 10m, id: meter}]",
    )
    assert scenario.name == "odd"
    assert scenario.start == datetime(2026, 7, 14, 22, tzinfo=UTC)  # 06:00 near Hangzhou
    assert scenario.seed == 7  # the site file's
    assert scenario.length == timedelta(hours=24)
    assert scenario.terms is None
    (cloud,) = scenario.file.clouds
    assert (cloud.at, cloud.for_, cloud.ramp) == (timedelta(hours=4), timedelta(minutes=90), timedelta(minutes=3))
    (warmth,) = scenario.file.temperature
    assert warmth.bounds(scenario.start, scenario.length) == (scenario.start, scenario.start + timedelta(hours=24))
    frozen, outage = scenario.faults
    assert isinstance(frozen, Stuck)
    assert frozen.id == "meter"
    # an outage is an open breaker at the connection point, whatever its meter is called, and over with the scenario
    assert isinstance(outage, BreakerOpen)
    assert (outage.target, outage.id) == ("grid_meter", "grid_outage_1")
    assert (outage.at, outage.for_) == (timedelta(hours=23), timedelta(hours=1))


def test_the_command_line_has_the_last_word_on_start_and_seed(demo_site: Site) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    scenario = load_scenario(scenario_path("cloud_front"), demo_site, start=start, seed=0)
    assert (scenario.start, scenario.seed) == (start, 0)


def test_every_mistake_is_named_with_its_line(demo_site: Site, tmp_path: Path) -> None:
    text = """\
description: a day
length: 24
clouds:
  - {at: 4h, depth: 1.5}
  - {at: 4h, deph: 0.5}
loads:
  - {factor: 11}
connection: {import_limit_share: 0}
prices: [{at: -1h, import_per_kwh: 3}]
faults:
  - {kind: frozen, target: grid_mete}
tempereture: [1]
"""
    assert refusal(written(tmp_path, text), demo_site) == [
        "odd.yaml:2: length: is 24, should look like 90s, 30m, 2h, 1d or 00:10:00",
        "odd.yaml:4: clouds.0.depth: is 1.5, should be less than or equal to 1",
        "odd.yaml:5: clouds.1.deph: is not a known key; did you mean 'depth'?",
        "odd.yaml:5: clouds.1.depth: is missing",
        "odd.yaml:7: loads.0.factor: is 11, should be less than or equal to 10",
        "odd.yaml:8: connection.import_limit_share: is 0, should be greater than 0",
        "odd.yaml:9: prices.0.at: is '-1h', should look like 90s, 30m, 2h, 1d or 00:10:00",
        "odd.yaml:11: faults.0.target: there is no device 'grid_mete'; did you mean 'grid_meter'?",
        "odd.yaml:12: tempereture: is not a known key; did you mean 'temperature'?",
    ]


def test_what_does_not_fit_the_site_or_the_length(sites: dict[str, Site], tmp_path: Path) -> None:
    text = """\
description: a day
start: 2026-07-15T06:00:00
length: 24h
wind: [{factor: 2}]
loads:
  - {kinds: [electric_load, heat_load], factor: 0.5}
temperature:
  - {at: 24h, offset_k: 3}
  - {at: 23h, for: 4h, offset_k: 3, ramp: 31m}
prices: [{import_per_kwh: 0.1}]
faults:
  - {kind: frozen, target: meter_grid, at: 25h}
  - {kind: frozen, target: meter_grid, at: 2026-07-15T05:59:00}
  - {kind: broker_restart, target: gateway}
"""
    assert refusal(written(tmp_path, text), sites["small_factory"]) == [
        "odd.yaml:4: wind: site small_factory has no wind turbine",
        "odd.yaml:6: loads.0.kinds.1: site small_factory has no heat_load with a recorded series;"
        " did you mean 'electric_load'?",
        "odd.yaml:8: temperature.0.at: begins when the scenario is over, after 24 h",
        "odd.yaml:9: temperature.1.ramp: should be at most half as long as its window, which lasts 1 h",
        "odd.yaml:10: prices.0.import_per_kwh: is 0.1, should be at least the fixed part of the tariff, 0.155 CNY"
        " per kWh",
        "odd.yaml:12: faults.0.at: begins when the scenario is over, after 24 h",
        "odd.yaml:13: faults.1.at: begins before the scenario does",
        "odd.yaml:14: faults.2.kind: broker_restart is a fault of mqtt; gateway speaks modbus",
    ]


def test_a_broker_of_somebody_else_has_no_faults(demo_site: Site, tmp_path: Path) -> None:
    path = written(
        tmp_path, "description: a day\nlength: 24h\nfaults:\n  - {kind: broker_restart, target: broker, at: 1h}\n"
    )
    assert len(load_scenario(path, demo_site).faults) == 1
    assert refusal(path, demo_site, own_broker=False) == [
        "odd.yaml:4: faults.0.target: the broker of broker is not the park's own"
    ]


@pytest.mark.parametrize("text", ["", "- 1", "length: [", "length: 24h"])
def test_what_is_no_scenario(demo_site: Site, tmp_path: Path, text: str) -> None:
    assert refusal(written(tmp_path, text), demo_site)


def test_names_of_scenarios(tmp_path: Path) -> None:
    assert scenario_path("cloud_front") == SCENARIOS / "cloud_front.yaml"
    assert scenario_path("mine.yaml") == Path("mine.yaml")
    with pytest.raises(ValueError, match="there is no file cloud_font, and no scenario of this name; did you mean"):
        scenario_path("cloud_font")


@pytest.mark.parametrize("name", example_scenarios())
@pytest.mark.parametrize("site", example_sites())
def test_ours_fit_every_site_that_has_what_they_change(sites: dict[str, Site], site: str, name: str) -> None:
    if (name, site) in REFUSED:
        (mistake,) = refusal(scenario_path(name), sites[site])
        assert mistake.startswith(REFUSED[name, site].format(site))
        return
    scenario = load_scenario(scenario_path(name), sites[site])
    assert scenario.file.description
    assert scenario.length >= timedelta(hours=12)
