"""A connection point: what may give and take what all others leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import POWER_KW, between
from dispatch.forms.form import Form
from dispatch.plan import AssetPlan, FloatArray, Situation

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Form):
    """-export limit <= power; import beyond its limit is not wrong, but left open."""

    import_limit_kw: float
    export_limit_kw: float
    alone: bool = True
    """Whether the site has no other; several are billed by their sum."""

    @property
    def follows(self) -> bool:
        return True

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.connections import connection_block
        from dispatch.blocks.grid import grid_block

        return (grid_block if self.alone else connection_block)(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        yield from between(name, asset.power_kw, -self.export_limit_kw, np.inf)

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        over_kw = asset.power_kw - self.import_limit_kw
        for step in np.flatnonzero(over_kw > POWER_KW):
            most_kw = self.import_limit_kw
            yield f"{name}, step {step}: import is {over_kw[step]:.2f} kW beyond the limit of {most_kw:.2f}"


def connections_of(forms: Mapping[str, Form]) -> dict[str, Connection]:
    """The connections of a park, by name, in the file's order."""
    return {name: form for name, form in forms.items() if isinstance(form, Connection)}


def grid_kw_of(forms: Mapping[str, Form], assets: Mapping[str, AssetPlan]) -> FloatArray:
    """The power of all connections together, which is what the bill counts, shape (steps,)."""
    powers_kw = [assets[name].power_kw for name in connections_of(forms)]
    return sum(powers_kw[1:], start=powers_kw[0])
