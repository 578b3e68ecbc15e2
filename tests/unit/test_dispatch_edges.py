"""Where planning goes wrong at its edges: prices, stores, islands, gaps in what is known, clocks and calendars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import tiny_kinds as kinds
from tiny_park import START, TinyPark

from config.price_series import PriceSeries
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.forecast.history import History
from dispatch.forecast.park import ParkState, expect
from dispatch.plan import BadSituation, Plan, Running, Scenario, Situation, Used, Wanted
from dispatch.rules import rules_plan

Park = Callable[..., TinyPark]
IDEAL = {"charge_efficiency": 1, "discharge_efficiency": 1}
DARK = {"import_limit_kw": 1e-6, "export_limit_kw": 0}
"""A connection that carries nothing."""


def sound(park: TinyPark, situation: Situation) -> Plan:
    """The optimal plan; nothing is wrong with it nor with the one by rules."""
    plan = park.plan(situation)
    for each in (rules_plan(park.site, situation, situation.start), plan):
        assert check_plan(park.site, situation, each) == unmet(park.site, situation, each)
    return plan


# prices


def test_where_nothing_costs_anything_nothing_is_moved_about(tiny_park: Park) -> None:
    assets: dict[str, Any] = {
        "load": {},
        "pv": {},
        "battery": {},
        "heat": {},
        "heat_pump": {},
        "tank": {},
        "boiler": {},
    }
    park = tiny_park(assets, (0.0, 0.0, 0.0), gas_per_kwh=0)
    given = park.situation(
        load_kw={"load": 60, "heat": 30}, available_kw={"pv": 40}, stored_kwh={"battery": 50, "tank": 100}
    )
    plan = sound(park, given)
    assert plan.note == ""
    assert sum(plan.cost.values()) == pytest.approx(0.0, abs=1e-6)
    assert plan.assets["battery"].power_kw == pytest.approx(np.zeros(3), abs=1e-4)
    assert plan.assets["pv"].power_kw == pytest.approx(np.full(3, 40), abs=1e-4)


def test_prices_below_nothing_at_both_sides_take_all_that_may_be_taken(tiny_park: Park) -> None:
    spot = {"file": "spot.csv", "interval_min": 60, "least_per_kwh": -1, "most_per_kwh": 2}
    park = tiny_park({"load": {}, "pv": {}, "battery": IDEAL}, (1.0, 1.0), site_keys={"spot_prices": spot})
    hours_s = (START.timestamp(), START.timestamp() + 3600)
    prices = PriceSeries(starts_s=hours_s, length_s=3600, import_per_kwh=(-0.5, -0.2), export_per_kwh=(-0.6, -0.3))
    plan = sound(
        park, park.situation(load_kw={"load": 30}, available_kw={"pv": 80}, stored_kwh={"battery": 80}, spot=prices)
    )
    # the sun is left; the battery has room for 20 kWh, in the hour that pays more
    assert plan.assets["pv"].power_kw == pytest.approx([0, 0], abs=1e-4)
    assert plan.assets["battery"].power_kw == pytest.approx([-20, 0], abs=1e-4)
    assert plan.cost["energy_import"] == pytest.approx(50 * -0.5 + 30 * -0.2)


def test_at_one_price_for_import_and_export_a_battery_earns_the_spread_less_its_losses(tiny_park: Park) -> None:
    spot = {"file": "spot.csv", "interval_min": 60, "least_per_kwh": 0, "most_per_kwh": 2}
    park = tiny_park({"battery": {}}, (1.0, 1.0), site_keys={"spot_prices": spot})
    hours_s = (START.timestamp(), START.timestamp() + 3600)
    prices = PriceSeries(starts_s=hours_s, length_s=3600, import_per_kwh=(0.4, 1.0), export_per_kwh=(0.4, 1.0))
    plan = sound(park, park.situation(stored_kwh={"battery": 0}, spot=prices))
    # 50 kWh are bought, 45 stored, 40.5 sold
    assert plan.assets["grid"].power_kw == pytest.approx([50, -40.5], abs=1e-3)
    assert sum(plan.cost.values()) == pytest.approx(50 * 0.4 - 40.5 * 1.0, abs=1e-3)


# stores


def test_a_full_store_takes_nothing(tiny_park: Park) -> None:
    park = tiny_park({"pv": {}, "battery": {"soc_max": 0.9}, "grid": {"export_limit_kw": 0}}, (1.0, 1.0))
    plan = sound(park, park.situation(available_kw={"pv": 80}, stored_kwh={"battery": 90}))
    assert plan.assets["battery"].power_kw == pytest.approx([0, 0], abs=1e-4)
    assert plan.assets["pv"].power_kw == pytest.approx([0, 0], abs=1e-4)


def test_an_empty_store_gives_nothing(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": {"soc_min": 0.1}, "heat": {}, "tank": {}}, (1.0, 1.0))
    plan = sound(park, park.situation(load_kw={"load": 80, "heat": 20}, stored_kwh={"battery": 10, "tank": 0}))
    assert plan.assets["battery"].power_kw == pytest.approx([0, 0], abs=1e-4)
    # nothing makes heat here, and the tank has none
    assert plan.assets["heat"].power_kw == pytest.approx([0, 0], abs=1e-4)
    assert "heat: heat demand not served in 2 steps, most 20.0 kW" in plan.note


@pytest.mark.parametrize(("measured_kwh", "first_kw"), [(95.0, 15.0), (4.0, -6.0)])
def test_a_store_that_was_measured_outside_its_window_comes_back(
    tiny_park: Park, measured_kwh: float, first_kw: float
) -> None:
    park = tiny_park({"load": {}, "battery": {**IDEAL, "soc_min": 0.1, "soc_max": 0.8}}, (1.0, 1.0))
    plan = sound(park, park.situation(load_kw={"load": 40}, stored_kwh={"battery": measured_kwh}))
    assert plan.assets["battery"].power_kw == pytest.approx([first_kw, 0], abs=1e-4)


def test_a_store_that_was_measured_fuller_than_full_is_planned_too(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": IDEAL}, (1.0, 1.0))
    plan = sound(park, park.situation(load_kw={"load": 40}, stored_kwh={"battery": 102}))
    assert plan.assets["battery"].power_kw == pytest.approx([2, 0], abs=1e-4)


# no grid, no heat


def test_an_island_lives_on_what_it_has_and_says_what_it_lacks(tiny_park: Park) -> None:
    shed = {**kinds.SHEDDABLE, "peak_kw": 50}
    park = tiny_park({"grid": DARK, "load": {}, "first": shed, "pv": {}, "battery": IDEAL}, (1.0, 1.0))
    given = park.situation(load_kw={"load": 60, "first": 30}, available_kw={"pv": [120, 0]}, stored_kwh={"battery": 0})
    plan = sound(park, given)
    # of 120 kW of sun the battery takes what it can, for the load that may not be shed, which the other makes room for
    assert plan.assets["battery"].power_kw == pytest.approx([-50, 50], abs=1e-3)
    assert plan.assets["load"].power_kw == pytest.approx([60, 50], abs=1e-3)
    assert plan.assets["first"].power_kw == pytest.approx([10, 0], abs=1e-3)
    assert "load: demand not served in 1 steps, most 10.0 kW in step 1" in plan.note


def test_an_island_leaves_the_sun_that_it_cannot_use(tiny_park: Park) -> None:
    park = tiny_park({"grid": DARK, "load": {}, "pv": {}}, (1.0, 1.0))
    plan = sound(park, park.situation(load_kw={"load": 60}, available_kw={"pv": 150}))
    assert plan.assets["pv"].power_kw == pytest.approx([60, 60], abs=1e-3)
    assert plan.note == ""


def test_without_any_demand_for_heat_nothing_makes_any(tiny_park: Park) -> None:
    assets: dict[str, Any] = {"heat": {}, "heat_pump": {}, "boiler": {}, "tank": {}}
    park = tiny_park(assets, (1.0, 0.2))
    plan = sound(park, park.situation(stored_kwh={"tank": 120}))
    for name in ("heat_pump", "boiler", "tank"):
        assert plan.assets[name].power_kw == pytest.approx([0, 0], abs=1e-4), name


# what is not known


def test_a_forecast_whose_history_ends_early_goes_on_with_the_time_of_day(tiny_park: Park) -> None:
    park = tiny_park({"load": {}}, (1.0,) * 24)
    # a day of history, 30 kW in its first half; what came after is missing
    past = np.where(np.arange(48) < 36, 30.0, np.nan)
    series = {"load": past}
    history = History(start=datetime(2026, 2, 28, tzinfo=UTC), step_min=60, series=series)
    state = ParkState(stored_kwh={}, measured_kw={})
    found = expect(park.site, history, state, START)
    assert found.defaulted == ()
    assert found.situation.load_kw["load"] == pytest.approx(np.full(24, 30.0))
    day = TinyPark(park.site, 24)
    assert sound(day, found.situation).cost["energy_import"] == pytest.approx(24 * 30)


def test_prices_that_end_before_the_horizon_go_on_with_the_table_and_the_plan_says_so(tiny_park: Park) -> None:
    spot = {"file": "spot.csv", "interval_min": 60, "least_per_kwh": 0, "most_per_kwh": 2}
    park = tiny_park({"load": {}}, (1.0, 1.5), site_keys={"spot_prices": spot})
    prices = PriceSeries(starts_s=(START.timestamp(),), length_s=3600, import_per_kwh=(0.2,), export_per_kwh=None)
    plan = sound(park, park.situation(load_kw={"load": 10}, spot=prices))
    assert plan.cost["energy_import"] == pytest.approx(10 * 0.2 + 10 * 1.5)
    assert plan.note == "without spot prices from 2026-03-02T01:00:00+00:00 on: the tariff's table counts"


NAN = float("nan")
BROKEN: dict[str, tuple[Any, str]] = {
    "step_h": (np.array([1.0, NAN]), "step_h is nan in step 1"),
    "available_kw": ({"pv": np.array([NAN, 1.0])}, "available_kw of pv is nan in step 0"),
    "load_kw": ({"load": np.array([NAN, 1.0])}, "load_kw of load is nan in step 0"),
    "cop": ({"heat_pump": np.array([3.0, NAN])}, "cop of heat_pump is nan in step 1"),
    "stored_kwh": ({"battery": NAN}, "stored_kwh of battery is nan"),
    "wanted": (
        {"job": (Wanted(0.0, 2.0, NAN, 1.0),)},
        "wanted of job has .*nan.*: every value must be a finite number",
    ),
    "local_kw": ({"electricity": np.array([NAN, 1.0])}, "local_kw of electricity is nan in step 0"),
    "month_peak_kw": (NAN, "month_peak_kw is nan"),
    "usual_peak_kw": (NAN, "usual_peak_kw is nan"),
    "import_errors_kw": (np.array([NAN]), "import_errors_kw has a value that is not a finite number"),
    "end_value_per_kwh": ({"electricity": NAN}, "end_value_per_kwh of electricity is nan"),
    "used": (Used(month_co2_kg=NAN), "month_co2_kg is nan"),
    "running": ({"heat_pump": Running(True, NAN)}, "running of heat_pump is since nan h"),
    "spot": (
        PriceSeries(starts_s=(0.0,), length_s=3600.0, import_per_kwh=(NAN,), export_per_kwh=None),
        "spot has import_per_kwh that is not a finite number",
    ),
    "scenarios": (
        (Scenario(name="dull", probability=1.0, available_kw={"pv": np.array([1.0, NAN])}),),
        "available_kw of pv in scenario dull is nan in step 1",
    ),
}


@pytest.mark.parametrize("field", BROKEN)
def test_what_is_no_number_is_refused_by_name(tiny_park: Park, field: str) -> None:
    control = {"interval_min": 60, "horizon_h": 2, "commitment": True}
    assets = {"load": {}, "pv": {}, "battery": {}, "heat_pump": {"start_cost_cny": 1}, "job": kinds.JOB}
    park = tiny_park(assets, (1.0, 1.0), site_keys={"control": control})
    value, words = BROKEN[field]
    broken = replace(park.situation(), **{field: value})
    for planned in (Dispatcher(park.site, 2).plan, lambda given, at: rules_plan(park.site, given, at)):
        with pytest.raises(BadSituation, match=words):
            planned(broken, START)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"probability": NAN}, "scenario dull has a probability of nan, it must be above 0, and 1 at most"),
        ({"probability": 0.4}, "the probabilities of all scenarios are 0.4 together, they must be 1"),
        ({"load_kw": {"hall": np.ones(2)}}, "load_kw of scenario dull names hall"),
        ({"load_kw": {"load": np.array([1.0, -2.0])}}, "load_kw of load in scenario dull is -2 in step 1"),
    ],
)
def test_a_scenario_that_cannot_come_is_refused_by_name(tiny_park: Park, broken: dict[str, Any], words: str) -> None:
    park = tiny_park({"load": {}}, (1.0, 1.0))
    scenario = replace(Scenario(name="dull", probability=1.0), **broken)
    with pytest.raises(BadSituation, match=words):
        Dispatcher(park.site, 2).plan(replace(park.situation(), scenarios=(scenario,)), START)


def test_every_field_of_a_situation_that_holds_numbers_is_asked_for_them() -> None:
    assert {each.name for each in fields(Situation)} == BROKEN.keys() | {"start", "unavailable", "scenarios"}


# clocks and calendars


BERLIN = {"location": {"latitude": 52, "longitude": 13, "time_zone": "Europe/Berlin"}}


@pytest.mark.parametrize(
    ("midnight", "hours", "at_night"),
    [
        (datetime(2026, 10, 24, 22, tzinfo=UTC), 25, 7),  # the hour from two to three comes twice
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 23, 5),  # and does not come at all
        (datetime(2026, 5, 1, 22, tzinfo=UTC), 24, 6),
    ],
)
def test_the_night_is_as_long_as_the_clock_makes_it(
    tiny_park: Park, midnight: datetime, hours: int, at_night: int
) -> None:
    by_the_clock = (0.5,) * 6 + (2.0,) * 18
    park = tiny_park({"load": {}}, by_the_clock, time_zone="Europe/Berlin", site_keys=BERLIN)
    day = TinyPark(park.site, hours)
    plan = sound(day, day.situation(midnight, load_kw={"load": 10}))
    assert plan.import_price_per_kwh.tolist() == [0.5] * at_night + [2.0] * (hours - at_night)
    assert plan.cost["energy_import"] == pytest.approx(10 * (0.5 * at_night + 2.0 * (hours - at_night)))


@pytest.mark.parametrize(
    ("midnight", "until_h"),
    [
        (datetime(2026, 10, 24, 22, tzinfo=UTC), 6.0),
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 4.0),
        (datetime(2026, 5, 1, 22, tzinfo=UTC), 5.0),
    ],
)
def test_a_job_from_one_to_five_keeps_to_the_clock(tiny_park: Park, midnight: datetime, until_h: float) -> None:
    park = tiny_park({"job": kinds.JOB}, (1.0,) * 12, site_keys=BERLIN)
    found = expect(
        park.site, History(start=midnight, step_min=60, series={}), ParkState(stored_kwh={}, measured_kw={}), midnight
    )
    (window,) = found.situation.wanted["job"]
    assert (window.from_h, window.until_h) == (1.0, until_h)
    plan = sound(TinyPark(park.site, 12), found.situation)
    taken = np.flatnonzero(plan.assets["job"].power_kw > 1.0)
    assert taken.min() >= 1
    assert taken.max() < until_h


def test_each_month_of_a_horizon_pays_for_its_own_peak(tiny_park: Park) -> None:
    park = tiny_park({"load": {}}, (1.0,) * 4, demand_charge_per_kw_month=40)
    given = park.situation(datetime(2026, 3, 31, 22, tzinfo=UTC), load_kw={"load": [90, 60, 70, 20]}, month_peak_kw=80)
    # 10 kW above what March has had, 70 kW in April that has had nothing
    assert sound(park, given).cost["demand"] == pytest.approx(40 * (10 + 70))


def test_the_end_of_a_month_is_that_of_the_local_calendar(tiny_park: Park) -> None:
    keys = {"time_zone": "Europe/Berlin", "site_keys": BERLIN, "demand_charge_per_kw_month": 40}
    park = tiny_park({"load": {}}, (1.0,) * 4, **keys)
    # April begins in Berlin at 22:00 UTC
    given = park.situation(datetime(2026, 3, 31, 21, tzinfo=UTC), load_kw={"load": [90, 60, 70, 20]}, month_peak_kw=80)
    assert sound(park, given).cost["demand"] == pytest.approx(40 * (10 + 70))
    later = replace(given, start=datetime(2026, 3, 31, 20, tzinfo=UTC))
    assert sound(park, later).cost["demand"] == pytest.approx(40 * (10 + 70))
    first = replace(given, start=datetime(2026, 3, 31, 22, tzinfo=UTC))
    assert sound(park, first).cost["demand"] == pytest.approx(40 * 10)
