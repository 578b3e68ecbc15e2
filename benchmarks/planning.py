"""What planning costs: first plan in a fresh process, then hot re-solves, beside the bare solver on the same matrix.

    python benchmarks/planning.py [site.yaml] [intervals]

Each hot solve is the demo day moved on by one interval, with new forecasts and states.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGAN = time.perf_counter()

import highspy  # noqa: E402
import numpy as np  # noqa: E402

from config.loader import example_site, load_site  # noqa: E402
from config.site import Site  # noqa: E402
from dispatch.dispatcher import Dispatcher  # noqa: E402
from dispatch.forecast.history import History  # noqa: E402
from dispatch.forecast.park import ParkState, situation  # noqa: E402
from dispatch.plan import Situation, Solved  # noqa: E402
from dispatch.soundness import stores  # noqa: E402

IMPORTED = time.perf_counter()

START = datetime(2026, 10, 14, tzinfo=UTC)
"""A weekday in a month with four bands, covered by the tariff of the demo park."""


def situations(site: Site, count: int) -> list[Situation]:
    """The cold-start situation of a site, moved on interval by interval, with noise on every series and state."""
    random = np.random.default_rng(1)
    history = History(start=START, step_min=site.control.interval_min, series={})
    found = []
    for index in range(count):
        now = START + index * timedelta(minutes=site.control.interval_min)
        stored = {name: random.uniform(0.2, 0.8) * spec.capacity_kwh for name, spec in stores(site).items()}
        base = situation(site, history, ParkState(stored_kwh=stored, measured_kw={}, month_peak_kw=1200.0), now)
        for series in (base.available_kw, base.load_kw):
            for values in series.values():
                values *= random.uniform(0.7, 1.3, base.steps)
        found.append(base)
    return found


def bare_solve_s(dispatcher: Dispatcher) -> float:
    """Time of highspy alone, model passed and solved cold, on the matrix that the last plan was solved with."""
    import cvxpy as cp

    data, _, _ = dispatcher.park.problem.get_problem_data(cp.HIGHS)
    matrix, right = data["A"].tocsc(), data["b"]
    equalities = data["dims"].zero
    model = highspy.HighsModel()
    program = model.lp_
    program.num_row_, program.num_col_ = matrix.shape
    program.col_cost_ = data["c"]
    program.col_lower_, program.col_upper_ = data["lower_bounds"], data["upper_bounds"]
    program.row_lower_ = np.concatenate([right[:equalities], np.full(len(right) - equalities, -np.inf)])
    program.row_upper_ = right
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
    program.a_matrix_.value_ = matrix.data
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    began = time.perf_counter()
    solver.passModel(model)
    solver.run()
    return time.perf_counter() - began


def main() -> None:
    site = load_site(Path(sys.argv[1]) if len(sys.argv) > 1 else example_site("demo_park"))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 96
    day = situations(site, count)
    built = time.perf_counter()
    dispatcher = Dispatcher(site, day[0].steps)
    outcome = dispatcher.plan(day[0], day[0].start)
    first_s = time.perf_counter() - built
    assert isinstance(outcome, Solved), outcome

    whole_s, solve_s, bare_s = np.empty(count), np.empty(count), np.empty(count)
    for index, present in enumerate(day):
        began = time.perf_counter()
        outcome = dispatcher.plan(present, present.start)
        whole_s[index] = time.perf_counter() - began
        assert isinstance(outcome, Solved), outcome
        solve_s[index] = outcome.solve_s
        bare_s[index] = bare_solve_s(dispatcher)

    variables = sum(variable.size for variable in dispatcher.park.problem.variables())
    print(f"{site.name}: {day[0].steps} steps, {variables} variables, {count} intervals")
    print(f"import                {1e3 * (IMPORTED - BEGAN):8.0f} ms")
    print(f"build and first plan  {1e3 * first_s:8.0f} ms")
    for name, times in {"plan, hot": whole_s, "of it solving": solve_s, "bare HiGHS, cold": bare_s}.items():
        print(f"{name:20}  {1e3 * np.median(times):8.1f} ms median, {1e3 * np.percentile(times, 99):8.1f} ms p99")
    print(f"ratio plan to bare    {np.median(whole_s / bare_s):8.1f}")


if __name__ == "__main__":
    main()
