"""How long a backtest of a year takes: the demo park in steps of 15 min, its months side by side.

    python benchmarks/demo_year.py [--days 365] [--jobs 2] [--scenarios] [--json]

All ways through the year count: the controller with its forecasts and plans, no control, both rules and perfect
foresight. Plans are made for what is expected, as `parkgrid backtest --leave-out scenarios` does; with `--scenarios`
over scenarios, as the site file says. Ends with 1 where a year would take more than four minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.loader import example_site, load_site  # noqa: E402 - the path comes first
from dispatch.forecast.learned import LEARNS_FROM_DAYS  # noqa: E402
from parkgrid.backtesting.case import case_of  # noqa: E402
from parkgrid.backtesting.periods import lived_through, months_of  # noqa: E402
from parkgrid.backtesting.runs import CONTROLLER  # noqa: E402
from parkgrid.backtesting.summing import score_of  # noqa: E402
from parkgrid.growing_history import GrowingHistory  # noqa: E402
from simulators.past import past_of  # noqa: E402

END = datetime(2027, 6, 30, 16, tzinfo=UTC)
"""A year after the example tariff begins, in Shanghai."""
LEARNS_DAYS = LEARNS_FROM_DAYS + 1
WANTED_MIN, YEAR_DAYS = 4.0, 365.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="as many before the end of June 2027")
    parser.add_argument("--jobs", type=int, default=2, help="months at the same time")
    parser.add_argument("--scenarios", action="store_true", help="plan over scenarios, as the site file says")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    site = load_site(example_site("demo_park"))
    past = past_of(site, END, chosen.days + LEARNS_DAYS)
    history = GrowingHistory(past, site.control.interval_min).known
    months = months_of(END - timedelta(days=chosen.days), END, ZoneInfo(site.location.time_zone))
    left_out = frozenset() if chosen.scenarios else frozenset({"scenarios"})
    cases = [case_of(site, history, begin, end - begin, seed=1, leaves_out=left_out) for begin, end in months]
    began_s = time.perf_counter()
    found = lived_through(cases, chosen.jobs)
    took_min = (time.perf_counter() - began_s) / 60.0
    year_min = took_min * YEAR_DAYS / chosen.days
    result = {
        "months": len(cases),
        "steps": sum(case.steps for case in cases),
        "jobs": chosen.jobs,
        "minutes": took_min,
        "minutes_for_a_year": year_min,
        "score": score_of(found, CONTROLLER),
        "holds": year_min <= WANTED_MIN,
    }
    if chosen.json:
        print(json.dumps(result))
    else:
        print(
            f"{result['months']} months, {result['steps']} steps, {chosen.jobs} at a time: {took_min:.2f} min,"
            f" {year_min:.2f} min for a year (wanted {WANTED_MIN:g}); score {result['score']:.4f}"
        )
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
