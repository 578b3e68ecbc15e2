"""A converter: takes from some buses, or burns gas, and gives to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import POWER_KW, between
from dispatch.forms.form import Form, Need
from dispatch.plan import ELECTRICITY, AssetPlan, BusId, FloatArray, Situation

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What a converter does at one load."""

    flows_kw: Mapping[BusId, float]
    """Into each of its buses, - for what it takes; at a COP of 1 where that counts."""
    gas_kw: float = 0.0


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
    running at these loads in turn. Minimum loads, start costs, and minimum times need no or yes, which this has not:
    they are left to the guard.

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

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.converter import converter_block

        return converter_block(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        curve = self.curve(name, situation)
        loads = [np.abs(point.flows_kw[self.bus]) for point in curve]
        yield from between(name, asset.power_kw, 0.0, np.max(loads, axis=0))
        for bus in self.buses:
            if bus != self.bus:
                low, high = hull(loads, [point.flows_kw[bus] for point in curve], asset.power_kw)
                low = np.zeros(situation.steps) if bus in self.thrown_away else low
                tolerance = POWER_KW * max(1.0, self._steepest(bus))
                yield from between(name, asset.flows_kw[bus], low, high, f"flow into {bus}", tolerance)
        if self.burns and asset.gas_kw is not None:
            low, high = hull(loads, [point.gas_kw for point in curve], asset.power_kw)
            yield from between(name, asset.gas_kw, low, high, "gas_kw")

    def pace(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        limit_kw = self.ramps(situation.step_h)
        if limit_kw is not None:
            yield from between(name, np.diff(asset.power_kw), -limit_kw, limit_kw, "change of power_kw after it")

    def _steepest(self, bus: BusId) -> float:
        """How much an error of its power counts at another bus."""
        full = self.points[-1].flows_kw
        return abs(full[bus] / full[self.bus]) if full[self.bus] else 1.0


def hull(loads: list[FloatArray], values: list[FloatArray], at: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The least and the most that a mix of standing still and of the points of a curve gives at a load, each (steps,).

    Every mix lies on a line between two points of the curve, of which standing still is one, or inside of such lines.
    """
    zero = np.zeros_like(at)
    xs, ys = [zero, *loads], [zero, *values]
    at = np.clip(at, 0.0, np.max(xs, axis=0))
    low, high = np.full_like(at, np.inf), np.full_like(at, -np.inf)
    for one, other in combinations(range(len(xs)), 2):
        width = xs[other] - xs[one]
        spans = (np.minimum(xs[one], xs[other]) <= at + 1e-12) & (at <= np.maximum(xs[one], xs[other]) + 1e-12)
        along = np.divide(at - xs[one], width, out=np.zeros_like(at), where=width != 0.0)
        y = ys[one] + (ys[other] - ys[one]) * along
        low = np.where(spans, np.minimum(low, y), low)
        high = np.where(spans, np.maximum(high, y), high)
    return low, high
