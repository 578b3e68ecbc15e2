"""The battery: charge and discharge with losses and wear."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.blocks.battery_losses import conversion
from dispatch.blocks.daily_cycles import DailyCycles
from dispatch.blocks.depth_wear import wear_pieces
from dispatch.blocks.gate import BOTH_WAYS_KW, Gate
from dispatch.blocks.stored_energy import starts_at, stored_energy
from dispatch.blocks.taper import taper
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
    it charge and discharge early: of two hours with one price the first is certain to come as expected. Where a kWh
    more may cost something, losses would be a gain, and a gate keeps the two apart. Curves of efficiency, the taper
    near full and empty, wear by depth and the cycles of a day are pages of their own.
    """
    charge_max = Given(nonneg=True, name=f"{name}.max_charge_kw")
    discharge_max = Given(nonneg=True, name=f"{name}.max_discharge_kw")
    charge = cp.Variable(grid.steps, bounds=[0, charge_max], name=f"{name}.charge_kw")
    discharge = cp.Variable(grid.steps, bounds=[0, discharge_max], name=f"{name}.discharge_kw")
    keep = form.kept(grid.step_h)
    converted = conversion(name, form, grid, charge, discharge)
    stored = stored_energy(name, form, grid, keep, converted.change_kwh)
    worn = wear_pieces(name, form.depth_wear, grid, stored.kwh) if form.depth_wear is not None else None
    cycles = DailyCycles(name, form, grid, discharge) if form.daily is not None else None
    gate = (
        Gate(name, grid, charge, form.max_charge_kw, discharge, form.max_discharge_kw)
        if grid.surplus_may_cost
        else None
    )

    def assign(inputs: Inputs) -> None:
        if gate is not None:
            gate.reset(inputs.prices.import_cost_per_kwh < 0.0)
        if cycles is not None:
            cycles.assign(inputs)
        charge_max.value = inputs.situation.on(name) * form.max_charge_kw
        discharge_max.value = inputs.situation.on(name) * form.max_discharge_kw
        stored.assign(name, form, keep, inputs)

    def extract() -> AssetPlan:
        drawn, fed = np.maximum(solved(charge), 0.0), np.maximum(solved(discharge), 0.0)
        power = fed - drawn
        # below that it is netted, above the plan says so
        both_ways = float(np.max(np.minimum(drawn, fed))) > BOTH_WAYS_KW
        if form.curved or both_ways:
            return AssetPlan(power_kw=power, flows_kw=form.flows(power), stored_kwh=solved(stored.kwh))
        held = trajectory(starts_at(stored), form.change_kwh(power, grid.step_h), keep)
        return AssetPlan(power_kw=power, flows_kw=form.flows(power), stored_kwh=held)

    return Block(
        asset=name,
        flows={form.bus: discharge - charge},
        constraints=[
            *stored.constraints,
            *converted.constraints,
            *taper(form, charge, discharge, stored.kwh),
            *(constraint for part in (worn, cycles, gate) if part is not None for constraint in part.constraints),
        ],
        cost={"wear": form.wear_per_kwh * (grid.step_h @ discharge) + (worn.cost if worn is not None else 0.0)},
        penalty=(
            stored.penalty
            + converted.penalty
            + (cycles.penalty if cycles is not None else 0.0)
            + TIE * ((grid.step_h * (1.0 + 0.1 * grid.progress)) @ discharge)
            + TIE * ((grid.step_h * (1.0 + 0.1 * grid.progress)) @ charge)
        ),
        slacks=[
            stored.slack,
            Slack("charges and discharges at once", "kW", cp.minimum(charge, discharge)),
            *([cycles.slack] if cycles is not None else []),
        ],
        choices=(gate,) if gate is not None else (),
        stored=stored.rows,
        decided=(charge, discharge),
        assign=assign,
        extract=extract,
    )
