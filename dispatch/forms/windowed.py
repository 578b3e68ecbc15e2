"""Energy that must be taken within windows, at any time in them: vehicles that charge, jobs that may be interrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import ENERGY_KWH, between
from dispatch.forms.form import Form, Need
from dispatch.plan import AssetPlan, FloatArray, Situation, Wanted

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


MOST_APART = 32
"""Windows beyond are planned in groups: each costs three columns for each interval."""
AT_A_TIME = 4
"""Room is made for so many more at a time, so that a vehicle more does not build the problem anew."""


def windows_apart(count: int) -> int:
    """For how many windows a problem has room that is to plan so many."""
    return 1 if count <= 1 else min(MOST_APART, -(-count // AT_A_TIME) * AT_A_TIME)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all windows together allow."""

    most_kw: FloatArray
    """Highest power in each interval, shape (steps,)."""
    least_kwh: FloatArray
    """What must have been taken at each interval bound, if all is taken as late as possible, shape (steps + 1,)."""
    most_kwh: FloatArray
    """What can have been taken at each interval bound, if all is taken as early as possible, shape (steps + 1,)."""
    impossible_kwh: float
    """What no plan could take: windows that are too short for their energy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed(Form):
    """least[t] <= sum of power * dt up to t <= most[t],   0 <= power[t] <= what the open windows and the limit allow

    Each window is planned by itself, as far as a problem has room for it (`TimeGrid.windows`); those beyond count
    together. A plan is one for the group, whose own control shares it among the vehicles: that who cannot wait comes
    first is left to it. What is checked is what all windows together allow, which every such plan keeps.
    """

    limit_kw: float
    """What the group may take together."""

    @property
    def decided(self) -> bool:
        return True

    @property
    def need(self) -> Need | None:
        return "wanted"

    def envelope(self, name: str, situation: Situation) -> Envelope:
        return envelope(situation.wanted[name], situation.step_h, self.limit_kw, situation.on(name))

    def apart(self, name: str, situation: Situation, count: int) -> list[Envelope]:
        """The windows in at most `count` groups, by when they end."""
        windows = sorted(situation.wanted[name], key=lambda each: each.until_h)
        edges = np.linspace(0, len(windows), min(count, max(len(windows), 1)) + 1).round().astype(int).tolist()
        groups = [windows[first:after] for first, after in pairwise(edges)]
        return [envelope(group, situation.step_h, self.limit_kw, situation.on(name)) for group in groups]

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.windowed import windowed_block

        return windowed_block(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        bounds = self.envelope(name, situation)
        yield from between(name, asset.power_kw, 0.0, bounds.most_kw)
        taken_kwh = np.cumsum(asset.power_kw * situation.step_h)
        # what a window missed cannot be made up for in the next
        missed_kwh = np.maximum.accumulate(np.maximum(bounds.least_kwh[1:] - taken_kwh, 0.0))
        yield from between(name, taken_kwh, 0.0, bounds.most_kwh[1:] - missed_kwh, "energy until its end", ENERGY_KWH)

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        bounds = self.envelope(name, situation)
        if bounds.impossible_kwh > ENERGY_KWH:
            yield f"{name}: {bounds.impossible_kwh:.2f} kWh are wanted that cannot be taken within their windows"
        taken_kwh = np.cumsum(asset.power_kw * situation.step_h)
        missed_kwh = np.maximum.accumulate(np.maximum(bounds.least_kwh[1:] - taken_kwh, 0.0))
        for step in np.flatnonzero(np.diff(missed_kwh, prepend=0.0) > ENERGY_KWH):
            more_kwh = float(np.diff(missed_kwh, prepend=0.0)[step])
            yield f"{name}, step {step}: {more_kwh:.2f} kWh of {bounds.most_kwh[-1]:.2f} kWh are not taken in time"


def envelope(wanted: Sequence[Wanted], step_h: FloatArray, limit_kw: float, on: float) -> Envelope:
    """All windows together; those that end before the horizon begins want nothing any more."""
    edges_h = np.concatenate(([0.0], np.cumsum(step_h)))
    most_kwh, least_kwh = np.zeros(len(edges_h)), np.zeros(len(edges_h))
    most_kw = np.zeros(len(step_h))
    impossible_kwh = 0.0
    for each in wanted:
        begins_h, able_kw = max(each.from_h, 0.0), min(each.most_kw, limit_kw) * on
        open_h = np.clip(edges_h, begins_h, max(each.until_h, begins_h)) - begins_h
        whole_kwh = able_kw * max(each.until_h - begins_h, 0.0)
        energy_kwh = min(each.energy_kwh, whole_kwh)
        impossible_kwh += each.energy_kwh - energy_kwh
        most_kwh += np.minimum(able_kw * open_h, energy_kwh)
        least_kwh += np.maximum(energy_kwh - (whole_kwh - able_kw * open_h), 0.0)
        most_kw += able_kw * np.diff(open_h) / step_h
    return Envelope(np.minimum(most_kw, limit_kw * on), least_kwh, most_kwh, impossible_kwh)
