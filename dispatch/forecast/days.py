"""A history as local days: a row for each, a column for each interval of the wall clock's day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.calendar import SiteCalendar
from dispatch.plan import FloatArray

DAY_S = 86400


@dataclass(frozen=True, slots=True)
class LocalDays:
    """How times of a site fall into its days, with one column for each `step_min` minutes."""

    zone: ZoneInfo
    step_min: int
    calendar: SiteCalendar

    @property
    def per_day(self) -> int:
        return 24 * 60 // self.step_min

    def places(self, start: datetime, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Day (its proleptic ordinal) and column of `count` intervals from a UTC `start` on, each of shape (count,)."""
        starts_s = start.timestamp() + 60.0 * self.step_min * np.arange(count, dtype=float)
        local_s = starts_s + self._offsets_s(starts_s)
        day = np.floor(local_s / DAY_S).astype(np.int64)
        column = ((local_s - day * DAY_S) / (60.0 * self.step_min)).astype(np.int64)
        return day + date(1970, 1, 1).toordinal(), np.minimum(column, self.per_day - 1)

    def _offsets_s(self, starts_s: FloatArray) -> FloatArray:
        """UTC offsets in seconds; looked up one by one only on days on which clocks change."""
        first, last = int(starts_s[0] // DAY_S), int(starts_s[-1] // DAY_S)
        bounds = [self._offset_s(day * DAY_S) for day in range(first, last + 2)]
        offsets = np.array(bounds)[(starts_s // DAY_S).astype(np.int64) - first]
        for number in range(last - first + 1):
            if bounds[number] != bounds[number + 1]:
                changing = np.flatnonzero((starts_s // DAY_S).astype(np.int64) == first + number)
                offsets[changing] = [self._offset_s(starts_s[place]) for place in changing]
        return np.asarray(offsets)

    def _offset_s(self, posix_s: float) -> float:
        offset = datetime.fromtimestamp(posix_s, UTC).astimezone(self.zone).utcoffset()
        assert offset is not None  # aware
        return offset / timedelta(seconds=1)

    def matrix(self, start: datetime, values: FloatArray) -> tuple[int, FloatArray]:
        """The ordinal of the first day, and the values by day and column, NaN where unknown, shape (days, per_day).

        Of an hour that the clock shows twice the second counts; one that it leaves out is unknown.
        """
        day, column = self.places(start, len(values))
        first = int(day[0])
        return first, by_days(day, column, values, (int(day[-1]) - first + 1, self.per_day))

    def types(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The weekday that each day is like, 0 for Monday, and whether it is a day off, each of shape (count,)."""
        days = [date.fromordinal(first + number) for number in range(count)]
        like = np.array([self.calendar.weekday_like(day) for day in days], dtype=np.int64)
        return like, np.array([self.calendar.is_off(day) for day in days])


def by_days(
    day: NDArray[np.int64], column: NDArray[np.int64], values: FloatArray, shape: tuple[int, int]
) -> FloatArray:
    """Values at their `places` from the first day on, NaN elsewhere, of a shape (days, per_day) that holds them."""
    rows = np.full(shape, np.nan)
    rows[day - day[0], column] = values
    return rows
