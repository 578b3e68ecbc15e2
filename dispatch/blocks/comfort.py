"""What it costs that a tank is below the level that people notice."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp

from dispatch.block import TimeGrid
from dispatch.forms.storage import Storage


@dataclass(frozen=True, slots=True)
class Comfort:
    constraints: list[cp.Constraint]
    penalty: cp.Expression


def comfort(name: str, form: Storage, grid: TimeGrid, stored_kwh: cp.Expression) -> Comfort:
    """dip[t] >= comfort - E[t+1],   dip >= 0;   penalty = price * sum over t of dip[t] * dt[t]

    dip in kWh, shape (steps,). Nothing for a store without such a level.
    """
    if form.comfort_per_kwh_h == 0.0:
        return Comfort([], cp.Constant(0.0))
    dip = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.below_comfort_kwh")
    return Comfort([dip >= form.comfort_kwh - stored_kwh[1:]], (form.comfort_per_kwh_h * grid.step_h) @ dip)
