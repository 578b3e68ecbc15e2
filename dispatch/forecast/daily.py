"""Ways to say a day ahead what a series will do, from the days before it. Pure.

All take days as rows and intervals as columns (`dispatch.forecast.days`), without gaps, and give one row for a day from
the rows before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.plan import FloatArray

WEEKS = (7, 14, 21, 28)
LOOKS_BACK = max(WEEKS)
"""Days that a ridge needs before a day."""
FARTHEST = 43
"""Days back that are searched for four alike: holidays may hide two."""
RIDGE = 2.0
"""Penalty of the ridge, against series in units of their standard deviation: as much as two days' worth of data."""
NEIGHBOURS = 2
"""Intervals to either side whose days are fitted together: a load's habits do not change within half an hour."""
REWEIGHTED = 3
"""Passes that turn least squares into least absolute errors."""
SMALLEST_ERROR = 0.05
"""Below it, in standard deviations, an error counts no more: else a single exact hit would decide a fit."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days one after the other, and what they are like."""

    rows: FloatArray
    """Shape (days, per_day), finite."""
    like: NDArray[np.int64]
    """The weekday that each is like, shape (days,) or longer."""
    off: NDArray[np.bool_]


def yesterday(days: Days, day: int) -> FloatArray:
    return np.asarray(days.rows[day - 1])


def last_week(days: Days, day: int) -> FloatArray:
    return np.asarray(days.rows[max(day - 7, 0)])


def same_day_type(days: Days, day: int) -> FloatArray:
    """The last working day for a working day, the last day off for a day off."""
    for before in range(day - 1, -1, -1):
        if days.off[before] == days.off[day]:
            return np.asarray(days.rows[before])
    return yesterday(days, day)


def last_days_mean(days: Days, day: int) -> FloatArray:
    """Of ten days: for what knows no week, such as sun and wind."""
    return np.asarray(days.rows[max(day - 10, 0) : day].mean(axis=0))


def weekday_mean(days: Days, day: int) -> FloatArray:
    """Of up to four weeks, times how much the last seven days were above theirs."""
    level = sum(_weekday_rows(days, before).mean(axis=0).sum() for before in range(max(day - 7, 1), day))
    lately = days.rows[max(day - 7, 1) : day].sum()
    mean = _weekday_rows(days, day).mean(axis=0)
    return np.asarray(mean * (lately / level)) if level > 0.0 else mean


def _weekday_rows(days: Days, day: int) -> FloatArray:
    """The days of up to four weeks before that are alike, or the day before where there are none."""
    alike = _alike(days, day)
    return days.rows[alike] if alike else days.rows[[day - 1]]


def _alike(days: Days, day: int) -> list[int]:
    """Up to four days before that are alike, the last one first: in a year without holidays the same weekday."""
    found = [before for before in range(day - 1, max(day - FARTHEST, -1), -1) if days.like[before] == days.like[day]]
    return found[: len(WEEKS)]


Way = Callable[[Days, int], FloatArray]
SIMPLE: Mapping[str, Way] = {
    "yesterday": yesterday,
    "last week": last_week,
    "same day type": same_day_type,
    "weekday mean": weekday_mean,
    "mean of ten days": last_days_mean,
}


@dataclass(frozen=True, slots=True)
class Ridge:
    """A linear model for each interval of the day, from earlier days and the calendar.

    y[d, t] = a(t) . (y[d-1, t], y[d-2, t], y of the last four days that are alike, their mean, mean of d-1, mean of
    the last week, weekday, change between working day and day off)

    Days that are alike have the same weekday, or are holidays and Sundays.

    Fitted twice, for the least squares and for the least absolute errors, and the mean of both: the first finds the
    mean, which costs money, the second is not led astray by a day on which the plant stood still.
    """

    weights: FloatArray
    """Shape (per_day, features)."""
    scale: float

    @classmethod
    def fitted(cls, days: Days, until: int, known: NDArray[np.bool_]) -> Ridge:
        """From the days before `until`; `known` says which values were measured, same shape as the rows."""
        used = np.arange(LOOKS_BACK, until)
        scale = float(days.rows[:until].std()) or 1.0
        features = np.stack([features_of(days, int(day), scale) for day in used])
        target, counts = days.rows[used] / scale, known[used].astype(np.float64)
        squares = _solved(features, target, counts)
        weights = squares
        for _ in range(REWEIGHTED):
            error = np.abs(np.einsum("dtp,tp->dt", features, weights) - target)
            floor = np.maximum(error, SMALLEST_ERROR)
            weights = _solved(features, target, counts * np.median(floor) / floor)
        return cls((squares + weights) / 2.0, scale)

    def day(self, days: Days, day: int) -> FloatArray:
        """What a day will be, shape (per_day,), never negative."""
        features = features_of(days, day, self.scale)
        return np.asarray(np.maximum((features * self.weights).sum(axis=1) * self.scale, 0.0))


def features_of(days: Days, day: int, scale: float) -> FloatArray:
    """What a day is forecast from, in units of `scale`, shape (per_day, features): see `Ridge`."""
    rows, per_day = days.rows, days.rows.shape[1]
    alike = _alike(days, day) or [day - 7]
    alike += [alike[-1]] * (len(WEEKS) - len(alike))
    lags = [rows[day - 1], rows[day - 2], *rows[alike], rows[alike].mean(axis=0)]
    levels = [np.full(per_day, rows[day - 1].mean()), np.full(per_day, rows[day - 7 : day].mean())]
    weekday = np.zeros((7, per_day))
    weekday[days.like[day]] = 1.0
    change = np.full(per_day, float(days.off[day]) - float(days.off[day - 1]))
    return np.column_stack([*(np.asarray([*lags, *levels]) / scale), *weekday, change])


def _solved(features: FloatArray, target: FloatArray, counts: FloatArray) -> FloatArray:
    """Weights of each interval with its neighbours' days, shape (per_day, features)."""
    weighted = features * counts[:, :, None]
    squared = np.einsum("dtp,dtq->tpq", weighted, features)
    crossed = np.einsum("dtp,dt->tp", weighted, target)
    around = range(-NEIGHBOURS, NEIGHBOURS + 1)
    squared = np.sum([np.roll(squared, shift, axis=0) for shift in around], axis=0)
    crossed = np.sum([np.roll(crossed, shift, axis=0) for shift in around], axis=0)
    penalty = RIDGE * np.eye(features.shape[2])
    return np.asarray(np.linalg.solve(squared + penalty, crossed[:, :, None])[:, :, 0])
