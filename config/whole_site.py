"""A site as if dispatch had all of its assets, for plans that nobody follows."""

from __future__ import annotations

import dataclasses

from config.assets import Asset
from config.feeder import Feeder
from config.grid_operator import OperatorLimit
from config.site import Site


def whole_site(site: Site) -> Site:
    """The site with all assets planned, also those that run under local control."""
    assets: dict[str, Asset] = {
        name: asset if isinstance(asset, OperatorLimit | Feeder) else asset.model_copy(update={"control": "dispatch"})
        for name, asset in site.assets.items()
    }
    return dataclasses.replace(site, file=site.file.model_copy(update={"assets": assets}))
