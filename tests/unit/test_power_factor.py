"""The power-factor adjustment, by hand, and as the ledger bills it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import sqrt
from typing import Any

import pytest
from park_builder import ParkBuilder
from pydantic import ValidationError

from config.power_factor import PowerFactor
from config.tariff import Tariff
from controller.interval import Interval
from controller.ledger import Ledger

RULE: dict[str, Any] = {
    "standard": 0.90,
    "bonus_per_hundredth": 0.0015,
    "most_bonus": 0.0075,
    "penalties": [
        {"below": 0.90, "per_hundredth": 0.005},
        {"below": 0.70, "per_hundredth": 0.010},
        {"below": 0.65, "per_hundredth": 0.020},
    ],
}
QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("factor", "share"),
    [
        (1.0, -0.0075),
        (0.95, -0.0075),
        (0.93, -0.0045),
        (0.90, 0.0),
        (0.896, 0.0),  # rounds to 0.90
        (0.89, 0.005),
        (0.70, 0.10),
        (0.69, 0.11),
        (0.65, 0.15),
        (0.64, 0.17),
    ],
)
def test_the_adjustment_by_power_factor(factor: float, share: float) -> None:
    rule = PowerFactor.model_validate(RULE)
    assert rule.adjustment(1000.0, 1000.0 * sqrt(1 / factor**2 - 1)) == pytest.approx(share)


def test_without_import_there_is_no_power_factor() -> None:
    assert PowerFactor.model_validate(RULE).adjustment(0.0, 100.0) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"standard": 0.85}, "must be below the standard of 0.85"),
        ({"standard": 0.905}, "should have two decimals"),
        ({"penalties": [*RULE["penalties"], RULE["penalties"][1]]}, "0.7 follows 0.65"),
    ],
)
def test_a_rule_with_a_fault_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PowerFactor.model_validate({**RULE, **change})


def closed(park: ParkBuilder, ledger: Ledger, values: dict[str, float | None], quarter: int) -> Interval:
    """An interval of constant power."""
    unread = {"grid.energy_import_kwh": None, "grid.energy_export_kwh": None}
    start = park.NOON + quarter * QUARTER
    ledger.update(park.snapshot({**unread, **values}, at=start, site_s=900.0 * quarter), {})
    # the snapshot at the interval's end still has its power; the next one begins with another
    later = park.snapshot({**unread, **values}, at=start + QUARTER, site_s=900.0 * (quarter + 1))
    (interval,) = ledger.update(later, {})
    return interval


@pytest.fixture
def ledger(park: ParkBuilder) -> Ledger:
    tariffs = tuple(
        Tariff.model_validate({**tariff.model_dump(), "power_factor": RULE}) for tariff in park.site.tariffs
    )
    return Ledger(replace(park.site, tariffs=tariffs))


def test_intervals_add_up_to_the_adjustment_of_the_month(park: ParkBuilder, ledger: Ledger) -> None:
    # 600 kW with 800 kvar are 0.6
    first = closed(park, ledger, {"grid": 600.0, "grid.reactive_power_kvar": 800.0}, 0)
    assert first.bill is not None
    # 20 hundredths at 0.5 %, 5 at 1 %, 5 at 2 %
    assert first.bill.cost["power_factor"] == pytest.approx(0.25 * first.bill.cost["import"])
    # back-fed reactive power counts as much
    second = closed(park, ledger, {"grid": 600.0, "grid.reactive_power_kvar": -800.0}, 1)
    assert second.bill is not None
    assert second.bill.cost["power_factor"] == pytest.approx(0.25 * second.bill.cost["import"])


def test_what_is_not_measured_is_not_billed(park: ParkBuilder, ledger: Ledger) -> None:
    interval = closed(park, ledger, {"grid": 600.0, "grid.reactive_power_kvar": None}, 0)
    assert interval.bill is not None
    assert "power_factor" not in interval.bill.cost


def test_a_tariff_without_a_rule_has_no_such_term(park: ParkBuilder) -> None:
    interval = closed(park, Ledger(park.site), {"grid": 600.0, "grid.reactive_power_kvar": 800.0}, 0)
    assert interval.bill is not None
    assert "power_factor" not in interval.bill.cost
