"""What the plan expects of the connection, as far as the month's peak is concerned. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from config.assets import Battery
from config.flexible_assets import EvChargers
from config.site import Site
from controller.deciding.maker import Maker, electricity_per_kw
from controller.deciding.roles import ROLES
from controller.demand_guard import Demand
from dispatch.plan import AssetPlan, Plan

DOUBT = 0.05
"""How far the load may lie above what is expected, as a share of the target. A plan over scenarios says it itself."""


class DemandCourse:
    """What the park imports by one plan, without its batteries and without what can wait; nothing is known without one.

    It is added up once: a plan is followed for hundreds of cycles.
    """

    def __init__(self, site: Site, plan: Plan | None) -> None:
        self._plan = plan
        ways = [] if plan is None else [plan.assets, *(each.assets for each in plan.scenarios)]
        self._courses_kw = [_unmet_kw(site, assets) for assets in ways]
        """What is expected, then the plan's scenarios."""
        told = [battery for name, battery in site.dispatched_of(Battery).items() if site.setpoint(name) is not None]
        self._most_charge_kw = sum(battery.max_charge_kw for battery in told)
        efficiencies = [battery.charge_efficiency * battery.discharge_efficiency for battery in told]
        self._both_ways = min(efficiencies, default=None)
        """Share that is left of what is charged and given again; None without batteries that can be told anything."""

    def with_reserve(self, demand: Demand | None, now: datetime) -> Demand | None:
        """The demand with what batteries keep for it; None where there is none to keep."""
        return None if demand is None else replace(demand, reserve_kwh=self.reserve_kwh(now, demand.target_kw))

    def reserve_kwh(self, now: datetime, target_kw: float) -> float:
        """What batteries must be able to give so that the target holds to the plan's end; 0 for a plan that says what
        stored energy is worth.

        The largest sum from now on of what is beyond the target, less what can be charged again below it:

            max over k of  sum over t <= k of (net[t] - target) * dt,  with the losses of charging both ways
        """
        plan, step = self._plan, None if self._plan is None else self._plan.step_at(now)
        # a plan that values what is stored has weighed the peak already
        if plan is None or step is None or self._both_ways is None or plan.stored_value_per_kwh:
            return 0.0
        expected_kw, *scenarios_kw = self._courses_kw
        needed_kwh = 0.0
        for course_kw in scenarios_kw or [expected_kw + DOUBT * target_kw]:
            beyond_kw = course_kw[step:] - target_kw
            charged_kw = np.maximum(beyond_kw, -self._most_charge_kw) * self._both_ways
            missing_kw = np.where(beyond_kw > 0.0, beyond_kw, charged_kw)
            needed_kwh = max(needed_kwh, float(np.cumsum(missing_kw * plan.step_h[step:]).max()))
        return needed_kwh

    def rises_kw(self, now: datetime, minutes: int) -> list[float]:
        """By how much the import is expected to be higher than now, minute by minute; 0 where it will be lower."""
        plan, step = self._plan, None if self._plan is None else self._plan.step_at(now)
        if plan is None or step is None:
            return [0.0] * minutes
        expected_kw = self._courses_kw[0]
        ends_min = np.cumsum(plan.step_h) * 60.0 - (now - plan.start).total_seconds() / 60.0
        places = np.minimum(np.searchsorted(ends_min, np.arange(minutes), side="right"), len(expected_kw) - 1)
        return [max(0.0, float(expected_kw[place] - expected_kw[step])) for place in places]


def _unmet_kw(site: Site, assets: Mapping[str, AssetPlan]) -> NDArray[np.float64]:
    """What is expected to be imported without batteries and without what can wait, shape (steps,)."""
    total_kw = assets[site.grid[0]].power_kw.copy()
    for name, asset in site.dispatched.items():
        if name not in assets:
            continue
        power_kw = assets[name].power_kw
        if isinstance(asset, Battery):
            total_kw += power_kw
        elif isinstance(asset, EvChargers):
            total_kw -= power_kw
        elif isinstance(ROLES.get(type(asset)), Maker):
            total_kw -= power_kw * electricity_per_kw(asset)
    return total_kw
