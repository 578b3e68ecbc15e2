"""Other prices and limits than those of a site file, for as long as a simulated park says so."""

from __future__ import annotations

import dataclasses

from pydantic import NonNegativeFloat, PositiveFloat

from config.assets import Asset
from config.base import Frozen
from config.site import Site
from config.tariff import Tariff

LEAST_IMPORT_KW = 1.0
"""A connection that may take nothing is planned with a kilowatt: limits are also what powers are measured with."""


class Terms(Frozen):
    """What counts in place of the site file's tariffs and of its limits of the connection."""

    tariffs: tuple[Tariff, ...]
    import_limit_kw: PositiveFloat
    export_limit_kw: NonNegativeFloat


def on_limits(site: Site, import_kw: float | None, export_kw: float | None) -> Site:
    """The site with other limits of its connection; None leaves one as it is."""
    name, grid = site.grid
    limits = {
        "import_limit_kw": grid.import_limit_kw if import_kw is None else max(import_kw, LEAST_IMPORT_KW),
        "export_limit_kw": grid.export_limit_kw if export_kw is None else export_kw,
    }
    assets: dict[str, Asset] = {**site.assets, name: grid.model_copy(update=limits)}
    return dataclasses.replace(site, file=site.file.model_copy(update={"assets": assets}))


def on_terms(site: Site, terms: Terms | None) -> Site:
    """The site with these prices and limits; the same site where there are none."""
    if terms is None:
        return site
    return dataclasses.replace(on_limits(site, terms.import_limit_kw, terms.export_limit_kw), tariffs=terms.tariffs)
