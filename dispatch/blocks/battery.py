"""The battery: charge and discharge with losses and wear."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.blocks.gate import BOTH_WAYS_KW, Gate
from dispatch.blocks.stored_energy import starts_at, stored_energy
from dispatch.forms.storage import Storage
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.store import trajectory
from dispatch.worth import TIE


def battery_block(name: str, form: Storage, grid: TimeGrid) -> Block:
    """E[t+1] = E[t] + (eta_c * charge[t] - discharge[t] / eta_d) * dt[t]

    charge, discharge >= 0 in kW at the AC side, up to the ratings, shape (steps,); E in kWh with the rules of
    `stored_energy`. Wear is paid per kWh discharged. Losses make it cheaper to net charge against discharge
    than to do both, so no binaries are needed; a tie-break says the same for a battery without losses, and lets
    it charge early. Where a kWh more may cost something, losses would be a gain, and a gate keeps the two apart.
    """
    charge_max = Given(nonneg=True, name=f"{name}.max_charge_kw")
    discharge_max = Given(nonneg=True, name=f"{name}.max_discharge_kw")
    charge = cp.Variable(grid.steps, bounds=[0, charge_max], name=f"{name}.charge_kw")
    discharge = cp.Variable(grid.steps, bounds=[0, discharge_max], name=f"{name}.discharge_kw")
    gain_h, drain_h = form.charge_efficiency * grid.step_h, grid.step_h / form.discharge_efficiency
    keep = form.kept(grid.step_h)
    stored = stored_energy(name, form, grid, keep, cp.multiply(gain_h, charge) - cp.multiply(drain_h, discharge))

    gate = (
        Gate(name, grid, charge, form.max_charge_kw, discharge, form.max_discharge_kw)
        if grid.surplus_may_cost
        else None
    )

    def assign(inputs: Inputs) -> None:
        if gate is not None:
            gate.reset(inputs.prices.import_cost_per_kwh < 0.0)
        charge_max.value = inputs.situation.on(name) * form.max_charge_kw
        discharge_max.value = inputs.situation.on(name) * form.max_discharge_kw
        stored.assign(name, form, keep, inputs)

    def extract() -> AssetPlan:
        drawn, fed = np.maximum(solved(charge), 0.0), np.maximum(solved(discharge), 0.0)
        power = fed - drawn
        if float(np.max(np.minimum(drawn, fed))) > BOTH_WAYS_KW:  # below that it is netted, above the plan says so
            return AssetPlan(power_kw=power, flows_kw=form.flows(power), stored_kwh=solved(stored.kwh))
        held = trajectory(starts_at(stored), form.change_kwh(power, grid.step_h), keep)
        return AssetPlan(power_kw=power, flows_kw=form.flows(power), stored_kwh=held)

    return Block(
        asset=name,
        flows={form.bus: discharge - charge},
        constraints=[*stored.constraints, *(gate.constraints if gate is not None else ())],
        cost={"wear": form.wear_per_kwh * (grid.step_h @ discharge)},
        penalty=(
            stored.penalty
            + TIE * (grid.step_h @ discharge)
            + TIE * ((grid.step_h * (1.0 + 0.1 * grid.progress)) @ charge)
        ),
        slacks=[stored.slack, Slack("charges and discharges at once", "kW", cp.minimum(charge, discharge))],
        choices=(gate,) if gate is not None else (),
        stored=stored.rows,
        assign=assign,
        extract=extract,
    )
