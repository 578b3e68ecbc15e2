"""Runs that must not be interrupted: a job that takes its power from its start to its end, within a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import POWER_KW, between
from dispatch.forms.form import Form, Need
from dispatch.plan import AssetPlan, BoolArray, FloatArray, Situation, Wanted

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid

WHOLE = 1.0 - 1e-6
"""Share of a run's energy from which on it is one that has not begun."""
ROUNDING_H = 1e-6
"""Times that differ by less than four milliseconds are the same: sums of intervals are that exact."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What all windows together allow."""

    may_start: BoolArray
    """Intervals with whose begin a run may begin, shape (steps,)."""
    least: FloatArray
    """How many runs must have begun at each interval bound, shape (steps + 1,)."""
    most: FloatArray
    """How many can have begun, shape (steps + 1,)."""
    going_on_kw: FloatArray
    """What a run that has begun before still takes, shape (steps,)."""
    impossible: int
    """Windows in which no run fits any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Form):
    """power[t] = P * sum over s of start[s] * (share of t within the duration after s) + going_on[t]

    start in {0, 1}: one in each window whose last chance is within the horizon, none before the run before has ended.
    What is wanted with less than a whole run's energy has begun, and goes on at once.
    """

    power_kw: float
    duration_h: float

    @property
    def need(self) -> Need | None:
        return "wanted"

    def shares(self, step_h: FloatArray) -> FloatArray:
        """The share of each interval that a run takes which begins with another, shape (steps, starts)."""
        ends_h = np.cumsum(step_h)
        begins_h = ends_h - step_h
        first, last = begins_h[None, :], begins_h[None, :] + self.duration_h
        inside_h = np.minimum(ends_h[:, None], last) - np.maximum(begins_h[:, None], first)
        taken: FloatArray = np.maximum(inside_h, 0.0) / step_h[:, None]
        return taken

    def runs(self, name: str, situation: Situation) -> Runs:
        step_h = situation.step_h
        ends_h = np.cumsum(step_h)
        begins_h = ends_h - step_h
        may_start, impossible = np.zeros(situation.steps, dtype=np.bool_), 0
        least, most = np.zeros(situation.steps + 1), np.zeros(situation.steps + 1)
        whole_kwh = WHOLE * self.power_kw * self.duration_h
        left_h = sum(each.energy_kwh for each in situation.wanted[name] if each.energy_kwh < whole_kwh) / self.power_kw
        free = (begins_h >= left_h - ROUNDING_H) & bool(situation.on(name))
        for each in situation.wanted[name]:
            if each.energy_kwh < whole_kwh:
                continue
            chances = free & self._chances(each, begins_h)
            must = each.until_h - self.duration_h < ends_h[-1] - ROUNDING_H
            if not np.any(chances):
                impossible += must
                continue
            steps = np.flatnonzero(chances)
            may_start |= chances
            most[steps[0] + 1 :] += 1.0
            least[steps[-1] + 1 :] += must
        going_on_kw = self.power_kw * np.clip((left_h - begins_h) / step_h, 0.0, 1.0) * situation.on(name)
        return Runs(may_start, least, most, going_on_kw, impossible)

    def _chances(self, window: Wanted, begins_h: FloatArray) -> BoolArray:
        latest_h = window.until_h - self.duration_h
        return np.asarray((begins_h >= window.from_h - ROUNDING_H) & (begins_h <= latest_h + ROUNDING_H))

    def as_soon_as_possible(self, name: str, situation: Situation) -> FloatArray:
        """Power with each run at its first chance, shape (steps,)."""
        runs, shares, power_kw = self.runs(name, situation), self.shares(situation.step_h), np.zeros(situation.steps)
        begun = 0
        for step in np.flatnonzero(runs.may_start):
            if begun < runs.most[step + 1] and not power_kw[step]:
                power_kw += self.power_kw * shares[:, step]
                begun += 1
        return power_kw + runs.going_on_kw

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.batch import batch_block

        return batch_block(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        yield from between(name, asset.power_kw, 0.0, self.power_kw * situation.on(name))

    def pace(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        """Whether it runs from its starts to their ends, and starts only where it may."""
        runs, (started, rest_kw) = self.runs(name, situation), self.starts_of(name, situation, asset)
        for step in np.flatnonzero(np.abs(rest_kw) > POWER_KW):
            yield f"{name}, step {step}: {asset.power_kw[step]:.2f} kW are not those of whole runs"
        for step in np.flatnonzero(started & ~runs.may_start):
            yield f"{name}, step {step}: a run begins outside of its window"
        for step in np.flatnonzero(np.cumsum(started) > runs.most[1:]):
            yield f"{name}, step {step}: more runs have begun than are wanted"

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        runs, (started, _) = self.runs(name, situation), self.starts_of(name, situation, asset)
        if runs.impossible:
            yield f"{name}: {runs.impossible} runs are wanted that no longer fit into their windows"
        missed = np.maximum.accumulate(np.maximum(runs.least[1:] - np.cumsum(started), 0.0))
        for step in np.flatnonzero(np.diff(missed, prepend=0.0) > 0.5):
            yield f"{name}, step {step}: a run has not begun at its last chance"

    def starts_of(self, name: str, situation: Situation, asset: AssetPlan) -> tuple[BoolArray, FloatArray]:
        """Where runs begin, and what of its power is not explained by them, each of shape (steps,)."""
        shares = self.shares(situation.step_h)
        rest_kw = asset.power_kw - self.runs(name, situation).going_on_kw
        started = np.zeros(situation.steps, dtype=np.bool_)
        for step in range(situation.steps):
            if rest_kw[step] > POWER_KW:
                started[step] = True
                rest_kw = rest_kw - self.power_kw * shares[:, step]
        return started, rest_kw
