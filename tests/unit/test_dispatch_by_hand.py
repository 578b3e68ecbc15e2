"""Plans of random parks cost what scipy finds from the equations written by hand, and are priced by the same duals."""

from __future__ import annotations

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from drawn_parks import drawn_park, drawn_situation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from park_equations import ParkEquations
from tiny_park import TinyPark

from dispatch.checker import check_plan
from dispatch.compiled import CompiledProblem
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Solved
from dispatch.problem import build_problem
from dispatch.solving import Optimal, Way

LIMIT_S = 60.0
WINDOWS = 4
"""As many as drawn situations have at most, so that each is planned by itself."""
SEEDS = st.integers(0, 10**6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS)
def test_random_parks_cost_what_the_equations_say(seed: int) -> None:
    random = np.random.default_rng(seed)
    park = drawn_park(random)
    dispatcher = Dispatcher(park.site, park.steps)
    problem = build_problem(park.site, dispatcher.park.step_h, windows=WINDOWS)
    compiled = CompiledProblem(problem.problem)
    for _ in range(3):
        inputs = dispatcher.inputs(drawn_situation(park, random))
        problem.assign(inputs)
        answer = compiled.solve(LIMIT_S)
        assert isinstance(answer, Optimal)
        assert answer.way is Way.KEPT
        by_hand = ParkEquations(park.site, inputs).program.cheapest()
        assert by_hand is not None
        problem.problem.solve(solver=cp.HIGHS, warm_start=False)
        assert answer.objective == pytest.approx(by_hand, rel=1e-6, abs=1e-5)
        assert float(problem.problem.value) == pytest.approx(by_hand, rel=1e-6, abs=1e-5)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS)
def test_a_marginal_value_lies_between_what_a_little_less_and_a_little_more_load_would_save_and_cost(seed: int) -> None:
    random = np.random.default_rng(seed)
    park = drawn_park(random)
    dispatcher = Dispatcher(park.site, park.steps)
    problem = build_problem(park.site, dispatcher.park.step_h, windows=WINDOWS)
    compiled = CompiledProblem(problem.problem)
    for _ in range(2):
        inputs = dispatcher.inputs(drawn_situation(park, random))
        problem.assign(inputs)
        assert isinstance(compiled.solve(LIMIT_S), Optimal)
        marginal = problem.marginal_per_kwh()["electricity"]
        base = ParkEquations(park.site, inputs).program.cheapest()
        assert base is not None
        step, little_kw = int(random.integers(park.steps)), 0.01
        for change_kw in (little_kw, -little_kw):
            # by the balance alone: the load itself is also the most that may stay unserved
            cost = ParkEquations(park.site, inputs, {step: change_kw}).program.cheapest()
            if cost is not None:  # one more kW may be more than the connection can bear
                change_kwh = change_kw * inputs.situation.step_h[step]
                assert cost >= base + marginal[step] * change_kwh - 1e-6 * max(1.0, abs(base))


def test_plans_with_either_solver_cost_the_same_and_close(park_with_all: TinyPark) -> None:
    situation = park_with_all.situation(
        available_kw={"pv": [20, 150, 90, 0], "turbine": [30, 20, 10, 40]},
        load_kw={"load": [80, 60, 120, 90], "heat": [60, 90, 40, 80]},
        stored_kwh={"battery": 40, "tank": 90},
    )
    control = park_with_all.site.control.model_copy(update={"solver": "clarabel"})
    other = replace(park_with_all.site, file=park_with_all.site.file.model_copy(update={"control": control}))
    plans = []
    for site in (park_with_all.site, other):
        outcome = Dispatcher(site, 4).plan(situation, situation.start)
        assert isinstance(outcome, Solved)
        assert check_plan(site, situation, outcome.plan) == []
        assert outcome.plan.note == ""
        plans.append(outcome.plan)
    first, second = plans
    assert sum(second.cost.values()) == pytest.approx(sum(first.cost.values()), abs=1e-4)
