"""The days on which a park does not work as its weekdays say."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import model_validator

from config.base import Frozen

SATURDAY, SUNDAY = 5, 6


class SiteCalendar(Frozen):
    """Weekends are days off, holidays are like Sundays, and weekends that are worked instead are like Fridays."""

    holidays: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()
    """Saturdays and Sundays that are worked, as those that make up for a long holiday."""
    bridge_days: bool = False
    """Whether a single working day between two days off is taken off, too."""

    @model_validator(mode="after")
    def _no_day_twice(self) -> SiteCalendar:
        if both := sorted(self.holidays & self.working_days):
            raise ValueError(f"{both[0]} is both a holiday and a working day")
        if wrong := sorted(day for day in self.working_days if day.weekday() < SATURDAY):
            raise ValueError(f"{wrong[0]} is a weekday, which is worked without being named")
        return self

    def _closed(self, day: date) -> bool:
        return day in self.holidays or (day.weekday() >= SATURDAY and day not in self.working_days)

    def is_off(self, day: date) -> bool:
        """Whether the park rests."""
        if self._closed(day):
            return True
        one = timedelta(days=1)
        return self.bridge_days and self._closed(day - one) and self._closed(day + one)

    def weekday_like(self, day: date) -> int:
        """The weekday whose load a day has, 0 for Monday: holidays have a Sunday's, worked weekends a Friday's."""
        if day.weekday() < SATURDAY:
            return SUNDAY if self.is_off(day) else day.weekday()
        return SATURDAY - 1 if day in self.working_days else day.weekday()
