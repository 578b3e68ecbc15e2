"""Tariffs to the second: band edges, holidays, month ends, and the day that no tariff covers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.site import Site
from config.tariff import Tariff
from dispatch.tariff import NoTariff, TariffCalendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
SECOND = timedelta(seconds=1)

VALLEY, FLAT, PEAK, SHARP, DEEP = (0.155 + 0.525 * ratio for ratio in (0.40, 1.0, 1.85, 2.05, 0.20))


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.fixture
def calendar(demo_site: Site) -> TariffCalendar:
    return TariffCalendar(demo_site.tariffs)


@pytest.mark.parametrize(
    ("hour", "before", "after"),
    [
        (0, "flat", "valley"),
        (7, "valley", "flat"),
        (11, "flat", "valley"),
        (14, "valley", "flat"),
        (16, "flat", "peak"),
        (23, "peak", "flat"),
    ],
)
def test_a_band_begins_on_the_second(calendar: TariffCalendar, hour: int, before: str, after: str) -> None:
    edge = local(2026, 10, 14, hour)
    assert calendar.band_at(edge - SECOND) == before
    assert calendar.band_at(edge - timedelta(microseconds=1)) == before
    assert calendar.band_at(edge) == after


def test_prices_follow_fixed_plus_base_times_ratio(calendar: TariffCalendar) -> None:
    assert calendar.import_price_at(local(2026, 10, 14, 3)) == pytest.approx(0.365)
    assert calendar.import_price_at(local(2026, 10, 14, 8)) == pytest.approx(0.680)
    assert calendar.import_price_at(local(2026, 10, 14, 19)) == pytest.approx(1.12625)
    assert calendar.import_price_at(local(2026, 12, 14, 19)) == pytest.approx(1.23125)


def test_the_season_changes_with_the_local_month(calendar: TariffCalendar) -> None:
    assert calendar.band_at(local(2026, 11, 30, 21, 59, 59)) == "peak"
    assert calendar.band_at(local(2026, 12, 1, 17, 59, 59)) == "peak"
    assert calendar.band_at(local(2026, 12, 1, 18)) == "sharp"
    assert calendar.band_at(local(2026, 12, 1, 22)) == "peak"
    assert calendar.band_at(local(2027, 1, 31, 18)) == "sharp"
    assert calendar.band_at(local(2027, 2, 1, 18)) == "peak"


def test_holidays_replace_only_the_hours_they_name(calendar: TariffCalendar) -> None:
    for day in (1, 2, 3):
        assert calendar.band_at(local(2026, 10, day, 8, 59, 59)) == "flat"
        assert calendar.band_at(local(2026, 10, day, 9)) == "deep_valley"
        assert calendar.band_at(local(2026, 10, day, 14, 59, 59)) == "deep_valley"
        assert calendar.band_at(local(2026, 10, day, 15)) == "flat"
        assert calendar.import_price_at(local(2026, 10, day, 12)) == pytest.approx(DEEP)
    assert calendar.band_at(local(2026, 9, 30, 9)) == "flat"
    assert calendar.band_at(local(2026, 10, 4, 9)) == "flat"


@pytest.mark.parametrize(
    ("when", "change"),
    [
        (local(2026, 10, 14, 10, 59, 59), local(2026, 10, 14, 11)),
        (local(2026, 10, 14, 11), local(2026, 10, 14, 14)),
        (local(2026, 10, 14, 23, 30), local(2026, 10, 15)),
        (local(2026, 9, 30, 23, 30), local(2026, 10, 1)),
        (local(2026, 10, 1, 7), local(2026, 10, 1, 9)),
    ],
)
def test_the_next_change_of_band(calendar: TariffCalendar, when: datetime, change: datetime) -> None:
    assert calendar.next_band_change(when) == change


def test_a_tariff_of_one_band_never_changes(hourly_tariff: Callable[..., Tariff]) -> None:
    calendar = TariffCalendar([hourly_tariff([0.5])])
    assert calendar.next_band_change(datetime(2026, 3, 2, tzinfo=UTC)) is None
    ending = TariffCalendar([hourly_tariff([0.5], valid_until=date(2026, 3, 4))])
    assert ending.next_band_change(datetime(2026, 3, 2, tzinfo=UTC)) is None


def test_prices_on_a_grid_of_a_day(calendar: TariffCalendar) -> None:
    prices = calendar.over(local(2026, 10, 14), np.full(96, 0.25))
    expected = np.repeat([VALLEY, FLAT, VALLEY, FLAT, PEAK, FLAT], [28, 16, 12, 8, 28, 4])
    assert prices.import_per_kwh == pytest.approx(expected)
    assert prices.export_per_kwh == pytest.approx(np.full(96, 0.4153))
    assert prices.month.tolist() == [0] * 96
    assert prices.demand_per_kw.tolist() == [48.0]


def test_prices_to_the_second(calendar: TariffCalendar) -> None:
    prices = calendar.over(local(2026, 10, 14, 10, 59, 57), np.full(6, 1 / 3600))
    assert prices.import_per_kwh == pytest.approx([FLAT] * 3 + [VALLEY] * 3, abs=1e-6)


def test_an_interval_across_an_edge_gets_the_mean_by_time(calendar: TariffCalendar) -> None:
    prices = calendar.over(local(2026, 10, 14, 6, 45), np.array([1.0, 0.5]))
    assert prices.import_per_kwh == pytest.approx([0.25 * VALLEY + 0.75 * FLAT, FLAT])


def test_a_horizon_over_the_end_of_a_month(calendar: TariffCalendar) -> None:
    prices = calendar.over(local(2026, 11, 30, 18), np.full(24, 1.0))
    assert prices.month.tolist() == [0] * 6 + [1] * 18
    assert prices.demand_per_kw.tolist() == [48.0, 48.0]
    assert prices.import_per_kwh[0] == pytest.approx(PEAK)
    assert prices.import_per_kwh[23] == pytest.approx(PEAK)  # December's 17 h


def test_several_dated_tariffs_in_one_horizon(hourly_tariff: Callable[..., Tariff]) -> None:
    old = hourly_tariff([0.5], valid_until=date(2026, 4, 1), demand_charge_per_kw_month=30, gas_per_kwh=0.25)
    new = hourly_tariff([0.8], valid_from=date(2026, 4, 1), demand_charge_per_kw_month=40, carbon_price_per_t=100)
    prices = TariffCalendar([old, new]).over(datetime(2026, 3, 31, 22, tzinfo=UTC), np.full(4, 1.0))
    assert prices.import_per_kwh == pytest.approx([0.5, 0.5, 0.8, 0.8])
    assert prices.gas_per_kwh == pytest.approx([0.25, 0.25, 0.3, 0.3])
    assert prices.import_carbon_per_kwh == pytest.approx([0, 0, 0.05, 0.05])
    assert prices.gas_carbon_per_kwh == pytest.approx([0, 0, 0.02, 0.02])
    assert prices.import_cost_per_kwh == pytest.approx([0.5, 0.5, 0.85, 0.85])
    assert prices.demand_per_kw.tolist() == [30, 40]


def test_the_base_price_of_a_month(hourly_tariff: Callable[..., Tariff]) -> None:
    tariff = hourly_tariff([0.5], base_per_kwh={"default": 1.0, "2026-04": 1.2}, fixed_per_kwh=0.1)
    prices = TariffCalendar([tariff]).over(datetime(2026, 3, 31, 23, tzinfo=UTC), np.full(2, 1.0))
    assert prices.import_per_kwh == pytest.approx([0.6, 0.7])


@pytest.mark.parametrize(
    ("start", "step_h", "day"),
    [
        (local(2026, 6, 30, 23, 59, 59), 1.0, "2026-06-30"),
        (local(2026, 6, 30, 12), 24.0, "2026-06-30"),
    ],
)
def test_an_uncovered_day_is_named(calendar: TariffCalendar, start: datetime, step_h: float, day: str) -> None:
    with pytest.raises(NoTariff, match=f"no tariff covers {day}"):
        calendar.over(start, np.array([step_h]))
    assert calendar.band_at(local(2026, 7, 1)) == "valley"


def test_a_horizon_that_runs_out_of_the_last_tariff(hourly_tariff: Callable[..., Tariff]) -> None:
    calendar = TariffCalendar([hourly_tariff([0.5], valid_until=date(2026, 4, 1))])
    with pytest.raises(NoTariff, match="2026-04-01"):
        calendar.over(datetime(2026, 3, 31, 22, tzinfo=UTC), np.full(3, 1.0))


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 28), 24), ((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 10, 26), 24)]
)
def test_bands_follow_the_local_clock_on_days_when_it_changes(
    hourly_tariff: Callable[..., Tariff], day: tuple[int, int, int], hours: int
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    keys: dict[str, Any] = {"time_zone": "Europe/Berlin"}
    # cheap until 6 h local, dear after it
    calendar = TariffCalendar([hourly_tariff([0.2] * 6 + [0.9], **keys)])
    start = datetime(*day, tzinfo=berlin).astimezone(UTC)
    end = (datetime(*day, tzinfo=berlin) + timedelta(days=1)).astimezone(UTC)
    assert (end - start) == timedelta(hours=hours)
    prices = calendar.over(start, np.full(hours, 1.0))
    cheap = int(np.sum(prices.import_per_kwh < 0.5))
    assert cheap == 6 + hours - 24
    six = datetime(*day, 6, tzinfo=berlin).astimezone(UTC)
    assert calendar.import_price_at(six - SECOND) == pytest.approx(0.2)
    assert calendar.import_price_at(six) == pytest.approx(0.9)
