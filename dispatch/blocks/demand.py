"""A load: a demand that is served, unless that is impossible."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.forms.demand import Demand
from dispatch.given import Given
from dispatch.plan import AssetPlan


def demand_block(name: str, form: Demand, grid: TimeGrid) -> Block:
    """used[t] = demand[t] - unserved[t],  0 <= unserved[t] <= demand[t]

    in kW, shape (steps,). What is not served costs by its rank (`dispatch.worth`), or what the site file says. Heat
    that is too much needs no slack: every source may be zero and every store may be left alone.
    """
    demand = Given(grid.steps, nonneg=True, name=f"{name}.demand_kw")
    ranked_per_kwh = grid.worth.unserved_per_kwh(form.times)
    price_per_kwh = ranked_per_kwh if form.price_per_kwh is None else form.price_per_kwh
    unserved = cp.Variable(grid.steps, bounds=[0, demand], name=f"{name}.unserved_kw")

    def assign(inputs: Inputs) -> None:
        demand.value = inputs.situation.load_kw[name]

    def extract() -> AssetPlan:
        wanted = solved(demand)
        used = wanted - np.maximum(solved(unserved), 0.0)
        return AssetPlan(power_kw=used, flows_kw=form.flows(used), wanted_kw=wanted)

    return Block(
        asset=name,
        flows={form.bus: unserved - demand},
        penalty=price_per_kwh * (grid.step_h @ unserved),
        slacks=[Slack(form.unserved, "kW", unserved)],
        assign=assign,
        extract=extract,
    )
