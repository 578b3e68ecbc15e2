"""One park's day with units that run or stand still, each interval after the one before; prints one JSON object.

python -m dispatch_load.units PARK
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cvxpy as cp
import numpy as np

from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.plan import FloatArray, Plan, Running, Situation, Solved
from dispatch.unit_commitment import UnitCommitment
from dispatch_load.parks import committed, day

COLD_EVERY = 12
"""Every so many intervals the plan is compared with a cold search to the end, which takes seconds."""
COLD_GAP = 1e-4
COLD_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan cost, and the numbers that it was made from."""

    cost: float
    numbers: Sequence[tuple[cp.Parameter, FloatArray]]

    @classmethod
    def by(cls, dispatcher: Dispatcher) -> Planned:
        problem = dispatcher.park.problem
        return cls(float(problem.objective.value), [(each, each.value) for each in problem.parameters()])

    def above_the_cheapest(self, dispatcher: Dispatcher) -> float:
        """By which share it costs more than what cvxpy finds with integers of its own."""
        problem, choices = dispatcher.park.problem, dispatcher.park.choices
        for parameter, value in self.numbers:
            parameter.save_value(value)
        for choice in choices:
            choice.open_up()
        yes = [choice.yes == cp.Variable(choice.yes.size, boolean=True) for choice in choices]
        whole = cp.Problem(problem.objective, [*problem.constraints, *yes])
        whole.solve(solver=cp.HIGHS, mip_rel_gap=COLD_GAP, time_limit=COLD_LIMIT_S)
        return (self.cost - float(whole.value)) / abs(float(whole.value))


def measured(name: str) -> dict[str, Any]:
    site = committed(name)
    situations = day(site)
    dispatcher = Dispatcher(site, situations[0].steps)
    running: dict[str, Running] = {}
    taken_s, faults, planned = [], 0, []
    for index, each in enumerate(situations):
        situation = replace(each, running=running)
        began = time.perf_counter()
        outcome = dispatcher.plan(situation, situation.start)
        taken_s.append(time.perf_counter() - began)
        assert isinstance(outcome, Solved), outcome
        plan = outcome.plan
        left_open = unmet(site, situation, plan)
        faults += sum(fault not in left_open for fault in check_plan(site, situation, plan))
        running = _after(plan, situation, running)
        if index % COLD_EVERY == COLD_EVERY - 1:
            planned.append(Planned.by(dispatcher))
    assert isinstance(dispatcher.solver, UnitCommitment)
    searches = dispatcher.solver.searches
    # after all that is timed: a cold start wakes HiGHS's workers, who take a core from whoever comes next
    above = [each.above_the_cheapest(dispatcher) for each in planned]
    ms = 1e3 * np.array(taken_s[1:])
    return {
        "units": len(running),
        "columns": sum(variable.size for variable in dispatcher.park.problem.variables()),
        "first_ms": 1e3 * taken_s[0],
        "median_ms": float(np.median(ms)),
        "p99_ms": float(np.percentile(ms, 99)),
        "most_ms": float(np.max(ms)),
        "searches": searches,
        "faults": faults,
        "gap": site.control.commitment_gap,
        "above": above,
    }


def _after(plan: Plan, situation: Situation, before: Mapping[str, Running]) -> dict[str, Running]:
    """What units have done when the next interval begins, if they follow the plan."""
    found = {}
    hours = float(situation.step_h[0])
    for name, asset in plan.assets.items():
        if asset.running is None:
            continue
        on, past = bool(asset.running[0]), before.get(name)
        if past is None or past.on != on:
            found[name] = Running(on, None if past is None else hours)
        else:
            found[name] = Running(on, None if past.since_h is None else past.since_h + hours)
    return found


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
