"""What comes by itself may be fed or left: sun, wind, waste heat, waste pressure."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.forms.source import Source
from dispatch.given import Given
from dispatch.plan import ELECTRICITY, AssetPlan
from dispatch.worth import TIE_CURTAIL


def source_block(name: str, form: Source, grid: TimeGrid) -> Block:
    """0 <= power[t] <= min(available[t], rated)

    power in kW, shape (steps,). It costs nothing; generation that must be curtailed is curtailed late in the
    horizon, when the forecast may still turn out lower. Heat that nobody takes may be left at any time. What cannot
    be held back is left over at the price of `left_over_per_kwh`: the plan says so, and the export limit will not be
    kept.
    """
    available = Given(grid.steps, nonneg=True, name=f"{name}.available_kw")
    power = cp.Variable(grid.steps, bounds=[0, available], name=f"{name}.power_kw")
    if not form.free:
        worth = grid.worth.left_over_per_kwh * grid.step_h
    elif form.bus == ELECTRICITY:
        worth = TIE_CURTAIL * (1.0 - 0.5 * grid.progress) * grid.step_h
    else:
        worth = np.zeros(grid.steps)
    slacks = [] if form.free else [Slack("more than anybody can take", "kW", available - power)]

    def assign(inputs: Inputs) -> None:
        available.value = form.offered(name, inputs.situation)

    def extract() -> AssetPlan:
        offered = solved(available)
        fed = np.clip(solved(power), 0.0, offered)
        return AssetPlan(power_kw=fed, flows_kw=form.flows(fed), available_kw=offered)

    return Block(
        asset=name,
        flows={form.bus: power},
        penalty=-(worth @ power),
        slacks=slacks,
        assign=assign,
        extract=extract,
    )
