"""Why an asset does what it does, on parks small enough to see it; and that every asset of every kind has a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_kinds import CHARGERS, DISTRICT_HEAT, ELECTRIC_BOILER, EXCHANGER, HOT, TRANSFORMER, TURBINE
from tiny_park import TinyPark, demo_day, make_park

from config.loader import example_site, load_site
from config.whole_site import whole_site
from dispatch.binding import Limit, bindings
from dispatch.dispatcher import Dispatcher
from dispatch.fallback import shifted
from dispatch.forecast.history import History
from dispatch.forecast.park import ParkState, situation
from dispatch.plan import Plan, Situation, Solved, Wanted
from dispatch.reason import Reason
from dispatch.reasons import with_reasons
from dispatch.rules import rules_plan
from dispatch.soundness import stores
from dispatch.tariff import TariffCalendar


def explained(park: TinyPark, **given: Any) -> Plan:
    now = park.situation(**given)
    return with_reasons(park.site, now, park.plan(now))


def bound(park: TinyPark, **given: Any) -> dict[tuple[str, Limit], list[int]]:
    """The steps in which each limit binds."""
    now = park.situation(**given)
    plan = park.plan(now)
    prices = TariffCalendar(park.site.tariffs).over(now.start, now.step_h, now.spot)
    found = bindings(park.site, now, plan, prices)
    return {(each.whose, each.limit): np.flatnonzero(each.steps).tolist() for each in found}


# -- stores ----------------------------------------------------------------------------------------------


def test_a_battery_charges_in_the_valley_for_the_peak_and_again_for_the_end() -> None:
    park = make_park({"load": {}, "battery": {"max_discharge_kw": 9}}, (1.0, 3.0, 1.0))
    plan = explained(park, load_kw={"load": 10.0})
    assert plan.assets["battery"].power_kw == pytest.approx([-10 / 0.9, 9.0, 0.0], abs=1e-3)
    assert plan.reasons["battery"] == (Reason.CHARGES_CHEAP, Reason.DISCHARGES_DEAR, Reason.EMPTY)
    assert plan.reasons["grid"] == (Reason.IMPORTS_TO_STORE, Reason.IMPORTS, Reason.IMPORTS)


def test_a_battery_that_began_half_full_buys_back_what_it_gave() -> None:
    park = make_park({"load": {}, "battery": {"max_discharge_kw": 9}}, (3.0, 1.0))
    plan = explained(park, load_kw={"load": 10.0}, stored_kwh={"battery": 50.0})
    assert plan.reasons["battery"] == (Reason.DISCHARGES_DEAR, Reason.CHARGES_END)


def test_surplus_of_the_sun_is_stored_and_used() -> None:
    park = make_park({"load": {}, "pv": {}, "battery": {}}, (1.0, 2.0))
    plan = explained(park, load_kw={"load": 10.0}, available_kw={"pv": [30, 0]})
    assert plan.reasons["battery"] == (Reason.CHARGES_SURPLUS, Reason.DISCHARGES_DEAR)
    assert plan.reasons["pv"] == (Reason.FEEDS, Reason.NOTHING_THERE)
    assert plan.reasons["grid"][0] is Reason.BALANCED


def test_a_battery_shaves_the_months_peak_and_fills_itself_before_it() -> None:
    """At one price, 5 per kW of a new peak above 40 kW: the 20 kW above it come from the battery."""
    park = make_park({"load": {}, "battery": {}}, (1.0, 1.0), demand_charge_per_kw_month=5)
    plan = explained(park, load_kw={"load": [10, 60]}, month_peak_kw=40.0)
    assert plan.assets["grid"].power_kw[1] == pytest.approx(40.0, abs=1e-3)
    assert plan.reasons["battery"] == (Reason.CHARGES_FOR_PEAK, Reason.DISCHARGES_PEAK)
    assert plan.reasons["grid"] == (Reason.IMPORTS_TO_STORE, Reason.AT_MONTH_PEAK)


def test_a_battery_holds_the_import_limit() -> None:
    park = make_park({"grid": {"import_limit_kw": 40}, "load": {}, "battery": {}})
    plan = explained(park, load_kw={"load": [10, 60]})
    assert plan.reasons["battery"][1] is Reason.DISCHARGES_LIMIT
    assert plan.reasons["grid"][1] is Reason.AT_IMPORT_LIMIT


def test_a_battery_below_its_window_comes_back_and_one_that_is_full_waits() -> None:
    park = make_park({"load": {}, "battery": {"soc_min": 0.2, "soc_max": 0.8}})
    assert explained(park, load_kw={"load": 10.0}, stored_kwh={"battery": 10.0}).reasons["battery"][0] is (
        Reason.CHARGES_BACK
    )
    assert set(explained(park, load_kw={"load": 10.0}, stored_kwh={"battery": 80.0}).reasons["battery"]) == {
        Reason.FULL
    }


def test_a_kwh_in_store_is_worth_what_it_saves_when_it_is_used() -> None:
    """It saves 0.9 kWh at 3 before the dear hour. After it a missing one would cost 1.2 times the dearest hour, a spare
    one bring 0.9 times the cheapest; between them it is worth buying it back at 1 / 0.9."""
    park = make_park({"load": {}, "battery": {}}, (3.0, 1.0))
    plan = explained(park, load_kw={"load": 10.0}, stored_kwh={"battery": 50.0})
    assert plan.stored_value_per_kwh["battery"] == pytest.approx([1 / 0.9, 1 / 0.9], rel=1e-3)
    waits = explained(make_park({"load": {}, "battery": {"max_discharge_kw": 9}}, (1.0, 3.0)), load_kw={"load": 10.0})
    assert waits.stored_value_per_kwh["battery"][0] == pytest.approx(1 / 0.9, rel=1e-3)


# -- the connection and sources ----------------------------------------------------------------------------


def test_the_sun_is_curtailed_by_the_export_limit_or_by_a_price_below_zero() -> None:
    given: dict[str, Any] = {"load_kw": {"load": 10.0}, "available_kw": {"pv": [100, 5]}}
    limited = make_park({"grid": {"export_limit_kw": 20}, "load": {}, "pv": {}}, export_per_kwh=0.2)
    plan = explained(limited, **given)
    assert plan.reasons["pv"] == (Reason.CURTAILED_EXPORT, Reason.FEEDS)
    assert plan.reasons["grid"] == (Reason.AT_EXPORT_LIMIT, Reason.IMPORTS)
    assert (
        explained(make_park({"load": {}, "pv": {}}, export_per_kwh=0.2), **given).reasons["grid"][0] is Reason.EXPORTS
    )


def test_a_turbine_that_cannot_be_held_back_leaves_power_over() -> None:
    park = make_park({"grid": {"export_limit_kw": 20}, "load": {}, "turbine": TURBINE})
    plan = explained(park, load_kw={"load": 10.0}, available_kw={"turbine": [90, 0]})
    assert plan.reasons["turbine"] == (Reason.LEFT_OVER, Reason.NOTHING_THERE)


def test_what_is_left_out_is_unavailable_whatever_it_is() -> None:
    park = make_park({"load": {}, "pv": {}, "battery": {}})
    plan = explained(park, load_kw={"load": 10.0}, unavailable=frozenset({"pv", "battery"}))
    assert {*plan.reasons["pv"], *plan.reasons["battery"]} == {Reason.UNAVAILABLE}


# -- loads and windows -------------------------------------------------------------------------------------


def test_a_load_follows_its_demand_or_is_not_served() -> None:
    park = make_park({"heat": {}, "boiler": {"max_heat_kw": 60}}, (1.0, 1.0, 1.0))
    plan = explained(park, load_kw={"heat": [50, 100, 0]})
    assert plan.reasons["heat"] == (Reason.FOLLOWS_DEMAND, Reason.NOT_SERVED, Reason.NO_DEMAND)
    assert plan.reasons["boiler"] == (Reason.RUNS_ALONE, Reason.RUNS_FULL, Reason.NOT_WANTED)


def test_a_load_with_a_price_is_shed_for_money() -> None:
    shed = {"kind": "sheddable_load", "device": "d", "peak_kw": 50, "shed_order": 1, "lost_load_cny_per_kwh": 2}
    plan = explained(make_park({"cold": shed}, (1.0, 3.0)), load_kw={"cold": 20.0})
    assert plan.reasons["cold"] == (Reason.FOLLOWS_DEMAND, Reason.SHED)


def test_vehicles_wait_for_the_cheap_hour_and_take_what_they_must_before_they_leave() -> None:
    """50 kW at most: 50 of 70 kWh in the cheap second hour, the other 20 in the third, after the dear first one."""
    park = make_park({"cars": CHARGERS}, (3.0, 1.0, 2.0, 1.0))
    plan = explained(park, wanted={"cars": (Wanted(0.0, 3.0, 70.0, 50.0),)})
    assert plan.assets["cars"].power_kw == pytest.approx([0, 50, 20, 0], abs=1e-3)
    assert plan.reasons["cars"] == (Reason.WAITS, Reason.TAKES_CHEAP, Reason.TAKES_NOW, Reason.NOTHING_WANTED)


# -- converters --------------------------------------------------------------------------------------------


def test_heat_comes_from_power_or_gas_whichever_is_cheaper() -> None:
    """At a COP of 3 a kWh of heat costs 0.1 or 1 from power, and 0.3 / 0.9 from gas."""
    park = make_park({"heat": {}, "heat_pump": {}, "boiler": {}}, (0.3, 3.0))
    plan = explained(park, load_kw={"heat": 60.0})
    assert plan.reasons["heat_pump"] == (Reason.CHEAPER_THAN_GAS, Reason.GAS_CHEAPER)
    assert plan.reasons["boiler"] == (Reason.POWER_CHEAPER, Reason.CHEAPER_THAN_POWER)


def test_the_boiler_covers_what_the_heat_pump_leaves() -> None:
    park = make_park({"heat": {}, "heat_pump": {"max_power_kw": 10}, "boiler": {}}, (0.3, 0.3))
    plan = explained(park, load_kw={"heat": 60.0})
    assert (plan.reasons["heat_pump"][0], plan.reasons["boiler"][0]) == (Reason.CHEAPER_THAN_GAS, Reason.RUNS_BESIDE)


def test_a_heat_pump_runs_on_the_suns_surplus_and_a_tank_serves_the_rest() -> None:
    park = make_park({"heat": {}, "heat_pump": {}, "tank": {}, "pv": {}})
    plan = explained(park, load_kw={"heat": 30.0}, available_kw={"pv": [20, 0]})
    assert plan.reasons["heat_pump"] == (Reason.RUNS_SURPLUS, Reason.STORE_GIVES)
    assert plan.reasons["tank"] == (Reason.CHARGES_SURPLUS, Reason.DISCHARGES_DEAR)


def test_waste_heat_is_said_to_be_waste_heat() -> None:
    park = make_park({"heat": {}, "source": HOT, "exchanger": EXCHANGER, "electric_boiler": ELECTRIC_BOILER})
    plan = explained(park, load_kw={"heat": 30.0}, available_kw={"source": 100.0})
    assert plan.reasons["exchanger"][0] is Reason.RUNS_WASTE_HEAT
    assert plan.reasons["source"][0] is Reason.NOT_NEEDED
    assert plan.reasons["electric_boiler"][0] is Reason.OFF


# -- what binds --------------------------------------------------------------------------------------------


def test_limits_that_bind_are_named_with_their_steps() -> None:
    park = make_park(
        {"grid": {"import_limit_kw": 40}, "load": {}, "battery": {"capacity_kwh": 30}}, demand_charge_per_kw_month=5
    )
    assert bound(park, load_kw={"load": [10, 60]}, month_peak_kw=40.0) == {
        ("grid", Limit.IMPORT): [1],
        ("grid", Limit.MONTH_PEAK): [1],
        ("battery", Limit.EMPTY): [1],
    }


def test_full_load_a_full_store_and_the_export_limit_bind() -> None:
    given = {"grid": {"export_limit_kw": 20}, "load": {}, "pv": {}, "battery": {"max_charge_kw": 30}}
    park = make_park(given, export_per_kwh=0.2)
    found = bound(park, load_kw={"load": 0.0}, available_kw={"pv": [250, 0]}, stored_kwh={"battery": 73.0})
    assert found == {("grid", Limit.EXPORT): [0], ("battery", Limit.CHARGE): [0], ("battery", Limit.FULL): [0, 1]}


def test_a_cap_and_a_step_of_the_ladder_bind_for_their_whole_period() -> None:
    """100 kWh are imported, as many as the ladder leaves; 20 kWh count 10 kg, as many as the cap allows."""
    ladder = {"over": "month", "steps": ({"above_kwh": 100, "surcharge_per_kwh": 1.0},)}
    park = make_park({"load": {}}, (1.0, 1.0), ladder=ladder)
    assert bound(park, load_kw={"load": [60, 40]})[("grid", Limit.LADDER)] == [0, 1]
    capped = make_park({"load": {}}, site_keys={"caps": {"carbon": {"over": "horizon", "most_kg": 10}}})
    assert bound(capped, load_kw={"load": 10.0})[("carbon cap", Limit.CAP)] == [0, 1]


def test_a_transformer_at_its_rating_binds() -> None:
    park = make_park({"load": {}, "transformer": TRANSFORMER})
    plan = explained(park, load_kw={"load": [100, 0]})
    assert plan.reasons["transformer"] == (Reason.PASSES_IN, Reason.BALANCED)
    assert bound(park, load_kw={"load": [100, 0]}) == {("transformer", Limit.RATING): [0]}


# -- all of them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["demo_park", "hydrogen_park", "steel_plant"])
@pytest.mark.parametrize("by_rules", [False, True])
def test_every_asset_of_the_example_parks_has_a_reason_in_each_interval(name: str, by_rules: bool) -> None:
    site = whole_site(load_site(example_site(name)))
    start = demo_day().start
    state = ParkState(
        stored_kwh={store: form.capacity_kwh / 2 for store, form in stores(site).items()}, measured_kw={}, local_kw={}
    )
    now = situation(site, History(start=start, step_min=site.control.interval_min, series={}), state, start)
    plan = with_reasons(site, now, rules_plan(site, now, start) if by_rules else _optimum(site, now))
    assert plan.reasons.keys() == plan.assets.keys()
    assert {len(reasons) for reasons in plan.reasons.values()} == {plan.steps}
    told = {reason for reasons in plan.reasons.values() for reason in reasons}
    assert len(told) > 8


def _optimum(site: Any, now: Situation) -> Plan:
    outcome = Dispatcher(site, now.steps).plan(now, now.start)
    assert isinstance(outcome, Solved)
    return outcome.plan


def test_a_battery_charges_up_to_its_reserve_and_keeps_it() -> None:
    reserve = {"reserve": {"outage": {"hours": 1, "critical": ["load"]}}}
    park = make_park({"load": {}, "battery": {"discharge_efficiency": 1}}, (1.0, 1.0, 1.0), site_keys=reserve)
    plan = explained(park, load_kw={"load": 20.0}, stored_kwh={"battery": 0})
    assert plan.assets["battery"].stored_kwh == pytest.approx([0, 20, 20, 20], abs=1e-3)
    assert plan.reasons["battery"] == (Reason.CHARGES_RESERVE, Reason.KEEPS_RESERVE, Reason.KEEPS_RESERVE)


def test_a_network_is_bought_from_up_to_its_limit_and_sold_to() -> None:
    district = {**DISTRICT_HEAT, "heat_bus": "hot", "import_limit_kw": 30}
    park = make_park({"heat": {"heat_bus": "hot"}, "hot": HOT, "district": district}, (1.0,) * 4)
    plan = explained(park, load_kw={"heat": [20, 40, 0, 0]}, available_kw={"hot": [0, 10, 10, 0]})
    told = (Reason.BUYS, Reason.AT_BUYING_LIMIT, Reason.SELLS, Reason.IDLE)
    assert plan.reasons["district"] == told


def test_a_plan_that_is_moved_on_keeps_its_reasons() -> None:
    park = make_park({"load": {}, "battery": {"max_discharge_kw": 9}}, (1.0, 3.0, 1.0))
    plan = explained(park, load_kw={"load": 10.0})
    hour = (plan.until - plan.start) / 3
    moved = shifted(replace(plan), plan.start + hour, hour)
    assert moved is not None
    assert moved.reasons["battery"] == plan.reasons["battery"][1:]
    assert moved.stored_value_per_kwh["battery"].tolist() == plan.stored_value_per_kwh["battery"][1:].tolist()
