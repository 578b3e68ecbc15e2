"""What the past of one series has taught: which way to forecast it was right, and how wrong that was. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.forecast.boosted import Boosted
from dispatch.forecast.daily import LOOKS_BACK, SIMPLE, Days, Ridge
from dispatch.plan import FloatArray

JUDGED_DAYS = 28
"""Ways are compared over four weeks: long enough to tell them apart, short enough to notice a change of shifts."""
LEAST_JUDGED_DAYS = 7
LEARNS_FROM_DAYS = LOOKS_BACK + LEAST_JUDGED_DAYS
"""Complete days that are needed before anything is learned: before that, see `dispatch.forecast.load`."""
LEAST_FITTED_DAYS = 14
"""Days that a ridge is fitted to at least."""
RIDGE, BOOSTED = "ridge", "gradient boosting"
CLEARLY = 0.95
"""Four weeks tell two ways apart by some percent and not better."""


SKILL_H = (1, 4, 24)
"""The next hour is the second's and the battery's, four are a shift's half, a day is the plan's."""
LOW = 0.1
"""Share of errors below the lower end of a band, and above its upper end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """How well a series was forecast over the judged days, by hours ahead, in the unit of the series."""

    way: str
    error_kw: Mapping[int, float]
    """Mean absolute error."""
    low_kw: Mapping[int, float]
    """What one error in ten is below: measured less forecast."""
    high_kw: Mapping[int, float]
    """And what one in ten is above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """How a series is forecast a day ahead, and corrected by its present error."""

    way: str
    mean_errors: Mapping[str, float]
    """By way: mean absolute error of the judged days, in the unit of the series."""
    fitted: Ridge | Boosted | None
    """What was fitted to all days, where that is the way."""
    fades: FloatArray
    """Share of the present error that is left so many intervals on: from 1, never rising, shape (per_day + 1,)."""
    residuals: FloatArray
    """Of the judged days, measured less forecast, NaN where unknown, shape (judged days, per_day)."""

    def day(self, days: Days, day: int) -> FloatArray:
        """What a day will be, from the days before it, shape (per_day,)."""
        if self.fitted is not None:
            return self.fitted.day(days, day)
        return SIMPLE[self.way](days, day)

    def errors(self, ahead: int) -> FloatArray:
        """Of the judged days, measured less what was forecast so many intervals before (up to a day) with the error
        that it had then; only where both are known."""
        course = self.residuals.ravel()
        errors = course[ahead:] - self.fades[ahead] * course[: len(course) - ahead]
        return np.asarray(errors[np.isfinite(errors)])

    def skill(self, step_min: int) -> Skill:
        """How wrong it was, by hours ahead; where nothing is known of an hour it is left out."""
        found = {hours: self.errors(hours * 60 // step_min) for hours in SKILL_H}
        known = {hours: errors for hours, errors in found.items() if len(errors)}
        return Skill(
            way=self.way,
            error_kw={hours: float(np.abs(errors).mean()) for hours, errors in known.items()},
            low_kw={hours: float(np.quantile(errors, LOW)) for hours, errors in known.items()},
            high_kw={hours: float(np.quantile(errors, 1.0 - LOW)) for hours, errors in known.items()},
        )


def learned(days: Days, until: int, known: NDArray[np.bool_], *, chooses: bool = True, boosts: bool = False) -> Learned:
    """From the complete days before `until`, of which `known` were measured. Needs `LEARNS_FROM_DAYS` of them.

    Without `chooses` it is as yesterday, whatever was right. With `boosts` gradient boosting is among the ways.
    """
    judged = min(JUDGED_DAYS, until - LOOKS_BACK)
    first = until - judged
    ways = {name: np.stack([way(days, day) for day in range(first, until)]) for name, way in SIMPLE.items()}
    models: dict[str, type[Ridge] | type[Boosted]] = {}
    if first - LOOKS_BACK >= LEAST_FITTED_DAYS:
        models = {RIDGE: Ridge, BOOSTED: Boosted} if boosts else {RIDGE: Ridge}
    for name, model in models.items():
        before = model.fitted(days, first, known)
        ways[name] = np.stack([before.day(days, day) for day in range(first, until)])
    actual = np.where(known[first:until], days.rows[first:until], np.nan)
    errors = {name: _mean_error(actual, found) for name, found in ways.items()}
    # a model knows what the others go by: they were luckier, unless they were clearly better
    way = min(errors, key=lambda name: errors[name] * (CLEARLY if name in models else 1.0)) if chooses else "yesterday"
    residuals = actual - ways[way]
    return Learned(
        way=way,
        mean_errors=errors,
        fitted=models[way].fitted(days, until, known) if way in models else None,
        fades=_fades(residuals),
        residuals=residuals,
    )


def _mean_error(actual: FloatArray, forecast: FloatArray) -> float:
    known = np.isfinite(actual)
    return float(np.abs(actual - forecast)[known].mean()) if np.any(known) else np.inf


def _fades(residuals: FloatArray) -> FloatArray:
    """What is left of an error h intervals later: sum of e[t] * e[t + h] over sum of e[t]^2, as far as it falls."""
    course = np.nan_to_num(residuals.ravel())
    per_day = residuals.shape[1]
    squares = float(course @ course)
    if squares <= 0.0:
        return np.concatenate(([1.0], np.zeros(per_day)))
    left = [float(course[: len(course) - ahead] @ course[ahead:]) / squares for ahead in range(per_day + 1)]
    return np.minimum.accumulate(np.clip(left, 0.0, 1.0))
