"""Series that come as a file, CSV or Parquet: the past to forecast from, or what is expected in place of a forecast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from config.asset import Demand
from config.assets import PvPlant, WindTurbine
from config.faults import nearest
from config.hydrogen_assets import HydrogenLoad
from config.site import Site
from config.thermal_assets import PressureTurbine, WasteHeatSource
from config.weather import OUTDOOR
from controller.telemetry.history_file import BadHistory, read_history_file
from dispatch.forecast.history import History
from dispatch.plan import FloatArray
from parkgrid.refusal import Refused

FAULTS_SHOWN = 20
"""Who has repaired these sees the rest at the next try; a screen holds no more."""
LONGEST = timedelta(days=20 * 366)
"""More than any park has recorded: a longer span is a mistyped year, and would fill the memory with gaps."""
OUTDOOR_RANGE_DEGC = (-90.0, 60.0)
"""Nowhere on Earth was it colder or hotter: beyond it the column is in another unit."""


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A file that was read, on the grid of its own rows."""

    path: Path
    history: History

    @property
    def start(self) -> datetime:
        """UTC time of the first row with a value."""
        return self.history.start


def series_of(site: Site) -> list[str]:
    """The series that a site can be forecast from: its loads and sources, and the outdoor temperature."""
    kinds = Demand | HydrogenLoad | PvPlant | WindTurbine | WasteHeatSource | PressureTurbine
    return [*(name for name, asset in site.assets.items() if isinstance(asset, kinds)), OUTDOOR]


def read_series(path: Path, site: Site) -> SeriesFile:
    """Reads a file as `read_history_file` does, and refuses what that would pass over. Raises Refused."""
    if not path.is_file():
        raise Refused(f"there is no file {path}")
    try:
        read = read_history_file(path)
    except BadHistory as error:
        raise Refused(str(error)) from error
    known = series_of(site)
    faults = [
        f"line 1: there is no series {name!r}; {nearest(name, known)}" for name in _strange(read.imported.series, known)
    ]
    _refuse(path, [*faults, *read.imported.faults], len(faults) + read.imported.faulty)
    stamps = read.starts
    if not stamps:
        raise Refused(f"{path}: there is no value in it")
    if stamps[-1] - stamps[0] > LONGEST:
        raise Refused(f"{path}: its times go from {_utc(stamps[0])} to {_utc(stamps[-1])}, is a year mistyped?")
    step = _step(stamps, site.control.interval_min)
    strays = [stamp for stamp in stamps if (stamp - stamps[0]) % step]
    if strays:
        raise Refused(
            f"{path}: {_utc(strays[0])} is not on the file's grid of {_minutes(step)} min from {_utc(stamps[0])}"
        )
    _require_fit(path, stamps[0], _minutes(step), site.control.interval_min)
    history = read.on_grid(step)
    impossible = [
        words for name, values in history.series.items() for words in _impossible(name, values, stamps[0], step)
    ]
    _refuse(path, impossible, len(impossible))
    return SeriesFile(path, history)


def over_horizon(file: SeriesFile, site: Site, start: datetime) -> dict[str, FloatArray]:
    """Every column of a file on the site's intervals from `start` on, each of shape (steps,).

    Finer rows are averaged, coarser ones hold for all of their intervals. Raises Refused with every column that
    has a gap within the horizon; columns with the same gap share a line.
    """
    interval_min = site.control.interval_min
    steps = site.control.horizon_steps
    end = start + timedelta(minutes=steps * interval_min)
    fine_min = min(file.history.step_min, interval_min)
    gaps: dict[tuple[int, int], list[str]] = {}
    for name in file.history.series:
        missing = np.flatnonzero(np.isnan(file.history.before(name, end, fine_min, steps * interval_min // fine_min)))
        if len(missing):
            gaps.setdefault((int(missing[0]), len(missing)), []).append(name)
    zone = ZoneInfo(site.location.time_zone)
    faults: list[str] = []
    for (first, count), names in gaps.items():
        at = start + timedelta(minutes=first * fine_min)
        faults.append(
            f"{', '.join(names)}: no value for {_utc(at)} ({at.astimezone(zone):%a %H:%M} in {zone.key}), "
            f"{count * fine_min / 60:g} h are missing; the horizon is {_utc(start)} to {_utc(end)}"
        )
    _refuse(file.path, faults, len(faults))
    return {name: file.history.before(name, end, interval_min, steps) for name in file.history.series}


def _strange(names: Iterable[str], known: Iterable[str]) -> list[str]:
    known = set(known)
    return [name for name in names if name not in known]


def _refuse(path: Path, faults: list[str], count: int) -> None:
    """Raises Refused with the first faults, where there are any."""
    if not faults:
        return
    lines = [f"{path}: {fault}" for fault in faults[:FAULTS_SHOWN]]
    if count > len(lines):
        lines.append(f"{path}: and {count - len(lines)} more")
    raise Refused("\n".join(lines))


def _step(stamps: list[datetime], interval_min: int) -> timedelta:
    """The distance that most rows have from the one before; the site's interval for a single row."""
    if len(stamps) < 2:
        return timedelta(minutes=interval_min)
    counted = Counter(later - earlier for earlier, later in pairwise(stamps))
    return min(counted, key=lambda step: (-counted[step], step))


def _require_fit(path: Path, first: datetime, step_min: int, interval_min: int) -> None:
    """Rows and planning intervals must fill each other without a rest."""
    if max(step_min, interval_min) % min(step_min, interval_min):
        raise Refused(f"{path}: rows of {step_min} min do not fit planning intervals of {interval_min} min")
    if first.timestamp() % (min(step_min, interval_min) * 60):
        raise Refused(f"{path}: its first row, {_utc(first)}, is not on the grid of {interval_min} min intervals")


def _impossible(name: str, values: FloatArray, first: datetime, step: timedelta) -> list[str]:
    """The first value that cannot be, in words."""
    low, high = OUTDOOR_RANGE_DEGC if name == OUTDOOR else (0.0, np.inf)
    wrong = np.flatnonzero((values < low) | (values > high))
    if not len(wrong):
        return []
    must = f"an outdoor temperature is between {low:g} and {high:g} degC" if name == OUTDOOR else "it is never negative"
    return [f"{name} is {values[wrong[0]]:g} for {_utc(first + int(wrong[0]) * step)}: {must}"]


def _minutes(step: timedelta) -> int:
    return round(step / timedelta(minutes=1))


def _utc(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%MZ}"
