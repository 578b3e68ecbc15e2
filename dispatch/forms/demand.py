"""A demand that is served, unless that is impossible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import POWER_KW, between
from dispatch.forms.form import Form, Need
from dispatch.plan import AssetPlan, Situation

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand(Form):
    """0 <= used[t] <= demand[t]."""

    times: float
    """What unserved energy costs, in dearest kWh (`dispatch.worth`): the rank in which loads are left out."""
    price_per_kwh: float | None = None
    """What unserved energy costs where somebody has said so, in place of its rank."""
    unserved: str = "demand not served"
    """What a plan's note says of it."""

    @property
    def need(self) -> Need | None:
        return "load_kw"

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.demand import demand_block

        return demand_block(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        yield from between(name, asset.power_kw, 0.0, situation.load_kw[name])

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        demand_kw = situation.load_kw[name]
        short_kw = demand_kw - asset.power_kw
        for step in np.flatnonzero(short_kw > POWER_KW):
            yield f"{name}, step {step}: {short_kw[step]:.2f} kW of {demand_kw[step]:.2f} kW are not served"
