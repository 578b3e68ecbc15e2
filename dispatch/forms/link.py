"""The transformer: power through it, either way, and what that loses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import POWER_KW, between
from dispatch.forms.form import Form
from dispatch.plan import AssetPlan, BusId, FloatArray, Situation

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid

TOUCHES = np.linspace(-1.0, 1.0, 9)
"""Loads at which tangents touch the parabola of the losses: between them they are too low by 1.6 % of those at full
load, well below what is known of the reactive power that passes, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Form):
    """loss = P_no_load + P_load * (through / rated)^2,   connection: -(through + loss),   electricity: +through

    In the problem the parabola is the highest of its tangents. Reactive power is not planned.
    """

    outer: BusId
    """The connection's side."""
    rated_kw: float
    no_load_kw: float
    load_kw: float

    @property
    def buses(self) -> tuple[BusId, ...]:
        return (self.outer, self.bus)

    def loss_kw(self, through_kw: FloatArray) -> FloatArray:
        loss: FloatArray = self.no_load_kw + self.load_kw * (through_kw / self.rated_kw) ** 2
        return loss

    def tangents_kw(self, through_kw: FloatArray) -> FloatArray:
        """The loss as the problem has it."""
        load = through_kw / self.rated_kw
        touched: FloatArray = np.max([2.0 * touch * load - touch**2 for touch in TOUCHES], axis=0)
        return self.no_load_kw + self.load_kw * touched

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.link import link_block

        return link_block(name, self, grid)

    def counts(self, name: str, asset: AssetPlan) -> Iterator[str]:
        """Its power is what it loses: what flows in and not out."""
        lost_kw = -asset.flows_kw[self.outer] - asset.flows_kw[self.bus]
        yield from between(name, asset.power_kw, lost_kw, lost_kw)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        through_kw = asset.flows_kw[self.bus]
        most_kw = np.maximum(self.loss_kw(through_kw), self.no_load_kw + self.load_kw)
        yield from between(name, asset.power_kw, self.tangents_kw(through_kw), most_kw)

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        over_kw = np.abs(asset.flows_kw[self.bus]) - self.rated_kw
        for step in np.flatnonzero(over_kw > POWER_KW):
            yield f"{name}, step {step}: {over_kw[step]:.2f} kW pass beyond the rating of {self.rated_kw:.2f}"
