"""The settled bill of a simulated period, with contracted demand and a ladder, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_park import TinyPark, make_park

from parkgrid.settlement import settle

HOUR_S = 3600


def interval(start: str, import_kwh: float) -> dict[str, Any]:
    flows = {"import_kwh": import_kwh, "export_kwh": 0.0, "gas_kwh": 0.0, "demand_kw": import_kwh}
    return {"start": start, "seconds": HOUR_S, **flows}


def truth(*intervals: dict[str, Any]) -> dict[str, Any]:
    total = {"start": intervals[0]["start"], "seconds": HOUR_S * len(intervals), "assets": {}}
    return {"park": {"intervals": list(intervals), "total": total}}


def park(**keys: Any) -> TinyPark:
    return make_park({"load": {}}, (0.5,), demand_charge_per_kw_month=30, **keys)


MARCH, APRIL = "2026-03-31T23:00:00+00:00", "2026-04-01T00:00:00+00:00"


def test_a_contract_is_paid_by_the_hour_and_its_excess_by_the_month() -> None:
    contract = {"kw": {"default": 100}, "excess_from": 1.05, "excess_times": 2}
    bill = settle(park(contracted_demand=contract).site, truth(interval(MARCH, 125), interval(APRIL, 90)), "park")
    assert bill.terms["demand"] == pytest.approx(20 * 60)
    assert bill.terms["contract"] == pytest.approx(100 * 30 / (31 * 24) + 100 * 30 / (30 * 24))
    assert bill.terms["import"] == pytest.approx(215 * 0.5)


def test_a_ladder_begins_again_with_the_month() -> None:
    steps = [{"above_kwh": 100, "surcharge_per_kwh": 0.1}, {"above_kwh": 150, "surcharge_per_kwh": 0.4}]
    hours = (interval("2026-03-31T22:00:00+00:00", 90), interval(MARCH, 80), interval(APRIL, 120))
    by_month = settle(park(ladder={"over": "month", "steps": steps}).site, truth(*hours), "park")
    # 170 kWh in March, 120 in April
    assert by_month.terms["ladder"] == pytest.approx(50 * 0.1 + 20 * 0.4 + 20 * 0.1)
    by_year = settle(park(ladder={"over": "year", "steps": steps}).site, truth(*hours), "park")
    assert by_year.terms["ladder"] == pytest.approx(50 * 0.1 + 140 * 0.4)


def test_demand_as_measured_has_no_contract() -> None:
    bill = settle(park().site, truth(interval(MARCH, 125)), "park")
    assert (bill.terms["contract"], bill.terms["ladder"]) == (0.0, 0.0)
    assert bill.terms["demand"] == pytest.approx(125 * 30)


def test_wear_by_depth_is_settled_from_what_a_battery_held() -> None:
    pieces = ({"depth": 0.3, "cny_per_kwh": 0.1}, {"depth": 1, "cny_per_kwh": 0.5})
    simulation = {"start": MARCH, "initial_soc": {"battery": 0.8}}
    battery = {"wear_by_depth": pieces, "wear_cny_per_kwh": 0.01}
    site = make_park({"load": {}, "battery": battery}, (0.5,), site_keys={"simulation": simulation}).site
    hours = [
        {**interval(MARCH, 0), "assets": {"battery": {"stored_kwh": -50.0}}},
        {**interval(APRIL, 0), "assets": {"battery": {"stored_kwh": 20.0}}},
    ]
    book = truth(*hours)
    book["park"]["total"]["assets"] = {"battery": {"electricity_fed_kwh": 45.0, "stored_kwh": -30.0}}
    # 80 kWh fall to 30: the first 30 kWh cost 0.1, the other 20 cost 0.5, and each kWh fed 0.01
    assert settle(site, book, "park").terms["wear"] == pytest.approx(30 * 0.1 + 20 * 0.5 + 45 * 0.01)
