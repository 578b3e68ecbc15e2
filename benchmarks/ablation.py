"""What parts of the controller are worth: the small factory over four weeks, each part left out once.

    python benchmarks/ablation.py [--json]

A tariff by the hour with a demand charge, a small battery, own forecasts learned from ten weeks before. Ends with 1
where the whole controller is not the best, or not better than the best simple rule.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.loader import example_site, load_site  # noqa: E402 - the path comes first
from dispatch.forecast.history import History  # noqa: E402
from parkgrid.backtesting.case import FEATURES, Case, case_of  # noqa: E402
from parkgrid.backtesting.periods import lived_through  # noqa: E402
from parkgrid.backtesting.rules import RULES  # noqa: E402
from parkgrid.backtesting.runs import CONTROLLER  # noqa: E402
from simulators.past import past_of  # noqa: E402

START = datetime(2026, 9, 30, 16, tzinfo=UTC)
"""The first of October in Shanghai."""
LASTS = timedelta(weeks=4)
LEARNS_DAYS = 70


def case() -> Case:
    site = load_site(example_site("small_factory"))
    past = past_of(site, START + LASTS, LEARNS_DAYS + LASTS.days)
    begin = datetime.fromtimestamp(float(past.start_s[0]), UTC)
    history = History(start=begin, step_min=15, series={name: past.columns[name] for name in ("factory", "roof")})
    return case_of(site, history, START, LASTS, seed=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    whole = case()
    # the factory plans for what is expected
    features = [feature for feature in FEATURES if feature != "scenarios"]
    cases = [whole, *(replace(whole, leaves_out=frozenset({feature})) for feature in features)]
    names = ["nothing left out", *(f"without {feature}" for feature in features)]
    found = lived_through(cases, jobs=2)
    rows = {
        name: {
            "cost": each.runs[CONTROLLER].bill.total,
            "score": each.score(CONTROLLER),
            "highest kW": each.runs[CONTROLLER].highest_kw,
        }
        for name, each in zip(names, found, strict=True)
    }
    rows |= {
        name: {"cost": run.bill.total, "score": found[0].score(name), "highest kW": run.highest_kw}
        for name, run in found[0].runs.items()
        if name != CONTROLLER
    }
    best = rows[names[0]]["cost"]
    holds = all(best <= rows[name]["cost"] for name in (*names[1:], *RULES))
    if as_json:
        print(json.dumps({"rows": rows, "holds": holds}))
        return 0 if holds else 1
    for name, row in rows.items():
        print(f"{name:28}{row['cost']:>12.2f}{row['score']:>10.4f}{row['highest kW']:>10.1f}")
    print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
