"""What a battery may discharge in a day."""

from __future__ import annotations

import math

import cvxpy as cp
import numpy as np

from dispatch.block import Inputs, Slack, TimeGrid
from dispatch.forms.storage import Storage
from dispatch.given import Given


class DailyCycles:
    """discharge[t] = within[t] + beyond[t],   sum over t of day d of within[t] * dt[t] <= left[d]

    within, beyond >= 0 in kW, shape (steps,), beyond at a price above any saving of money; left in kWh is what the
    local day d still allows: what it has discharged before counts for the first. The bounds of discharge are given
    numbers and cannot have given factors, hence `within`.
    """

    def __init__(self, name: str, form: Storage, grid: TimeGrid, discharge: cp.Variable) -> None:
        days = math.ceil(float(grid.step_h.sum()) / 24.0) + 1
        self._name, self._form, self._grid = name, form, grid
        self._hours = [Given(grid.steps, nonneg=True, name=f"{name}.hours_of_day_{day}") for day in range(days)]
        self._left = [Given(nonneg=True, name=f"{name}.left_of_day_{day}_kwh") for day in range(days)]
        within = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.within_cycles_kw")
        beyond = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.beyond_cycles_kw")
        self.constraints = [discharge == within + beyond]
        self.constraints += [hours @ within <= left for hours, left in zip(self._hours, self._left, strict=True)]
        self.penalty = grid.worth.over_cycles_per_kwh * (grid.step_h @ beyond)
        self.slack = Slack("discharges beyond its cycles of a day", "kW", beyond)

    def assign(self, inputs: Inputs) -> None:
        day = self._form.day_of_step(inputs.situation)
        left_kwh = self._form.left_of_days_kwh(self._name, inputs.situation, len(self._left))
        for each, (hours, left) in enumerate(zip(self._hours, self._left, strict=True)):
            hours.value = np.where(day == each, self._grid.step_h, 0.0)
            left.value = left_kwh[each]
