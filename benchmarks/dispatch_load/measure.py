"""One park's day, each interval solved in every way; prints one JSON object.

python -m dispatch_load.measure PARK
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import astuple
from typing import Any

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Inputs
from dispatch.compiled import CompiledProblem
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Situation, Solved
from dispatch.problem import ParkProblem, build_problem
from dispatch.solving import Optimal, Way
from dispatch_load.bare import BareHighs
from dispatch_load.park_by_hand import ParkByHand
from dispatch_load.parks import day, park

PHASES = ("assign", "map", "push", "solve", "check", "unpack")
LIMIT_S = 60.0


class Bare:
    """By hand; the first interval makes the model."""

    def __init__(self, site: Site, inputs: Inputs, *, perturbed: bool) -> None:
        self._park = ParkByHand(site, inputs.situation.step_h)
        self._park.assign(inputs)
        self._highs = BareHighs(self._park, perturbed=perturbed)

    def solve(self, inputs: Inputs) -> tuple[list[float], float, int]:
        times = [time.perf_counter()]
        self._park.assign(inputs)
        times += [time.perf_counter()] * 2  # there is nothing to map
        self._highs.push()
        times.append(time.perf_counter())
        steps = self._highs.run()
        x, _ = self._highs.solution()
        times += [time.perf_counter()] * 3  # and nothing to check or unpack
        return np.diff(times).tolist(), float(self._park.cost @ x), steps


class Compiled:
    def __init__(self, built: ParkProblem) -> None:
        self._park = built
        self._compiled = CompiledProblem(built.problem)
        self.ways: dict[str, int] = {way.name: 0 for way in Way}

    def solve(self, inputs: Inputs) -> tuple[list[float], float, int]:
        began = time.perf_counter()
        self._park.assign(inputs)
        assigned = time.perf_counter()
        answer = self._compiled.solve(LIMIT_S)
        assert isinstance(answer, Optimal), answer
        assert self._compiled.timings is not None
        self.ways[answer.way.name] += 1
        return [assigned - began, *astuple(self._compiled.timings)], answer.objective, self._compiled.iterations


class Plain:
    def __init__(self, built: ParkProblem) -> None:
        self._park = built

    def solve(self, inputs: Inputs) -> tuple[list[float], float, int]:
        began = time.perf_counter()
        self._park.assign(inputs)
        assigned = time.perf_counter()
        self._park.problem.solve(solver=cp.HIGHS, warm_start=False, enforce_dpp=True)
        solved = time.perf_counter()
        stats = self._park.problem.solver_stats
        return (
            [assigned - began, 0.0, 0.0, solved - assigned, 0.0, 0.0],
            float(self._park.problem.value),
            stats.num_iters,
        )


def measured(name: str) -> dict[str, Any]:
    site = park(name)
    situations = day(site)
    step_h = situations[0].step_h
    dispatcher = Dispatcher(site, len(step_h))
    inputs = [dispatcher.inputs(each) for each in situations]
    began = time.perf_counter()
    built = build_problem(site, step_h)
    build_s = time.perf_counter() - began
    compiled = Compiled(built)
    ways = {
        "bare": Bare(site, inputs[0], perturbed=True),
        "unperturbed": Bare(site, inputs[0], perturbed=False),
        "compiled": compiled,
        "plain": Plain(build_problem(site, step_h)),
    }
    kept = [way for way in ways if way != "plain"]
    found: dict[str, list[tuple[list[float], float, int]]] = {way: [] for way in ways}
    for index, each in enumerate(inputs):
        for way in kept[index % 3 :] + kept[: index % 3]:  # none always comes after the same other
            found[way].append(ways[way].solve(each))
    # by itself: a cold start wakes HiGHS's workers, who take a core from whoever comes next
    for each in inputs:
        found["plain"].append(ways["plain"].solve(each))
    costs = {way: np.array([cost for _, cost, _ in results]) for way, results in found.items()}
    times = {way: 1e3 * np.array([phases for phases, _, _ in results[1:]]) for way, results in found.items()}
    return {
        "columns": sum(variable.size for variable in built.problem.variables()),
        "build_s": build_s,
        "first_ms": {way: 1e3 * sum(results[0][0]) for way, results in found.items()},
        "ms": {way: float(np.median(each.sum(axis=1))) for way, each in times.items()},
        "mean_ms": {way: float(np.mean(each.sum(axis=1))) for way, each in times.items()},
        "phases_ms": {
            way: dict(zip(PHASES, np.median(each, axis=0).tolist(), strict=True)) for way, each in times.items()
        },
        "iterations": {way: float(np.mean([steps for _, _, steps in results[1:]])) for way, results in found.items()},
        "disagreement": float(max(np.max(np.abs(costs[way] - costs["bare"]) / np.abs(costs["bare"])) for way in ways)),
        "ways": compiled.ways,
        "plan_ms": _plan_ms(dispatcher, situations),
    }


def _plan_ms(dispatcher: Dispatcher, situations: list[Situation]) -> float:
    """A whole plan by the dispatcher: the situation looked through, prices, solve, plan."""
    taken = []
    for each in situations:
        began = time.perf_counter()
        outcome = dispatcher.plan(each, each.start)
        taken.append(time.perf_counter() - began)
        assert isinstance(outcome, Solved), outcome
    return float(1e3 * np.median(taken[1:]))


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
