"""Ways to forecast a day, by hand: two intervals a day, day 0 is a Monday."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.forecast.daily import (
    LOOKS_BACK,
    Days,
    Ridge,
    last_days_mean,
    last_week,
    same_day_type,
    weekday_mean,
    yesterday,
)


def days_of(rows: np.ndarray) -> Days:
    like = np.arange(len(rows) + 7) % 7
    return Days(np.asarray(rows, dtype=float), like, like >= 5)


WEEKS = days_of(np.array([[10.0 * day, 10.0 * day + 1.0] for day in range(15)]))


def test_the_simple_ways() -> None:
    monday = 14
    assert yesterday(WEEKS, monday).tolist() == [130.0, 131.0]
    assert last_week(WEEKS, monday).tolist() == [70.0, 71.0]
    assert same_day_type(WEEKS, monday).tolist() == [110.0, 111.0]  # the Friday before
    assert same_day_type(WEEKS, 12).tolist() == [60.0, 61.0]  # a Saturday: the Sunday before
    assert last_days_mean(WEEKS, monday).tolist() == [85.0, 86.0]


def test_a_weekday_mean_is_brought_to_the_level_of_the_last_week() -> None:
    """Four equal weeks, then one of twice as much: like four Mondays on average, times the level of the last week."""
    week = np.array([[100.0, 200.0]] * 5 + [[10.0, 20.0]] * 2)
    days = days_of(np.vstack([week] * 4 + [2.0 * week]))
    # the last seven days were twice their weekdays' mean
    monday = weekday_mean(days, 35)
    assert monday == pytest.approx(2.0 * np.array([125.0, 250.0]))


def test_a_ridge_learns_a_week_and_a_holiday() -> None:
    """Workdays of 100, days off of 20, and every day follows the one before by half of what that was off."""
    rng = np.random.default_rng(5)
    count = 200
    like = np.arange(count + 7) % 7
    off = like >= 5
    off[150] = True
    like[150] = 6
    base = np.where(off, 20.0, 100.0)
    error = np.zeros(count)
    for day in range(1, count):
        error[day] = 0.5 * error[day - 1] + rng.normal(0.0, 1.0)
    rows = np.repeat((base[:count] + error)[:, None], 4, axis=1)
    days = Days(rows, like, off)
    known = np.ones(rows.shape, dtype=bool)
    ridge = Ridge.fitted(days, 140, known)
    usual = [*range(140, 150), *range(180, count)]  # without the holiday in what they look back on
    missed = [abs(float(ridge.day(days, day)[0]) - rows[day, 0]) for day in usual]
    assert np.mean(missed) < 1.2
    naive = [abs(rows[day - 7, 0] - rows[day, 0]) for day in usual]
    assert np.mean(missed) < np.mean(naive)
    # a Thursday that is a holiday
    assert float(ridge.day(days, 150)[0]) == pytest.approx(20.0, abs=12.0)


def test_what_was_not_measured_teaches_nothing() -> None:
    rows = np.full((80, 3), 50.0)
    rows[60] = 5000.0
    like = np.arange(100) % 7
    days, known = Days(rows, like, like >= 5), np.ones(rows.shape, dtype=bool)
    known[60] = False
    told = Ridge.fitted(days, 80, np.ones(rows.shape, dtype=bool)).weights
    untold = Ridge.fitted(days, 80, known).weights
    assert not np.allclose(told, untold)
    assert LOOKS_BACK == 28
