"""The electric load: a demand that is served, unless that is impossible."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.given import Given
from dispatch.plan import AssetPlan


def electric_load_block(name: str, grid: TimeGrid) -> Block:
    """used[t] = demand[t] - unserved[t],  0 <= unserved[t] <= demand[t]

    in kW, shape (steps,). What is not served costs more than anything else in the problem.
    """
    demand = Given(grid.steps, nonneg=True, name=f"{name}.demand_kw")
    unserved = cp.Variable(grid.steps, bounds=[0, demand], name=f"{name}.unserved_kw")

    def assign(inputs: Inputs) -> None:
        demand.value = inputs.situation.load_kw[name]

    def extract() -> AssetPlan:
        return AssetPlan(power_kw=solved(demand) - np.maximum(solved(unserved), 0.0))

    return Block(
        asset=name,
        flows={"electricity": unserved - demand},
        penalty=grid.worth.unserved_load_per_kwh * (grid.step_h @ unserved),
        slacks=[Slack("demand not served", "kW", unserved)],
        assign=assign,
        extract=extract,
    )
