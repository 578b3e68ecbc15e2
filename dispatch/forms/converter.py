"""A converter: takes from some buses, or burns gas, and gives to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import POWER_KW, between
from dispatch.forms.commitment import Commitment
from dispatch.forms.form import Form, Need
from dispatch.plan import ELECTRICITY, AssetPlan, BoolArray, BusId, FloatArray, Situation

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a converter does at one load."""

    flows_kw: Mapping[BusId, float]
    """Into each of its buses, - for what it takes; at a COP of 1 where that counts."""
    gas_kw: float = 0.0

    def times(self, share: float) -> OperatingPoint:
        return OperatingPoint({bus: share * kw for bus, kw in self.flows_kw.items()}, share * self.gas_kw)


@dataclass(frozen=True, slots=True)
class PointSeries:
    """An operating point over the horizon, zero while the converter is unavailable; each of shape (steps,)."""

    flows_kw: Mapping[BusId, FloatArray]
    gas_kw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter(Form):
    """flows[t] = sum over k of share[k, t] * flows_k[t],   gas likewise,   share >= 0,   sum over k of share[k, t] <= 1

    k are the operating points of its load curve, from the least load to full load; what the shares leave is the part
    of the interval in which it stands still. So every plan is a mean over the interval that the converter reaches by
    running at these loads in turn. Minimum loads, start costs and minimum times are left to the guard.

    A unit runs for whole intervals: sum over k of share[k, t] = on[t], or <= on[t] where it has no least load.

    Of what is `thrown_away` a plan may use less than is made.
    """

    points: tuple[OperatingPoint, ...]
    """The last is full load."""
    makes: BusId
    """What it is there for."""
    by_cop: Mapping[BusId, int] = field(default_factory=dict)
    """Flows that are multiplied with COP ** this."""
    thrown_away: frozenset[BusId] = frozenset()
    """Buses that need not take what it gives them: heat beside power or hydrogen."""
    ramp_kw_per_h: float = np.inf
    """How fast power_kw may change."""
    takes_first: bool = False
    """It takes no command, and what it takes comes before all that does (`dispatch.direct_use`)."""
    unit: Commitment | None = None
    """What holds for it as one that runs or stands still."""

    @property
    def buses(self) -> tuple[BusId, ...]:
        return tuple(self.points[-1].flows_kw)

    @property
    def sources(self) -> tuple[BusId, ...]:
        """The buses but the electric one that it takes from."""
        return tuple(bus for bus, kw in self.points[-1].flows_kw.items() if kw < 0.0 and bus != ELECTRICITY)

    @property
    def burns(self) -> bool:
        return any(point.gas_kw for point in self.points)

    @property
    def need(self) -> Need | None:
        return "cop" if self.by_cop else None

    def as_unit(self, unit: Commitment | None) -> Converter:
        """The same, with its yes or no; its first operating point is the one at least load then."""
        if unit is None:
            return self
        points = self.points
        if len(points) == 1 and unit.least_load > 0.0:  # straight from zero to full load, so also there
            points = (points[0].times(unit.least_load), *points)
        return replace(self, points=points, unit=unit)

    def curve(self, name: str, situation: Situation) -> tuple[PointSeries, ...]:
        """Its operating points over the horizon."""
        on = np.full(situation.steps, situation.on(name))
        factor = {bus: on * situation.cop[name] ** power for bus, power in self.by_cop.items()}
        return tuple(
            PointSeries({bus: kw * factor.get(bus, on) for bus, kw in point.flows_kw.items()}, point.gas_kw * on)
            for point in self.points
        )

    def at_share(self, name: str, situation: Situation, share: FloatArray) -> AssetPlan:
        """At full load for a share of each interval; what it makes beside what it is there for is thrown away."""
        full = self.curve(name, situation)[-1]
        beside = self.thrown_away - {self.makes}
        flows = {bus: share * kw * (bus not in beside) for bus, kw in full.flows_kw.items()}
        return AssetPlan(
            power_kw=self.gives * flows[self.bus], flows_kw=flows, gas_kw=share * full.gas_kw if self.burns else None
        )

    def ramps(self, step_h: FloatArray) -> FloatArray | None:
        """By how much the mean power of neighbouring intervals may differ, shape (steps - 1,); None if by anything."""
        limit_kw = self.ramp_kw_per_h * (step_h[1:] + step_h[:-1]) / 2.0
        full_kw = abs(self.points[-1].flows_kw[self.bus])
        return limit_kw if np.any(limit_kw < full_kw) else None

    @property
    def least_kw(self) -> float:
        """What a unit takes or makes at its least load."""
        return abs(self.points[0].flows_kw[self.bus]) if self.unit is not None and self.unit.least_load else 0.0

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.converter import converter_block

        return converter_block(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        curve = self.curve(name, situation)
        loads = [np.abs(point.flows_kw[self.bus]) for point in curve]
        still = np.full(situation.steps, fill_value=True)
        least_kw, most_kw = np.zeros(situation.steps), np.max(loads, axis=0)
        ready_kw = 0.0 if self.unit is None else self.unit.ready_kw * situation.on(name)
        busy_kw = [asset.power_kw]
        if ready_kw:  # a part of it may be for standing by
            busy_kw.append(np.maximum(asset.power_kw - ready_kw, 0.0))
        if self.unit is not None and asset.running is not None:
            busy_kw = [asset.power_kw * asset.running]
            most_kw = np.where(asset.running, most_kw, ready_kw)
            if self.unit.least_load:
                least_kw, still = loads[0] * asset.running, ~asset.running
        yield from between(name, asset.power_kw, least_kw, most_kw)
        for bus in self.buses:
            if bus != self.bus:
                low, high = _reach(loads, [point.flows_kw[bus] for point in curve], busy_kw, still)
                low = np.zeros(situation.steps) if bus in self.thrown_away else low
                tolerance = POWER_KW * max(1.0, self._steepest(bus))
                yield from between(name, asset.flows_kw[bus], low, high, f"flow into {bus}", tolerance)
        if self.burns and asset.gas_kw is not None:
            low, high = _reach(loads, [point.gas_kw for point in curve], busy_kw, still)
            yield from between(name, asset.gas_kw, low, high, "gas_kw")

    def pace(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        limit_kw = self.ramps(situation.step_h)
        if limit_kw is not None:
            up_kw = down_kw = limit_kw
            if asset.running is not None:  # a unit begins at its least load, and ends from there
                jump_kw = np.maximum(self.least_kw - limit_kw, 0.0)
                before, after = asset.running[:-1], asset.running[1:]
                up_kw, down_kw = limit_kw + jump_kw * (after & ~before), limit_kw + jump_kw * (before & ~after)
            yield from between(name, np.diff(asset.power_kw), -down_kw, up_kw, "change of power_kw after it")
        if self.unit is not None and asset.running is not None:
            for at, words in self.unit.broken(asset.running, situation.running.get(name), situation.step_h):
                yield f"{name}, step {at}: {words}"
            _, may = self.unit.settled(name, situation)
            for step in np.flatnonzero(asset.running & ~may):
                yield f"{name}, step {step}: it runs where it must stand still"

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        if self.unit is not None and asset.running is not None:
            must, _ = self.unit.settled(name, situation)
            for step in np.flatnonzero(must & ~asset.running):
                yield f"{name}, step {step}: it stands still within its minimum on time"

    def starting(self, name: str, situation: Situation, asset: AssetPlan) -> float:
        if self.unit is None or asset.running is None:
            return 0.0
        return self.unit.start_cost * self.unit.starts(name, situation, asset.running, asset.power_kw)

    def _steepest(self, bus: BusId) -> float:
        """How much an error of its power counts at another bus."""
        full = self.points[-1].flows_kw
        return abs(full[bus] / full[self.bus]) if full[self.bus] else 1.0


def _reach(
    loads: list[FloatArray], values: list[FloatArray], at: list[FloatArray], still: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """The least and the most that the curve gives at one of several loads."""
    found = [hull(loads, values, each, still) for each in at]
    return np.min([low for low, _ in found], axis=0), np.max([high for _, high in found], axis=0)


def hull(
    loads: list[FloatArray], values: list[FloatArray], at: FloatArray, still: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """The least and the most that a mix of the points of a curve gives at a load, each (steps,); where `still` is true,
    standing still is one of the points.

    Every mix lies on a line between two of the points, or inside of such lines.
    """
    zero = np.zeros_like(at)
    xs, ys = [zero, *loads], [zero, *values]
    at = np.clip(at, np.where(still, 0.0, np.min(loads, axis=0)), np.max(xs, axis=0))
    low, high = np.full_like(at, np.inf), np.full_like(at, -np.inf)
    for one, other in combinations(range(len(xs)), 2):
        width = xs[other] - xs[one]
        spans = (np.minimum(xs[one], xs[other]) <= at + 1e-12) & (at <= np.maximum(xs[one], xs[other]) + 1e-12)
        if one == 0:
            spans &= still
        along = np.divide(at - xs[one], width, out=np.zeros_like(at), where=width != 0.0)
        y = ys[one] + (ys[other] - ys[one]) * along
        low = np.where(spans, np.minimum(low, y), low)
        high = np.where(spans, np.maximum(high, y), high)
    return low, high
