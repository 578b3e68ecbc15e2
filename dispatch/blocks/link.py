"""The transformer between the connection point and the park."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.blocks.overload import Overload
from dispatch.forms.link import TOUCHES, Link
from dispatch.plan import AssetPlan

OVER_RATING_SHARE = 9.0
"""Power beyond the rating is itself limited, as import beyond its limit is."""


def link_block(name: str, form: Link, grid: TimeGrid) -> Block:
    """through[t] = inside[t] + over[t] - back[t];   loss[t] >= P_no_load + P_load * (2 y through[t] / rated - y^2)
    for each touch y

    inside within the rating, either way, over and back >= 0 in kW beyond it, at a steep price; all of shape
    (steps,). The loss is bounded by that at full load, so that a negative price cannot burn energy in it without
    end. Between the tangents it is a little too low (`dispatch.forms.link`). Where a kWh more may cost something, over
    and back are open only beyond the rating (`dispatch.blocks.overload`).
    """
    inside = cp.Variable(grid.steps, bounds=[-form.rated_kw, form.rated_kw], name=f"{name}.through_kw")
    beyond = OVER_RATING_SHARE * form.rated_kw
    over = cp.Variable(grid.steps, bounds=[0, beyond], name=f"{name}.over_rating_kw")
    back = cp.Variable(grid.steps, bounds=[0, beyond], name=f"{name}.back_over_rating_kw")
    through = inside + over - back
    loss = cp.Variable(grid.steps, bounds=[form.no_load_kw, None], name=f"{name}.loss_kw")
    slope = form.load_kw / form.rated_kw
    constraints = [
        loss >= form.no_load_kw - form.load_kw * touch**2 + (2.0 * touch * slope) * through for touch in TOUCHES
    ]
    constraints.append(loss <= form.no_load_kw + form.load_kw + (2.0 * slope) * (over + back))

    overloads = (
        (
            Overload(f"{name}.in", grid, inside, form.rated_kw, over, beyond),
            Overload(f"{name}.out", grid, -inside, form.rated_kw, back, beyond),
        )
        if grid.surplus_may_cost
        else ()
    )
    constraints += [constraint for overload in overloads for constraint in overload.constraints]

    def assign(inputs: Inputs) -> None:
        for overload in overloads:
            overload.reset()

    def extract() -> AssetPlan:
        passed, lost = solved(through), np.maximum(solved(loss), form.no_load_kw)
        return AssetPlan(power_kw=lost, flows_kw={form.outer: -passed - lost, form.bus: passed})

    return Block(
        asset=name,
        flows={form.outer: -through - loss, form.bus: through},
        constraints=constraints,
        penalty=grid.worth.over_limit_per_kwh * (grid.step_h @ (over + back)),
        slacks=[Slack("power beyond the rating", "kW", over + back, limit=form.rated_kw)],
        choices=overloads,
        assign=assign,
        extract=extract,
    )
