"""Plans over scenarios of random parks, held against the same problem solved otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from drawn_parks import drawn_park, drawn_situation, with_units
from tiny_park import TinyPark

from dispatch.block import solved
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Method, Plan, Scenario, Situation, Solved
from dispatch.solving import Optimal, solve_plainly


def drawn_scenarios(situation: Situation, random: np.random.Generator, count: int = 3) -> Situation:
    """With some ways in which it may come, each series by up to a third other than expected."""

    def otherwise(series: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values * random.uniform(0.67, 1.33, len(values)) for name, values in series.items()}

    shares = random.dirichlet(np.full(count, 5.0))
    return replace(
        situation,
        scenarios=tuple(
            Scenario(
                name=f"way {number}",
                probability=float(share),
                available_kw=otherwise(situation.available_kw),
                load_kw=otherwise(situation.load_kw),
            )
            for number, share in enumerate(shares)
        ),
    )


def faults(park: TinyPark, situation: Situation, plan: Plan) -> list[str]:
    """What is wrong with a plan, besides what it leaves open."""
    left_open = unmet(park.site, situation, plan)
    return [words for words in check_plan(park.site, situation, plan) if words not in left_open]


def objective(problem: cp.Problem) -> float:
    return float(problem.objective.value)


@pytest.mark.parametrize("first", range(0, 12, 4))
def test_random_parks_over_scenarios_lie_between_knowing_and_not_thinking(first: int) -> None:
    """Who knows the scenario pays less than the plan, and who decides by the mean pays more; cvxpy says the same."""
    for seed in range(first, first + 4):
        random = np.random.default_rng(seed)
        park = drawn_park(random)
        situation = drawn_scenarios(drawn_situation(park, random), random)
        dispatcher = Dispatcher(park.site, park.steps)
        outcome = dispatcher.plan(situation, situation.start)
        assert isinstance(outcome, Solved), (seed, outcome)
        stage = dispatcher.two_stage(len(situation.scenarios))
        planned = objective(stage.problem)
        assert faults(park, situation, outcome.plan) == [], seed
        near = 1e-6 * max(1.0, sum(abs(cost) for each in outcome.plan.scenarios for cost in each.cost.values()))

        answer = solve_plainly(stage.problem, "highs", 20.0)
        assert isinstance(answer, Optimal), (seed, answer)
        assert answer.objective == pytest.approx(planned, rel=1e-6, abs=near), seed

        knowing = 0.0
        for number, (each, own) in enumerate(zip(situation.scenarios, stage.parks, strict=True)):
            alone = solve_plainly(own.problem, "highs", 20.0)
            assert isinstance(alone, Optimal), (seed, number, alone)
            knowing += each.probability * alone.objective
        assert knowing <= planned + near + 1e-6 * abs(planned), seed

        by_mean = dispatcher.park
        by_mean.assign(dispatcher.inputs(situation))
        assert isinstance(solve_plainly(by_mean.problem, "highs", 20.0), Optimal)
        fixed: list[cp.Constraint] = [
            mine[0] == float(solved(found)[0])
            for block, known in zip(stage.parks[0].blocks, by_mean.blocks, strict=True)
            for mine, found in zip(block.decided, known.decided, strict=True)
        ]
        thoughtless = solve_plainly(
            cp.Problem(stage.problem.objective, [*stage.problem.constraints, *fixed]), "highs", 20.0
        )
        if isinstance(thoughtless, Optimal):
            assert planned <= thoughtless.objective + near + 1e-6 * abs(planned), seed


@pytest.mark.parametrize("first", range(0, 8, 4))
def test_units_of_random_parks_run_or_stand_still_in_each_scenario(first: int) -> None:
    for seed in range(first, first + 4):
        random = np.random.default_rng(seed)
        park = with_units(drawn_park(random), random)
        situation = drawn_scenarios(drawn_situation(park, random), random, count=2)
        outcome = Dispatcher(park.site, park.steps).plan(situation, situation.start)
        assert isinstance(outcome, Solved), (seed, outcome)
        assert outcome.plan.method is Method.OPTIMAL, seed
        assert faults(park, situation, outcome.plan) == [], seed
