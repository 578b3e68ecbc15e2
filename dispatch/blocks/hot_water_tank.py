"""The hot-water tank: heat in, heat out, and a share lost each hour."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from config.assets import HotWaterTank
from dispatch.block import Block, Inputs, TimeGrid, solved
from dispatch.blocks.stored_energy import starts_at, stored_energy
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.store import kept, trajectory


def hot_water_tank_block(name: str, spec: HotWaterTank, grid: TimeGrid) -> Block:
    """E[t+1] = keep[t] * E[t] - power[t] * dt[t],  keep[t] = (1 - loss_per_h) ** dt[t]

    power in kW of heat, + when the tank gives heat, within the ratings, shape (steps,); E in kWh with the rules
    of `stored_energy`. Heat goes in and out without loss, so one signed variable says it all.
    """
    charge_max = Given(nonpos=True, name=f"{name}.most_charge_kw")
    discharge_max = Given(nonneg=True, name=f"{name}.most_discharge_kw")
    power = cp.Variable(grid.steps, bounds=[charge_max, discharge_max], name=f"{name}.power_kw")
    keep = kept(spec.loss_per_h, grid.step_h)
    stored = stored_energy(name, spec, grid, keep, -cp.multiply(grid.step_h, power))

    def assign(inputs: Inputs) -> None:
        charge_max.value = -inputs.on(name) * spec.max_charge_kw
        discharge_max.value = inputs.on(name) * spec.max_discharge_kw
        stored.assign(name, spec, keep, "heat", inputs)

    def extract() -> AssetPlan:
        given = np.clip(solved(power), charge_max.value, discharge_max.value)
        return AssetPlan(power_kw=given, stored_kwh=trajectory(starts_at(stored), -given * grid.step_h, keep))

    return Block(
        asset=name,
        flows={"heat": power},
        constraints=stored.constraints,
        penalty=stored.penalty,
        slacks=[stored.slack],
        assign=assign,
        extract=extract,
    )
