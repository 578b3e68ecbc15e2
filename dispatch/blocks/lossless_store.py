"""A store that energy goes into and out of as it is: hot water, cold, hydrogen; a share is lost each hour."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, TimeGrid, solved
from dispatch.blocks.comfort import comfort
from dispatch.blocks.stored_energy import starts_at, stored_energy
from dispatch.forms.storage import Storage
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.store import trajectory


def lossless_store_block(name: str, form: Storage, grid: TimeGrid) -> Block:
    """E[t+1] = keep[t] * E[t] - power[t] * dt[t],  keep[t] = (1 - loss_per_h) ** dt[t]

    power in kW, + when the store gives, within the ratings, shape (steps,); E in kWh with the rules
    of `stored_energy`. Energy goes in and out without loss, so one signed variable says it all.
    """
    charge_max = Given(nonpos=True, name=f"{name}.most_charge_kw")
    discharge_max = Given(nonneg=True, name=f"{name}.most_discharge_kw")
    power = cp.Variable(grid.steps, bounds=[charge_max, discharge_max], name=f"{name}.power_kw")
    keep = form.kept(grid.step_h)
    stored = stored_energy(name, form, grid, keep, -cp.multiply(grid.step_h, power))

    felt = comfort(name, form, grid, stored.kwh)

    def assign(inputs: Inputs) -> None:
        charge_max.value = -inputs.situation.on(name) * form.max_charge_kw
        discharge_max.value = inputs.situation.on(name) * form.max_discharge_kw
        stored.assign(name, form, keep, inputs)

    def extract() -> AssetPlan:
        given = np.clip(solved(power), charge_max.value, discharge_max.value)
        return AssetPlan(
            power_kw=given,
            flows_kw=form.flows(given),
            stored_kwh=trajectory(starts_at(stored), form.change_kwh(given, grid.step_h), keep),
        )

    return Block(
        asset=name,
        flows={form.bus: power},
        constraints=[*stored.constraints, *felt.constraints],
        penalty=stored.penalty + felt.penalty,
        slacks=[stored.slack],
        stored=stored.rows,
        assign=assign,
        extract=extract,
    )
