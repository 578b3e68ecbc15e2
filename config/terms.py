"""Other prices and limits than those of a site file, for as long as a simulated park says so."""

from __future__ import annotations

import dataclasses

from pydantic import NonNegativeFloat, PositiveFloat

from config.assets import Asset
from config.base import Frozen
from config.site import Site
from config.tariff import Tariff


class Terms(Frozen):
    """What counts in place of the site file's tariffs and of its limits of the connection."""

    tariffs: tuple[Tariff, ...]
    import_limit_kw: PositiveFloat
    export_limit_kw: NonNegativeFloat


def on_terms(site: Site, terms: Terms | None) -> Site:
    """The site with these prices and limits; the same site where there are none."""
    if terms is None:
        return site
    name, grid = site.grid
    limits = {"import_limit_kw": terms.import_limit_kw, "export_limit_kw": terms.export_limit_kw}
    assets: dict[str, Asset] = {**site.assets, name: grid.model_copy(update=limits)}
    return dataclasses.replace(site, tariffs=terms.tariffs, file=site.file.model_copy(update={"assets": assets}))
