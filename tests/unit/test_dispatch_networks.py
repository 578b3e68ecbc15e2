"""Heat and steam that are bought and sold, in parks that can be planned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_kinds import DISTRICT_HEAT, EXCHANGER, HOT, NEIGHBOURS_STEAM, STEAM, STEAM_BOILER
from tiny_park import TinyPark

from config.heat_network import HeatConnection
from dispatch.checker import check_plan
from dispatch.daily_price import mean_price
from dispatch.plan import Plan, Used
from dispatch.rules import rules_plan

Park = Callable[..., TinyPark]


def solved(park: TinyPark, **given: Any) -> Plan:
    situation = park.situation(**given)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    return plan


def ruled(park: TinyPark, **given: Any) -> Plan:
    situation = park.situation(**given)
    plan = rules_plan(park.site, situation, situation.start)
    assert check_plan(park.site, situation, plan) == []
    return plan


def test_heat_is_bought_where_it_is_cheaper_than_to_make_it(tiny_park: Park) -> None:
    # gas at 0.3 makes heat at a third; the network sells it at 0.2 in the first hour and at 0.5 in the second
    district = {**DISTRICT_HEAT, "import_price_per_kwh": {"00:00-01:00": 0.2, "01:00-24:00": 0.5}}
    park = tiny_park({"heat": {}, "boiler": {}, "district": district}, (1.0, 1.0))
    for plan in (solved(park, load_kw={"heat": 90}), ruled(park, load_kw={"heat": 90})):
        assert plan.assets["district"].power_kw == pytest.approx([90, 0], abs=1e-3)
        assert plan.assets["boiler"].power_kw == pytest.approx([0, 90], abs=1e-3)
        assert plan.cost["heat"] == pytest.approx(90 * 0.2, abs=1e-3)
        assert plan.cost["gas"] == pytest.approx(90 / 0.9 * 0.3, abs=1e-3)


def test_what_the_boiler_cannot_make_is_bought_up_to_the_limit(tiny_park: Park) -> None:
    park = tiny_park({"heat": {}, "boiler": {}, "district": DISTRICT_HEAT}, (1.0, 1.0))
    for plan in (solved(park, load_kw={"heat": 180}), ruled(park, load_kw={"heat": 180})):
        assert plan.assets["boiler"].power_kw == pytest.approx([100, 100], abs=1e-3)
        assert plan.assets["district"].power_kw == pytest.approx([80, 80], abs=1e-3)
    situation = park.situation(load_kw={"heat": 230})
    plan = park.plan(situation)
    assert plan.assets["district"].power_kw == pytest.approx([100, 100], abs=1e-3)
    assert "heat: heat demand not served in 2 steps, most 30.0 kW" in plan.note


def test_waste_heat_that_nobody_needs_is_sold(tiny_park: Park) -> None:
    sold = {**DISTRICT_HEAT, "heat_bus": "hot"}
    park = tiny_park({"heat": {}, "hot": HOT, "water": EXCHANGER, "district": sold}, (1.0, 1.0))
    for plan in (
        solved(park, load_kw={"heat": 30}, available_kw={"hot": [70, 200]}),
        ruled(park, load_kw={"heat": 30}, available_kw={"hot": [70, 200]}),
    ):
        # 30 kW are used, the rest is sold up to 50 kW at 0.1
        assert plan.assets["district"].power_kw == pytest.approx([-40, -50], abs=1e-3)
        assert plan.assets["hot"].power_kw == pytest.approx([70, 80], abs=1e-3)
        assert plan.cost["heat"] == pytest.approx(-9.0, abs=1e-3)


def test_steam_is_bought_in_the_hours_in_which_it_is_cheap(tiny_park: Park) -> None:
    # the own boiler makes a kWh at 0.3 / 0.8
    park = tiny_park({"steam": STEAM, "backup": STEAM_BOILER, "neighbour": NEIGHBOURS_STEAM}, (1.0, 1.0, 1.0))
    for plan in (solved(park, load_kw={"steam": 60}), ruled(park, load_kw={"steam": 60})):
        assert plan.assets["neighbour"].power_kw == pytest.approx([0, 0, 60], abs=1e-3)
        assert plan.assets["backup"].power_kw == pytest.approx([60, 60, 0], abs=1e-3)


def test_the_carbon_of_bought_heat_is_paid(tiny_park: Park) -> None:
    # a kWh costs 0.4, and its 0.25 kg of CO2 0.25
    park = tiny_park({"heat": {}, "district": DISTRICT_HEAT}, (1.0, 1.0), carbon_price_per_t=1000)
    plan = solved(park, load_kw={"heat": 40})
    assert plan.cost["heat"] == pytest.approx(2 * 40 * 0.4)
    assert plan.cost["carbon"] == pytest.approx(2 * 40 * 0.25)
    assert plan.marginal_per_kwh["heat"] == pytest.approx([0.65, 0.65], abs=1e-3)


def test_bought_heat_counts_for_the_carbon_cap(tiny_park: Park) -> None:
    assets = {"heat": {}, "boiler": {}, "district": {**DISTRICT_HEAT, "import_price_per_kwh": 0.1}}
    cap = {"caps": {"carbon": {"over": "month", "most_kg": 100}}}
    park = tiny_park(assets, (1.0, 1.0), site_keys=cap)
    plan = solved(park, load_kw={"heat": 40}, used=Used(month_co2_kg=81))
    # 19 kg are left: x kWh bought at 0.25 kg, and 80 - x from gas at 0.2 / 0.9 kg
    bought_kwh = (19 - 80 * 0.2 / 0.9) / (0.25 - 0.2 / 0.9)
    assert plan.assets["district"].power_kw.sum() == pytest.approx(bought_kwh, abs=0.01)
    # 10 kg are 45 kWh from gas: the cap is hard, and heat is left out before it is exceeded
    short = park.plan(park.situation(load_kw={"heat": 40}, used=Used(month_co2_kg=90)))
    assert short.assets["heat"].power_kw.sum() == pytest.approx(45, abs=0.01)
    assert short.assets["district"].power_kw == pytest.approx([0, 0], abs=1e-3)
    # rules only look at the cap, and the cheaper 80 kWh are 20 kg
    given_hours = park.situation(load_kw={"heat": 40}, used=Used(month_co2_kg=90))
    by_rules = rules_plan(park.site, given_hours, given_hours.start)
    assert "carbon cap: 10.0 kg CO2 more than the 10.0 that are left" in by_rules.note


def test_heat_in_standard_coal_fills_the_energy_budget(tiny_park: Park) -> None:
    cap = {"caps": {"energy_budget": {"over": "month", "most_tce": 0.1, "price_per_tce": 1000}}}
    district = {**DISTRICT_HEAT, "kgce_per_kwh": 0.5, "heat_bus": "hot"}
    park = tiny_park({"hot": HOT, "heat": {"heat_bus": "hot"}, "district": district}, (1.0, 1.0), site_keys=cap)
    # 90 kgce are used; 40 kWh bought in the first hour are 20, and 20 kWh sold in the second give 10 back
    plan = solved(park, load_kw={"heat": [40, 0]}, available_kw={"hot": [0, 20]}, used=Used(month_heat_kgce=90))
    assert plan.assets["district"].power_kw == pytest.approx([40, -20], abs=1e-3)
    situation = park.situation(load_kw={"heat": [40, 0]}, used=Used(month_heat_kgce=90))
    assert "energy budget: 10.0 kgce more than the 10.0 that are left" in park.plan(situation).note


def test_a_connection_that_is_lost_is_planned_at_zero(tiny_park: Park) -> None:
    park = tiny_park({"heat": {}, "boiler": {}, "district": {**DISTRICT_HEAT, "import_price_per_kwh": 0.1}}, (1.0, 1.0))
    out = frozenset({"district"})
    for plan in (
        solved(park, load_kw={"heat": 40}, unavailable=out),
        ruled(park, load_kw={"heat": 40}, unavailable=out),
    ):
        assert plan.assets["district"].power_kw == pytest.approx([0, 0], abs=1e-6)
    whole = park.plan(park.situation(load_kw={"heat": 40}))
    found = check_plan(park.site, replace(park.situation(load_kw={"heat": 40}), unavailable=out), whole)
    assert "district, step 0: power_kw 40.00 is 40.00 above 0.00" in found


def test_a_price_by_hours_is_that_of_the_local_day(tiny_park: Park) -> None:
    price = {"00:00-06:00": 0.2, "06:00-24:00": 0.4}
    zone = ZoneInfo("Asia/Shanghai")
    # 21:45 UTC is a quarter to six there
    means = mean_price(price, zone, datetime(2026, 10, 13, 21, 45, tzinfo=UTC), np.array([0.25, 0.25, 1.0]))
    assert means == pytest.approx([0.2, 0.4, 0.4])
    across = mean_price(price, zone, datetime(2026, 10, 13, 21, 40, tzinfo=UTC), np.array([1.0]))
    assert across == pytest.approx([(20 * 0.2 + 40 * 0.4) / 60])
    # the day on which Berlin's clocks go back has seven hours before six
    berlin = mean_price(price, ZoneInfo("Europe/Berlin"), datetime(2026, 10, 24, 22, tzinfo=UTC), np.ones(8))
    assert berlin == pytest.approx([0.2] * 7 + [0.4])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"import_price_per_kwh": {"00:00-12:00": 0.2}}, "12:00 has no price"),
        ({"import_price_per_kwh": {"00:00-12:00": 0.2, "11:00-24:00": 0.3}}, "11:00 is in both"),
        ({"import_price_per_kwh": {"0-24": 0.2}}, "should look like 11:00-14:00"),
        ({"import_price_per_kwh": -0.1}, "greater than or equal to 0"),
        ({"import_price_per_kwh": True}, "valid number"),
        ({"export_price_per_kwh": {"00:00-12:00": 0.3, "12:00-24:00": 0.5}}, "is above import_price_per_kwh at 12:00"),
        ({"import_limit_kw": 0, "export_limit_kw": 0}, "both 0"),
    ],
)
def test_a_connection_that_makes_no_sense_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HeatConnection.model_validate({**DISTRICT_HEAT, **changed})
