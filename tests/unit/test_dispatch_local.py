"""Assets under local control: what they take and give goes into every plan, and none of them is planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tiny_park import TinyPark

from config.loader import SiteError, example_site, load_site
from config.site import Site
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.plan import BadSituation, Plan, Situation, Solved
from dispatch.rules import rules_plan

STEPS = 4
LOCAL = {
    "grid_operator",
    "hall_line",
    "transformer",
    "furnace",
    "hot_gas",
    "waste_steam",
    "steam_backup",
    "steam",
    "hot_water",
    "orc",
    "top_gas",
}


@pytest.fixture(scope="module")
def site() -> Site:
    """The steel plant, with units on controls of their own."""
    found = load_site(example_site("steel_plant"))
    assets = {
        name: asset.model_copy(update={"control": "local"}) if name in LOCAL else asset
        for name, asset in found.assets.items()
    }
    return replace(found, file=found.file.model_copy(update={"assets": assets}))


def situation(electricity_kw: float, heat_kw: float = 0.0) -> Situation:
    def series(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.full(STEPS, value)

    return Situation(
        start=datetime(2026, 11, 10, 0, tzinfo=UTC),
        step_h=series(0.25),
        available_kw={"roof": series(500.0)},
        load_kw={"mills": series(4000.0), "works": series(500.0), "heating": series(1000.0)},
        cop={},
        stored_kwh={"battery": 2000.0, "tank": 4000.0},
        local_kw={"electricity": series(electricity_kw), "heat": series(heat_kw)},
        month_peak_kw=6000.0,
    )


def optimal(site: Site, given: Situation) -> Plan:
    outcome = Dispatcher(site, STEPS).plan(given, given.start)
    assert isinstance(outcome, Solved), outcome
    return outcome.plan


def test_only_what_dispatch_can_plan_is_planned(site: Site) -> None:
    assert set(site.measured) == LOCAL
    for plan in (optimal(site, situation(0.0)), rules_plan(site, situation(0.0), situation(0.0).start)):
        assert plan.assets.keys() == site.dispatched.keys()


@pytest.mark.parametrize("electricity_kw", [1500.0, -1500.0])
def test_what_they_take_is_bought_and_what_they_give_is_not(site: Site, electricity_kw: float) -> None:
    with_them, without = situation(electricity_kw), situation(0.0)
    for made in (lambda given: optimal(site, given), lambda given: rules_plan(site, given, given.start)):
        plan, other = made(with_them), made(without)
        assert check_plan(site, with_them, plan) == []
        # the same battery, or not: the energy over the hour differs by what they take
        grid, battery = (plan.assets[name].power_kw - other.assets[name].power_kw for name in ("grid", "battery"))
        roof = plan.assets["roof"].power_kw - other.assets["roof"].power_kw
        assert grid + battery + roof == pytest.approx(np.full(STEPS, electricity_kw), abs=0.1)


def test_heat_from_an_exchanger_saves_gas(site: Site) -> None:
    cold = replace(situation(0.0), stored_kwh={"battery": 2000.0, "tank": 400.0})
    warm = replace(situation(0.0, -900.0), stored_kwh=cold.stored_kwh)
    burnt = [optimal(site, given).assets["boiler"].gas_kw for given in (cold, warm)]
    assert burnt[0] is not None
    assert burnt[1] is not None
    assert burnt[0].sum() > 4 * burnt[1].sum()


def test_more_heat_than_anybody_takes_is_thrown_away(site: Site) -> None:
    given = replace(situation(0.0, -9000.0), stored_kwh={"battery": 2000.0, "tank": 7700.0})
    plan = optimal(site, given)
    assert check_plan(site, given, plan) == []


def test_more_power_than_the_park_may_export_is_said(site: Site) -> None:
    given = situation(-12_000.0)
    plan = optimal(site, given)
    left_open = unmet(site, given, plan)
    assert left_open
    assert "under local control are more than anybody can take" in left_open[0]
    assert check_plan(site, given, plan) == left_open


def test_rules_do_not_export_more_than_they_may_either(site: Site) -> None:
    given = situation(-12_000.0)
    plan = rules_plan(site, given, given.start)
    left_open = unmet(site, given, plan)
    assert plan.assets["grid"].power_kw.min() >= -site.grid[1].export_limit_kw
    assert "under local control are more than anybody can take" in left_open[0]
    assert check_plan(site, given, plan) == left_open


def test_heat_that_nobody_can_give_is_said_and_not_made_up(tiny_park: Callable[..., TinyPark]) -> None:
    # a bath under local control takes 130 kW, and the boiler gives 100
    bath = {"kind": "heat_load", "device": "d", "peak_kw": 200, "control": "local"}
    park = tiny_park({"bath": bath, "boiler": {}}, (1.0, 1.0))
    given = park.situation(local_kw={"heat": np.array([130.0, 60.0])})
    for plan in (park.plan(given), rules_plan(park.site, given, given.start)):
        assert plan.assets["boiler"].power_kw == pytest.approx([100, 60])
        assert check_plan(park.site, given, plan) == ["heat, step 0: 30.00 kW under local control are not served"]
        assert unmet(park.site, given, plan) == check_plan(park.site, given, plan)


def test_a_wrong_balance_is_still_found(site: Site) -> None:
    given = situation(1500.0)
    assert any("the balance is open" in fault for fault in check_plan(site, given, optimal(site, situation(0.0))))


def test_what_no_one_knows_is_refused(site: Site) -> None:
    with pytest.raises(BadSituation, match="local_kw of electricity is nan"):
        optimal(site, situation(float("nan")))
    with pytest.raises(BadSituation, match="local_kw names steam"):
        optimal(site, replace(situation(0.0), local_kw={"steam": np.zeros(STEPS)}))


def test_a_steam_boiler_is_planned_and_not_told(tmp_path: Path) -> None:
    text = example_site("steel_plant").read_text(encoding="utf-8")
    path = tmp_path / "steel_plant.yaml"
    boiler = "profile: simulated_steam_boiler, parameters: {rated_heat_kw: 4000}"
    path.write_text(text.replace(boiler, f"{boiler}, write: [heat_setpoint_kw]"))
    with pytest.raises(SiteError, match="a steam_boiler follows the steam demand by its own pressure control"):
        load_site(path)


def test_no_heat_bus_has_the_name_of_the_transformers_side(tmp_path: Path) -> None:
    text = example_site("steel_plant").read_text(encoding="utf-8")
    path = tmp_path / "steel_plant.yaml"
    path.write_text(text.replace("    heat_bus: hot_gas\n", "    heat_bus: connection\n"))
    with pytest.raises(SiteError, match="'connection' is a bus of its own"):
        load_site(path)
