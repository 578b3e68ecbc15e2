"""How the yes or no of units is found: as cheap as the cheapest, from the last plan or by rounding, and in time."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import tiny_kinds as kinds
from heated_park import OFF, ON, heated, plan_of, runs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_park import START, TinyPark, make_park

from config.asset import OnOff
from dispatch.checker import check_plan, unmet
from dispatch.compiled import CompiledProblem
from dispatch.dispatcher import Dispatcher
from dispatch.forms.commitment import Commitment
from dispatch.linear_program import Judge, LinearProgram, OpenColumns
from dispatch.mixed_integer import search
from dispatch.plan import Method, Running, Situation, Solved
from dispatch.solving import Answer, Optimal
from dispatch.unit_commitment import UnitCommitment


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
        == "the search for a yes or no in each interval was broken off, the plan is at most 25.00% too dear"
    )
    assert built.choices[0].decided.tolist() == [OFF, ON, ON]


def two_columns() -> LinearProgram:
    """minimise -3 a - 2 b with 2 a + 2 b <= 3, each from 0 to 1"""
    return LinearProgram(
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


def test_a_search_without_time_gives_its_start_back() -> None:
    """minimise -3 a - 2 b with 2 a + 2 b <= 3, each 0 or 1: b alone is worse than a alone, and better than nothing."""
    program = two_columns()
    both = [OpenColumns(np.array([0, 1]), np.zeros(2), np.ones(2))]
    cut = search(program, both, np.array([0.0, 1.0]), 1e-6, 0.0)
    assert cut.x == pytest.approx([0.0, 1.0])
    whole = search(program, both, np.array([0.0, 1.0]), 1e-6, 20.0)
    assert whole.x == pytest.approx([1.0, 0.0])
    assert whole.bound == pytest.approx(-3.0)


class Counted(CompiledProblem):
    """A problem that counts how often it is solved."""

    solves = 0

    def solve(self, limit_s: float, *, sure: bool = True) -> Answer:
        self.solves += 1
        return super().solve(limit_s, sure=sure)


def test_the_plan_before_is_solved_once_where_its_prices_prove_that_none_is_cheaper() -> None:
    """Heat of 180 is what the heat pump gives at full load, so it runs in each interval and no other plan is near."""
    park = heated((0.3, 0.3, 0.3), start_cost_cny=5)
    dispatcher = Dispatcher(park.site, park.steps)
    built = dispatcher.park
    linear = Counted(built.problem)
    solver = UnitCommitment(built.problem, built.choices, linear, gap=1e-3, limit_s=5.0)
    costs = []
    for hour in range(2):
        situation = park.situation(start=START + timedelta(hours=hour), load_kw={"heat": 180.0})
        built.assign(dispatcher.inputs(situation))
        answer = solver.solve(20.0)
        assert isinstance(answer, Optimal)
        costs.append((answer.objective, linear.solves))
    (first, solves), (second, all_solves) = costs
    assert second == pytest.approx(first)
    assert solves >= 1
    assert all_solves == solves + 1


def test_prices_prove_what_open_columns_cannot_fall_below() -> None:
    """minimise -3 a - 2 b with 2 a + 2 b <= 3 and b settled at 1: a is 0.5 and a unit of the row is worth 1.5, which
    proves that nothing is below -4.5 with b open; the cheapest is a = 1, b = 0.5 for -4."""
    program = two_columns()
    judge, prices = Judge(program), np.array([-1.5])
    assert judge.bound(prices, np.array([0.0, 1.0]), program.upper) == pytest.approx(-3.5)
    assert judge.bound(prices, program.lower, program.upper) == pytest.approx(-4.5)
