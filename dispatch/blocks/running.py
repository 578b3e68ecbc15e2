"""A unit that runs or stands still: when, with its least times and what a start costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import cvxpy as cp
import numpy as np
from scipy import sparse

from dispatch.block import Inputs, Slack, TimeGrid
from dispatch.choice import Choice
from dispatch.forms.commitment import Commitment, windows
from dispatch.forms.converter import Converter
from dispatch.given import Given
from dispatch.plan import BoolArray, FloatArray, Situation

ANY_LOAD = 1e-2
"""Share of full load that counts as a whole yes for a unit without a least load: less is the solver's rounding, or
not worth a start."""
TOO_SOON_TIMES = 200.0
"""To stop a unit within its minimum on time costs this many times the dearest kWh at full load: above all else, as the
guard would not do it either. Only where its least load has nowhere to go is there no other way."""


class UnitChoice(Choice):
    """on[t] - on[t-1] = start[t] - stop[t],   share[t] = on[t] (or <= on[t] without a least load)

    sum of start over window_on[t] <= on[t],   sum of stop over window_off[t] <= 1 - on[t]
    on[t] + too_soon[t] >= must[t],   cost = start cost * sum over t of start[t]

    on, start, stop in 0..1, shape (steps,), with on[-1] what the unit did before; the windows are the steps from which
    on a switch still holds in step t. must is 1 where the present start still holds; too_soon has a steep price. Once
    on is yes or no, so are start and stop.

    Where a unit can stand by, a start costs only if it did not: cold[t] >= on[t] + ready[t] - on[t-1] - ready[t-1],
    cost = start cost * sum over t of cold[t],   on + ready <= 1.
    """

    def __init__(
        self, name: str, form: Converter, unit: Commitment, grid: TimeGrid, shares: Sequence[cp.Variable]
    ) -> None:
        super().__init__(f"{name}.on", grid.steps)
        self._name, self._form, self._unit, self._grid, self._shares = name, form, unit, grid, shares
        self._situation: Situation | None = None
        self._last: tuple[datetime, BoolArray] | None = None
        mixed = sum(shares[1:], start=shares[0])
        self.constraints: list[cp.Constraint] = [mixed == self.yes if unit.least_load else mixed <= self.yes]
        self.cost: Mapping[str, cp.Expression] = {}
        self.penalty: cp.Expression = cp.Constant(0.0)
        self.slacks: Sequence[Slack] = ()
        held = {"on": windows(grid.step_h, unit.min_on_h), "off": windows(grid.step_h, unit.min_off_h)}
        self._before_low, self._before_high, self._before_warm = (
            Given((1,), nonneg=True, name=f"{name}.before_{what}") for what in ("low", "high", "warm")
        )
        self.ready: cp.Variable | None = None
        """Share of the interval in which it stands by; None for a unit that cannot."""
        self._may_be_ready = Given(grid.steps, nonneg=True, name=f"{name}.may_be_ready")
        if unit.ready_kw:
            self.ready = cp.Variable(grid.steps, bounds=[0, self._may_be_ready], name=f"{name}.ready")
        limit_kw = form.ramps(grid.step_h)
        jumps = limit_kw is not None and bool(np.any(limit_kw < form.least_kw))
        if jumps and held["off"] is None:  # a jump needs a true start: no stop in a step in which it runs
            held["off"] = np.eye(grid.steps, dtype=np.bool_)
        if unit.start_cost or any(window is not None for window in held.values()):
            self._switching(held)
        self._bound = self._bound_by_the_past()

    def _switching(self, held: Mapping[str, BoolArray | None]) -> None:
        name, steps = self._name, self._grid.steps
        self._before = cp.Variable(1, bounds=[self._before_low, self._before_high], name=f"{name}.before")
        self._start = cp.Variable(steps, bounds=[0, 1], name=f"{name}.start")
        self._stop = cp.Variable(steps, bounds=[0, 1], name=f"{name}.stop")
        switch = self._start - self._stop
        self.constraints += [self.yes[:1] - self._before == switch[:1]]
        if steps > 1:
            self.constraints += [self.yes[1:] - self.yes[:-1] == switch[1:]]
        if held["on"] is not None:
            self.constraints.append(sparse.csr_array(held["on"].astype(np.float64)) @ self._start <= self.yes)
        if held["off"] is not None:
            self.constraints.append(sparse.csr_array(held["off"].astype(np.float64)) @ self._stop <= 1 - self.yes)
        if self._unit.start_cost:
            self.cost = {"starts": self._unit.start_cost * cp.sum(self._start if self.ready is None else self._cold())}

    def _cold(self) -> cp.Variable:
        """Starts from neither running nor standing by; where it stands by for part of an interval, that part of one. A
        unit whose past nobody knows may have been standing by."""
        cold = cp.Variable(self._grid.steps, bounds=[0, 1], name=f"{self._name}.cold_start")
        warm = self.yes + self.ready
        self.constraints += [warm <= 1, cold[:1] >= warm[:1] - self._before_warm]
        if self._grid.steps > 1:
            self.constraints.append(cold[1:] >= warm[1:] - warm[:-1])
        return cold

    def _bound_by_the_past(self) -> Given | None:
        """What must be on, for the first steps that a start before the horizon can reach."""
        unit, step_h = self._unit, self._grid.step_h
        begins_h = np.concatenate(([0.0], np.cumsum(step_h)[:-1]))
        # it may have started within the first interval
        reach = int(np.count_nonzero(begins_h < unit.min_on_h + step_h[0])) if unit.min_on_h else 0
        if not reach:
            return None
        must = Given(reach, nonneg=True, name=f"{self._name}.must")
        too_soon = cp.Variable(reach, bounds=[0, 1], name=f"{self._name}.too_soon")
        self.constraints.append(self.yes[:reach] + too_soon >= must)
        full_kw = abs(self._form.points[-1].flows_kw[self._form.bus])
        price = self._grid.worth.unserved_per_kwh(TOO_SOON_TIMES) * full_kw
        self.penalty = price * (step_h[:reach] @ too_soon)
        self.slacks = [Slack("stops within its minimum on time", "of the interval", too_soon)]
        return must

    def jumps(self, limit_kw: FloatArray) -> tuple[cp.Expression, cp.Expression]:
        """By how much it may rise and fall from interval to interval: a unit begins and ends at its least load."""
        more_kw = np.maximum(self._form.least_kw - limit_kw, 0.0)
        if not np.any(more_kw):
            return cp.Constant(limit_kw), cp.Constant(limit_kw)
        return limit_kw + cp.multiply(more_kw, self._start[1:]), limit_kw + cp.multiply(more_kw, self._stop[1:])

    @property
    def decides(self) -> tuple[cp.Variable, ...]:
        """What it is told: to run, to stand by."""
        return (self.yes,) if self.ready is None else (self.yes, self.ready)

    def assign(self, inputs: Inputs) -> None:
        self._situation = inputs.situation
        must, may = self._unit.settled(self._name, inputs.situation)
        past = inputs.situation.running.get(self._name)
        if self._bound is not None:
            self._bound.value = must[: self._bound.size].astype(np.float64)
        self._before_low.value = np.array([float(past is not None and past.on)])
        self._before_high.value = np.array([float(past is None or past.on)])
        self._before_warm.value = np.array([float(past is None or past.on or past.ready)])
        self._may_be_ready.value = np.full(self._grid.steps, inputs.situation.on(self._name))
        self.allow(np.zeros_like(must), may)

    def rounded(self, share: float) -> BoolArray:
        """On where the mean power is this share of the least load or more."""
        loads = [abs(point.flows_kw[self._form.bus]) for point in self._form.points]
        mean_kw = sum(np.asarray(part.value) * load for part, load in zip(self._shares, loads, strict=True))
        whole_kw = self._form.least_kw if self._unit.least_load else ANY_LOAD * loads[-1]
        return self._lasting(np.asarray(mean_kw >= share * whole_kw))

    def kept(self) -> BoolArray | None:
        """As in the last plan; beyond its end as at its end."""
        if self._last is None or self._situation is None:
            return None
        start, running = self._last
        later_h = (self._situation.start - start).total_seconds() / 3600.0
        ends_h = np.cumsum(self._grid.step_h)
        middle_h = ends_h - self._grid.step_h / 2.0 + later_h
        then = np.searchsorted(ends_h, middle_h)
        if later_h < 0.0 or then[0] >= len(running):
            return None
        return self._lasting(running[np.minimum(then, len(running) - 1)])

    def _lasting(self, running: BoolArray) -> BoolArray:
        assert self._situation is not None
        must, may = self._unit.settled(self._name, self._situation)
        return self._unit.lasting(running | must, may, self._grid.step_h)

    def remember(self) -> None:
        assert self._situation is not None
        self._last = (self._situation.start, self.decided)
