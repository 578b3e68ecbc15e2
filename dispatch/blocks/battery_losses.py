"""What a battery's power is at its cells, by curves of efficiency."""

from __future__ import annotations

from dataclasses import dataclass, field

import cvxpy as cp

from dispatch.block import TimeGrid
from dispatch.forms.storage import Storage
from dispatch.worth import TIE_CURTAIL


@dataclass(frozen=True, slots=True)
class Conversion:
    change_kwh: cp.Expression
    """Of the stored energy in each interval, shape (steps,)."""
    constraints: list[cp.Constraint] = field(default_factory=list)
    penalty: cp.Expression = field(default_factory=lambda: cp.Constant(0.0))


def conversion(name: str, form: Storage, grid: TimeGrid, charge: cp.Variable, discharge: cp.Variable) -> Conversion:
    """eta_c * charge[t] <= into[t] <= offset + slope * charge[t],   and for discharge
    discharge[t] / eta_d >= out_of[t] >= offset + slope * discharge[t]   for each line of a curve

    into and out_of in kW at the cells, shape (steps,); eta is that at full power, the worst. Losses grow with power,
    so the lines are the curve as long as a stored kWh is worth something; a tie-break says the same where it is worth
    nothing. Where it is better to be rid of power, a plan may lose as much as at full power, and no more. A direction
    without a curve has one efficiency, and needs neither variable nor line.
    """
    constraints: list[cp.Constraint] = []
    into: cp.Expression = form.charge_efficiency * charge
    out_of: cp.Expression = discharge / form.discharge_efficiency
    penalty: cp.Expression = cp.Constant(0.0)
    if form.charge_curve is not None:
        least, into = into, cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.into_cells_kw")
        constraints.append(into >= least)
        constraints += [into <= line.offset + line.slope * charge for line in form.charge_curve.lines]
        penalty = penalty - TIE_CURTAIL * (grid.step_h @ into)
    if form.discharge_curve is not None:
        most, out_of = out_of, cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.out_of_cells_kw")
        constraints.append(out_of <= most)
        constraints += [out_of >= line.offset + line.slope * discharge for line in form.discharge_curve.lines]
        penalty = penalty + TIE_CURTAIL * (grid.step_h @ out_of)
    return Conversion(cp.multiply(grid.step_h, into) - cp.multiply(grid.step_h, out_of), constraints, penalty)
