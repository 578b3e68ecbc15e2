"""A month at one second around a demand that is to be kept: every 15 minutes, of the clock and sliding.

    python benchmarks/demand_month.py [SITE] [--days 30] [--cycle 1] [--from 2026-11-01T00:00+08:00] [--floor KW]

The park lives in virtual time under the controller with its own forecasts (`parkgrid.closed_loop`). The target is what
the demand guard keeps: what is paid anyway, or what the plan means to reach. For every time at which 15 minutes pass it
by more than half a percent: whether batteries still had something to give, and how long before the alarm
`demand_at_risk` came; and how often it came at all, and for how long it stood. Ends with 1 when the target was passed
while batteries could give, or without an alarm five minutes before.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.assets import Battery  # noqa: E402 - the path comes first
from config.loader import example_site, load_site  # noqa: E402
from controller.alarming.kinds import KINDS  # noqa: E402
from parkgrid.closed_loop import ClosedLoop  # noqa: E402
from simulators.plant import Plant  # noqa: E402

ALARM = KINDS["demand_at_risk"]
BEYOND = 0.005
"""What is within the class of the meter is not beyond."""
SPARE_SOC, SPARE_SHARE = 0.01, 0.98
"""A battery above its floor by more than this, giving less than this of its rating, could have given more."""


@dataclass(slots=True)
class Passing:
    """A time in which the mean of 15 minutes was beyond the target."""

    at: datetime
    target_kw: float
    worst_kw: float
    warned_min: float | None
    """How long before the first alarm came that still stood; None without one."""
    battery_could: bool


@dataclass(slots=True)
class Watch:
    """Looks at every cycle."""

    passings: list[Passing] = field(default_factory=list)
    begun: datetime | None = None
    """Since when there is a risk without a break."""
    warned: datetime | None = None
    """Since when the alarm stands."""
    cleared: datetime | None = None
    passing: Passing | None = None
    highest_kw: float = 0.0
    warnings: int = 0
    warned_s: float = 0.0

    def look(self, loop: ClosedLoop) -> None:
        demand, snapshot = loop.decider.trade.demand, loop.snapshot
        if demand is None or snapshot is None:
            return
        now = snapshot.at
        if loop.decider.trade.risk() is not None:
            self.begun = self.begun or now
            if self.warned is None and (now - self.begun).total_seconds() >= ALARM.on_delay_s:
                self.warned = now
                self.warnings += 1
            self.cleared = None
        else:
            self.begun = None
            self.cleared = self.cleared or now
            if (now - self.cleared).total_seconds() >= ALARM.off_delay_s:
                self.warned = None
        self.warned_s += 0.0 if self.warned is None else loop.cycle_s
        self.highest_kw = max(self.highest_kw, demand.mean_kw)
        if demand.mean_kw <= (1.0 + BEYOND) * demand.target_kw:
            self.passing = None
            return
        if self.passing is None:
            warned_min = None if self.warned is None else (now - self.warned).total_seconds() / 60.0
            self.passing = Passing(now, demand.target_kw, demand.mean_kw, warned_min, self._could(loop))
            self.passings.append(self.passing)
        self.passing.worst_kw = max(self.passing.worst_kw, demand.mean_kw)

    @staticmethod
    def _could(loop: ClosedLoop) -> bool:
        snapshot = loop.snapshot
        assert snapshot is not None
        return any(
            (snapshot.value(name, "soc") or 0.0) > battery.soc_min + SPARE_SOC
            and (snapshot.power_kw(name) or 0.0) < SPARE_SHARE * battery.max_discharge_kw
            for name, battery in loop.site.dispatched_of(Battery).items()
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", default="demo_park")
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--cycle", type=float, default=1.0)
    parser.add_argument("--from", dest="start", type=datetime.fromisoformat, default="2026-11-01T00:00+08:00")
    parser.add_argument("--floor", type=float, metavar="KW", help="a peak that is paid anyway, in place of the site's")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    found = lived(chosen.site, chosen.start, chosen.days, chosen.cycle, chosen.floor)
    if chosen.json:
        print(json.dumps(found, default=str))
    else:
        print(f"{found['site']}: {found['days']:g} days in {found['cycles']} cycles, {found['took_s']:.0f} s")
        print(f"highest interval {found['highest interval kW']:.0f} kW, any 15 min {found['highest 15 min kW']:.0f} kW")
        print(f"floor {found['floor kW']:.0f} kW; month's peak in the end {found['month peak kW']:.0f} kW")
        print(f"alarm {found['warnings']} times, {found['warned h']:.1f} h in all")
        for each in found["passings"]:
            print("  passed:", each)
        print("holds" if found["holds"] else "DOES NOT HOLD")
    return 0 if found["holds"] else 1


def lived(name: str, start: datetime, days: float, cycle_s: float, floor_kw: float | None) -> dict[str, Any]:
    site = load_site(example_site(name))
    if floor_kw is not None:
        site = replace(site, file=site.file.model_copy(update={"month_peak_floor_kw": floor_kw}))
    assert site.file.simulation is not None
    plant = Plant(site, start=start, seed=site.file.simulation.seed)
    loop = ClosedLoop.forecasting(site, plant, cycle_s=cycle_s)
    watch, cycles, began_s = Watch(), 0, time.perf_counter()
    for _ in loop.run(timedelta(days=days)):
        cycles += 1
        watch.look(loop)
        if cycles % round(86400 / cycle_s) == 0:
            print(f"{plant.now}: {len(watch.passings)} passed, {watch.highest_kw:.0f} kW", file=sys.stderr, flush=True)
    in_time = [each for each in watch.passings if each.warned_min is not None and each.warned_min >= 5.0]
    return {
        "site": name,
        "days": days,
        "cycles": cycles,
        "took_s": time.perf_counter() - began_s,
        "floor kW": site.file.month_peak_floor_kw,
        "month peak kW": loop.decider.ledger.month_peak_kw,
        "highest interval kW": max(each.demand_kw for each in plant.ledger.intervals),
        "highest 15 min kW": watch.highest_kw,
        "warnings": watch.warnings,
        "warned h": watch.warned_s / 3600.0,
        "passings": watch.passings,
        "holds": len(in_time) == len(watch.passings) and not any(each.battery_could for each in watch.passings),
    }


if __name__ == "__main__":
    sys.exit(main())
