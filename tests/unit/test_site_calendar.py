"""Which days a park works: the first week of October 2026, Thursday to Wednesday."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from config.calendar import SiteCalendar

THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 10, day) for day in (1, 2, 3, 4, 5))


def test_weekends_are_days_off() -> None:
    calendar = SiteCalendar()
    assert [calendar.is_off(day) for day in (THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY)] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert [calendar.weekday_like(day) for day in (THURSDAY, SATURDAY, SUNDAY)] == [3, 5, 6]


def test_a_holiday_is_like_a_sunday_and_a_worked_weekend_like_a_friday() -> None:
    calendar = SiteCalendar(holidays=frozenset({THURSDAY}), working_days=frozenset({SUNDAY}))
    assert (calendar.is_off(THURSDAY), calendar.weekday_like(THURSDAY)) == (True, 6)
    assert (calendar.is_off(SUNDAY), calendar.weekday_like(SUNDAY)) == (False, 4)


def test_a_bridge_day_is_taken_off_where_people_do_so() -> None:
    holiday = frozenset({THURSDAY})
    assert not SiteCalendar(holidays=holiday).is_off(FRIDAY)
    bridged = SiteCalendar(holidays=holiday, bridge_days=True)
    assert (bridged.is_off(FRIDAY), bridged.weekday_like(FRIDAY)) == (True, 6)
    assert not bridged.is_off(MONDAY)


@pytest.mark.parametrize(
    ("holidays", "working_days", "words"),
    [
        ({SATURDAY}, {SATURDAY}, "2026-10-03 is both a holiday and a working day"),
        (set(), {THURSDAY}, "2026-10-01 is a weekday, which is worked without being named"),
    ],
)
def test_days_that_contradict_themselves_are_refused(holidays: set[date], working_days: set[date], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SiteCalendar(holidays=frozenset(holidays), working_days=frozenset(working_days))
