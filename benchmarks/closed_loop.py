"""Days of a site in virtual time under the controller, with its own forecasts: what they cost, and the peaks they made.

    python benchmarks/closed_loop.py [SITE] [--days 3] [--cycle 1] [--from 2026-10-14T00:00+08:00] [--json]
        [--scenarios 8 [--envelope 0.3]]

Beside it the same days without control. The highest mean import over 15 minutes is given for intervals of the clock and
for any 15 minutes; stores are settled at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.loader import example_site, load_site  # noqa: E402 - the path comes first
from config.site import PastDays  # noqa: E402
from parkgrid.closed_loop import ClosedLoop  # noqa: E402
from parkgrid.settlement import settle  # noqa: E402
from simulators.plant import Plant  # noqa: E402
from simulators.surroundings import Surroundings  # noqa: E402
from simulators.truth import book_of  # noqa: E402

WINDOW_S = 900


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", default="demo_park")
    parser.add_argument("--days", type=float, default=3.0)
    parser.add_argument("--cycle", type=float, default=1.0, help="seconds of the park")
    parser.add_argument("--from", dest="start", type=datetime.fromisoformat, help="ISO 8601 with a time zone")
    parser.add_argument("--scenarios", type=int, metavar="N", help="plan over so many past days, in place of the mean")
    parser.add_argument("--envelope", type=float, default=0.0, metavar="WEIGHT", help="of their envelope")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    found = lived(chosen.site, chosen.start, chosen.days, chosen.cycle, changes_of(chosen))
    if chosen.json:
        print(json.dumps(found))
        return 0
    print(f"{found['site']}: {found['days']:g} days in cycles of {chosen.cycle:g} s, {found['took_s']:.0f} s")
    print(f"{'':20}{'under control':>16}{'without':>16}")
    for term in found["terms"]:
        print(f"{term:20}{found['terms'][term]:>16.2f}{found['terms_without'][term]:>16.2f}")
    for what in ("total", "highest interval kW", "highest 15 min kW", "unserved kWh"):
        print(f"{what:20}{found[what]:>16.2f}{found[what + ' without']:>16.2f}")
    print(f"plans: {found['plans']}")
    return 0


def changes_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """What is changed of how the site is controlled."""
    if chosen.scenarios is None:
        return {}
    return {"scenarios": PastDays(most=chosen.scenarios, envelope_weight=chosen.envelope)}


def lived(name: str, start: datetime | None, days: float, cycle_s: float, changes: dict[str, Any]) -> dict[str, Any]:
    site = load_site(example_site(name))
    site = replace(site, file=site.file.model_copy(update={"control": site.control.model_copy(update=changes)}))
    simulation = site.file.simulation
    assert simulation is not None
    start = start or simulation.start
    surroundings = Surroundings(site, simulation.seed)
    plants = [
        Plant(site, start=start, seed=simulation.seed, controlled=controlled, surroundings=surroundings)
        for controlled in (True, False)
    ]
    loop = ClosedLoop.forecasting(site, plants[0], cycle_s=cycle_s)
    began_s = time.perf_counter()
    powers_kw = [[], []]
    grid, device = site.grid[0], site.grid[1].device
    for _ in loop.run(timedelta(days=days)):
        plants[1].advance(cycle_s)
        for plant, seen_kw in zip(plants, powers_kw, strict=True):
            seen_kw.append(plant.values(device)["active_power_kw"])
    truth = {
        "park": book_of(plants[0].ledger),
        "without_control": book_of(plants[1].ledger),
    }
    found: dict[str, Any] = {"site": name, "days": days, "grid": grid, "took_s": time.perf_counter() - began_s}
    found["plans"] = {what: count for what, count in loop.decider.book.counts.items() if count}
    for which, plant, seen_kw, suffix in zip(truth, plants, powers_kw, ("", " without"), strict=True):
        bill = settle(site, truth, which)
        found["terms" + suffix.replace(" ", "_")] = dict(bill.terms)
        found["total" + suffix] = bill.total
        found["highest interval kW" + suffix] = max(each.demand_kw for each in plant.ledger.intervals)
        found["highest 15 min kW" + suffix] = sliding_peak_kw(np.array(seen_kw), round(WINDOW_S / cycle_s))
        found["unserved kWh" + suffix] = plant.ledger.total.unserved_kwh
    return found


def sliding_peak_kw(grid_kw: np.ndarray, window: int) -> float:
    """The highest mean import over any `window` cycles."""
    total = np.concatenate(([0.0], np.cumsum(np.maximum(grid_kw, 0.0))))
    return float(np.max(total[window:] - total[:-window]) / window) if len(total) > window else 0.0


if __name__ == "__main__":
    sys.exit(main())
