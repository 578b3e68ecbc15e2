"""The heat load: a demand that is served, unless that is impossible."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.given import Given
from dispatch.plan import AssetPlan


def heat_load_block(name: str, grid: TimeGrid) -> Block:
    """used[t] = demand[t] - unserved[t],  0 <= unserved[t] <= demand[t]

    in kW of heat, shape (steps,). Unserved heat costs more than any saving is worth, and less than import
    beyond the limit. Heat that is too much needs no slack: every source may be zero and every store may be left alone.
    """
    demand = Given(grid.steps, nonneg=True, name=f"{name}.demand_kw")
    unserved = cp.Variable(grid.steps, bounds=[0, demand], name=f"{name}.unserved_kw")

    def assign(inputs: Inputs) -> None:
        demand.value = inputs.situation.heat_load_kw[name]

    def extract() -> AssetPlan:
        return AssetPlan(power_kw=solved(demand) - np.maximum(solved(unserved), 0.0))

    return Block(
        asset=name,
        flows={"heat": unserved - demand},
        penalty=grid.worth.unserved_heat_per_kwh * (grid.step_h @ unserved),
        slacks=[Slack("heat demand not served", "kW", unserved)],
        assign=assign,
        extract=extract,
    )
