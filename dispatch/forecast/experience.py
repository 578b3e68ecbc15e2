"""What was learned from a park's history, kept from plan to plan, and what it says of the next hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.assets import Battery
from config.site import Site
from dispatch.forecast.daily import Days
from dispatch.forecast.days import LocalDays
from dispatch.forecast.history import History
from dispatch.forecast.learned import LEARNS_FROM_DAYS, Learned, learned
from dispatch.forecast.usual_peak import usual_peak_kw
from dispatch.plan import ELECTRICITY, FloatArray
from dispatch.registry import forms_of

TRAINED_DAYS = 203
"""Half a year, whose days a ridge is fitted to, and the four weeks that it looks back from the first of them."""
FRESH_DAYS = 7
"""How long what was learned is used before it is learned anew; a young history is looked at every day."""
YOUNG_DAYS = 70
PEAK_DAYS = 28
USUAL_SHARE = 0.85
"""Of the peak that the last four weeks could have been held to. That is a guess for the weeks to come, and to hold less
than was necessary costs a battery some work, while to let go more costs a month's demand charge."""
KNOWN_SHARE = 0.75
"""Of the last four weeks, for what a usual month's peak is."""
GAPS_SHARE = 0.5
"""Of the last five weeks: with more gaps than this nothing is learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a series is expected to do, before its present error is taken into account."""

    usual: FloatArray
    """From one interval before the horizon on, shape (steps + 1,)."""
    fades: FloatArray
    """As in `Learned`, and on with zeros, shape (steps + 1,)."""
    residuals: FloatArray
    """What was measured less what was expected, of the intervals before the horizon, oldest first."""
    way: str

    def now(self, before: bool) -> float:
        """What is usual in the interval that was measured: that with which the horizon begins, or the one before."""
        return float(self.usual[0 if before else 1])

    def left(self, before: bool) -> FloatArray:
        """What is left of an error in that interval, shape (steps,)."""
        return self.fades[1:] if before else self.fades[:-1]

    def corrected(self, error: float, before: bool) -> FloatArray:
        """The forecast with its present error, or with that of the interval before, shape (steps,)."""
        return np.asarray(self.usual[1:] + error * self.left(before))

    def path(self, back: int, before: bool) -> FloatArray | None:
        """How a forecast made `back` intervals ago went wrong, once its present error was known; None if unknown."""
        steps = len(self.usual) - 1
        begin = len(self.residuals) - back
        if begin < 1 or back < steps:
            return None
        course = self.residuals[begin : begin + steps]
        present = self.residuals[begin - 1] if before else course[0]
        if not np.all(np.isfinite(course)) or not np.isfinite(present):
            return None
        return np.asarray(course - present * self.left(before))


