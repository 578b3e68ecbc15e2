"""Whole sites and a park of all kinds: plans by solver and by rules hold, and a wrong number in one is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from drawn_parks import ASSETS, drawn_park, drawn_situation
from tiny_park import BATTERY, TinyPark, make_park

from config.assets import Battery
from config.feeder import Feeder
from config.grid_operator import OperatorLimit
from config.loader import example_site, load_site
from config.reserve import Reserve
from config.site import Site
from config.whole_site import whole_site
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.fallback import shifted
from dispatch.forecast.history import History
from dispatch.forecast.park import ParkState, situation
from dispatch.plan import BadSituation, FloatArray, Plan, Situation, Solved, Wanted
from dispatch.registry import KINDS, forms_of
from dispatch.rules import rules_plan
from dispatch.soundness import require_sound, stores

SITES = ("steel_plant", "hydrogen_park", "campus")
MORNING = datetime(2026, 11, 9, 20, tzinfo=UTC)
"""Four in the morning there, so that the vehicles of the day come within the horizon."""


@cache
def whole(name: str) -> Site:
    return whole_site(load_site(example_site(name)))


@cache
def day(name: str) -> Situation:
    site = whole(name)
    stored = {store: 0.5 * form.capacity_kwh for store, form in stores(site).items()}
    state = ParkState(stored_kwh=stored, measured_kw={}, month_peak_kw=4000.0)
    return situation(site, History(start=MORNING, step_min=15, series={}), state, MORNING)


@cache
def planned(name: str) -> Plan:
    outcome = Dispatcher(whole(name), day(name).steps).plan(day(name), MORNING)
    assert isinstance(outcome, Solved), outcome
    return outcome.plan


@pytest.mark.parametrize("name", SITES)
def test_a_day_of_a_site_with_all_its_assets(name: str) -> None:
    site, given_day, plan = whole(name), day(name), planned(name)
    assert given_day.steps == 96
    assert plan.assets.keys() == site.assets.keys() - site.of_kind(OperatorLimit) - site.of_kind(Feeder).keys()
    assert check_plan(site, given_day, plan) == []
    assert plan.note == ""
    by_rules = rules_plan(site, given_day, MORNING)
    assert check_plan(site, given_day, by_rules) == []
    assert sum(plan.cost.values()) < sum(by_rules.cost.values())


def test_a_plan_of_all_assets_can_be_moved_on() -> None:
    plan = planned("hydrogen_park")
    later = shifted(plan, MORNING + timedelta(hours=1), timedelta(minutes=15))
    assert later is not None
    for name, asset in later.assets.items():
        for bus, flow_kw in asset.flows_kw.items():
            np.testing.assert_array_equal(flow_kw, plan.assets[name].flows_kw[bus][4:])


def test_every_kind_of_a_site_file_has_a_form() -> None:
    kinds_seen = {type(asset) for name in (*SITES, "demo_park") for asset in whole(name).dispatched.values()}
    assert kinds_seen <= KINDS.keys()
    assert len(KINDS) == 32


def moved(values: FloatArray, step: int, by: float) -> FloatArray:
    values = values.copy()
    values[step] += by
    return values


def mutations(plan: Plan) -> Iterator[tuple[str, str, Plan]]:
    """Each number of each asset, once more and once less, in some step."""
    random = np.random.default_rng(3)
    for name, asset in plan.assets.items():
        for by in (0.3, -0.3):
            for field in ("power_kw", "gas_kw", "stored_kwh", "available_kw"):
                values = getattr(asset, field)
                if values is not None:
                    wrong = replace(asset, **{field: moved(values, int(random.integers(len(values))), by)})
                    yield name, field, replace(plan, assets={**plan.assets, name: wrong})
            for bus, flow_kw in asset.flows_kw.items():
                flows = {**asset.flows_kw, bus: moved(flow_kw, int(random.integers(len(flow_kw))), by)}
                wrong = replace(asset, flows_kw=flows)
                yield name, bus, replace(plan, assets={**plan.assets, name: wrong})


@pytest.mark.parametrize("name", SITES)
def test_a_wrong_number_in_any_field_of_any_asset_is_found(name: str) -> None:
    for asset, field, wrong in mutations(planned(name)):
        assert check_plan(whole(name), day(name), wrong), f"{asset}: {field}"


def with_more_hydrogen(plan: Plan, factor: float) -> Plan:
    """An electrolyser that makes more than it can, and a tank that takes it."""
    asset, tank = plan.assets["electrolyser"], plan.assets["hydrogen_tank"]
    made_kw = asset.flows_kw["hydrogen"] * factor
    more_kw = made_kw - asset.flows_kw["hydrogen"]
    assert tank.stored_kwh is not None
    given_kw, held = tank.power_kw - more_kw, tank.stored_kwh + np.append(0.0, np.cumsum(more_kw * plan.step_h))
    wrong = {
        "electrolyser": replace(asset, flows_kw={**asset.flows_kw, "hydrogen": made_kw}),
        "hydrogen_tank": replace(tank, power_kw=given_kw, flows_kw={"hydrogen": given_kw}, stored_kwh=held),
    }
    return replace(plan, assets={**plan.assets, **wrong})


def test_an_electrolyser_that_makes_too_much_is_found_though_every_balance_closes() -> None:
    wrong = with_more_hydrogen(planned("hydrogen_park"), 1.02)
    found = check_plan(whole("hydrogen_park"), day("hydrogen_park"), wrong)
    assert any(sentence.startswith("electrolyser, step") and "flow into hydrogen" in sentence for sentence in found)
    assert not any("balance" in sentence for sentence in found)


@pytest.mark.parametrize("name", SITES)
def test_whatever_is_unavailable_stands_still_and_plans_still_hold(name: str) -> None:
    site = whole(name)
    converters = [asset for asset, form in forms_of(site).items() if form.need != "load_kw" and asset != site.grid[0]]
    for out in (frozenset(converters[::2]), frozenset(converters[1::2])):
        given_day = replace(day(name), unavailable=out)
        outcome = Dispatcher(site, 96).plan(given_day, MORNING)
        assert isinstance(outcome, Solved)
        for plan in (outcome.plan, rules_plan(site, given_day, MORNING)):
            assert check_plan(site, given_day, plan) == unmet(site, given_day, plan)
            for asset in out - {"transformer"}:
                assert plan.assets[asset].power_kw == pytest.approx(np.zeros(96), abs=1e-6), asset


STEPS = 4
BANK = {
    **BATTERY,
    "charge_efficiency_curve": ({"share": 0.4, "efficiency": 0.95}, {"share": 1, "efficiency": 0.9}),
    "discharge_efficiency_curve": ({"share": 0.4, "efficiency": 0.95}, {"share": 1, "efficiency": 0.9}),
    "charge_taper": ({"soc": 0.7, "share": 1}, {"soc": 1, "share": 0.1}),
    "discharge_taper": ({"soc": 0, "share": 0.1}, {"soc": 0.3, "share": 1}),
    "wear_by_depth": ({"depth": 0.3, "cny_per_kwh": 0.02}, {"depth": 1, "cny_per_kwh": 0.1}),
    "max_cycles_per_day": 0.6,
}
RESERVE = {
    "outage": {"hours": 1.5, "critical": ["load"]},
    "demand_response": {"up_kw": 20, "down_kw": 10, "duration_h": 0.5, "windows": ["01:30-03:00"]},
}


def test_a_wrong_number_is_found_in_every_kind_while_it_runs() -> None:
    park = make_park({**ASSETS, "bank": BANK}, (0.3, 1.5, 0.2, 1.6))
    given_hours = park.situation(
        available_kw={"pv": 60, "hot": 300, "top_gas": 40},
        load_kw={"load": 200, "heat": 200, "steam": 60, "cooling": 120, "hydrogen": 100, "first": 20},
        cop={"heat_pump": 3, "chiller": 4},
        stored_kwh={name: 0.5 * form.capacity_kwh for name, form in stores(park.site).items()},
        wanted={"chargers": (Wanted(0.0, 3.0, 40.0, 22.0),), "job": (Wanted(1.0, 4.0, 100.0, 50.0),)},
        month_peak_kw=800,
    )
    plan = park.plan(given_hours)
    assert check_plan(park.site, given_hours, plan) == []
    assert {name for name, asset in plan.assets.items() if np.max(np.abs(asset.power_kw)) > 1.0} >= {
        *("chp", "water", "generator", "chiller", "absorber", "electrolyser", "chargers", "job", "transformer"),
    }
    for asset, field, wrong in mutations(plan):
        assert check_plan(park.site, given_hours, wrong), f"{asset}: {field}"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"load_kw": ("steam", np.nan)}, "load_kw of steam is nan in step 0"),
        ({"available_kw": ("hot", np.nan)}, "available_kw of hot is nan in step 0"),
        ({"cop": ("chiller", 0.0)}, "cop of chiller must be above 0"),
        ({"stored_kwh": ("vessels", np.nan)}, "stored_kwh of vessels is nan"),
        ({"wanted": ("chargers", (Wanted(0.0, np.nan, 1.0, 1.0),))}, "wanted of chargers has .* finite number"),
        ({"wanted": ("job", (Wanted(2.0, 1.0, 1.0, 1.0),))}, "a window ends after it begins"),
        ({"wanted": ("ghost", ())}, "wanted names ghost"),
        ({"local_kw": ("tea", np.zeros(STEPS))}, "local_kw names tea"),
    ],
)
def test_what_cannot_be_planned_from_is_refused_by_name(broken: dict[str, tuple[str, Any]], message: str) -> None:
    park = make_park(ASSETS, (1.0,) * STEPS)
    sound = park.situation(cop={"heat_pump": 3, "chiller": 4})
    require_sound(park.site, sound)
    for field, (name, value) in broken.items():
        if isinstance(value, float) and field != "stored_kwh":
            value = np.full(STEPS, value)
        with pytest.raises(BadSituation, match=message):
            require_sound(park.site, replace(sound, **{field: {**getattr(sound, field), name: value}}))
    with pytest.raises(BadSituation, match="wanted of chargers is missing"):
        require_sound(park.site, replace(sound, wanted={"job": ()}))


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_plans_of_random_parks_with_a_battery_of_all_curves_and_a_reserve_hold(first: int) -> None:
    for seed in range(first, first + 10):
        random = np.random.default_rng(seed)
        park = with_bank(drawn_park(random))
        dispatcher = Dispatcher(park.site, park.steps)
        for _ in range(3):
            given_hours = drawn_situation(park, random)
            outcome = dispatcher.plan(given_hours, given_hours.start)
            assert isinstance(outcome, Solved), (seed, outcome)
            for plan in (outcome.plan, rules_plan(park.site, given_hours, given_hours.start)):
                found = check_plan(park.site, given_hours, plan)
                assert found == unmet(park.site, given_hours, plan), (seed, plan.method, plan.note)


def with_bank(park: TinyPark) -> TinyPark:
    """The same park with such a battery beside the others, and a reserve where it plans the load."""
    bank = Battery.model_validate(BANK)
    keys: dict[str, Any] = {"assets": {**park.site.assets, "bank": bank}}
    if "load" in park.site.dispatched:
        keys["reserve"] = Reserve.model_validate(RESERVE)
    return TinyPark(replace(park.site, file=park.site.file.model_copy(update=keys)), park.steps)
