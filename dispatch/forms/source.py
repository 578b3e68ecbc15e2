"""What comes by itself, and may be used or left: sun and wind, waste heat, waste pressure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import POWER_KW, between, same
from dispatch.forms.form import Form, Need
from dispatch.plan import AssetPlan, FloatArray, Situation

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Form):
    """0 <= power[t] <= min(available[t], rated)."""

    rated_kw: float
    free: bool = True
    """Whether it can be told to give less; what another cannot hold back and nobody takes is left open."""

    @property
    def need(self) -> Need | None:
        return "available_kw"

    def offered(self, name: str, situation: Situation) -> FloatArray:
        """What it could feed, shape (steps,)."""
        return situation.on(name) * np.minimum(situation.available_kw[name], self.rated_kw)

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.source import source_block

        return source_block(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        offered_kw = self.offered(name, situation)
        yield from between(name, asset.power_kw, 0.0, offered_kw)
        if asset.available_kw is None:
            yield f"{name}: available_kw is missing"
        else:
            yield from same(name, "available_kw", asset.available_kw, offered_kw)

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        if self.free:
            return
        offered_kw = self.offered(name, situation)
        over_kw = offered_kw - asset.power_kw
        for step in np.flatnonzero(over_kw > POWER_KW):
            of_kw = f"{over_kw[step]:.2f} kW of {offered_kw[step]:.2f} kW"
            yield f"{name}, step {step}: {of_kw} are more than anybody can take"
