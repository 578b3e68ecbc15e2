"""Loads: the better of yesterday and last week, pulled towards what is measured now."""

from __future__ import annotations

import numpy as np

from dispatch.plan import FloatArray

JUDGED_DAYS = 7
"""The two are compared over the last week: long enough to hold every weekday, short enough to notice a change
of shifts."""
DAYS_PER_WEEK = 7
HISTORY_DAYS = JUDGED_DAYS + DAYS_PER_WEEK
"""What a full comparison looks at: the judged week and the one before it."""
DECAY_H = 2.5
"""How fast the present error loses its say. Errors of industrial loads last for two to three hours."""


def best_of(history: FloatArray, steps: int, steps_per_day: int, default: float) -> FloatArray:
    """The better of "as yesterday" and "as a week ago" for the `steps` intervals after the history, shape (steps,).

    Judged is the mean absolute error over the last `JUDGED_DAYS`, where both can be compared; a tie, or too
    little history to judge, is for yesterday. A gap is filled from the other candidate, then from the mean of
    the same time of day, then from the mean of all, and with no history at all from `default`.
    """
    day, week = steps_per_day, DAYS_PER_WEEK * steps_per_day
    candidates = [_repeated(history, steps, day), _repeated(history, steps, week)]
    if _error(history, week, day, week) < _error(history, day, day, week):
        candidates.reverse()
    known = history[np.isfinite(history)]
    candidates.append(_daily_mean(history, steps, day))
    candidates.append(np.full(steps, known.mean() if len(known) else default))
    forecast = candidates[0]
    for other in candidates[1:]:
        forecast = np.where(np.isfinite(forecast), forecast, other)
    return np.asarray(forecast)


def blend(forecast: FloatArray, measured: float | None, step_h: FloatArray, decay_h: float = DECAY_H) -> FloatArray:
    """The forecast shifted by its present error, which fades: error * exp(-t / decay), shape (steps,).

    The first interval is the one that `measured` belongs to, so it takes the whole error. None or NaN leaves the
    forecast as it is.
    """
    if measured is None or not np.isfinite(measured):
        return forecast
    age_h = np.cumsum(step_h) - step_h
    return forecast + (measured - float(forecast[0])) * np.exp(-age_h / decay_h)


def _repeated(history: FloatArray, steps: int, period: int) -> FloatArray:
    """The last `period` values, over and over; NaN where the history does not reach."""
    last = np.full(period, np.nan)
    known = min(period, len(history))
    if known:
        last[period - known :] = history[-known:]
    return np.resize(last, steps)


def _error(history: FloatArray, period: int, day: int, week: int) -> float:
    """Mean absolute error of repeating `period`, where both periods can be judged; infinite when nothing can."""
    judged = min(JUDGED_DAYS * day, len(history) - week)
    if judged <= 0:
        return np.inf
    end = len(history)
    actual = history[end - judged :]
    errors = np.abs(actual - history[end - judged - period : end - period])
    others = history[end - judged - day : end - day] + history[end - judged - week : end - week]
    errors = errors[np.isfinite(errors) & np.isfinite(others)]
    return float(errors.mean()) if len(errors) else np.inf


def _daily_mean(history: FloatArray, steps: int, day: int) -> FloatArray:
    """The mean of the known values at each time of day, repeated."""
    days = -(-len(history) // day)
    padded = np.full(days * day, np.nan)
    if days:
        padded[len(padded) - len(history) :] = history
    rows = padded.reshape(days, day)
    known = np.isfinite(rows)
    total, count = np.where(known, rows, 0.0).sum(axis=0), known.sum(axis=0)
    return np.resize(np.where(count > 0, total / np.maximum(count, 1), np.nan), steps)
