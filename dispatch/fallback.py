"""The first plan without a solver that is tried: the previous plan moved on. After it come `dispatch.rules`."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

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

    def rest(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else values[first:].copy()

    def stored(values: FloatArray | None) -> FloatArray | None:
        if values is None:
            return None
        return np.concatenate(([np.interp(offset_h, bounds_h, values)], values[first + 1 :]))

    origin = (
        plan.note if plan.method is Method.SHIFTED else f"the plan issued at {plan.issued_at.isoformat()}, moved on"
    )
    return dataclasses.replace(
        plan,
        issued_at=now,
        method=Method.SHIFTED,
        start=start,
        step_h=step_h,
        assets={
            name: AssetPlan(
                power_kw=asset.power_kw[first:].copy(),
                flows_kw={bus: flow_kw[first:].copy() for bus, flow_kw in asset.flows_kw.items()},
                gas_kw=rest(asset.gas_kw),
                stored_kwh=stored(asset.stored_kwh),
                available_kw=rest(asset.available_kw),
                running=None if asset.running is None else asset.running[first:].copy(),
            )
            for name, asset in plan.assets.items()
        },
        import_price_per_kwh=plan.import_price_per_kwh[first:].copy(),
        cost={},
        marginal_per_kwh={bus: values[first:].copy() for bus, values in plan.marginal_per_kwh.items()},
        note=origin,
    )
