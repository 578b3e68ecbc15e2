"""The gas boiler."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from config.assets import GasBoiler
from dispatch.block import Block, Inputs, TimeGrid, solved
from dispatch.given import Given
from dispatch.plan import AssetPlan


def gas_boiler_block(name: str, spec: GasBoiler, grid: TimeGrid) -> Block:
    """heat[t] = share[t] * Q_max,  gas[t] = heat[t] / eta,  cost = sum of (p_gas + p_carbon) * gas[t] * dt[t]

    share in 0..1, shape (steps,); heat and gas (lower heating value) in kW. Q_max is zero while the boiler is
    unavailable. This is the relaxation without a minimum load, as for the heat pump.
    """
    share = cp.Variable(grid.steps, bounds=[0, 1], name=f"{name}.load_share")
    heat_max = Given(grid.steps, nonneg=True, name=f"{name}.max_heat_kw")
    gas_cost = Given(grid.steps, name=f"{name}.gas_cost_at_full_load")
    carbon_cost = Given(grid.steps, name=f"{name}.carbon_cost_at_full_load")

    def assign(inputs: Inputs) -> None:
        heat_max.value = np.full(grid.steps, inputs.on(name) * spec.max_heat_kw)
        burnt_kwh = heat_max.value / spec.efficiency * grid.step_h
        gas_cost.value = inputs.prices.gas_per_kwh * burnt_kwh
        carbon_cost.value = inputs.prices.gas_carbon_per_kwh * burnt_kwh

    def extract() -> AssetPlan:
        made = np.clip(solved(share), 0.0, 1.0) * solved(heat_max)
        return AssetPlan(power_kw=made, gas_kw=made / spec.efficiency)

    return Block(
        asset=name,
        flows={"heat": cp.multiply(heat_max, share)},
        cost={"gas": gas_cost @ share, "carbon": carbon_cost @ share},
        assign=assign,
        extract=extract,
    )
