"""The weather forecast that somebody puts beside the site file, or a server or broker has: read again as it comes."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from config.site import Site
from config.weather import WEATHER_COLUMNS
from controller.telemetry.history_file import BadHistory, read_history_file
from controller.watched_file import WatchedFile
from dispatch.forecast.history import History
from drivers.mqtt_message import message_of

PATIENCE_S = 20.0
MOST_BYTES = 5_000_000
"""A year of quarter hours; a longer answer is no forecast."""
LONGEST = timedelta(days=400)

_log = logging.getLogger(__name__)


class WeatherBook:
    """The latest forecast that could be read. One that has faults is reported once, and the one before it goes on."""

    def __init__(self, site: Site, state: Path, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """What a server says is kept in the controller's folder `state`, so that a restart has it."""
        self._terms = site.file.weather
        name = None if self._terms is None else self._terms.file
        self._file = WatchedFile(state / "weather.csv" if name is None else site.file_named(name))
        self._monotonic_s = monotonic_s
        self._asked_s = float("-inf")
        self._trouble = ""
        self.forecast: History | None = None

    def refresh(self) -> None:
        """Blocks while a server is asked or a file is read: call it in a thread."""
        if self._terms is None:
            return
        if self._terms.url is not None and self._monotonic_s() - self._asked_s >= 60.0 * self._terms.every_min:
            self._asked_s = self._monotonic_s()
            self._fetch(self._terms.url)
        if not self._file.changed() or not self._file.path.exists():
            return
        try:
            self.forecast = read_forecast(self._file.path)
            self._trouble = ""
        except BadHistory as error:
            self._report(str(error))

    def _fetch(self, url: str) -> None:
        """The answer takes the place of the file as a whole, or not at all."""
        fresh = self._file.path.with_suffix(".new")
        try:
            content = _content_of(url)
            if len(content) > MOST_BYTES:
                raise ValueError(f"the answer is longer than {MOST_BYTES // 1_000_000} MB")
            fresh.write_bytes(content)
            read_forecast(fresh)
            os.replace(fresh, self._file.path)
        except (OSError, HTTPException, ValueError, BadHistory) as error:
            self._report(f"{_without_password(url)}: {error}")

    def _report(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("the weather forecast before is kept: %s", trouble)
        self._trouble = trouble


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _content_of(url: str) -> bytes:
    if url.startswith("mqtt"):
        return asyncio.run(message_of(url, PATIENCE_S))
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        content: bytes = answer.read(MOST_BYTES + 1)
    return content


def read_forecast(path: Path) -> History:
    """Raises BadHistory for what is no weather forecast."""
    read = read_history_file(path)
    if strange := [name for name in read.imported.series if name not in WEATHER_COLUMNS]:
        raise BadHistory(f"there is no weather column {strange[0]!r}; there are {', '.join(WEATHER_COLUMNS)}")
    if read.imported.faults:
        raise BadHistory(f"{read.imported.faults[0]} ({read.imported.faulty} faults in all)")
    starts = read.starts
    if len(starts) < 2 or starts[-1] - starts[0] > LONGEST:
        raise BadHistory("needs at least two rows, within a year")
    return read.on_grid(_step(starts))


def _step(starts: Sequence[datetime]) -> timedelta:
    step = min(later - earlier for earlier, later in pairwise(starts))
    if any((start - starts[0]) % step for start in starts):
        raise BadHistory(f"its rows are not all on a grid of {step}")
    return step
