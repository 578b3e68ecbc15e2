"""Plans of random parks cost what scipy finds from the equations written by hand, and are priced by the same duals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from park_by_hand import ParkByHand
from scipy.optimize import Bounds, LinearConstraint, milp
from tiny_park import TinyPark, make_park

from dispatch.block import Inputs
from dispatch.checker import check_plan
from dispatch.compiled import CompiledProblem
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Situation, Solved
from dispatch.solving import Optimal, Way

LIMIT_S = 60.0
STEPS = 8


def random_park(random: np.random.Generator) -> TinyPark:
    """A grid, a load, and each other kind with a chance of two in three."""
    kinds: dict[str, dict[str, Any]] = {
        "pv": {},
        "battery": {
            "charge_efficiency": random.uniform(0.8, 1.0),
            "discharge_efficiency": random.uniform(0.8, 1.0),
            "soc_min": random.uniform(0.0, 0.2),
            "soc_max": random.uniform(0.7, 1.0),
            "wear_cny_per_kwh": random.choice([0.0, 0.05]),
        },
        "heat": {},
        "heat_pump": {},
        "tank": {"loss_per_h": random.choice([0.0, 0.02]), "soc_min": 0.1},
        "boiler": {"efficiency": random.uniform(0.7, 1.0)},
    }
    found = {"load": {}, **{name: keys for name, keys in kinds.items() if random.random() < 2 / 3}}
    found["grid"] = {"import_limit_kw": random.uniform(80, 300), "export_limit_kw": random.uniform(0, 200)}
    return make_park(
        found,
        random.uniform(0.1, 1.5, STEPS).round(3).tolist(),
        export_per_kwh=round(random.uniform(0.0, 1.0), 3),
        demand_charge_per_kw_month=random.choice([0.0, 4.0]),
        carbon_price_per_t=random.choice([0.0, 100.0]),
    )


def random_situation(park: TinyPark, random: np.random.Generator) -> Situation:
    assets = park.site.assets
    names = [name for name in assets if name not in ("grid", "load", "heat")]
    return park.situation(
        datetime(2026, 3, int(random.integers(1, 28)), tzinfo=UTC),
        available_kw={"pv": random.uniform(0, 220, STEPS)} if "pv" in assets else {},
        load_kw={name: random.uniform(0, 150, STEPS) for name in ("load", "heat") if name in assets},
        cop={"heat_pump": random.uniform(2, 5, STEPS)} if "heat_pump" in assets else {},
        stored_kwh={
            name: random.uniform(0, 1) * capacity
            for name, capacity in (("battery", 100), ("tank", 200))
            if name in assets
        },
        unavailable=frozenset(name for name in names if random.random() < 0.1),
        month_peak_kw=random.uniform(0, 100),
    )


def cost_by_hand(hand: ParkByHand, inputs: Inputs) -> float:
    hand.assign(inputs)
    found = milp(
        hand.cost,
        constraints=LinearConstraint(hand.matrix, hand.row_lower, hand.row_upper),
        bounds=Bounds(hand.lower, hand.upper),
    )
    assert found.success, found.message
    return float(found.fun)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_random_parks_cost_what_the_equations_say(seed: int) -> None:
    random = np.random.default_rng(seed)
    park = random_park(random)
    dispatcher = Dispatcher(park.site, STEPS)
    problem = dispatcher.park
    compiled, hand = CompiledProblem(problem.problem), ParkByHand(park.site, np.ones(STEPS))
    for _ in range(4):
        inputs = dispatcher.inputs(random_situation(park, random))
        problem.assign(inputs)
        answer = compiled.solve(LIMIT_S)
        assert isinstance(answer, Optimal)
        assert answer.way is Way.KEPT
        by_hand = cost_by_hand(hand, inputs)
        problem.problem.solve(solver=cp.HIGHS, warm_start=False)
        assert answer.objective == pytest.approx(by_hand, rel=1e-7, abs=1e-5)
        assert answer.objective == pytest.approx(float(problem.problem.value), rel=1e-7, abs=1e-5)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_marginal_value_lies_between_what_a_little_less_and_a_little_more_load_would_save_and_cost(seed: int) -> None:
    random = np.random.default_rng(seed)
    park = random_park(random)
    dispatcher = Dispatcher(park.site, STEPS)
    problem = dispatcher.park
    compiled, hand = CompiledProblem(problem.problem), ParkByHand(park.site, np.ones(STEPS))
    for _ in range(2):
        situation = random_situation(park, random)
        problem.assign(dispatcher.inputs(situation))
        assert isinstance(compiled.solve(LIMIT_S), Optimal)
        marginal = problem.marginal_per_kwh()["electricity"]
        base = cost_by_hand(hand, dispatcher.inputs(situation))
        step, little_kw = int(random.integers(STEPS)), 0.01
        for change_kw in (little_kw, -little_kw):
            # by the balance alone: the load itself is also the most that may stay unserved
            inputs = dispatcher.inputs(situation)
            hand.assign(inputs)
            hand.row_lower[hand.electric[step]] = hand.row_upper[hand.electric[step]] = change_kw
            found = milp(
                hand.cost,
                constraints=LinearConstraint(hand.matrix, hand.row_lower, hand.row_upper),
                bounds=Bounds(hand.lower, hand.upper),
            )
            hand.row_lower[hand.electric[step]] = hand.row_upper[hand.electric[step]] = 0.0
            if found.success:  # one more kW may be more than the connection can bear
                assert found.fun >= base + marginal[step] * change_kw - 1e-6 * max(1.0, abs(base))


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
