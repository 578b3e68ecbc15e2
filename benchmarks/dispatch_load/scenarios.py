"""A day of plans over eight scenarios, each interval after the one before; prints one JSON object.

python -m dispatch_load.scenarios linear|units
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Solved
from dispatch_load.parks import committed, day, park, uncertain

COUNT = 8


def main() -> None:
    site = (committed if sys.argv[1] == "units" else park)("demo_park")
    situations = uncertain(day(site), COUNT)
    began = time.perf_counter()
    dispatcher = Dispatcher(site, situations[0].steps)
    problem = dispatcher.two_stage(COUNT).problem
    build_s = time.perf_counter() - began
    taken_s, solve_s, faults, detours = [], [], 0, 0
    for each in situations:
        start = time.perf_counter()
        outcome = dispatcher.plan(each, each.start)
        taken_s.append(time.perf_counter() - start)
        assert isinstance(outcome, Solved), outcome
        solve_s.append(outcome.solve_s)
        left_open = unmet(site, each, outcome.plan)
        faults += sum(fault not in left_open for fault in check_plan(site, each, outcome.plan))
        detours += "solved by" in outcome.plan.note
    print(
        json.dumps(
            {
                "columns": sum(variable.size for variable in problem.variables()),
                "build_ms": 1e3 * build_s,
                "first_ms": 1e3 * taken_s[0],
                "solve_ms": 1e3 * float(np.median(solve_s[1:])),
                "plan_ms": 1e3 * float(np.median(taken_s[1:])),
                "most_ms": 1e3 * max(taken_s[1:]),
                "faults": faults,
                "detours": detours,
            }
        )
    )


if __name__ == "__main__":
    main()
