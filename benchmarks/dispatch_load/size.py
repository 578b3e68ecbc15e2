"""The demo park grown in one dimension, planned for some intervals in a row; prints one JSON object.

python -m dispatch_load.size DIMENSION SIZE
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable

import numpy as np

from config.assets import GridConnection
from config.site import Site
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Solved
from dispatch_load.parks import day, park

SIZED = ("peak_kw", "rated_kw", "capacity_kwh", "max_charge_kw", "max_discharge_kw", "max_power_kw", "max_heat_kw")
SMALLER = 0.06
"""Each of several alike is so much smaller than the one before: of equal ones any split costs the same, which no park
has, and which the simplex method likes least."""
INTERVALS = 24
"""After the first: a median of fewer would move from run to run."""


def over_hours(hours: int) -> Site:
    return _with(control=park("demo_park").control.model_copy(update={"horizon_h": hours}))


def times_the_assets(times: int) -> Site:
    assets = {}
    for name, asset in park("demo_park").assets.items():
        if isinstance(asset, GridConnection):
            limits = {key: times * getattr(asset, key) for key in ("import_limit_kw", "export_limit_kw")}
            assets[name] = asset.model_copy(update=limits)
        else:
            for number in range(times):
                sizes = {key: getattr(asset, key) * (1.0 - SMALLER * number) for key in SIZED if hasattr(asset, key)}
                assets[f"{name}_{number}"] = asset.model_copy(update=sizes)
    return _with(assets=assets)


GROWN: dict[str, Callable[[int], Site]] = {"horizon": over_hours, "assets": times_the_assets}


def _with(**changes: object) -> Site:
    site = park("demo_park")
    return dataclasses.replace(site, file=site.file.model_copy(update=changes))


def main() -> None:
    site = GROWN[sys.argv[1]](int(sys.argv[2]))
    situations = day(site, INTERVALS + 1)
    began = time.perf_counter()
    dispatcher = Dispatcher(site, situations[0].steps)
    built = time.perf_counter()
    taken, solved = [], []
    for each in situations:
        start = time.perf_counter()
        outcome = dispatcher.plan(each, each.start)
        taken.append(time.perf_counter() - start)
        assert isinstance(outcome, Solved), outcome
        solved.append(outcome.solve_s)
    print(
        json.dumps(
            {
                "columns": sum(variable.size for variable in dispatcher.park.problem.variables()),
                "build_ms": 1e3 * (built - began),
                "first_ms": 1e3 * taken[0],
                "solve_ms": 1e3 * float(np.median(solved[1:])),
                "plan_ms": 1e3 * float(np.median(taken[1:])),
            }
        )
    )


if __name__ == "__main__":
    main()
