"""Spot prices that the market has not said yet: as they were on the last day of the same kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from config.calendar import SATURDAY, SiteCalendar
from config.price_series import PriceSeries

LOOKS_BACK_DAYS = 14
"""Days that are searched: two weeks hold a Monday, a Saturday and a Sunday before any other."""


def with_expected(
    spot: PriceSeries | None, start: datetime, end: datetime, zone: ZoneInfo, calendar: SiteCalendar
) -> PriceSeries | None:
    """The prices, and what is expected from the end of the last one to the end of the horizon.

    A working day from Tuesday to Friday is like the last working day, a Monday, a Saturday and a day off like the last
    one of the same: the usual yardstick of those who forecast prices. Where no such day is known there is none.
    """
    if spot is None or not spot.starts_s:
        return spot
    at_s, end_s = spot.starts_s[-1] + spot.length_s, end.timestamp()
    if at_s < start.timestamp():
        # the market's last word is old: what it said of other days is still the best guess
        behind = (start.timestamp() - at_s) % spot.length_s
        at_s = start.timestamp() - behind
    places: list[int] = []
    starts_s: list[float] = []
    while at_s < end_s:
        place = _like(spot, at_s, zone, calendar)
        if place is None:
            break
        places.append(place)
        starts_s.append(at_s)
        at_s += spot.length_s
    if not places:
        return spot
    return replace(
        spot,
        starts_s=(*spot.starts_s, *starts_s),
        import_per_kwh=(*spot.import_per_kwh, *(spot.import_per_kwh[place] for place in places)),
        export_per_kwh=None
        if spot.export_per_kwh is None
        else (*spot.export_per_kwh, *(spot.export_per_kwh[place] for place in places)),
        expected_from_s=starts_s[0],
    )


def _like(spot: PriceSeries, posix_s: float, zone: ZoneInfo, calendar: SiteCalendar) -> int | None:
    """The known price at the same time of the last day of the same kind."""
    local = datetime.fromtimestamp(posix_s, UTC).astimezone(zone)
    kind = _kind(local, calendar)
    for days in range(1, LOOKS_BACK_DAYS + 1):
        then = (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=zone)
        if _kind(then, calendar) == kind and (place := spot.index_at(then.timestamp())) is not None:
            return place
    return None


def _kind(local: datetime, calendar: SiteCalendar) -> int:
    """Monday, another working day, Saturday, or a day off."""
    like = calendar.weekday_like(local.date())
    return 1 if 0 < like < SATURDAY else like
