"""Spot prices: how a file is read and refused, what plans make of them, and prices that are negative, zero or equal."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from tiny_park import START, TinyPark

from config.faults import SiteError
from config.loader import example_site, load_site
from config.price_series import PriceSeries, SpotPrices, read_prices
from config.tariff import Tariff
from controller.bill import bill_of
from controller.spot import SpotBook
from dispatch.checker import check_plan
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Plan, Situation, Solved, Used
from dispatch.rules import rules_plan
from dispatch.tariff import TariffCalendar

HOURLY = SpotPrices(file="spot.csv", interval_min=60, least_per_kwh=-1, most_per_kwh=3)
SPOT = {"spot_prices": HOURLY.model_dump()}

FILE = """\
time,import_per_kwh,export_per_kwh
2026-03-02T00:00+00:00,0.2,0.1
2026-03-02T09:00+08:00,-0.05,-0.1
2026-03-02T03:00+00:00,0.7,0.5
"""


def hourly(prices: list[float], export: list[float] | None = None, start: datetime = START) -> PriceSeries:
    first_s = start.timestamp()
    return PriceSeries(
        starts_s=tuple(first_s + 3600.0 * hour for hour in range(len(prices))),
        length_s=3600.0,
        import_per_kwh=tuple(prices),
        export_per_kwh=None if export is None else tuple(export),
    )


def sound(park: TinyPark, situation: Situation) -> Plan:
    """The optimal plan; the checker agrees with it and with the one by rules."""
    plan = park.plan(situation)
    for each in (plan, rules_plan(park.site, situation, situation.start)):
        assert check_plan(park.site, situation, each) == []
    return plan


# the file


def test_a_file_is_read_with_its_time_zones_and_gaps(tmp_path: Path) -> None:
    path = tmp_path / "spot.csv"
    path.write_text(FILE)
    found = read_prices(path, HOURLY)
    assert found.import_per_kwh == (0.2, -0.05, 0.7)
    assert found.export_per_kwh == (0.1, -0.1, 0.5)
    at = START.timestamp()
    assert [found.index_at(at + hour * 3600.0) for hour in (-0.01, 0, 0.99, 1, 2, 3, 3.99, 4)] == [
        None,
        0,
        0,
        1,
        None,
        2,
        2,
        None,
    ]
    assert found.known_until(at, at + 86400.0) == at + 2 * 3600.0


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("time,import", "when,import", 1, "the first line should be time,import_per_kwh"),
        ("0.2,0.1", "0.2", 2, "has 2 values, the first line names 3 columns"),
        ("0.2,0.1", "cheap,0.1", 2, "'cheap' is not a number"),
        ("0.2,0.1", "nan,0.1", 2, "nan is not between -1 and 3"),
        ("0.7,0.5", "700,0.5", 4, "700 is not between -1 and 3"),
        ("2026-03-02T03:00+00:00", "2026-03-02T03:00", 4, "should be a time with its zone"),
        ("2026-03-02T03:00+00:00", "2026-03-02T01:30+00:00", 4, "begins before the price of 2026-03-02T01:00:00"),
    ],
)
def test_a_file_with_a_fault_is_refused_at_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in FILE
    path = tmp_path / "spot.csv"
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(SiteError) as caught:
        read_prices(path, HOURLY)
    assert [fault.line for fault in caught.value.faults] == [line]
    assert words in str(caught.value)


def test_a_file_without_prices_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spot.csv"
    path.write_text("time,import_per_kwh\n")
    with pytest.raises(SiteError, match="has no prices"):
        read_prices(path, HOURLY)


def test_a_site_loads_its_spot_prices(tmp_path: Path) -> None:
    site, prices = tmp_path / "site.yaml", tmp_path / "spot.csv"
    key = "spot_prices: {file: spot.csv, interval_min: 60, least_per_kwh: -1, most_per_kwh: 3}\n"
    site.write_text(example_site("demo_park").read_text("utf-8") + key)
    with pytest.raises(SiteError, match=r"spot\.csv:1: cannot be read"):
        load_site(site)
    prices.write_text(FILE)
    assert load_site(site).spot == read_prices(prices, HOURLY)
    site.write_text(site.read_text("utf-8").replace("most_per_kwh: 3", "most_per_kwh: -2"))
    with pytest.raises(SiteError, match=r"most_per_kwh \(-2\) must be above least_per_kwh"):
        load_site(site)


def test_prices_that_come_later_are_taken_and_bad_ones_are_not(
    tiny_park: Callable[..., TinyPark], tmp_path: Path
) -> None:
    path = tmp_path / "spot.csv"
    path.write_text(FILE)
    site = replace(tiny_park({"load": {}}, site_keys=SPOT).site, path=tmp_path / "site.yaml")
    book = SpotBook(site)
    book.refresh()
    assert book.series == read_prices(path, HOURLY)
    path.write_text(FILE + "2026-03-02T04:00+00:00,0.9,0.5\n")
    book.refresh()
    assert book.series is not None
    assert book.series.import_per_kwh[-1] == 0.9
    path.write_text(FILE + "2026-03-02T04:00+00:00,nothing,0.5,\n")
    book.refresh()
    assert book.series.import_per_kwh[-1] == 0.9
    path.write_text(FILE)
    os.utime(path, ns=(1, 1))
    book.refresh()
    assert book.series.import_per_kwh[-1] == 0.7


# prices of a horizon


def test_spot_prices_come_first_and_the_table_after_them(hourly_tariff: Callable[..., Tariff]) -> None:
    calendar = TariffCalendar([hourly_tariff([1.0], fixed_per_kwh=0.25, export_per_kwh=0.4)])
    prices = calendar.over(START, np.ones(4), hourly([0.5, -0.5], [0.3, -0.2]))
    # the tariff's own price is its fixed part and 1.0
    assert prices.import_per_kwh == pytest.approx([0.75, -0.25, 1.25, 1.25])
    assert prices.export_per_kwh == pytest.approx([0.3, -0.2, 0.4, 0.4])
    assert calendar.import_price_at(START, hourly([0.5])) == pytest.approx(0.75)
    assert calendar.export_price_at(START, hourly([0.5])) == pytest.approx(0.4)


def test_an_interval_across_two_spot_prices_gets_their_mean(hourly_tariff: Callable[..., Tariff]) -> None:
    calendar = TariffCalendar([hourly_tariff([1.0])])
    half = START + timedelta(minutes=45)
    prices = calendar.over(half, np.ones(3), hourly([0.2, 0.6]))
    assert prices.import_per_kwh == pytest.approx([0.25 * 0.2 + 0.75 * 0.6, 0.25 * 0.6 + 0.75 * 1.0, 1.0])


def test_spot_prices_over_the_hour_that_comes_twice(hourly_tariff: Callable[..., Tariff]) -> None:
    # on 25 October 2026 clocks in Berlin go back from 3 to 2 h: 1:00 UTC is 2:00 there for the second time
    tariff = hourly_tariff([0.1, 0.2, 0.3, 0.4], time_zone="Europe/Berlin")
    start = datetime(2026, 10, 24, 23, tzinfo=UTC)
    prices = TariffCalendar([tariff]).over(start, np.ones(4), hourly([9.0], start=start + timedelta(hours=2)))
    # local 1:00, 2:00, 2:00 again (a spot price), 3:00
    assert prices.import_per_kwh == pytest.approx([0.2, 0.3, 9.0, 0.4])


def test_spot_prices_over_the_end_of_a_month(tiny_park: Callable[..., TinyPark]) -> None:
    start = datetime(2026, 3, 31, 23, tzinfo=UTC)
    park = tiny_park({"load": {}}, (1.0, 1.0), site_keys=SPOT, demand_charge_per_kw_month=10)
    situation = park.situation(
        start, load_kw={"load": [50, 80]}, month_peak_kw=40, spot=hourly([0.5, 0.2], start=start)
    )
    plan = sound(park, situation)
    assert plan.cost["energy_import"] == pytest.approx(50 * 0.5 + 80 * 0.2)
    # 10 kW above March's peak, 80 kW from April's floor of nothing
    assert plan.cost["demand"] == pytest.approx(10 * 10 + 80 * 10)


def test_the_bill_of_an_interval_has_the_mean_of_its_spot_prices(hourly_tariff: Callable[..., Tariff]) -> None:
    quarters = replace(hourly([0.2, 0.4]), starts_s=(START.timestamp(), START.timestamp() + 900.0), length_s=900.0)
    numbers: dict[str, Any] = {"gas_kwh": 0.0, "mean_kw": 0.0, "month_peak_kw": 0.0, "used": Used()}
    calendar = TariffCalendar([hourly_tariff([1.0])])
    bill = bill_of(calendar, START, hours=0.5, import_kwh=10.0, export_kwh=0.0, spot=quarters, **numbers)
    assert bill is not None
    assert bill.import_price == pytest.approx(0.3)
    assert bill.cost["import"] == pytest.approx(3.0)


# plans


def test_a_battery_follows_the_spot_price_and_the_tail_is_named(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}, "battery": {}}, (1.0, 1.0, 1.0), site_keys=SPOT)
    situation = park.situation(load_kw={"load": 60}, stored_kwh={"battery": 50}, spot=hourly([0.2, 1.9]))
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    # 45 kWh come out of 50, and all of it goes back in the cheap hour: 50 / 0.9
    assert plan.assets["battery"].power_kw[0] == pytest.approx(-50.0, abs=1e-3)
    assert plan.assets["battery"].power_kw[1] == pytest.approx(50.0, abs=1e-3)
    assert plan.note == "without spot prices from 2026-03-02T02:00:00+00:00 on: the tariff's table counts"
    none = park.plan(park.situation(load_kw={"load": 60}))
    assert none.note == "without spot prices from 2026-03-02T00:00:00+00:00 on: the tariff's table counts"


def test_at_a_negative_price_import_is_wanted_and_pv_is_not(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}, "pv": {}}, (1.0, 1.0), site_keys=SPOT)
    situation = park.situation(load_kw={"load": 60}, available_kw={"pv": 40}, spot=hourly([-0.3, 0.5], [-0.4, 0.1]))
    plan = sound(park, situation)
    assert plan.assets["pv"].power_kw == pytest.approx([0, 40], abs=1e-4)
    assert plan.assets["grid"].power_kw == pytest.approx([60, 20], abs=1e-4)
    assert plan.cost["energy_import"] == pytest.approx(60 * -0.3 + 20 * 0.5)


def test_at_a_negative_price_a_battery_goes_one_way_at_a_time(tiny_park: Callable[..., TinyPark]) -> None:
    """Both ways at once it would burn 50 kW in its losses and be paid for it. From hour to hour it may turn over."""
    park = tiny_park({"load": {}, "battery": {}}, (1.0, 1.0), site_keys=SPOT)
    situation = park.situation(load_kw={"load": 60}, stored_kwh={"battery": 80}, spot=hourly([-0.9, -0.9]))
    plan = sound(park, situation)
    # 50 kW bring 45 kWh in the second hour; there is room for 20, and giving 0.9 * 25 in the first makes the rest
    assert plan.assets["battery"].power_kw == pytest.approx([22.5, -50.0], abs=1e-3)
    assert plan.cost["energy_import"] == pytest.approx(-0.9 * (37.5 + 110.0), abs=1e-3)
    assert plan.note == ""


def test_a_full_cycle_around_a_negative_noon_burns_nothing(tiny_park: Callable[..., TinyPark]) -> None:
    """40 kWh give 36 kW at 0.5, and take 40 / 0.9 kW again at -0.5; with both ways at once it would be 45.5 kW."""
    park = tiny_park({"load": {}, "battery": {"capacity_kwh": 40}}, (1.0,) * 3, site_keys=SPOT)
    situation = park.situation(load_kw={"load": 60}, stored_kwh={"battery": 40}, spot=hourly([0.5, -0.5, 0.5]))
    plan = sound(park, situation)
    assert plan.assets["battery"].power_kw == pytest.approx([36.0, -40 / 0.9, 0.0], abs=1e-3)
    assert plan.assets["battery"].stored_kwh == pytest.approx([40.0, 0.0, 40.0, 40.0], abs=1e-3)
    assert sum(plan.cost.values()) == pytest.approx(24 * 0.5 - (60 + 40 / 0.9) * 0.5 + 60 * 0.5, abs=1e-3)
    assert plan.note == ""


def test_many_negative_hours_cost_what_the_cheapest_of_all_costs(tiny_park: Callable[..., TinyPark]) -> None:
    """Half a day of negative prices, beside cvxpy's own integers in every hour."""
    park = tiny_park({"load": {}, "pv": {}, "battery": {"wear_cny_per_kwh": 0.02}}, (1.0,) * 12, site_keys=SPOT)
    prices = [0.2, -0.1, -0.3, -0.4, -0.2, -0.4, 0.1, -0.05, -0.6, -0.6, 0.4, 0.5]
    situation = park.situation(load_kw={"load": 60}, available_kw={"pv": 30}, spot=hourly(prices))
    dispatcher = Dispatcher(park.site, park.steps)
    outcome = dispatcher.plan(situation, situation.start)
    assert isinstance(outcome, Solved)
    assert check_plan(park.site, situation, outcome.plan) == []
    problem, charges = dispatcher.park.problem, cp.Variable(12, boolean=True)
    found = float(problem.objective.value)
    for choice in dispatcher.park.choices:
        choice.open_up()
    both = {each.name(): each for each in problem.variables()}
    one_way = [both["battery.charge_kw"] <= 50 * charges, both["battery.discharge_kw"] <= 50 * (1 - charges)]
    whole = cp.Problem(problem.objective, [*problem.constraints, *one_way])
    whole.solve(solver=cp.HIGHS, mip_rel_gap=1e-9)
    assert found == pytest.approx(float(whole.value), rel=1e-3)


