"""Stored energy in the problem: the recursion, the window and the end, for stores of every carrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from dispatch.block import Inputs, Slack, StoredRows, TimeGrid
from dispatch.forms.storage import Storage
from dispatch.given import Given
from dispatch.plan import FloatArray
from dispatch.store import corridor


@dataclass(frozen=True, slots=True)
class StoredEnergy:
    """The stored energy of one asset as an expression with its rules."""

    kwh: cp.Expression
    """At the interval bounds, shape (steps + 1,)."""
    constraints: Sequence[cp.Constraint]
    penalty: cp.Expression
    end_cost: cp.Expression
    """Part of the penalty."""
    slack: Slack
    recursion: cp.Constraint
    start_kwh: cp.Parameter
    _below_kwh: cp.Parameter
    _above_kwh: cp.Parameter
    _target_kwh: cp.Parameter
    _keep_per_kwh: cp.Parameter
    _spare_per_kwh: cp.Parameter

    @property
    def rows(self) -> StoredRows:
        return StoredRows(self.kwh, self.recursion, self.end_cost)

    def assign(self, name: str, form: Storage, keep: FloatArray, inputs: Inputs) -> None:
        """Takes the start from the situation."""
        floor, ceiling = form.soc_min * form.capacity_kwh, form.soc_max * form.capacity_kwh
        start = form.start_kwh(name, inputs.situation)
        low, high = corridor(form.capacity_kwh, form.soc_min, form.soc_max, start, keep)
        self.start_kwh.value = start
        self._below_kwh.value = floor - low
        self._above_kwh.value = high - ceiling
        self._target_kwh.value = min(max(start, floor), ceiling)
        self._keep_per_kwh.value = inputs.end_value[form.bus].keep_per_kwh
        self._spare_per_kwh.value = inputs.end_value[form.bus].spare_per_kwh


def stored_energy(
    name: str, form: Storage, grid: TimeGrid, keep: FloatArray, change_kwh: cp.Expression
) -> StoredEnergy:
    """E = inside - below + above;  E[0] = start;  E[t+1] = keep[t] * E[t] + change[t]

    inside within the SOC window, below and above >= 0 in kWh, shape (steps + 1,). below and above are only open
    where the start lies outside the window, and only as far as the store would be if nobody touched it: the
    window can be entered but not left, a store left alone is always a valid plan, and each kWh outside costs a
    price per hour.

    End: E[steps] + missing - spare = start (brought into the window). A missing kWh costs somewhat more than the
    dearest kWh of the horizon, so no price difference makes a plan empty the store because the world ends with
    the horizon; a demand charge may, since a peak saved now is saved and the energy can be bought back later.
    A spare kWh is worth somewhat less than the cheapest, so nothing is bought for after the end, but surplus is
    kept. The whole of a day lies between start and end, so "as full as at this time yesterday" is a fair target.
    """
    bounds = grid.steps + 1
    below_kwh = Given(bounds, nonneg=True, name=f"{name}.below_kwh")
    above_kwh = Given(bounds, nonneg=True, name=f"{name}.above_kwh")
    start_kwh = Given(nonneg=True, name=f"{name}.start_kwh")
    target_kwh = Given(nonneg=True, name=f"{name}.target_kwh")
    keep_per_kwh = Given(name=f"{name}.keep_per_kwh")
    spare_per_kwh = Given(name=f"{name}.spare_per_kwh")

    window = [form.soc_min * form.capacity_kwh, form.soc_max * form.capacity_kwh]
    inside = cp.Variable(bounds, bounds=window, name=f"{name}.inside_kwh")
    below = cp.Variable(bounds, bounds=[0, below_kwh], name=f"{name}.below_window_kwh")
    above = cp.Variable(bounds, bounds=[0, above_kwh], name=f"{name}.above_window_kwh")
    missing = cp.Variable(bounds=[0, None], name=f"{name}.missing_kwh")
    spare = cp.Variable(bounds=[0, None], name=f"{name}.spare_kwh")

    stored = inside - below + above
    outside = below[1:] + above[1:]
    price = grid.worth.outside_per_kwh_h * grid.step_h
    recursion = stored[1:] == cp.multiply(keep, stored[:-1]) + change_kwh
    end_cost = keep_per_kwh * missing - spare_per_kwh * spare
    return StoredEnergy(
        kwh=stored,
        constraints=[
            stored[0] == start_kwh,
            recursion,
            stored[bounds - 1] + missing - spare == target_kwh,
        ],
        penalty=price @ outside + end_cost,
        end_cost=end_cost,
        slack=Slack("is outside its window", "kWh", outside),
        recursion=recursion,
        start_kwh=start_kwh,
        _below_kwh=below_kwh,
        _above_kwh=above_kwh,
        _target_kwh=target_kwh,
        _keep_per_kwh=keep_per_kwh,
        _spare_per_kwh=spare_per_kwh,
    )


def starts_at(stored: StoredEnergy) -> float:
    """The start that was assigned last."""
    return float(np.asarray(stored.start_kwh.value))
