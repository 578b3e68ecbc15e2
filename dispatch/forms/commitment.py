"""Units that run or stand still: for how long, in numbers, and what is settled before a plan begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from config.asset import OnOff
from dispatch.plan import BoolArray, FloatArray, Running, Situation

ROUNDING_H = 1e-6
"""Times that differ by less than four milliseconds are the same: sums of intervals are that exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """on[t] in {0, 1};   start[t] - stop[t] = on[t] - on[t-1]

    sum of start over the last T_on before t <= on[t],   sum of stop over the last T_off before t <= 1 - on[t]
    """

    least_load: float
    """Share of full load below which it cannot run; 0 where it can run at any."""
    min_on_h: float = 0.0
    min_off_h: float = 0.0
    start_cost: float = 0.0
    ready_kw: float = 0.0
    """Power at which it stands by, so that the next start is free; 0 where it cannot, or every start is."""

    @classmethod
    def of(cls, unit: OnOff) -> Commitment | None:
        """None for a unit that may do anything at any time: it needs no yes or no."""
        if not (unit.least_load or unit.min_on_s or unit.min_off_s or unit.start_cost_cny):
            return None
        return cls(
            least_load=unit.least_load,
            min_on_h=unit.min_on_s / 3600.0,
            min_off_h=unit.min_off_s / 3600.0,
            start_cost=unit.start_cost_cny,
            ready_kw=unit.ready_kw if unit.start_cost_cny else 0.0,
        )

    def settled(self, name: str, situation: Situation) -> tuple[BoolArray, BoolArray]:
        """Where it must run on because it has just started, and where it may run at all, each of shape (steps,).

        What is unavailable stands still, whatever its minimum time says.
        """
        must, may = np.zeros(situation.steps, dtype=np.bool_), np.ones(situation.steps, dtype=np.bool_)
        if name in situation.unavailable:
            return must, ~may
        past = situation.running.get(name)
        if past is not None and past.since_h is not None:
            begins_h = _begins_h(situation.step_h)
            if past.on:
                must = begins_h < self.min_on_h - past.since_h - ROUNDING_H
            else:
                may = begins_h >= self.min_off_h - past.since_h - ROUNDING_H
        return must, may

    def starts(self, name: str, situation: Situation, running: BoolArray, power_kw: FloatArray) -> float:
        """How often it starts and pays for it: from standing by in part of an interval only for the rest. What it did
        before the horizon is as in the situation, or as in the first interval."""
        warm = running.astype(np.float64)
        if self.ready_kw:
            warm[~running] = np.clip(power_kw[~running] / self.ready_kw, 0.0, 1.0)
        past = situation.running.get(name)
        before = warm[0] if past is None else float(past.on or past.ready)
        return float(np.maximum(np.diff(warm, prepend=before), 0.0).sum())

    def broken(self, running: BoolArray, past: Running | None, step_h: FloatArray) -> Iterator[tuple[int, str]]:
        """Where it stops or starts too early after a start or stop within the horizon, each with a word of it."""
        begins_h = _begins_h(step_h)
        before = running[0] if past is None else past.on
        switches = np.flatnonzero(running != np.append(before, running[:-1]))
        for one, other in pairwise(switches):
            least_h = self.min_on_h if running[one] else self.min_off_h
            lasted_h = begins_h[other] - begins_h[one]
            if lasted_h < least_h - ROUNDING_H:
                word = "runs" if running[one] else "stands still"
                yield int(other), f"{word} for {lasted_h:.2f} h, its least time is {least_h:.2f} h"

    def lasting(self, running: BoolArray, may: BoolArray, step_h: FloatArray) -> BoolArray:
        """The same with its minimum times kept, as far as it may run: pauses that are too short are run through, and
        runs that are too short go on for longer."""
        begins_h, found = _begins_h(step_h), running & may
        for _ in range(len(found)):
            again = self._longer_runs(self._no_short_pauses(found, may, begins_h), may, begins_h)
            if np.array_equal(again, found):
                break
            found = again
        return found

    def _no_short_pauses(self, running: BoolArray, may: BoolArray, begins_h: FloatArray) -> BoolArray:
        found = running.copy()
        for first, after in _runs(~running):
            inside = first > 0 and after < len(running)
            if inside and begins_h[after] - begins_h[first] < self.min_off_h - ROUNDING_H and may[first:after].all():
                found[first:after] = True
        return found

    def _longer_runs(self, running: BoolArray, may: BoolArray, begins_h: FloatArray) -> BoolArray:
        found = running.copy()
        for first, _ in _runs(running):
            needed = begins_h < begins_h[first] + self.min_on_h - ROUNDING_H
            needed[:first] = False
            if first > 0 and may[needed].all():
                found |= needed
        return found


def windows(step_h: FloatArray, least_h: float) -> BoolArray | None:
    """Row t: the steps from which on a switch still holds in step t, shape (steps, steps).

    None where no switch holds beyond its own step, so that there is nothing to say.
    """
    begins_h = _begins_h(step_h)
    since_h = begins_h[:, None] - begins_h[None, :]
    holds: BoolArray = (since_h > -ROUNDING_H) & (since_h < least_h - ROUNDING_H)
    return holds if np.any(holds.sum(axis=1) > 1) else None


def _begins_h(step_h: FloatArray) -> FloatArray:
    """When each interval begins, in hours after the first."""
    return np.concatenate(([0.0], np.cumsum(step_h)[:-1]))


def _runs(true: BoolArray) -> list[tuple[int, int]]:
    """The stretches where it is true, each from its first step to the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], true, [False])).astype(np.int8)))
    return [(int(first), int(after)) for first, after in edges.reshape(-1, 2)]