def test_export_that_pays_more_than_a_negative_import_is_not_bought(tiny_park: Callable[..., TinyPark]) -> None:
    # importing and exporting at once would bring 0.2 for each kWh
    park = tiny_park({"load": {}}, (1.0, 1.0), site_keys=SPOT)
    situation = park.situation(load_kw={"load": 60}, spot=hourly([-0.3, -0.3], [-0.1, -0.1]))
    plan = sound(park, situation)
    assert plan.assets["grid"].power_kw == pytest.approx([60, 60], abs=1e-4)
    assert plan.cost["energy_import"] == pytest.approx(-0.3 * 120)
    assert plan.cost["export_revenue"] == pytest.approx(0.0, abs=1e-4)


def test_at_a_price_of_nothing_pv_still_feeds(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}, "pv": {}}, (1.0, 1.0), site_keys=SPOT)
    situation = park.situation(load_kw={"load": 60}, available_kw={"pv": 40}, spot=hourly([0.0, 0.0], [0.0, 0.0]))
    plan = sound(park, situation)
    assert plan.assets["pv"].power_kw == pytest.approx([40, 40], abs=1e-4)
    assert sum(plan.cost.values()) == pytest.approx(0.0, abs=1e-4)


def test_equal_import_and_export_prices_make_no_flow_of_their_own(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}, "pv": {}}, (1.0, 1.0), site_keys=SPOT)
    situation = park.situation(
        load_kw={"load": 60}, available_kw={"pv": [100, 20]}, spot=hourly([0.5, 0.5], [0.5, 0.5])
    )
    plan = sound(park, situation)
    assert plan.assets["grid"].power_kw == pytest.approx([-40, 40], abs=1e-4)
    assert plan.cost["energy_import"] == pytest.approx(40 * 0.5, abs=1e-4)
    assert plan.cost["export_revenue"] == pytest.approx(-40 * 0.5, abs=1e-4)
