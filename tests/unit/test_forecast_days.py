"""A history as local days, on ordinary days and on those on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from config.calendar import SiteCalendar
from dispatch.forecast.days import LocalDays

SHANGHAI = LocalDays(ZoneInfo("Asia/Shanghai"), 60, SiteCalendar())
BERLIN = LocalDays(ZoneInfo("Europe/Berlin"), 60, SiteCalendar())


def test_a_day_begins_at_local_midnight() -> None:
    first, rows = SHANGHAI.matrix(datetime(2026, 10, 1, 14, tzinfo=UTC), np.arange(30.0))
    assert date.fromordinal(first) == date(2026, 10, 1)
    assert rows.shape == (3, 24)
    assert np.isnan(rows[0, :22]).all()
    assert rows[0, 22:].tolist() == [0.0, 1.0]
    assert rows[1].tolist() == list(np.arange(2.0, 26.0))
    assert rows[2, :4].tolist() == [26.0, 27.0, 28.0, 29.0]
    assert np.isnan(rows[2, 4:]).all()


def test_an_hour_that_comes_twice_counts_once_and_one_that_does_not_come_is_unknown() -> None:
    _, autumn = BERLIN.matrix(datetime(2026, 10, 24, 22, tzinfo=UTC), np.arange(25.0))
    assert autumn.shape == (1, 24)
    assert autumn[0, :5].tolist() == [0.0, 1.0, 3.0, 4.0, 5.0]  # two o'clock: the second of both
    assert autumn[0, 23] == 24.0
    _, spring = BERLIN.matrix(datetime(2026, 3, 28, 23, tzinfo=UTC), np.arange(23.0))
    assert spring[0, :2].tolist() == [0.0, 1.0]
    assert np.isnan(spring[0, 2])
    assert spring[0, 3:].tolist() == list(np.arange(2.0, 23.0))


def test_days_know_what_they_are_like() -> None:
    calendar = SiteCalendar(holidays=frozenset({date(2026, 10, 1)}))
    like, off = LocalDays(ZoneInfo("Asia/Shanghai"), 60, calendar).types(date(2026, 9, 30).toordinal(), 4)
    assert like.tolist() == [2, 6, 4, 5]
    assert off.tolist() == [False, True, False, True]
