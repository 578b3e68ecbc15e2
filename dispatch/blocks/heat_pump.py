"""The electric heat pump."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from config.assets import HeatPump
from dispatch.block import Block, Inputs, TimeGrid, solved
from dispatch.given import Given
from dispatch.plan import AssetPlan


def heat_pump_block(name: str, spec: HeatPump, grid: TimeGrid) -> Block:
    """power[t] = share[t] * P_max,  heat[t] = COP[t] * power[t]

    share in 0..1, shape (steps,); power is the electricity used, heat what is made, in kW. P_max is zero while
    the heat pump is unavailable. This is the relaxation without a minimum load: a plan below it is a mean over
    the interval, which the heat pump reaches by running for a part of it.
    """
    share = cp.Variable(grid.steps, bounds=[0, 1], name=f"{name}.load_share")
    power_max = Given(grid.steps, nonneg=True, name=f"{name}.max_power_kw")
    heat_max = Given(grid.steps, nonneg=True, name=f"{name}.max_heat_kw")

    def assign(inputs: Inputs) -> None:
        power_max.value = np.full(grid.steps, inputs.on(name) * spec.max_power_kw)
        heat_max.value = power_max.value * inputs.situation.cop[name]

    def extract() -> AssetPlan:
        used = np.clip(solved(share), 0.0, 1.0)
        return AssetPlan(power_kw=used * solved(power_max), heat_kw=used * solved(heat_max))

    return Block(
        asset=name,
        flows={"electricity": -cp.multiply(power_max, share), "heat": cp.multiply(heat_max, share)},
        assign=assign,
        extract=extract,
    )
