"""What was learned from a park's history, kept from plan to plan, and what it says of the next hours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.assets import Battery
from config.site import Site
from dispatch.forecast.daily import FARTHEST, Days
from dispatch.forecast.days import LocalDays, by_days
from dispatch.forecast.history import History
from dispatch.forecast.learned import LEARNS_FROM_DAYS, Learned, Skill, learned
from dispatch.forecast.usual_peak import usual_peak_kw
from dispatch.plan import ELECTRICITY, FloatArray
from dispatch.registry import forms_of

TRAINED_DAYS = 203
"""Half a year, whose days a ridge is fitted to, and the four weeks that it looks back from the first of them."""
FRESH_DAYS = 7
"""How long what was learned is used before it is learned anew; a young history is looked at every day."""
YOUNG_DAYS = 70
USED_DAYS = FARTHEST + FRESH_DAYS + 2
"""What a forecast looks back on once it has learned; the first of these days may be cut, and the last one runs."""
PEAK_DAYS = 28
USUAL_SHARE = 0.85
"""Of the peak that the last four weeks could have been held to. That is a guess for the weeks to come, and to hold less
than was necessary costs a battery some work, while to let go more costs a month's demand charge."""
BLIND_SHARE = 1.1
"""The same where setpoints stand through an interval, and cannot make up for what it brings."""
KNOWN_SHARE = 0.75
"""Of the last four weeks, for what a usual month's peak is."""
LIKE_THEN_H = 1
"""Hours to either side of a time of day whose intervals come as unexpected as its own."""
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


@dataclass(frozen=True, slots=True)
class _Places:
    """Local day and column of a long row of intervals, looked up once for many plans."""

    start: datetime
    day: NDArray[np.int64]
    column: NDArray[np.int64]
    like: NDArray[np.int64]
    """What each day is like, from the first to the last that is touched, likewise whether it is a day off."""
    off: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Grid:
    """How the intervals that are looked back on and the horizon lie in local days; the same for every series."""

    start: datetime
    past_day: NDArray[np.int64]
    past_column: NDArray[np.int64]
    day: NDArray[np.int64]
    """From one interval before the horizon on, shape (steps + 1,), likewise the columns."""
    column: NDArray[np.int64]
    like: NDArray[np.int64]
    off: NDArray[np.bool_]

    @property
    def first(self) -> int:
        """Ordinal of the first day, of which `like` and `off` begin."""
        return int(self.past_day[0])

    @property
    def days(self) -> int:
        """From the first day to the last that a horizon can touch."""
        return len(self.like)


