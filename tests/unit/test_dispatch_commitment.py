"""Units that run or stand still, in cases small enough to be planned by hand.

Heat costs 1/3 a kWh from gas (0.3 / 0.9), and a third of the price of electricity from the heat pump. It runs at 50 kW
or more and makes 150 kWh of heat an hour then; the boiler makes the same for 50. So an hour of the heat pump saves 35
at a price of 0.3, and costs 10 more than the boiler's at 1.2.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import tiny_kinds as kinds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_park import START, TinyPark, make_park

from config.asset import OnOff
from dispatch.checker import check_plan, unmet
from dispatch.compiled import CompiledProblem
from dispatch.dispatcher import Dispatcher
from dispatch.fallback import shifted
from dispatch.forms.commitment import Commitment
from dispatch.linear_program import LinearProgram
from dispatch.mixed_integer import OpenColumns, search
from dispatch.plan import BadSituation, Method, Plan, Running, Situation, Solved
from dispatch.rules import rules_plan
from dispatch.solving import Optimal
from dispatch.unit_commitment import UnitCommitment

ON, OFF = True, False


def heated(prices: Sequence[float], control: dict[str, Any] | None = None, **heat_pump: Any) -> TinyPark:
    """A heat pump of 50 to 100 kW and a boiler, without a store."""
    return make_park(
        {"heat": {"peak_kw": 300}, "heat_pump": {"min_power_kw": 50, **heat_pump}, "boiler": {"max_heat_kw": 300}},
        prices,
        site_keys={
            "control": {"interval_min": 60, "horizon_h": max(2, len(prices)), "commitment": True, **(control or {})}
        },
    )


def plan_of(park: TinyPark, heat_kw: Any = 150.0, **given_too: Any) -> Plan:
    """A plan that was checked; what it leaves open counts as a fault."""
    situation = park.situation(load_kw={"heat": heat_kw}, **given_too)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    return plan


def runs(plan: Plan, name: str = "heat_pump") -> list[bool]:
    running = plan.assets[name].running
    assert running is not None
    found: list[bool] = running.tolist()
    return found


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


def other(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, assets={**plan.assets, "heat_pump": replace(plan.assets["heat_pump"], **changes)})


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


# -- how it is found ---------------------------------------------------------------------------------


def cheapest_of_all(dispatcher: Dispatcher) -> float:
    """The optimum of the same problem with cvxpy's own integers, solved cold and to the end."""
    problem, choices = dispatcher.park.problem, dispatcher.park.choices
    for choice in choices:
        choice.open_up()
    yes = [choice.yes == cp.Variable(choice.yes.size, boolean=True) for choice in choices]
    whole = cp.Problem(problem.objective, [*problem.constraints, *yes])
    whole.solve(solver=cp.HIGHS, mip_rel_gap=1e-9)
    assert whole.status == cp.OPTIMAL
    return float(whole.value)


@st.composite
def parks(draw: st.DrawFn) -> tuple[TinyPark, list[Situation]]:
    """A park with three units of any least load, minimum times and start cost, and two situations in a row."""
    steps = 8

    def some(*values: float) -> Any:
        return draw(st.sampled_from(values))

    def times() -> dict[str, Any]:
        return {
            "min_on_s": some(0, 3600, 7200, 10800),
            "min_off_s": some(0, 3600, 10800),
            "start_cost_cny": some(0, 2, 10),
        }

    park = make_park(
        {
            "load": {},
            "battery": {},
            "heat": {},
            "heat_pump": {"min_power_kw": some(0, 20, 60), **times()},
            "boiler": {"min_heat_kw": some(0, 30), **times()},
            "chp": {**kinds.CHP, **times()},
            **({"tank": {}} if some(0, 1) else {}),
        },
        [some(0.3, 0.6, 1.2) for _ in range(steps)],
        site_keys={"control": {"interval_min": 60, "horizon_h": steps, "commitment": True, "commitment_gap": 1e-4}},
    )
    stored = {"battery": some(0, 50), **({"tank": some(0, 90)} if "tank" in park.site.assets else {})}
    situations = [
        park.situation(
            start=START + timedelta(hours=hour),
            load_kw={
                "load": [some(0, 40, 90) for _ in range(steps)],
                "heat": [some(0, 25, 70, 110) for _ in range(steps)],
            },
            stored_kwh=stored,
            running={
                name: Running(bool(some(0, 1)), some(-0.5, 0.5, 1.5))
                for name in ("heat_pump", "boiler", "chp")
                if some(0, 1) and is_unit(park, name)
            },
        )
        for hour in range(2)
    ]
    return park, situations


