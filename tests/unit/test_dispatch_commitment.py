"""Units that run or stand still, in cases small enough to be planned by hand (`heated_park`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import tiny_kinds as kinds
from heated_park import OFF, ON, heated, plan_of, runs
from tiny_park import START, make_park

from dispatch.checker import check_plan, unmet
from dispatch.fallback import shifted
from dispatch.forms.commitment import Commitment
from dispatch.plan import BadSituation, Plan, Running
from dispatch.reason import Reason
from dispatch.reasons import with_reasons
from dispatch.rules import rules_plan

# -- least load --------------------------------------------------------------------------------------


def test_a_unit_stands_still_where_less_is_wanted_than_its_least_load() -> None:
    plan = plan_of(heated((0.3, 0.3)), [120.0, 180.0])
    assert runs(plan) == [OFF, ON]
    assert plan.assets["heat_pump"].power_kw == pytest.approx([0.0, 60.0])
    assert plan.assets["boiler"].power_kw == pytest.approx([120.0, 0.0])
    assert sum(plan.cost.values()) == pytest.approx(120 / 3 + 60 * 0.3)


def test_without_commitment_a_unit_may_run_for_a_part_of_the_interval() -> None:
    park = heated((0.3, 0.3), {"commitment": False})
    plan = plan_of(park, [120.0, 180.0])
    assert plan.assets["heat_pump"].running is None
    assert plan.assets["heat_pump"].power_kw == pytest.approx([40.0, 60.0])


def test_a_store_lets_a_unit_run_above_its_least_load_in_turn() -> None:
    park = make_park(
        {"heat": {}, "heat_pump": {"min_power_kw": 50}, "tank": {}},
        (0.4, 0.3),
        site_keys={"control": {"interval_min": 60, "commitment": True}},
    )
    # the heat of both hours is that of one hour at least load, which must be the first: the tank is empty
    plan = plan_of(park, 75.0)
    assert runs(plan) == [ON, OFF]
    assert plan.assets["tank"].stored_kwh == pytest.approx([0.0, 75.0, 0.0])


def test_a_chiller_pays_for_its_losses_without_load_only_while_it_runs() -> None:
    """At the COP of 4 its 100 kW of cold take 25 kW, of which 0.06 * 25 = 1.5 kW whatever the load."""
    park = make_park(
        {"cooling": kinds.COOLING, "chiller": {**kinds.CHILLER, "min_cooling_kw": 40}},
        (1.0, 1.0),
        site_keys={"control": {"interval_min": 60, "commitment": True}},
    )
    situation = park.situation(load_kw={"cooling": [40.0, 0.0]}, cop={"chiller": 4.0})
    plan = park.plan(situation)
    assert runs(plan, "chiller") == [ON, OFF]
    assert -plan.assets["chiller"].flows_kw["electricity"] == pytest.approx([25 * (0.06 + 0.88 * 0.4 + 0.06 * 0.16), 0])
    assert check_plan(park.site, situation, plan) == []


def test_the_marginal_value_is_that_of_the_unit_that_runs() -> None:
    plan = plan_of(heated((0.3, 0.3)), [120.0, 180.0])
    # one more kWh of heat comes from the boiler in the first hour and from the heat pump in the second
    assert plan.marginal_per_kwh["heat"] == pytest.approx([1 / 3, 0.1], abs=1e-3)


# -- starts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start_cost", "expected"),
    [(9.0, [ON, OFF, ON]), (11.0, [ON, ON, ON])],
    ids=["a pause saves 10 and a start costs 9", "a start costs 11"],
)
def test_a_unit_runs_through_an_hour_that_costs_less_than_a_start(start_cost: float, expected: list[bool]) -> None:
    park = heated((0.3, 1.2, 0.3), start_cost_cny=start_cost)
    plan = plan_of(park, running={"heat_pump": Running(ON)})
    assert runs(plan) == expected
    assert plan.cost["starts"] == pytest.approx(0.0 if all(expected) else start_cost)


@pytest.mark.parametrize(
    ("past", "starts"),
    [(Running(OFF), 1), (Running(ON), 0), (None, 0)],
    ids=["it stood still", "it ran", "nobody knows"],
)
def test_the_first_start_counts_if_the_unit_stood_still(past: Running | None, starts: int) -> None:
    park = heated((0.3, 0.3), start_cost_cny=20)
    plan = plan_of(park, running={} if past is None else {"heat_pump": past})
    assert runs(plan) == [ON, ON]
    assert plan.cost["starts"] == pytest.approx(20.0 * starts)


def test_a_start_that_saves_less_than_it_costs_is_not_made() -> None:
    plan = plan_of(heated((0.3, 1.2), start_cost_cny=40), running={"heat_pump": Running(OFF)})
    assert runs(plan) == [OFF, OFF]


def test_a_unit_without_a_least_load_still_pays_for_its_starts() -> None:
    park = heated((0.3, 1.2, 0.3), min_power_kw=0, start_cost_cny=9)
    plan = plan_of(park, [60.0, 60.0, 60.0], running={"heat_pump": Running(ON)})
    # a pause saves 60 * (0.4 - 1/3) = 4
    assert runs(plan) == [ON, ON, ON]
    assert plan.assets["heat_pump"].power_kw[[0, 2]] == pytest.approx([20.0, 20.0])


@pytest.mark.parametrize(
    ("pause_h", "standby"), [(2, True), (4, False)], ids=["20 kWh at 1 cost less than 25", "40 kWh at 1 cost more"]
)
def test_an_electrolyser_stands_by_through_a_pause_that_is_short_enough(pause_h: int, standby: bool) -> None:
    """It needs 10 kW to stay warm, and a start from cold costs 25. Hydrogen is wanted before and after the pause."""
    park = make_park(
        {
            "hydrogen": kinds.HYDROGEN,
            "electrolyser": {**kinds.ELECTROLYSER, "min_power_kw": 200, "start_cost_cny": 25, "ramp_kw_per_s": 10},
        },
        (1.0,) * (pause_h + 2),
        site_keys={"control": {"interval_min": 60, "horizon_h": pause_h + 2, "commitment": True}},
    )
    wanted_kw = np.array([300.0, *[0.0] * pause_h, 300.0])
    situation = park.situation(load_kw={"hydrogen": wanted_kw}, running={"electrolyser": Running(ON)})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    assert runs(plan, "electrolyser") == [ON, *[OFF] * pause_h, ON]
    assert plan.assets["electrolyser"].power_kw[1:-1] == pytest.approx(np.full(pause_h, 10.0 * standby))
    assert plan.assets["electrolyser"].flows_kw["hydrogen"] == pytest.approx(wanted_kw, abs=1e-3)
    assert plan.cost["starts"] == pytest.approx(0.0 if standby else 25.0)
    more_kw = 2.0 * (np.arange(pause_h + 2) == 1)
    dearer = other(plan, name="electrolyser", power_kw=plan.assets["electrolyser"].power_kw + more_kw)
    assert any("electrolyser, step 1: power_kw" in each for each in check_plan(park.site, situation, dearer))


# -- minimum times -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dear", "expected"),
    [(1.2, [ON, ON, OFF]), (1.8, [OFF, OFF, OFF])],
    ids=["35 are saved and 10 lost", "35 are saved and 40 lost"],
)
def test_a_unit_that_starts_stays_on_for_its_minimum_time(dear: float, expected: list[bool]) -> None:
    park = heated((0.3, dear, dear), min_on_s=7200)
    assert runs(plan_of(park, running={"heat_pump": Running(OFF)})) == expected


def test_a_unit_that_stops_stays_off_for_its_minimum_time() -> None:
    past = {"heat_pump": Running(ON)}
    assert runs(plan_of(heated((0.3, 1.2, 0.3)), running=past)) == [ON, OFF, ON]
    assert runs(plan_of(heated((0.3, 1.2, 0.3), min_off_s=7200), running=past)) == [ON, ON, ON]


@pytest.mark.parametrize(
    ("since_h", "expected"),
    [
        (0.5, [ON, ON, OFF]),  # until 1.5 h, so the second hour begins within it
        (1.0, [ON, OFF, OFF]),
        (-0.25, [ON, ON, ON]),  # started a quarter of an hour into the first interval: until 2.25 h
        (2.0, [OFF, OFF, OFF]),
        (None, [OFF, OFF, OFF]),
    ],
)
def test_a_minimum_on_time_goes_on_into_the_plan(since_h: float | None, expected: list[bool]) -> None:
    park = heated((1.2, 1.2, 1.2), min_on_s=7200)
    assert runs(plan_of(park, running={"heat_pump": Running(ON, since_h)})) == expected


@pytest.mark.parametrize(
    ("since_h", "expected"), [(0.5, [OFF, OFF, ON]), (1.0, [OFF, ON, ON]), (2.0, [ON, ON, ON]), (None, [ON, ON, ON])]
)
def test_a_minimum_off_time_goes_on_into_the_plan(since_h: float | None, expected: list[bool]) -> None:
    park = heated((0.3, 0.3, 0.3), min_off_s=7200)
    assert runs(plan_of(park, running={"heat_pump": Running(OFF, since_h)})) == expected


def test_minimum_times_are_hours_also_where_intervals_differ() -> None:
    park = heated((0.3, 1.2, 1.2, 1.2), min_on_s=7200)
    step_h = np.array([1.0, 0.5, 0.5, 1.0])
    plan = plan_of(park, step_h=step_h, running={"heat_pump": Running(OFF)})
    assert runs(plan) == [ON, ON, ON, OFF]


@pytest.mark.parametrize(
    ("past", "prices", "held"),
    [
        (Running(ON, 0.5), (1.2, 1.2, 1.2), [Reason.HELD_ON, Reason.HELD_ON, Reason.GAS_CHEAPER]),
        (Running(OFF, 0.5), (0.3, 0.3, 0.3), [Reason.HELD_OFF, Reason.HELD_OFF, Reason.CHEAPER_THAN_GAS]),
    ],
    ids=["on", "off"],
)
def test_a_plan_says_that_a_minimum_time_holds_a_unit(
    past: Running, prices: tuple[float, ...], held: list[Reason]
) -> None:
    park = heated(prices, min_on_s=7200, min_off_s=7200)
    situation = park.situation(load_kw={"heat": 150.0}, running={"heat_pump": past})
    assert list(with_reasons(park.site, situation, park.plan(situation)).reasons["heat_pump"]) == held


def test_an_unavailable_unit_stands_still_whatever_its_minimum_time() -> None:
    park = heated((0.3, 0.3), min_on_s=7200)
    plan = plan_of(park, running={"heat_pump": Running(ON, 0.0)}, unavailable=frozenset({"heat_pump"}))
    assert runs(plan) == [OFF, OFF]
    assert plan.note == ""


def test_a_unit_whose_heat_has_nowhere_to_go_stops_early_and_that_is_said() -> None:
    park = heated((0.3, 0.3), min_on_s=7200)
    situation = park.situation(load_kw={"heat": 100.0}, running={"heat_pump": Running(ON, 0.0)})
    plan = park.plan(situation)
    assert runs(plan) == [OFF, OFF]
    assert plan.note == "heat_pump: stops within its minimum on time in 2 steps, most 1.0 of the interval in step 0"
    said = [f"heat_pump, step {step}: it stands still within its minimum on time" for step in (0, 1)]
    assert check_plan(park.site, situation, plan) == unmet(park.site, situation, plan) == said


def test_pauses_and_runs_that_are_too_short_are_made_long_enough() -> None:
    unit = Commitment(least_load=0.5, min_on_h=2.0, min_off_h=2.0)
    may, hours = np.full(6, fill_value=True), np.ones(6)
    wanted = np.array([ON, ON, OFF, ON, OFF, OFF])
    assert unit.lasting(wanted, may, hours).tolist() == [ON, ON, ON, ON, OFF, OFF]
    wanted = np.array([OFF, ON, OFF, OFF, OFF, OFF])
    assert unit.lasting(wanted, may, hours).tolist() == [OFF, ON, ON, OFF, OFF, OFF]
    # where it may not run it does not
    may[2] = False
    assert unit.lasting(wanted, may, hours).tolist() == wanted.tolist()


# -- ramps -------------------------------------------------------------------------------------------


def test_a_unit_with_a_slow_ramp_begins_at_its_least_load() -> None:
    """10 kW an hour from 50 kW on: without the jump to its least load it could never start."""
    park = make_park(
        {
            "heat": {"peak_kw": 300},
            "eboiler": {**kinds.ELECTRIC_BOILER, "min_power_kw": 50, "ramp_kw_per_s": 10 / 3600},
        },
        (1.0, 1.0, 1.0),
        site_keys={"control": {"interval_min": 60, "horizon_h": 3, "commitment": True}},
    )
    situation = park.situation(load_kw={"heat": [0.0, 90.0, 90.0]})
    plan = park.plan(situation)
    assert plan.assets["eboiler"].power_kw == pytest.approx([0.0, 50.0, 60.0])
    assert check_plan(park.site, situation, plan) == unmet(park.site, situation, plan)


# -- the checker -------------------------------------------------------------------------------------


def other(plan: Plan, name: str = "heat_pump", **changes: Any) -> Plan:
    return replace(plan, assets={**plan.assets, name: replace(plan.assets[name], **changes)})


@pytest.mark.parametrize(
    ("running", "sentence"),
    [
        ([ON, OFF, OFF], "heat_pump, step 1: power_kw 50.00 is 50.00 above 0.00"),
        ([ON, ON, ON], "is 50.00 below 50.00"),
        ([ON, ON], "heat_pump: running has shape (2,), expected (3,)"),
    ],
    ids=["it makes heat while it stands still", "it runs below its least load", "too few"],
)
def test_a_plan_that_says_something_else_than_it_does_is_found(running: list[bool], sentence: str) -> None:
    park = heated((0.3, 1.2, 1.2), min_on_s=7200)
    situation = park.situation(load_kw={"heat": 150.0}, running={"heat_pump": Running(OFF)})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    assert any(sentence in found for found in check_plan(park.site, situation, other(plan, running=np.array(running))))


def test_a_plan_that_breaks_a_minimum_time_or_hides_a_start_is_found() -> None:
    relaxed = heated((0.3, 1.2, 0.3))
    strict = heated((0.3, 1.2, 0.3), min_off_s=7200, start_cost_cny=3)
    past = {"heat_pump": Running(ON)}
    situation = relaxed.situation(load_kw={"heat": 150.0}, running=past)
    plan = relaxed.plan(situation)
    assert check_plan(strict.site, situation, plan) == [
        "heat_pump, step 2: stands still for 1.00 h, its least time is 2.00 h",
        "cost: starts of 0.00 is 3.00 off, it is 3.00",
    ]
    just_stopped = replace(situation, running={"heat_pump": Running(OFF, 0.0)})
    assert "heat_pump, step 0: it runs where it must stand still" in check_plan(strict.site, just_stopped, plan)


def test_what_is_no_unit_must_not_say_when_it_runs() -> None:
    park = heated((0.3, 0.3), {"commitment": False})
    situation = park.situation(load_kw={"heat": 150.0})
    plan = other(park.plan(situation), running=np.array([ON, ON]))
    assert check_plan(park.site, situation, plan) == [
        "heat_pump: its plan says when it runs, and it is no unit that runs or stands still"
    ]


@pytest.mark.parametrize(
    ("running", "sentence"),
    [
        ({"boiler": Running(ON)}, "running names boiler"),
        ({"heat_pump": Running(ON, float("nan"))}, "running of heat_pump is since nan h"),
    ],
)
def test_a_past_that_cannot_be_is_refused(running: dict[str, Running], sentence: str) -> None:
    park = heated((0.3, 0.3))
    with pytest.raises(BadSituation, match=sentence):
        park.plan(park.situation(running=running))


def test_a_plan_that_is_moved_on_takes_along_when_units_run() -> None:
    plan = plan_of(heated((0.3, 1.2, 0.3)), running={"heat_pump": Running(ON)})
    later = shifted(plan, START + timedelta(hours=1), timedelta(hours=1))
    assert later is not None
    assert runs(later) == [OFF, ON]


def test_rules_leave_it_to_the_guard_when_units_run() -> None:
    park = heated((0.3, 0.3), start_cost_cny=5)
    situation = park.situation(load_kw={"heat": 120.0}, running={"heat_pump": Running(OFF)})
    plan = rules_plan(park.site, situation, START)
    assert plan.assets["heat_pump"].running is None
    assert check_plan(park.site, situation, plan) == []
