"""Energy that must be taken within windows."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.forms.windowed import Envelope, Windowed
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.worth import TIE, UNSERVED_WINDOW_TIMES


@dataclass(frozen=True, slots=True)
class _Group:
    """One window, or several that count together."""

    power: cp.Variable
    given_up: cp.Variable
    constraints: tuple[cp.Constraint, ...]
    most_kw: cp.Parameter
    least_kwh: cp.Parameter
    most_kwh: cp.Parameter

    @classmethod
    def of(cls, name: str, grid: TimeGrid) -> _Group:
        most_kw = Given(grid.steps, nonneg=True, name=f"{name}.most_kw")
        least_kwh = Given(grid.steps + 1, nonneg=True, name=f"{name}.least_kwh")
        most_kwh = Given(grid.steps + 1, nonneg=True, name=f"{name}.most_kwh")
        power = cp.Variable(grid.steps, bounds=[0, most_kw], name=f"{name}.power_kw")
        given_up = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.given_up_kw")
        done = cp.Variable(grid.steps + 1, bounds=[least_kwh, most_kwh], name=f"{name}.done_kwh")
        rows = (done[0] == 0, done[1:] == done[:-1] + cp.multiply(grid.step_h, power + given_up))
        return cls(power, given_up, rows, most_kw, least_kwh, most_kwh)

    def assign(self, bounds: Envelope | None) -> None:
        """None for a group that is not needed."""
        for given, value in (
            (self.most_kw, None if bounds is None else bounds.most_kw),
            (self.least_kwh, None if bounds is None else bounds.least_kwh),
            (self.most_kwh, None if bounds is None else bounds.most_kwh),
        ):
            given.value = np.zeros(given.shape) if value is None else value


def windowed_block(name: str, form: Windowed, grid: TimeGrid) -> Block:
    """done_w[t+1] = done_w[t] + (power_w[t] + given_up_w[t]) * dt[t],   done_w[0] = 0

    least_w[t] <= done_w[t] <= most_w[t],   power[t] = sum over w of power_w[t] <= limit

    for each window w, or group of windows: power_w in kW, up to what they may take, given_up_w >= 0 in kW, both of
    shape (steps,); done, least and most in kWh, shape (steps + 1,), from the windows
    (`dispatch.forms.windowed.envelope`).
    What is given up cannot be taken later. A tie-break takes energy early where it costs the same.

    The least power of a charging point (6 A), and whose turn it is, are left to the chargers.
    """
    groups = [_Group.of(f"{name}.{number}", grid) for number in range(grid.windows)]
    power: cp.Expression = sum((group.power for group in groups[1:]), start=groups[0].power)
    given_up: cp.Expression = sum((group.given_up for group in groups[1:]), start=groups[0].given_up)
    constraints = [row for group in groups for row in group.constraints]
    if len(groups) > 1:
        constraints.append(power <= form.limit_kw)

    def assign(inputs: Inputs) -> None:
        bounds = form.apart(name, inputs.situation, len(groups))
        for number, group in enumerate(groups):
            group.assign(bounds[number] if number < len(bounds) else None)

    def extract() -> AssetPlan:
        most_kw = np.minimum(sum(solved(group.most_kw) for group in groups), form.limit_kw)
        taken = np.clip(solved(power), 0.0, most_kw)
        return AssetPlan(power_kw=taken, flows_kw=form.flows(taken))

    return Block(
        asset=name,
        flows={form.bus: -power},
        constraints=constraints,
        penalty=(
            grid.worth.unserved_per_kwh(UNSERVED_WINDOW_TIMES) * (grid.step_h @ given_up)
            + TIE * ((grid.step_h * grid.progress) @ power)
        ),
        slacks=[Slack("not taken in time", "kW", given_up)],
        decided=(power,),
        assign=assign,
        extract=extract,
    )
