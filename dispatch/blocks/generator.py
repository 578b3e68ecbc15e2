"""PV plants and wind turbines: what is available may be fed or curtailed."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from config.assets import PvPlant, WindTurbine
from dispatch.block import Block, Inputs, TimeGrid, solved
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.worth import TIE_CURTAIL


def generator_block(name: str, spec: PvPlant | WindTurbine, grid: TimeGrid) -> Block:
    """0 <= power[t] <= min(available[t], rated)

    power in kW, shape (steps,). It costs nothing; what must be curtailed is curtailed late in the horizon, when
    the forecast may still turn out lower.
    """
    available = Given(grid.steps, nonneg=True, name=f"{name}.available_kw")
    power = cp.Variable(grid.steps, bounds=[0, available], name=f"{name}.power_kw")
    worth = TIE_CURTAIL * (1.0 - 0.5 * grid.progress) * grid.step_h

    def assign(inputs: Inputs) -> None:
        offered = np.minimum(inputs.situation.available_kw[name], spec.rated_kw)
        available.value = inputs.on(name) * offered

    def extract() -> AssetPlan:
        offered = solved(available)
        return AssetPlan(power_kw=np.clip(solved(power), 0.0, offered), available_kw=offered)

    return Block(asset=name, flows={"electricity": power}, penalty=-(worth @ power), assign=assign, extract=extract)