def is_unit(park: TinyPark, name: str) -> bool:
    asset = park.site.assets[name]
    assert isinstance(asset, OnOff)
    return Commitment.of(asset) is not None


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(parks())
def test_plans_cost_what_the_cheapest_of_all_costs_and_keep_every_limit(
    drawn: tuple[TinyPark, list[Situation]],
) -> None:
    park, situations = drawn
    dispatcher = Dispatcher(park.site, park.steps)
    for situation in situations:
        outcome = dispatcher.plan(situation, situation.start)
        assert isinstance(outcome, Solved)
        assert outcome.plan.method is Method.OPTIMAL
        assert check_plan(park.site, situation, outcome.plan) == unmet(park.site, situation, outcome.plan)
        found = float(dispatcher.park.problem.objective.value)
        best = cheapest_of_all(dispatcher)
        assert found == pytest.approx(best, rel=2e-4, abs=1e-3)


def test_the_plan_before_is_kept_while_it_is_good_enough() -> None:
    """Heat from the tank: whether its hour of 50 kW is now or later costs the same, so what was planned stays."""
    park = make_park(
        {"heat": {}, "heat_pump": {"min_power_kw": 50}, "tank": {}},
        (0.3,) * 6,
        site_keys={"control": {"interval_min": 60, "horizon_h": 6, "commitment": True, "commitment_gap": 0.05}},
    )
    dispatcher = Dispatcher(park.site, park.steps)
    first = park.situation(load_kw={"heat": 30.0}, stored_kwh={"tank": 90.0})
    before = dispatcher.plan(first, first.start)
    assert isinstance(before, Solved)
    held = before.plan.assets["tank"].stored_kwh
    assert held is not None
    then = park.situation(start=START + timedelta(hours=1), load_kw={"heat": 30.0}, stored_kwh={"tank": float(held[1])})
    after = dispatcher.plan(then, then.start)
    assert isinstance(after, Solved)
    assert runs(after.plan)[:5] == runs(before.plan)[1:]


def test_clarabel_plans_units_too() -> None:
    plan = plan_of(heated((0.3, 0.3), {"solver": "clarabel"}), [120.0, 180.0])
    assert runs(plan) == [OFF, ON]
    assert plan.assets["heat_pump"].power_kw == pytest.approx([0.0, 60.0], abs=1e-3)


def test_without_time_for_a_yes_or_no_the_relaxed_plan_is_given_and_says_so() -> None:
    park = heated((0.3, 0.3), {"commitment_time_limit_s": 1e-9}, start_cost_cny=5)
    situation = park.situation(load_kw={"heat": [120.0, 180.0]})
    plan = park.plan(situation)
    assert plan.method is Method.RELAXED
    assert plan.note == "no plan with a yes or no in each interval was found within 1e-09 s"
    assert plan.assets["heat_pump"].running is None
    assert plan.assets["heat_pump"].power_kw == pytest.approx([40.0, 60.0])
    assert plan.cost["starts"] == 0.0
    assert check_plan(park.site, situation, plan) == []


def test_a_search_out_of_time_gives_the_best_that_there_is_and_says_how_dear_it_may_be() -> None:
    """By the linear problem the heat pump runs for 0.4 of the first hour, and all costs 6 + 18 + 18; the rounded plan
    has the boiler there for 20. When the guesses are solved, no time is left to prove that none is better."""
    park = heated((0.3, 0.3, 0.3))
    dispatcher = Dispatcher(park.site, park.steps)
    situation = park.situation(load_kw={"heat": [60.0, 180.0, 180.0]})
    built = dispatcher.park
    seconds = itertools.count()  # one passes between two looks at the clock
    solver = UnitCommitment(
        built.problem,
        built.choices,
        CompiledProblem(built.problem),
        gap=1e-3,
        limit_s=2.5,
        clock=lambda: float(next(seconds)),
    )
    built.assign(dispatcher.inputs(situation))
    answer = solver.solve(20.0)
    assert isinstance(answer, Optimal)
    assert (answer.objective, answer.undecided, solver.searches) == (pytest.approx(56.0, abs=0.01), "", 0)
    assert (
        answer.remark
        == "the search for a yes or no in each interval ended at 2.5 s, the plan is at most 25.00% too dear"
    )
    assert built.choices[0].decided.tolist() == [OFF, ON, ON]


def test_a_search_without_time_gives_its_start_back() -> None:
    """minimise -3 a - 2 b with 2 a + 2 b <= 3, each 0 or 1: b alone is worse than a alone, and better than nothing."""
    program = LinearProgram(
        equalities=0,
        starts=np.array([0, 1, 2]),
        in_row=np.array([0, 0]),
        offset=np.zeros(1),
        cost=np.array([-3.0, -2.0]),
        coefficient=np.array([2.0, 2.0]),
        b=np.array([3.0]),
        lower=np.zeros(2),
        upper=np.ones(2),
    )
    both = [OpenColumns(np.array([0, 1]), np.zeros(2), np.ones(2))]
    cut = search(program, both, np.array([0.0, 1.0]), 1e-6, 0.0)
    assert cut.x == pytest.approx([0.0, 1.0])
    whole = search(program, both, np.array([0.0, 1.0]), 1e-6, 20.0)
    assert whole.x == pytest.approx([1.0, 0.0])
    assert whole.bound == pytest.approx(-3.0)


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
