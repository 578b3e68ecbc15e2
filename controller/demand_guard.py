"""The month's peak: what the park may still import so that no 15 minutes pass the demand that is paid for anyway."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from config.site import Site
from controller.image import Snapshot
from dispatch.demand_charge import DemandCharge
from dispatch.plan import Plan

WINDOW_S = 900.0
"""Demand is billed on the mean of 15 minutes."""
AHEAD_S = (10.0, 60.0, 120.0, 180.0, 240.0, 300.0)
"""How far ahead each 15 minutes must hold with the power of now: what was left unused lately may be used within five
minutes, and what was too much must be made up for by then."""
MARGIN = 0.005
"""Kept free below the target, as a share of it: the class of the meter, and what a battery takes to settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the connection may import, as the demand guard sees it."""

    target_kw: float
    """Highest mean of 15 minutes that costs nothing more than is paid already, or than the plan means to pay."""
    allowed_kw: float
    """What may be imported now so that no 15 minutes pass the target."""
    mean_kw: float
    """The mean of the last 15 minutes."""
    per_kw: float
    """What a kW more costs in this month."""
    reserve_kwh: float = 0.0
    """What batteries keep for it, at their terminals."""


class DemandGuard:
    """Remembers the import of the last 15 minutes, by the meter's counter where it has one (`Ledger.imported_kwh`).

    Any 15 minutes count, so that those of the clock are among them:

        E(T - a) + P * a <= target * T   for each time a ahead, with E(x) the import of the last x and T the 15 minutes

    Before the first look the park is taken to have imported what is said of the time before, or as it does then.
    """

    def __init__(self, before_kw: float | None = None) -> None:
        """`before_kw` is the mean import before the first look, where somebody knows."""
        self._before_kw = before_kw
        self._times_s: deque[float] = deque()
        self._imported_kwh: deque[float] = deque()

    def update(
        self,
        snapshot: Snapshot,
        imported_kwh: float,
        target_kw: float | None,
        charge: DemandCharge | None,
        holds_s: float = 0.0,
    ) -> Demand | None:
        """Takes in what has been imported since the controller's start; None where no demand is to be kept.

        What is decided now holds for `holds_s`, or for as long as it was to the last look where that is longer.
        """
        now_s = snapshot.site_s
        if self._before_kw is None:
            self._before_kw = max(snapshot.power_kw(snapshot.site.grid[0]) or 0.0, 0.0)
        self._times_s.append(now_s)
        self._imported_kwh.append(imported_kwh)
        while len(self._times_s) > 2 and self._times_s[1] <= now_s - WINDOW_S:
            self._times_s.popleft()
            self._imported_kwh.popleft()
        if target_kw is None or charge is None:
            return None
        kept_kwh = (1.0 - MARGIN) * target_kw * WINDOW_S / 3600.0
        cycle_s = max(holds_s, now_s - self._times_s[-2] if len(self._times_s) > 1 else AHEAD_S[0])
        ahead = [ahead_s for ahead_s in AHEAD_S if ahead_s >= cycle_s] or [min(cycle_s, WINDOW_S)]
        allowed_kw = min((kept_kwh - self._of_last(WINDOW_S - ahead_s)) * 3600.0 / ahead_s for ahead_s in ahead)
        return Demand(
            target_kw=target_kw,
            allowed_kw=max(allowed_kw, 0.0),
            mean_kw=self._of_last(WINDOW_S) * 3600.0 / WINDOW_S,
            per_kw=charge.per_kw,
        )

    def minutes_kw(self, count: int) -> list[float]:
        """Mean imports of the last minutes, oldest first."""
        until = [self._of_last(60.0 * minute) for minute in range(count + 1)]
        return [60.0 * (until[minute + 1] - until[minute]) for minute in reversed(range(count))]

    def _of_last(self, seconds: float) -> float:
        """What was imported in the last `seconds`."""
        since_s = self._times_s[-1] - seconds
        times, imported = self._times_s, self._imported_kwh
        later = bisect_right(times, since_s)
        if later == 0:
            assert self._before_kw is not None
            return imported[-1] - imported[0] + (times[0] - since_s) * self._before_kw / 3600.0
        if later == len(times):
            return 0.0
        share = (since_s - times[later - 1]) / (times[later] - times[later - 1])
        then_kwh = imported[later - 1] + share * (imported[later] - imported[later - 1])
        return imported[-1] - then_kwh


def demand_target_kw(
    site: Site, charge: DemandCharge | None, month_peak_kw: float, plan: Plan | None, now: datetime
) -> float | None:
    """What any 15 minutes may reach: the month's peak so far, what a contract leaves free, what the plan takes to be
    paid anyway or means to reach before the month ends. None where a peak costs nothing, or none is known."""
    if charge is None or charge.per_kw <= 0.0:
        return None
    target_kw = max(month_peak_kw, charge.free_kw)
    if plan is not None:
        target_kw = max(target_kw, _paid_peak_kw(site, plan, now), _planned_peak_kw(site, plan, now))
    return target_kw if target_kw > 0.0 else None


def _paid_peak_kw(site: Site, plan: Plan, now: datetime) -> float:
    """What the plan takes to be paid anyway, as long as its month lasts."""
    zone = ZoneInfo(site.location.time_zone)
    began, local = plan.start.astimezone(zone), now.astimezone(zone)
    return plan.paid_peak_kw if (began.year, began.month) == (local.year, local.month) else 0.0


def _planned_peak_kw(site: Site, plan: Plan, now: datetime) -> float:
    """The plan's highest import from now to the end of the month.

    Of one over scenarios what is decided for now, or what all of them reach: only that is paid whatever comes.
    """
    step = plan.step_at(now)
    if step is None:
        return 0.0
    local = now.astimezone(ZoneInfo(site.location.time_zone))
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends = (first + timedelta(days=32)).replace(day=1)
    begins_h = np.concatenate(([0.0], np.cumsum(plan.step_h)[:-1]))
    until = int(np.searchsorted(begins_h, (ends - plan.start).total_seconds() / 3600.0))
    grid = site.grid[0]
    if until <= step:
        return 0.0
    if not plan.scenarios:
        return float(plan.assets[grid].power_kw[step:until].max())
    reached_kw = min(float(each.assets[grid].power_kw[step:until].max()) for each in plan.scenarios)
    return max(reached_kw, float(plan.assets[grid].power_kw[step]), 0.0)
