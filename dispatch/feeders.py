"""What a plan has the feeders of a site carry, added up from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from config.feeder import Feeder
from config.site import Site
from dispatch.findings import POWER_KW
from dispatch.plan import ELECTRICITY, AssetPlan, FloatArray


def fed_by(site: Site, feeder: Feeder) -> list[str]:
    """The planned assets that hang on a feeder."""
    return [name for name in feeder.feeds if name in site.dispatched]


def carried_kw(site: Site, feeder: Feeder, assets: Mapping[str, AssetPlan]) -> FloatArray | None:
    """What a feeder carries to what it feeds, less what comes back, shape (steps,); None where nothing on it is
    planned."""
    flows = [assets[name].flows_kw[ELECTRICITY] for name in fed_by(site, feeder)]
    return -sum(flows[1:], start=flows[0]) if flows else None


def overloaded(site: Site, assets: Mapping[str, AssetPlan]) -> Iterator[str]:
    """Where a plan goes beyond the limits of a feeder: one sentence for each interval."""
    for name, way, over_kw, most_kw in _beyond(site, assets):
        for step in np.flatnonzero(over_kw > POWER_KW):
            yield f"{name}, step {step}: {way} is {over_kw[step]:.2f} kW beyond the limit of {most_kw:.2f}"


def overload_in_words(site: Site, assets: Mapping[str, AssetPlan]) -> list[str]:
    """The same for a plan's note: one sentence for each limit."""
    return [
        f"{name}: {way} up to {np.max(over_kw):.1f} kW beyond the limit"
        for name, way, over_kw, _ in _beyond(site, assets)
        if np.max(over_kw) > POWER_KW
    ]


def _beyond(site: Site, assets: Mapping[str, AssetPlan]) -> Iterator[tuple[str, str, FloatArray, float]]:
    for name, spec in site.of_kind(Feeder).items():
        kw = carried_kw(site, spec, assets)
        if kw is not None:
            yield name, "import", kw - spec.import_limit_kw, spec.import_limit_kw
            yield name, "export", -kw - spec.export_limit_kw, spec.export_limit_kw
