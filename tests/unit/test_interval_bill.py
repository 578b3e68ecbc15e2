"""What one interval costs, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.site import Site
from controller.bill import bill_of
from dispatch.plan import Used
from dispatch.tariff import TariffCalendar


def test_the_bill_of_a_quarter_of_an_hour_by_hand(demo_site: Site) -> None:
    # 17:00 in Hangzhou in October is peak: 0.155 + 0.525 * 1.85 = 1.12625
    start = datetime(2026, 10, 14, 9, tzinfo=UTC)
    bill = bill_of(
        TariffCalendar(demo_site.tariffs),
        start,
        hours=0.25,
        import_kwh=100,
        export_kwh=10,
        gas_kwh=20,
        mean_kw=1305,
        month_peak_kw=1300,
        used=Used(),
    )
    assert bill is not None
    assert bill.import_price == pytest.approx(1.12625)
    assert bill.cost == {
        "import": pytest.approx(112.625),
        "export": pytest.approx(-4.153),
        "heat": 0.0,
        "gas": pytest.approx(6.66),
        "demand": pytest.approx(240.0),
        "contract": 0.0,
        "ladder": 0.0,
        "carbon": 0.0,
    }
    assert bill.co2_kg == pytest.approx(100 * 0.4974 + 20 * 0.1999)


def test_a_day_without_a_tariff_has_no_bill(demo_site: Site) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    nothing = {"import_kwh": 0.0, "export_kwh": 0.0, "gas_kwh": 0.0, "mean_kw": 0.0, "month_peak_kw": 0.0}
    assert bill_of(TariffCalendar(demo_site.tariffs), start, hours=0.25, used=Used(), **nothing) is None
