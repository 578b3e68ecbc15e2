"""What one interval costs, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.site import Site
from controller.bill import bill_of
from dispatch.tariff import TariffCalendar


def test_the_bill_of_a_quarter_of_an_hour_by_hand(demo_site: Site) -> None:
    # 17:00 in Hangzhou in October is peak: 0.155 + 0.525 * 1.85 = 1.12625
    start = datetime(2026, 10, 14, 9, tzinfo=UTC)
    bill = bill_of(TariffCalendar(demo_site.tariffs), start, import_kwh=100, export_kwh=10, gas_kwh=20, above_kw=5)
    assert bill is not None
    assert bill.import_price == pytest.approx(1.12625)
    assert bill.cost == {
        "import": pytest.approx(112.625),
        "export": pytest.approx(-4.153),
        "gas": pytest.approx(6.66),
        "demand": pytest.approx(240.0),
        "carbon": 0.0,
    }
    assert bill.co2_kg == pytest.approx(100 * 0.4974 + 20 * 0.1999)


def test_a_day_without_a_tariff_has_no_bill(demo_site: Site) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    assert bill_of(TariffCalendar(demo_site.tariffs), start, import_kwh=1, export_kwh=0, gas_kwh=0, above_kw=0) is None
