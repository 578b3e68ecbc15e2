"""A simulated day of every site that comes along, at speed and under the controller: is any alarm without a reason?

    python benchmarks/days_under_control.py [--speed 144] [--hours 24] [--at-once 2] [SITE ...]

Nothing fails in these days, so that no alarm has a reason. Ends with 1 when there is one, when a plan was not optimal,
a write was not confirmed, or a balance does not close. Every site takes 10 minutes at the usual speed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from config.loader import example_sites

MOST_RESIDUAL = 1e-3


@dataclass(frozen=True, slots=True)
class Day:
    """What a day's demo said in the end, and what was logged meanwhile."""

    site: str
    summary: dict[str, Any]
    log: list[str]

    @property
    def quiet(self) -> bool:
        plans, writes = self.summary["plans"], self.summary["writes"]
        only_optimal = plans["optimal"] > 0 and sum(plans.values()) == plans["optimal"]
        all_done = writes["rejected"] == writes["unconfirmed"] == 0
        return self.summary["alarms"] == 0 and only_optimal and all_done and self.residual < MOST_RESIDUAL

    @property
    def residual(self) -> float:
        return float(self.summary["balance_residual"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sites", nargs="*", default=[], metavar="SITE")
    parser.add_argument("--speed", type=float, default=144.0)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--at-once", type=int, default=2, metavar="N")
    asked = parser.parse_args()
    columns = ("site", "hours", "cycles", "overruns", "optimal", "other plans", "writes", "not taken", "alarms")
    print("".join(f"{column:>13}" for column in columns) + f"{'residual':>11}", flush=True)
    with ThreadPoolExecutor(asked.at_once) as pool:
        live = partial(day_of, speed=asked.speed, hours=asked.hours)
        days = list(pool.map(lambda site: told(live(site)), asked.sites or example_sites()))
    holds = all(day.quiet for day in days)
    print("holds" if holds else "DOES NOT HOLD", "no alarm in days in which nothing fails", sep=": ")
    return 0 if holds else 1


def day_of(site: str, *, speed: float, hours: float) -> Day:
    """Live through the day with `parkgrid demo`."""
    real_s = hours * 3600 / speed
    done = subprocess.run(
        [sys.executable, "-m", "parkgrid", "demo", site, "--json", "--speed", str(speed), "--for", str(real_s)],
        capture_output=True,
        text=True,
        timeout=real_s + 120,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{site}: {done.stderr}")
    return Day(site, json.loads(done.stdout), done.stderr.splitlines())


def told(day: Day) -> Day:
    found = day.summary
    plans, writes = found["plans"], found["writes"]
    row = (
        *(day.site, f"{found['simulated_s'] / 3600:.1f}", found["cycles"], found["overruns"], plans["optimal"]),
        *(sum(plans.values()) - plans["optimal"], writes["confirmed"], writes["rejected"] + writes["unconfirmed"]),
        found["alarms"],
    )
    print("".join(f"{cell:>13}" for cell in row) + f"{day.residual:>11.1e}", *day.log, sep="\n  ", flush=True)
    return day


if __name__ == "__main__":
    sys.exit(main())
