"""What month and year have used, counted from closed intervals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from park_builder import ParkBuilder

from config.tariff import Tariff
from controller.bill import bill_of
from controller.ledger import Ledger
from controller.state import StateFile
from controller.totals import FactorSoFar, Totals
from dispatch.plan import Used
from dispatch.tariff import TariffCalendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
QUARTER = timedelta(minutes=15)
BEGIN = datetime(2026, 10, 1, tzinfo=SHANGHAI)


def add(
    totals: Totals, start: datetime, import_kwh: float = 100.0, co2_kg: float | None = 50.0, given_kwh: float = 0.0
) -> None:
    totals.add(
        start,
        start + QUARTER,
        import_kwh=import_kwh,
        export_kwh=10.0,
        gas_kwh=20.0,
        co2_kg=co2_kg,
        available_kwh=30.0,
        factor=totals.factor_before(start).with_more(80.0, 60.0, 70.0),
        heat_kgce=3.0,
        discharged_kwh={"battery": given_kwh},
    )


def test_intervals_add_up_over_the_month() -> None:
    totals = Totals(SHANGHAI)
    for index in range(3):
        add(totals, BEGIN + index * QUARTER)
    used = totals.before(BEGIN + 3 * QUARTER)
    assert (used.month_import_kwh, used.month_export_kwh, used.month_gas_kwh) == (300.0, 30.0, 60.0)
    assert (used.month_co2_kg, used.month_available_kwh) == (150.0, 90.0)
    assert used.month_kgce == pytest.approx((300 - 30 + 60) * 0.1229 + 3 * 3.0)
    assert used.month_since is None
    assert used.year_import_kwh == 300.0
    assert used.year_since == BEGIN  # the year began in January


def test_what_a_battery_has_discharged_begins_at_nothing_with_the_local_day() -> None:
    totals = Totals(SHANGHAI)
    assert totals.before(BEGIN).day_discharged_kwh == {}
    evening = BEGIN + timedelta(hours=23)
    add(totals, evening, given_kwh=20.0)
    add(totals, evening + QUARTER, given_kwh=5.0)
    used = totals.before(evening + 2 * QUARTER)
    assert used.day_discharged_kwh == {"battery": 25.0}
    assert used.day_since == evening  # nobody counted before
    restored = Totals(SHANGHAI)
    restored.restore(totals.saved())
    assert restored.before(evening + 2 * QUARTER) == used
    add(totals, evening + 2 * QUARTER)
    add(totals, evening + 3 * QUARTER)
    tomorrow = totals.before(BEGIN + timedelta(hours=24))
    assert tomorrow.day_discharged_kwh == {"battery": 0.0}
    assert tomorrow.day_since is None


def test_a_new_month_begins_at_nothing_and_the_year_goes_on() -> None:
    totals = Totals(SHANGHAI)
    last = datetime(2026, 10, 31, 23, 45, tzinfo=SHANGHAI)
    add(totals, last)
    used = totals.before(last + QUARTER)
    assert (used.month_import_kwh, used.month_co2_kg, used.month_since) == (0.0, 0.0, None)
    assert used.year_import_kwh == 100.0
    year = Totals(SHANGHAI)
    add(year, datetime(2026, 12, 31, 23, 45, tzinfo=SHANGHAI))
    used = year.before(datetime(2027, 1, 1, tzinfo=SHANGHAI))
    assert (used.year_import_kwh, used.year_since) == (0.0, None)


def test_what_was_not_counted_is_not_taken_for_nothing() -> None:
    totals = Totals(SHANGHAI)
    noon = BEGIN + timedelta(hours=12)
    assert totals.before(noon).month_since == noon
    add(totals, noon)
    assert totals.before(noon + QUARTER).month_since == noon
    # a gap of an hour in the middle of the month
    later = noon + timedelta(hours=1)
    assert totals.before(later).month_since == later
    # the next month is whole again
    add(totals, datetime(2026, 10, 31, 23, 45, tzinfo=SHANGHAI))
    assert totals.before(datetime(2026, 11, 1, tzinfo=SHANGHAI)).month_since is None


def test_without_a_tariff_carbon_is_unknown() -> None:
    totals = Totals(SHANGHAI)
    add(totals, BEGIN)
    add(totals, BEGIN + QUARTER, co2_kg=None)
    assert totals.before(BEGIN + 2 * QUARTER).month_since == BEGIN + 2 * QUARTER


def test_totals_come_back_after_a_restart() -> None:
    totals, again = Totals(SHANGHAI), Totals(SHANGHAI)
    assert totals.saved() is None
    for index in range(3):
        add(totals, BEGIN + index * QUARTER)
    saved = totals.saved()
    assert saved is not None
    again.restore(type(saved).model_validate_json(saved.model_dump_json()))
    assert again.before(BEGIN + 3 * QUARTER) == totals.before(BEGIN + 3 * QUARTER)
    assert again.factor_before(BEGIN + 3 * QUARTER) == FactorSoFar(import_kwh=240, reactive_kvarh=180, charge=210)
    assert again.factor_before(datetime(2026, 11, 1, tzinfo=SHANGHAI)) == FactorSoFar()


def test_a_state_file_without_totals_is_read(tmp_path: Path) -> None:
    text = (
        '{"version": 1, "site": "demo_park", "saved_at": "2026-10-14T04:00:00Z", "month": "2026-10", '
        '"month_peak_kw": 1234.5, "interval": null, "counters_kwh": {}, "guards": {}, "alarms": [], "plan": null}'
    )
    (tmp_path / "state.json").write_text(text)
    saved, warning = StateFile(tmp_path).load("demo_park")
    assert (saved is not None, warning) == (True, "")
    assert saved is not None
    assert saved.totals is None


def test_the_ledger_counts_what_it_measured(park: ParkBuilder) -> None:
    ledger = Ledger(park.site)
    power = {"grid": 400.0, "pv_a": 100.0, "pv_b": 0.0, "wind": 50.0, "boiler": 940.0}
    unread = {"grid.energy_import_kwh": None, "grid.energy_export_kwh": None}
    ledger.update(park.snapshot({**power, **unread}, at=park.NOON, site_s=0.0), {})
    later = park.NOON + QUARTER
    ledger.update(park.snapshot({**power, **unread}, at=later, site_s=900.0), {})
    used = ledger.used(later)
    assert used.month_import_kwh == pytest.approx(100.0)
    assert used.month_gas_kwh == pytest.approx(250.0)
    assert used.month_available_kwh == pytest.approx(37.5)
    assert used.month_co2_kg == pytest.approx(100 * 0.4974 + 250 * 0.1999)
    assert used.month_since == park.NOON
    again = Ledger(park.site)
    again.restore(ledger.month, ledger.saved_peak_kw, None, {}, ledger.saved_totals)
    assert again.used(later) == used


# the bill of an interval


def billed(tariff: Tariff, **given: float | Used) -> dict[str, float]:
    numbers = {"hours": 1.0, "import_kwh": 0.0, "export_kwh": 0.0, "gas_kwh": 0.0, "mean_kw": 0.0, "month_peak_kw": 0.0}
    start = datetime(2026, 3, 2, tzinfo=UTC)
    bill = bill_of(TariffCalendar([tariff]), start, **{"used": Used(), **numbers, **given})  # type: ignore[arg-type]
    assert bill is not None
    return dict(bill.cost)


@pytest.fixture
def plain(demo_site: object) -> Tariff:
    from tiny_park import tariff

    return tariff([0.5], demand_charge_per_kw_month=31)


def test_the_contract_is_paid_by_the_hour_and_excess_once(plain: Tariff) -> None:
    contract = {"kw": {"default": 240}, "excess_from": 1.05, "excess_times": 2}
    tariff = Tariff.model_validate({**plain.model_dump(), "contracted_demand": contract})
    within = billed(tariff, mean_kw=252.0)
    assert within["contract"] == pytest.approx(240 * 31 / (31 * 24))
    assert within["demand"] == 0.0
    assert billed(tariff, mean_kw=262.0)["demand"] == pytest.approx(10 * 62)
    assert billed(tariff, mean_kw=262.0, month_peak_kw=260.0)["demand"] == pytest.approx(2 * 62)


def test_the_surcharge_of_an_interval(plain: Tariff) -> None:
    ladder = {"over": "month", "steps": [{"above_kwh": 1000, "surcharge_per_kwh": 0.2}]}
    tariff = Tariff.model_validate({**plain.model_dump(), "ladder": ladder})
    assert billed(tariff, import_kwh=100.0, used=Used(month_import_kwh=850))["ladder"] == 0.0
    assert billed(tariff, import_kwh=100.0, used=Used(month_import_kwh=950))["ladder"] == pytest.approx(50 * 0.2)
    assert billed(tariff, import_kwh=100.0, used=Used(month_import_kwh=9999))["ladder"] == pytest.approx(100 * 0.2)
    assert billed(plain, import_kwh=100.0, used=Used(month_import_kwh=9999))["ladder"] == 0.0
    over_year = replace(Used(), year_import_kwh=9999.0)
    assert billed(tariff, import_kwh=100.0, used=over_year)["ladder"] == 0.0
