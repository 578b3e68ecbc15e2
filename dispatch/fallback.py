"""The first plan without a solver that is tried: the previous plan moved on. After it come `dispatch.rules`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from dispatch.plan import AssetPlan, FloatArray, Method, Plan

SHORTEST = timedelta(hours=1)
"""A shifted plan must still cover this much: the planner tries again every interval, and within an hour
somebody has seen the alarm."""


def shifted(plan: Plan, now: datetime, interval: timedelta) -> Plan | None:
    """The rest of a plan from the interval on that contains `now`; None when it covers less than an hour of it.

    The new start is `now` rounded down to `interval`; stored energy begins with what the old plan expected
    there. The cost is left out: the sums of the old plan are those of another horizon. `issued_at` becomes
    `now`, the note says from when the plan is.
    """
    seconds = interval.total_seconds()
    start = datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)
    first = plan.step_at(start)
    if first is None or plan.until - now < SHORTEST:
        return None
    bounds_h = np.concatenate(([0.0], np.cumsum(plan.step_h)))
    offset_h = (start - plan.start).total_seconds() / 3600.0
    step_h = plan.step_h[first:].copy()
    step_h[0] = bounds_h[first + 1] - offset_h

    origin = (
        plan.note if plan.method is Method.SHIFTED else f"the plan issued at {plan.issued_at.isoformat()}, moved on"
    )
    return dataclasses.replace(
        plan,
        issued_at=now,
        method=Method.SHIFTED,
        start=start,
        step_h=step_h,
        assets={name: _rest(asset, first, offset_h, bounds_h) for name, asset in plan.assets.items()},
        import_price_per_kwh=plan.import_price_per_kwh[first:].copy(),
        cost={},
        marginal_per_kwh={bus: values[first:].copy() for bus, values in plan.marginal_per_kwh.items()},
        stored_value_per_kwh={name: values[first:].copy() for name, values in plan.stored_value_per_kwh.items()},
        reasons={name: reasons[first:] for name, reasons in plan.reasons.items()},
        note=origin,
    )


def _rest(asset: AssetPlan, first: int, offset_h: float, bounds_h: FloatArray) -> AssetPlan:
    """The asset's part from interval `first` on: every series it has, whatever they are called."""
    changed: dict[str, Any] = {}
    for each in dataclasses.fields(asset):
        match getattr(asset, each.name):
            case np.ndarray() as values if len(values) == len(bounds_h):
                changed[each.name] = np.concatenate(([np.interp(offset_h, bounds_h, values)], values[first + 1 :]))
            case np.ndarray() as values:
                changed[each.name] = values[first:].copy()
            case Mapping() as series:
                changed[each.name] = {key: values[first:].copy() for key, values in series.items()}
    return dataclasses.replace(asset, **changed)
