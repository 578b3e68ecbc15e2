"""A site as if dispatch had all of its assets, for plans that nobody follows."""

from __future__ import annotations

import dataclasses

from config.assets import Asset
from config.flexible_assets import ShiftableJob
from config.site import Site


def plannable(asset: Asset) -> bool:
    """Whether dispatch has a block for an asset: all but jobs that may not be interrupted, which need a yes or no."""
    return not isinstance(asset, ShiftableJob) or asset.interruptible


def whole_site(site: Site) -> Site:
    """The site with all assets planned that can be, also those that run under local control."""
    assets: dict[str, Asset] = {
        name: asset.model_copy(update={"control": "dispatch"}) if plannable(asset) else asset
        for name, asset in site.assets.items()
    }
    return dataclasses.replace(site, file=site.file.model_copy(update={"assets": assets}))
