"""Energy that must be taken within windows."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.forms.windowed import Windowed
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.worth import TIE, UNSERVED_WINDOW_TIMES


def windowed_block(name: str, form: Windowed, grid: TimeGrid) -> Block:
    """done[t+1] = done[t] + (power[t] + given_up[t]) * dt[t],   done[0] = 0,   least[t] <= done[t] <= most[t]

    power in kW, up to what the open windows and the limit of the group allow, given_up >= 0 in kW, both of shape
    (steps,); done, least and most in kWh, shape (steps + 1,), from the windows (`dispatch.forms.windowed.envelope`).
    What is given up cannot be taken later. A tie-break takes energy early where it costs the same.

    The least power of a charging point (6 A), and whose turn it is, are left to the chargers.
    """
    most_kw = Given(grid.steps, nonneg=True, name=f"{name}.most_kw")
    least_kwh = Given(grid.steps + 1, nonneg=True, name=f"{name}.least_kwh")
    most_kwh = Given(grid.steps + 1, nonneg=True, name=f"{name}.most_kwh")
    power = cp.Variable(grid.steps, bounds=[0, most_kw], name=f"{name}.power_kw")
    given_up = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.given_up_kw")
    done = cp.Variable(grid.steps + 1, bounds=[least_kwh, most_kwh], name=f"{name}.done_kwh")

    def assign(inputs: Inputs) -> None:
        bounds = form.envelope(name, inputs.situation)
        most_kw.value, least_kwh.value, most_kwh.value = bounds.most_kw, bounds.least_kwh, bounds.most_kwh

    def extract() -> AssetPlan:
        taken = np.clip(solved(power), 0.0, solved(most_kw))
        return AssetPlan(power_kw=taken, flows_kw=form.flows(taken))

    return Block(
        asset=name,
        flows={form.bus: -power},
        constraints=[done[0] == 0, done[1:] == done[:-1] + cp.multiply(grid.step_h, power + given_up)],
        penalty=(
            grid.worth.unserved_per_kwh(UNSERVED_WINDOW_TIMES) * (grid.step_h @ given_up)
            + TIE * ((grid.step_h * grid.progress) @ power)
        ),
        slacks=[Slack("not taken in time", "kW", given_up)],
        decided=(power,),
        assign=assign,
        extract=extract,
    )
