"""One park's problem in other tools, where they are installed; prints one JSON object.

python -m dispatch_load.others PARK

Each interval is built anew, because a network or an energy system of theirs is solved once.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from typing import Any

import numpy as np

from dispatch.compiled import CompiledProblem
from dispatch.dispatcher import Dispatcher
from dispatch.solving import Optimal
from dispatch_load.parks import day, park
from dispatch_load.terms import terms_of

TOOLS = {"pypsa": "in_pypsa", "oemof.solph": "in_oemof"}
INTERVALS = 6
"""After the first: each takes them most of a second."""
LIMIT_S = 60.0


def main() -> None:
    warnings.simplefilter("ignore")  # of what these tools will change one day
    site = park(sys.argv[1])
    situations = day(site, INTERVALS + 1)
    dispatcher = Dispatcher(site, situations[0].steps)
    inputs = [dispatcher.inputs(each) for each in situations]
    compiled = CompiledProblem(dispatcher.park.problem)
    costs = []
    for each in inputs:
        dispatcher.park.assign(each)
        answer = compiled.solve(LIMIT_S)
        assert isinstance(answer, Optimal), answer
        costs.append(answer.objective)
    found: dict[str, Any] = {}
    for tool, module in TOOLS.items():
        try:
            cost = importlib.import_module(f"dispatch_load.{module}").cost
        except ModuleNotFoundError as error:
            found[tool] = {"missing": str(error.name)}
            continue
        times, off = [], []
        for each, ours in zip(inputs, costs, strict=True):
            began = time.perf_counter()
            theirs = cost(terms_of(site, each))
            times.append(time.perf_counter() - began)
            off.append(abs(theirs - ours) / abs(ours))
        found[tool] = {"ms": 1e3 * float(np.median(times[1:])), "disagreement": max(off)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
