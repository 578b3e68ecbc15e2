"""The transformer between a connection point and the park: loss = P_no_load + P_load * (through / rated)^2."""

from __future__ import annotations

from config.flexible_assets import Transformer
from dispatch.forms.link import Link
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY


def transformer(spec: Transformer, levels: Levels) -> Link:
    """power_kw is its loss."""
    return Link(
        bus=ELECTRICITY,
        gives=1,
        outer=levels.outer_bus(spec),
        rated_kw=spec.rated_kva,
        no_load_kw=spec.no_load_kw,
        load_kw=spec.load_kw,
    )
