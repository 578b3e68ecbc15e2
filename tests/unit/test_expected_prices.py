"""Spot prices that are not known yet: what has been published, and what is expected after it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config.calendar import SiteCalendar
from config.price_series import PriceSeries, SpotPrices
from dispatch.forecast.prices import with_expected

ZONE = ZoneInfo("Europe/Berlin")
TERMS = SpotPrices(file="spot.csv", interval_min=60, least_per_kwh=-1, most_per_kwh=1, published_h=13)
MONDAY = datetime(2026, 3, 2, tzinfo=ZONE)
ALL_WEEK = SiteCalendar()


def prices(first: datetime, days: int) -> PriceSeries:
    """Each hour's price says its day of the month and its hour: 0.0207 at 7 on the second."""
    begin = first.astimezone(UTC)
    starts = [begin + timedelta(hours=hour) for hour in range(24 * days)]
    local = [start.astimezone(ZONE) for start in starts]
    values = tuple(when.day / 100 + when.hour / 10_000 for when in local)
    return PriceSeries(
        starts_s=tuple(start.timestamp() for start in starts),
        length_s=3600.0,
        import_per_kwh=values,
        export_per_kwh=tuple(-value for value in values),
    )


def at(series: PriceSeries, when: datetime) -> float | None:
    place = series.index_at(when.timestamp())
    return None if place is None else series.import_per_kwh[place]


@pytest.mark.parametrize(("hour", "days"), [(0, 1), (12, 1), (13, 2), (23, 2)])
def test_tomorrow_s_prices_are_known_from_an_hour_on(hour: int, days: int) -> None:
    known = prices(MONDAY, 5).published(TERMS, MONDAY + timedelta(hours=hour), ZONE)
    assert known.starts_s[-1] == (MONDAY + timedelta(days=days, hours=-1)).timestamp()
    assert known.export_per_kwh is not None
    assert len(known.starts_s) == len(known.import_per_kwh) == len(known.export_per_kwh)


def test_without_an_hour_all_that_is_there_is_known() -> None:
    series, terms = prices(MONDAY, 5), TERMS.model_copy(update={"published_h": None})
    assert series.published(terms, MONDAY, ZONE) is series


@pytest.mark.parametrize(
    ("known_days", "asked", "like"),
    [
        (3, 3, 4),  # Thursday is like Wednesday, the 4th
        (7, 7, 2),  # a Monday like the Monday before
        (8, 8, 6),  # a Tuesday like the last working day but Monday
        (5, 5, None),  # no Saturday is known
    ],
)
def test_a_day_is_like_the_last_of_its_kind(known_days: int, asked: int, like: int | None) -> None:
    """Counted from Monday, the 2nd; days of which `asked` have passed."""
    start = MONDAY + timedelta(days=known_days)
    found = with_expected(prices(MONDAY, known_days), start, start + timedelta(days=1), ZONE, ALL_WEEK)
    assert found is not None
    noon = MONDAY + timedelta(days=asked, hours=12)
    assert at(found, noon) == (None if like is None else pytest.approx(like / 100 + 0.0012))
    assert found.expected_from_s == (None if like is None else start.timestamp())


def test_a_holiday_is_like_a_sunday() -> None:
    calendar = SiteCalendar(holidays=frozenset({date(2026, 3, 11)}))
    start = MONDAY + timedelta(days=9)  # Wednesday, the 11th
    found = with_expected(prices(MONDAY, 9), start, start + timedelta(days=1), ZONE, calendar)
    assert found is not None
    assert at(found, start + timedelta(hours=7)) == pytest.approx(0.08 + 0.0007)  # of Sunday, the 8th


def test_only_what_follows_the_last_price_is_expected() -> None:
    known, start = prices(MONDAY, 4), MONDAY + timedelta(days=3, hours=8)
    found = with_expected(known, start, start + timedelta(days=1), ZONE, ALL_WEEK)
    assert found is not None
    assert found.starts_s[: len(known.starts_s)] == known.starts_s
    assert len(found.starts_s) == len(known.starts_s) + 8
    assert found.expected_from_s == (MONDAY + timedelta(days=4)).timestamp()
    assert with_expected(known, MONDAY, MONDAY + timedelta(days=1), ZONE, ALL_WEEK) is known
    assert with_expected(None, start, start + timedelta(days=1), ZONE, ALL_WEEK) is None


def test_the_clock_that_goes_forward_keeps_hours_in_place() -> None:
    """Sunday, the 29th of March has no hour from 2 to 3; the week after it has."""
    first = datetime(2026, 3, 23, tzinfo=ZONE)
    start = datetime(2026, 4, 5, tzinfo=ZONE)
    found = with_expected(prices(first, 13), start, start + timedelta(days=1), ZONE, ALL_WEEK)
    assert found is not None
    assert at(found, start + timedelta(hours=7)) == pytest.approx(0.29 + 0.0007)


def test_a_market_that_has_been_silent_for_days_is_still_a_guess() -> None:
    start = MONDAY + timedelta(days=4, hours=6, minutes=15)  # Friday; the last price was Tuesday's
    found = with_expected(prices(MONDAY, 2), start, start + timedelta(hours=4), ZONE, ALL_WEEK)
    assert found is not None
    assert at(found, start) == pytest.approx(0.03 + 0.0006)