@dataclass(slots=True)
class Experience:
    """Of one site. It belongs to whoever makes its plans, one after the other."""

    site: Site
    chooses: bool = True
    """Whether the best way of each series is taken, or that of yesterday."""
    blends: bool = True
    """Whether the present error is carried on beyond the interval in which it is."""
    _peak: tuple[int, float] | None = None
    """On which day it was looked at, and what it was."""
    _learned: dict[str, tuple[int, Learned]] = field(default_factory=dict)
    """By series: on which day it was learned, and what."""

    @property
    def ways(self) -> dict[str, str]:
        """By series that was learned: how it is forecast."""
        return {name: held.way for name, (_, held) in self._learned.items()}

    def usual_peak_kw(self, history: History, start: datetime) -> float:
        """What a month's peak will probably be at least, looked at once a day; 0 where too little is known."""
        today = start.date().toordinal()
        if self._peak is None or self._peak[0] != today:
            self._peak = today, self._found_peak_kw(history, start)
        return self._peak[1]

    def _found_peak_kw(self, history: History, start: datetime) -> float:
        interval_min = self.site.control.interval_min
        count = PEAK_DAYS * 24 * 60 // interval_min
        net_kw = np.zeros(count)
        for name, form in forms_of(self.site).items():
            if form.need in ("load_kw", "available_kw") and form.buses == (ELECTRICITY,):
                values = history.before(name, start, interval_min, count)
                net_kw += values if form.need == "load_kw" else -values
        net_kw = net_kw[np.isfinite(net_kw)]
        if len(net_kw) < KNOWN_SHARE * count:
            return 0.0
        batteries = list(self.site.dispatched_of(Battery).values())
        return USUAL_SHARE * usual_peak_kw(net_kw, interval_min / 60.0, batteries)

    def outlook(self, history: History, name: str, start: datetime, steps: int) -> Outlook | None:
        """None where the history is too short or has too many gaps to learn from."""
        interval_min = self.site.control.interval_min
        local = LocalDays(ZoneInfo(self.site.location.time_zone), interval_min, self.site.file.calendar)
        count = TRAINED_DAYS * local.per_day
        values = history.before(name, start, interval_min, count)
        first_known = int(np.argmax(np.isfinite(values))) if np.any(np.isfinite(values)) else count
        values = values[first_known:]
        if len(values) < LEARNS_FROM_DAYS * local.per_day:
            return None
        if np.isnan(values[-LEARNS_FROM_DAYS * local.per_day :]).mean() > GAPS_SHARE:
            return None
        begin = start - timedelta(minutes=interval_min * len(values))
        past_day, past_column = local.places(begin, len(values))
        first, rows = local.matrix_at(past_day, past_column, values)
        ahead = -(-(steps + 1) // local.per_day) + 1
        day, column = local.places(start - timedelta(minutes=interval_min), steps + 1)
        today = int(day[1]) - first
        rows = np.vstack([rows, np.full((today + 1 + ahead - len(rows), local.per_day), np.nan)])
        like, off = local.types(first, len(rows))
        known = np.isfinite(rows)
        days = Days(_filled(rows), like, off)
        held = self._taught(name, days, first, today, known)
        if held is None:
            return None
        learned_on, taught = held
        expected = np.full(rows.shape, np.nan)
        since = learned_on - first
        expected[since - len(taught.residuals) : since] = rows[since - len(taught.residuals) : since] - taught.residuals
        for number in range(since, len(rows)):
            expected[number] = taught.day(days, number)
            # what has not come yet is as expected, also for the days after it
            days.rows[number] = np.where(known[number], rows[number], expected[number])
        return Outlook(
            usual=expected[day - first, column],
            fades=_as_long(taught.fades if self.blends else taught.fades[:1], steps + 1),
            residuals=values - expected[past_day - first, past_column],
            way=taught.way,
        )

    def _taught(
        self, name: str, days: Days, first: int, today: int, known: NDArray[np.bool_]
    ) -> tuple[int, Learned] | None:
        """The day on which a series was learned, and what; anew when that is long ago."""
        now, count = first + today, today - 1  # the first day may be cut, and the last one runs
        held = self._learned.get(name)
        if held is not None and 0 <= now - held[0] < (1 if count < YOUNG_DAYS else FRESH_DAYS):
            return held
        if count < LEARNS_FROM_DAYS:
            return None
        whole = Days(days.rows[1:], days.like[1:], days.off[1:])
        self._learned[name] = now, learned(whole, count, known[1:], chooses=self.chooses)
        return self._learned[name]


def _filled(rows: FloatArray) -> FloatArray:
    """Gaps are as a week before, else as the mean of that time of day."""
    filled = rows.copy()
    short = np.flatnonzero(np.isnan(rows).any(axis=1)).tolist()
    means = np.array([_mean(column) for column in rows.T]) if short and short[0] < 7 else np.empty(0)
    for number in short:
        gaps = np.isnan(filled[number])
        other = filled[number - 7] if number >= 7 else means
        filled[number, gaps] = other[gaps]
    return filled


def _mean(column: FloatArray) -> float:
    known = column[np.isfinite(column)]
    return float(known.mean()) if len(known) else 0.0


def _as_long(fades: FloatArray, length: int) -> FloatArray:
    return np.concatenate((fades, np.zeros(max(0, length - len(fades)))))[:length]