@dataclass(slots=True)
class _Held:
    """What was learned of a series, and when."""

    on: int
    """Ordinal of the day."""
    learned: Learned
    lasts_days: int
    expected: dict[int, FloatArray] = field(default_factory=dict)
    """By ordinal of a day since then whose days before are all over: what was expected of it."""

    def still_good(self, today: int) -> bool:
        return 0 <= today - self.on < self.lasts_days


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
    _held: dict[str, _Held] = field(default_factory=dict)
    """By series."""
    _fresh: list[str] = field(default_factory=list)
    """Series that were learned, and nobody has been told yet."""
    _grid: _Grid | None = None
    """Of the last start that was asked for."""
    _places: _Places | None = None
    """Of all that was asked for lately."""

    @property
    def ways(self) -> dict[str, str]:
        """By series that was learned: how it is forecast."""
        return {name: held.learned.way for name, held in self._held.items()}

    def news(self) -> dict[str, Skill]:
        """By series that was learned since the last time: how well it was forecast lately."""
        fresh, self._fresh = self._fresh, []
        return {name: self._held[name].learned.skill(self.site.control.interval_min) for name in fresh}

    def usual_peak_kw(self, history: History, start: datetime) -> float:
        """What a month's peak will probably be at least, looked at once a day; 0 where too little is known."""
        today = start.date().toordinal()
        if self._peak is None or self._peak[0] != today:
            self._peak = today, self._found_peak_kw(history, start)
        return self._peak[1]

    def net_kw(self, series_kw: Callable[[str], FloatArray | float]) -> FloatArray:
        """What electric loads take less what sources give, by what a series is for each."""
        net_kw: FloatArray | float = 0.0
        for name, form in forms_of(self.site).items():
            if form.need in ("load_kw", "available_kw") and form.buses == (ELECTRICITY,):
                net_kw = net_kw + (series_kw(name) if form.need == "load_kw" else -series_kw(name))
        return np.asarray(net_kw)

    def import_errors_kw(self, outlooks: Mapping[str, Outlook | None], before: bool) -> FloatArray:
        """By how much the park's import was above what was expected of an interval, around this time of day, on the
        days of the last four weeks that are working days or days off as this one is; of any length.

        `outlooks` are those of the last start that was asked for; `before` as in `Outlook.left`.
        """
        grid = self._grid
        if grid is None or not any(outlooks.values()):
            return np.empty(0)
        per_day = 24 * 60 // self.site.control.interval_min
        count = PEAK_DAYS * per_day

        def errors_kw(name: str) -> FloatArray | float:
            outlook = outlooks.get(name)
            if outlook is None:
                return 0.0
            course = outlook.residuals[-count - 1 :]
            return np.asarray(course[1:] - outlook.left(before)[0] * course[:-1])

        errors = self.net_kw(errors_kw)
        day, column = grid.past_day[-len(errors) :], grid.past_column[-len(errors) :]
        apart = np.abs(column - grid.column[1])
        near = np.minimum(apart, per_day - apart) <= LIKE_THEN_H * per_day // 24
        alike = grid.off[day - grid.first] == grid.off[int(grid.day[1]) - grid.first]
        return np.asarray(errors[near & alike & np.isfinite(errors)])

    def _found_peak_kw(self, history: History, start: datetime) -> float:
        interval_min = self.site.control.interval_min
        count = PEAK_DAYS * 24 * 60 // interval_min
        net_kw = self.net_kw(lambda name: history.before(name, start, interval_min, count))
        net_kw = net_kw[np.isfinite(net_kw)]
        if len(net_kw) < KNOWN_SHARE * count:
            return 0.0
        batteries = list(self.site.dispatched_of(Battery).values())
        share = BLIND_SHARE if self.site.control.chance else USUAL_SHARE
        return share * usual_peak_kw(net_kw, interval_min / 60.0, batteries)

    def outlook(self, history: History, name: str, start: datetime, steps: int) -> Outlook | None:
        """None where the history is too short or has too many gaps to learn from."""
        interval_min = self.site.control.interval_min
        per_day = 24 * 60 // interval_min
        grid = self._grid_of(start, steps)
        held = self._held.get(name)
        looks_back = USED_DAYS if held is not None and held.still_good(int(grid.day[1])) else TRAINED_DAYS
        values = history.before(name, start, interval_min, looks_back * per_day)
        known = np.isfinite(values)
        skipped = int(np.argmax(known)) if known.any() else len(values)
        if len(values) - skipped < LEARNS_FROM_DAYS * per_day:
            return None
        if 1.0 - known[-LEARNS_FROM_DAYS * per_day :].mean() > GAPS_SHARE:
            return None
        values = values[skipped:]
        past_day, past_column = grid.past_day[-len(values) :], grid.past_column[-len(values) :]
        first = int(past_day[0])
        rows = by_days(past_day, past_column, values, (grid.first + grid.days - first, per_day))
        days = Days(_filled(rows), grid.like[first - grid.first :], grid.off[first - grid.first :])
        today = int(grid.day[1]) - first
        held = self._taught(name, days, first, today, np.isfinite(rows))
        if held is None:
            return None
        taught = held.learned
        expected = np.full(rows.shape, np.nan)
        since = held.on - first
        judged = slice(since - len(taught.residuals), since)
        expected[judged] = rows[judged] - taught.residuals
        for number in range(since, len(rows)):
            row = held.expected.get(first + number)
            if row is None:
                row = taught.day(days, number)
                if number <= today:
                    held.expected[first + number] = row
            expected[number] = row
            # what has not come yet is as expected, also for the days after it
            days.rows[number] = np.where(np.isfinite(rows[number]), rows[number], row)
        return Outlook(
            usual=expected[grid.day - first, grid.column],
            fades=_as_long(taught.fades if self.blends else taught.fades[:1], steps + 1),
            residuals=values - expected[past_day - first, past_column],
            way=taught.way,
        )

    def _grid_of(self, start: datetime, steps: int) -> _Grid:
        if self._grid is None or self._grid.start != start or len(self._grid.day) != steps + 1:
            interval_min = self.site.control.interval_min
            local = LocalDays(ZoneInfo(self.site.location.time_zone), interval_min, self.site.file.calendar)
            count = TRAINED_DAYS * local.per_day
            begin = start - count * timedelta(minutes=interval_min)
            places, at = self._placed(local, begin, count + steps)
            now, end = at + count, at + count + steps
            days = slice(places.day[at] - places.day[0], places.day[end - 1] - places.day[0] + 1)
            self._grid = _Grid(
                start,
                places.day[at:now],
                places.column[at:now],
                places.day[now - 1 : end],
                places.column[now - 1 : end],
                places.like[days],
                places.off[days],
            )
        return self._grid

    def _placed(self, local: LocalDays, begin: datetime, count: int) -> tuple[_Places, int]:
        """A row that has `count` intervals from `begin` on, and where they begin in it."""
        interval = timedelta(minutes=local.step_min)
        at = -1 if self._places is None else round((begin - self._places.start) / interval)
        if self._places is None or at < 0 or at + count > len(self._places.day):
            day, column = local.places(begin, count + FRESH_DAYS * local.per_day)
            like, off = local.types(int(day[0]), int(day[-1] - day[0]) + 1)
            self._places, at = _Places(begin, day, column, like, off), 0
        return self._places, at

    def _taught(self, name: str, days: Days, first: int, today: int, known: NDArray[np.bool_]) -> _Held | None:
        """What was learned of a series; anew when that is long ago."""
        now, count = first + today, today - 1  # the first day may be cut, and the last one runs
        held = self._held.get(name)
        if held is not None and held.still_good(now):
            return held
        if count < LEARNS_FROM_DAYS:
            return None
        boosts = self.site.control.forecast.boosting
        whole = Days(days.rows[1:], days.like[1:], days.off[1:])
        taught = learned(whole, count, known[1:], chooses=self.chooses, boosts=boosts)
        self._held[name] = _Held(now, taught, 1 if count < YOUNG_DAYS else FRESH_DAYS)
        self._fresh.append(name)
        return self._held[name]


def _filled(rows: FloatArray) -> FloatArray:
    """Gaps are as a week before, else as the mean of that time of day."""
    filled = rows.copy()
    short = np.flatnonzero(np.isnan(rows).any(axis=1)).tolist()
    means = _means(rows) if short and short[0] < 7 else np.empty(0)
    for number in short:
        gaps = np.isnan(filled[number])
        other = filled[number - 7] if number >= 7 else means
        filled[number, gaps] = other[gaps]
    return filled


def _means(rows: FloatArray) -> FloatArray:
    """By column, over what is known; 0 where nothing is."""
    known = np.isfinite(rows)
    return np.asarray(np.where(known, rows, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _as_long(fades: FloatArray, length: int) -> FloatArray:
    return np.concatenate((fades, np.zeros(max(0, length - len(fades)))))[:length]
