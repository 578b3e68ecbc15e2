"""Recorded series of one year, mapped to any date.

A record is read at the same time of the year and on the same weekday: the local wall-clock time of the park is moved
back by a whole number of weeks,

    record time = wall time - 7 d * round((1 Jan of the wall time's year - 1 Jan of the record's year) / 7 d)

so that the day of the year is off by at most four days, Mondays stay Mondays and 08:00 stays 08:00. Near New Year this
may leave the record; then it goes on at its other end, again by whole weeks (364 days for a record of one year).
Both sides count in wall-clock time: the record in the zone it was made in, the park in its own, summer time included.

Between the middles of two intervals the value is interpolated. On top of it goes a fluctuation inside each interval,

    value(t) = scale * record(t) * (1 + sum_k a_k sin(2 pi k x))

    x     share of the record's interval that has passed, 0 <= x < 1
    a_k   seeded amplitudes of the interval, uniform, together 2 % (root mean square)

which is continuous and has mean zero in every interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from config.site import SeriesSource, Site
from simulators.noise import FloatArray, uniform

DATA = Path(__file__).parent / "data"

RECORDED_IN = {
    "simbench_2016_15min": "Europe/Berlin",
    "heat_2019_hourly": "Europe/Berlin",
    "steel_2018_15min": "Asia/Seoul",
}
"""The zone whose wall clock ruled the everyday life in a record that comes with parkgrid."""

WEEK_S = 7 * 24 * 3600.0
FLUCTUATION = 0.02
"""Root mean square of the fluctuation as a share of the value, as a hall of machines shows in a quarter of an hour."""
HARMONICS = (1, 2, 3, 5, 8, 13)
"""Waves per interval; the fastest lasts about a minute in a record of 15 min."""
_AMPLITUDE = FLUCTUATION * math.sqrt(6.0 / len(HARMONICS))
"""Bound of a uniform amplitude; a sine has the mean square 1/2, a uniform amplitude a third of its bound squared."""


class SeriesError(ValueError):
    """A record that cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Record:
    """One column of a recorded file."""

    wall_s: FloatArray
    """Middles of the intervals in wall-clock seconds since 1970, rising strictly."""
    values: FloatArray
    step_s: float

    @property
    def start_s(self) -> float:
        return float(self.wall_s[0]) - self.step_s / 2

    @property
    def end_s(self) -> float:
        return float(self.wall_s[-1]) + self.step_s / 2


def wall_clock_s(t_s: FloatArray, zone: ZoneInfo) -> FloatArray:
    """What a clock on the wall shows, in seconds since 1970; `t_s` are seconds since 1970 in UTC, any shape."""
    quarters, place = np.unique(np.floor(t_s / 900.0), return_inverse=True)
    offsets = np.empty(len(quarters))
    for index, quarter in enumerate(quarters):
        offset = datetime.fromtimestamp(float(quarter) * 900.0, zone).utcoffset()
        offsets[index] = offset.total_seconds() if offset is not None else 0.0
    shown: FloatArray = t_s + offsets[place]
    return shown


