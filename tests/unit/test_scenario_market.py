"""Prices and limits of a scenario, as the controller's tariff says them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.announcement import Announcement, read_announcement
from config.site import Site
from config.terms import Terms, on_terms
from dispatch.tariff import TariffCalendar
from simulators.scenarios.loading import load_scenario
from simulators.scenarios.market import local_hours
from simulators.scenarios.scenario import Scenario


def scenario_of(folder: Path, site: Site, *lines: str, start: str = "2026-07-31T12:00:00") -> Scenario:
    path = folder / "market.yaml"
    head = ("description: a market", f"start: {start}", "length: 24h")
    path.write_text("\n".join((*head, *lines)), encoding="utf-8")
    return load_scenario(path, site)


def terms_of(scenario: Scenario) -> Terms:
    assert scenario.terms is not None
    return scenario.terms


def local(*when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo("Asia/Shanghai"))  # type: ignore[misc,arg-type]


def test_a_price_stands_in_the_tariff_for_its_hours_and_no_longer(demo_site: Site, tmp_path: Path) -> None:
    # from 19:00 of a July over midnight to 01:00 in August
    scenario = scenario_of(tmp_path, demo_site, "prices: [{at: 7h, for: 6h, import_per_kwh: 4, reason: spike}]")
    calendar = TariffCalendar(on_terms(demo_site, scenario.terms).tariffs)
    plain = TariffCalendar(demo_site.tariffs)
    for moment in (local(2026, 7, 31, 18, 59), local(2026, 8, 1, 1), local(2026, 8, 1, 20), local(2026, 7, 30, 20)):
        assert calendar.import_price_at(moment) == plain.import_price_at(moment)
    for moment in (local(2026, 7, 31, 19), local(2026, 7, 31, 23, 59), local(2026, 8, 1), local(2026, 8, 1, 0, 59)):
        assert calendar.import_price_at(moment) == pytest.approx(4.0)


def test_of_two_prices_for_an_hour_the_later_in_the_file_counts(demo_site: Site, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, demo_site, "prices: [{import_per_kwh: 4}, {at: 2h, for: 1h, import_per_kwh: 5}]")
    calendar = TariffCalendar(terms_of(scenario).tariffs)
    assert [calendar.import_price_at(local(2026, 7, 31, hour)) for hour in (13, 14, 15)] == pytest.approx([4, 5, 4])


def test_limits_are_shares_of_those_of_the_site_file(demo_site: Site, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, demo_site, "connection: {import_limit_share: 0.5, export_limit_share: 0.2}")
    terms = terms_of(scenario)
    assert (terms.import_limit_kw, terms.export_limit_kw) == (1500, 200)
    assert terms.tariffs == demo_site.tariffs
    changed = on_terms(demo_site, terms)
    name, grid = changed.grid
    assert (grid.import_limit_kw, grid.export_limit_kw) == (1500, 200)
    assert demo_site.grid[1].import_limit_kw == 3000
    assert {**changed.assets, name: None} == {**demo_site.assets, name: None}
    assert on_terms(demo_site, None) is demo_site


def test_terms_come_to_the_controller_as_they_are(demo_site: Site, tmp_path: Path) -> None:
    scenario = scenario_of(
        tmp_path, demo_site, "prices: [{import_per_kwh: 4}]", "connection: {import_limit_share: 0.3}"
    )
    announced = Announcement(
        connections={}, start=scenario.start, origin_s=0, speed=1, processes={}, terms=terms_of(scenario)
    )
    announced.write(tmp_path / "park.json")
    assert read_announcement(tmp_path / "park.json").terms == scenario.terms


def test_hours_of_a_day_in_whole_minutes() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    begin = datetime(2026, 7, 15, 10, 0, 30, tzinfo=UTC)
    assert local_hours(begin, begin + timedelta(hours=1), zone) == {date(2026, 7, 15): ("18:00-19:01",)}
    over_midnight = local_hours(begin, begin + timedelta(hours=30), zone)
    assert over_midnight == {
        date(2026, 7, 15): ("18:00-24:00",),
        date(2026, 7, 16): ("00:00-24:00",),
        date(2026, 7, 17): ("00:00-00:01",),
    }


def test_hours_on_the_days_when_clocks_change() -> None:
    zone = ZoneInfo("Europe/Berlin")
    # 02:00 to 03:00 is left out in spring: two hours go from 01:00 to 04:00 on the wall
    spring = datetime(2026, 3, 29, 0, tzinfo=UTC)
    assert local_hours(spring, spring + timedelta(hours=2), zone) == {date(2026, 3, 29): ("01:00-02:00", "03:00-04:00")}
    # and comes twice in autumn: both have the price of either
    autumn = datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert local_hours(autumn, autumn + timedelta(hours=1), zone) == {date(2026, 10, 25): ("02:00-03:00",)}
    assert local_hours(autumn, autumn + timedelta(hours=2), zone) == {date(2026, 10, 25): ("02:00-03:00",)}
