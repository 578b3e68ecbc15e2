"""Spot prices that come while the controller runs: the file is read again when it has changed."""

from __future__ import annotations

import logging

from config.faults import SiteError
from config.price_series import PriceSeries, read_prices
from config.site import Site
from controller.watched_file import WatchedFile

_log = logging.getLogger(__name__)


class SpotBook:
    """The latest prices that could be read. A file that has faults is reported once, and the prices before it go on."""

    def __init__(self, site: Site) -> None:
        self._spot = site.file.spot_prices
        self._file = WatchedFile(site.file_named(self._spot.file)) if self._spot is not None else None
        self.series: PriceSeries | None = site.spot

    def refresh(self) -> None:
        """Blocks while the file is read: call it in a thread."""
        if self._spot is None or self._file is None or not self._file.changed():
            return
        try:
            self.series = read_prices(self._file.path, self._spot)
        except SiteError as error:
            _log.warning("the spot prices before are kept: %s", error)
