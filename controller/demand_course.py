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


def unmet_kw(site: Site, assets: Mapping[str, AssetPlan]) -> NDArray[np.float64]:
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


def reserve_kwh(site: Site, plan: Plan | None, now: datetime, target_kw: float) -> float:
    """What batteries must be able to give so that the target holds to the plan's end, in the worst of its scenarios.

    The largest sum from now on of what is beyond the target, less what can be charged again below it:

        max over k of  sum over t <= k of (net[t] - target) * dt,  charging with the losses of both ways
    """
    step = None if plan is None else plan.step_at(now)
    batteries = [battery for name, battery in site.dispatched_of(Battery).items() if site.setpoint(name) is not None]
    if plan is None or step is None or not batteries:
        return 0.0
    most_charge_kw = sum(battery.max_charge_kw for battery in batteries)
    both_ways = min(battery.charge_efficiency * battery.discharge_efficiency for battery in batteries)
    courses_kw = [unmet_kw(site, each.assets) for each in plan.scenarios]
    courses_kw = courses_kw or [unmet_kw(site, plan.assets) + DOUBT * target_kw]
    needed_kwh = 0.0
    for course_kw in courses_kw:
        beyond_kw = course_kw[step:] - target_kw
        missing_kw = np.where(beyond_kw > 0.0, beyond_kw, np.maximum(beyond_kw, -most_charge_kw) * both_ways)
        needed_kwh = max(needed_kwh, float(np.cumsum(missing_kw * plan.step_h[step:]).max()))
    return needed_kwh


def with_reserve(demand: Demand | None, site: Site, plan: Plan | None, now: datetime) -> Demand | None:
    """The demand with what batteries keep for it."""
    if demand is None:
        return None
    return replace(demand, reserve_kwh=reserve_kwh(site, plan, now, demand.target_kw))


def rises_kw(site: Site, plan: Plan | None, now: datetime, minutes: int) -> list[float]:
    """By how much the plan expects the import to be higher than now, minute by minute; 0 where it will be lower."""
    step = None if plan is None else plan.step_at(now)
    if plan is None or step is None:
        return [0.0] * minutes
    net_kw = unmet_kw(site, plan.assets)
    ends_min = np.cumsum(plan.step_h) * 60.0 - (now - plan.start).total_seconds() / 60.0
    places = np.minimum(np.searchsorted(ends_min, np.arange(minutes), side="right"), len(net_kw) - 1)
    return [max(0.0, float(net_kw[place] - net_kw[step])) for place in places]
