"""Spot prices that come while the controller runs: the file is read again when it has changed."""

from __future__ import annotations

import logging

from config.faults import SiteError
from config.price_series import PriceSeries, read_prices
from config.site import Site

_log = logging.getLogger(__name__)


class SpotBook:
    """The latest prices that could be read. A file that has faults is reported once, and the prices before it go on."""

    def __init__(self, site: Site) -> None:
        self._spot = site.file.spot_prices
        self._path = site.file_named(self._spot.file) if self._spot is not None else None
        self.series: PriceSeries | None = site.spot
        self._seen: tuple[int, int] | None = None
        """Time of change and size of the file that was looked at last, zeros for none."""

    def refresh(self) -> None:
        """Blocks while the file is read: call it in a thread."""
        if self._spot is None or self._path is None:
            return
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
        except OSError:
            seen = (0, 0)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self.series = read_prices(self._path, self._spot)
        except SiteError as error:
            _log.warning("the spot prices before are kept: %s", error)