@lru_cache(maxsize=16)
def read_record(path: Path, column: str, zone: str) -> Record:
    """Read one column of a CSV file with `time_utc` at the start of equal intervals.

    Raises SeriesError for a missing file or column, unequal intervals, a value that is no number, or less than a week.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SeriesError(f"{path.name} cannot be read: {error}") from error
    header = lines[0].split(",") if lines else []
    for name in ("time_utc", column):
        if name not in header:
            raise SeriesError(f"{path.name} has no column {name!r}; it has {', '.join(header)}")
    time_at, value_at = header.index("time_utc"), header.index(column)
    starts, values = np.empty(len(lines) - 1), np.empty(len(lines) - 1)
    for row, line in enumerate(lines[1:]):
        cells = line.split(",")
        try:
            when = datetime.fromisoformat(cells[time_at])
            starts[row] = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
            values[row] = float(cells[value_at])
        except (ValueError, IndexError) as error:
            raise SeriesError(f"{path.name}:{row + 2}: {error}") from error
    if not np.isfinite(values).all():
        raise SeriesError(f"{path.name}: column {column!r} has gaps")
    steps = np.diff(starts)
    if len(steps) == 0 or steps[0] <= 0 or (steps != steps[0]).any() or len(values) * steps[0] < WEEK_S:
        raise SeriesError(f"{path.name} should have equal intervals without gaps, over a week or more")
    wall = wall_clock_s(starts, ZoneInfo(zone)) + steps[0] / 2
    # the hour that a clock shows twice in autumn is taken once
    first = np.concatenate(([True], wall[1:] > np.maximum.accumulate(wall)[:-1]))
    return Record(wall_s=wall[first], values=values[first], step_s=float(steps[0]))


class RecordedSeries:
    """A record as a load of the park follows it."""

    def __init__(self, record: Record, *, scale: float, zone: ZoneInfo, seed: int, stream: str) -> None:
        self._record = record
        self._scale = scale
        self._zone = zone
        self._seed = seed
        self._stream = stream
        # a record may begin a little before New Year; a day on it is surely in the year that it is about
        year = np.datetime64(int(record.start_s) + 24 * 3600, "s").astype("datetime64[Y]")
        self._new_year_s = float(year.astype("datetime64[s]").astype(np.int64))
        self._period_s = WEEK_S * math.floor((record.end_s - record.start_s) / WEEK_S)

    def record_time_s(self, t_s: FloatArray) -> FloatArray:
        """The wall-clock time in the record for each time (UTC seconds since 1970)."""
        wall = wall_clock_s(t_s, self._zone)
        years = wall.astype(np.int64).astype("datetime64[s]").astype("datetime64[Y]")
        new_year_s = years.astype("datetime64[s]").astype(np.int64)
        placed: FloatArray = wall - WEEK_S * np.round((new_year_s - self._new_year_s) / WEEK_S)
        start, end = self._record.start_s, self._record.end_s
        outside = (placed < start) | (placed >= end)
        return np.where(outside, start + np.mod(placed - start, self._period_s), placed)

    def means(self, t_s: FloatArray) -> FloatArray:
        """The recorded course without fluctuation, scaled, shape of `t_s`."""
        course: FloatArray = np.interp(self.record_time_s(t_s), self._record.wall_s, self._record.values) * self._scale
        return course

    def values(self, t_s: FloatArray) -> FloatArray:
        """The course with its fluctuation, scaled, shape of `t_s` (UTC seconds since 1970)."""
        return self.means(t_s) * (1.0 + inner_wave(t_s, self._record.step_s, self._seed, self._stream))

    def value_at(self, when: datetime) -> float:
        """The value at an aware time."""
        return float(self.values(np.array([when.timestamp()]))[0])


def inner_wave(t_s: FloatArray, step_s: float, seed: int, stream: str) -> FloatArray:
    """The fluctuation inside intervals of `step_s`, as a share of the value, shape of `t_s`."""
    place = t_s / step_s
    interval = np.floor(place).astype(np.int64)
    first, last = int(interval.min()), int(interval.max())
    wave = np.zeros(len(t_s))
    for harmonic in HARMONICS:
        share = uniform(seed, f"{stream}.{harmonic}", np.arange(first, last + 1))
        amplitude = _AMPLITUDE * (2.0 * share - 1.0)
        wave += amplitude[interval - first] * np.sin(2.0 * np.pi * harmonic * (place - interval))
    return wave


def series_of(site: Site, name: str, source: SeriesSource, seed: int) -> RecordedSeries:
    """The series that an asset of a site follows: a file beside the site file first, then one that comes with parkgrid.

    Raises SeriesError.
    """
    return _series(site, name, source, source.column, seed)


def reactive_series_of(site: Site, name: str, source: SeriesSource, seed: int) -> RecordedSeries | None:
    """The reactive power beside it, with the same fluctuation, None without a record of it. Raises SeriesError."""
    return None if source.reactive_column is None else _series(site, name, source, source.reactive_column, seed)


def _series(site: Site, name: str, source: SeriesSource, column: str, seed: int) -> RecordedSeries:
    zone = site.location.time_zone
    path = site.path.parent / f"{source.file}.csv"
    recorded_in = zone
    if not path.is_file():
        path = DATA / f"{source.file}.csv"
        recorded_in = RECORDED_IN.get(source.file, zone)
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in DATA.glob("*.csv")))
        raise SeriesError(f"there is no series {source.file!r} for load {name!r}; known are {known}")
    record = read_record(path, column, recorded_in)
    return RecordedSeries(record, scale=source.scale, zone=ZoneInfo(zone), seed=seed, stream=f"load.{name}")
