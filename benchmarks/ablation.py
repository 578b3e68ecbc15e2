"""What parts of the controller are worth: the small factory over five times four weeks, each part left out once.

    python benchmarks/ablation.py [--json]

A tariff by the hour with a demand charge, a small battery, own forecasts learned from ten weeks before. One month's
peak is one bad quarter of an hour, so five months are added up. Ends with 1 where the whole controller is not better
than the best simple rule.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.loader import example_site, load_site  # noqa: E402 - the path comes first
from dispatch.forecast.history import History  # noqa: E402
from parkgrid.backtesting.case import FEATURES, Case, Feature, case_of  # noqa: E402
from parkgrid.backtesting.periods import lived_through  # noqa: E402
from parkgrid.backtesting.rules import RULES  # noqa: E402
from parkgrid.backtesting.runs import CONTROLLER, Compared  # noqa: E402
from parkgrid.backtesting.summing import score_of  # noqa: E402
from simulators.past import past_of  # noqa: E402

STARTS = tuple(datetime(2026, month, 1, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC) for month in range(7, 12))
LASTS = timedelta(weeks=4)
LEARNS_DAYS = 70


def case(start: datetime) -> Case:
    site = load_site(example_site("small_factory"))
    past = past_of(site, start + LASTS, LEARNS_DAYS + LASTS.days)
    begin = datetime.fromtimestamp(float(past.start_s[0]), UTC)
    history = History(start=begin, step_min=15, series={name: past.columns[name] for name in ("factory", "roof")})
    return case_of(site, history, start, LASTS, seed=1)


def row_of(found: Sequence[Compared], name: str) -> dict[str, Any]:
    runs = [each.runs[name] for each in found]
    return {
        "cost": sum(run.bill.total for run in runs),
        "score": score_of(found, name),
        "highest kW": [run.highest_kw for run in runs],
    }


def told(powers_kw: Sequence[float]) -> str:
    return " ".join(f"{power_kw:4.0f}" for power_kw in powers_kw)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    months = [case(start) for start in STARTS]
    # the factory plans for what is expected
    left_out = {f"without {feature}": frozenset({feature}) for feature in FEATURES if feature != "scenarios"}
    ways = {"nothing left out": frozenset[Feature](), **left_out}
    found = lived_through([replace(each, leaves_out=without) for without in ways.values() for each in months], jobs=2)
    by_way = {name: found[place * len(months) :][: len(months)] for place, name in enumerate(ways)}
    rows = {name: row_of(each, CONTROLLER) for name, each in by_way.items()}
    whole = by_way["nothing left out"]
    rows |= {name: row_of(whole, name) for name in whole[0].runs if name != CONTROLLER}
    best = rows["nothing left out"]["cost"]
    holds = all(best <= rows[name]["cost"] for name in RULES)
    if as_json:
        print(json.dumps({"rows": rows, "holds": holds}))
        return 0 if holds else 1
    for name, row in rows.items():
        print(f"{name:28}{row['cost']:>12.2f}{row['score']:>10.4f}   {told(row['highest kW'])}")
    print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
