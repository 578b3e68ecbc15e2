"""What kinds beyond the demo park's are told: by plan, by their stores, and inside the limits."""

from __future__ import annotations

import pytest
from park_builder import ParkBuilder, told

from config.loader import example_site, load_site
from controller.park_state import park_state, shed_loads
from dispatch.plan import Used

IMPORT_KW = 9000.0 - 90.0
"""What the campus may import, less the margin."""


@pytest.fixture(scope="module")
def campus() -> ParkBuilder:
    return ParkBuilder(load_site(example_site("campus")))


@pytest.fixture(scope="module")
def hydrogen() -> ParkBuilder:
    return ParkBuilder(load_site(example_site("hydrogen_park")))


@pytest.fixture(scope="module")
def steel() -> ParkBuilder:
    return ParkBuilder(load_site(example_site("steel_plant")))


# -- cold --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("planned_kw", "runs_kw"), [(500.0, 500.0), (100.0, 180.0), (80.0, 0.0), (0.0, 0.0)])
def test_a_chiller_follows_the_plan_within_its_load_range(
    campus: ParkBuilder, planned_kw: float, runs_kw: float
) -> None:
    assert told(campus.decide({}, campus.plan({"chiller_1": planned_kw})), "chiller_1") == (runs_kw, "plan")


def test_a_full_cold_store_stops_chillers_and_an_empty_one_starts_them(campus: ParkBuilder) -> None:
    plan = campus.plan({"chiller_1": 500.0, "absorber": 0.0})
    full = campus.decide({"cold_store.soc": 0.95}, plan)
    assert told(full, "chiller_1") == (0.0, "cold store")
    empty = campus.decide({"cold_store.soc": 0.08}, plan)
    assert told(empty, "chiller_1") == (900.0, "cooling supply")
    assert told(empty, "absorber") == (350.0, "cooling supply")


def test_without_a_plan_cold_from_heat_comes_first(campus: ParkBuilder) -> None:
    decision = campus.decide({"cold_store.soc": 0.4})
    assert told(decision, "absorber") == (350.0, "local default")
    assert told(decision, "chiller_1") == (0.0, "local default")
    assert decision.assets["chiller_1"].reason == "no plan: cold store at 40%, on below 25%"


def test_a_chiller_gives_up_as_much_cold_as_the_import_is_too_high(campus: ParkBuilder) -> None:
    # 10 kW too much beside batteries that are empty: 10 * 4.8 kW of cold
    empty = {f"{name}.soc": 0.1 for name in ("battery", "battery_east", "battery_west")} | {"battery_clinic.soc": 0.5}
    values = {"grid": IMPORT_KW + 10.0, "chiller_1.cooling_power_kw": 500.0, **empty}
    decision = campus.decide(values, campus.plan({"chiller_1": 500.0}))
    assert told(decision, "chiller_1") == (pytest.approx(500.0 - 48.0), "connection limit")


# -- power and heat ----------------------------------------------------------------------------------


def test_a_chp_follows_the_plan_whatever_the_tanks_hold(campus: ParkBuilder) -> None:
    decision = campus.decide({"tank.soc": 0.95, "clinic_tank.soc": 0.95}, campus.plan({"chp_1": 300.0}))
    assert told(decision, "chp_1") == (300.0, "plan")


def test_without_a_plan_a_chp_is_led_by_both_tanks_together(campus: ParkBuilder) -> None:
    # 9000 and 1500 kWh: (9000 * 0.4 + 1500 * 0.9) / 10500 = 0.471
    assert told(campus.decide({"tank.soc": 0.4, "clinic_tank.soc": 0.9}), "chp_1") == (0.0, "local default")
    assert told(campus.decide({"tank.soc": 0.4, "clinic_tank.soc": 0.7}), "chp_1") == (400.0, "local default")


def test_a_chp_keeps_the_export_limit(campus: ParkBuilder) -> None:
    # 2910 may be exported; batteries that are full take nothing of the 60 too much
    full = {f"{name}.soc": 0.9 for name in ("battery", "battery_east", "battery_west")} | {"battery_clinic.soc": 0.95}
    decision = campus.decide({"grid": -2970.0, "chp_1": 400.0, **full}, campus.plan({"chp_1": 400.0}))
    assert told(decision, "chp_1") == (pytest.approx(340.0), "connection limit")


def test_an_orc_takes_what_heat_there_is_once_it_is_planned(steel: ParkBuilder) -> None:
    assert told(steel.decide({}, steel.plan({"orc": 300.0})), "orc") == (400.0, "plan")
    assert told(steel.decide({}, steel.plan({"orc": 0.0})), "orc") == (0.0, "plan")
    assert told(steel.decide({}), "orc") == (400.0, "local default")


def test_a_steam_boiler_is_planned_and_not_told(steel: ParkBuilder) -> None:
    assert "steam_backup" in steel.site.dispatched
    assert "steam_backup" not in steel.decide({}, steel.plan({"steam_backup": 900.0})).assets


# -- hydrogen ----------------------------------------------------------------------------------------


def test_an_electrolyser_follows_the_plan_and_its_tank(hydrogen: ParkBuilder) -> None:
    plan = hydrogen.plan({"electrolyser": 800.0, "fuel_cell": 300.0})
    decision = hydrogen.decide({}, plan)
    assert told(decision, "electrolyser") == (800.0, "plan")
    assert told(decision, "fuel_cell") == (300.0, "plan")
    empty = hydrogen.decide({"hydrogen_tank.soc": 0.07}, plan)
    assert told(empty, "electrolyser") == (2000.0, "hydrogen supply")
    assert told(empty, "fuel_cell") == (0.0, "hydrogen supply")
    assert told(hydrogen.decide({"hydrogen_tank.soc": 0.98}, plan), "electrolyser") == (0.0, "tank")


def test_an_electrolyser_on_standby_does_not_count_as_running(hydrogen: ParkBuilder) -> None:
    # between on below 25 % and off above 40 %
    values = {"hydrogen_tank.soc": 0.3}
    assert told(hydrogen.decide({**values, "electrolyser": 30.0}), "electrolyser") == (0.0, "local default")
    assert told(hydrogen.decide({**values, "electrolyser": 900.0}), "electrolyser") == (2000.0, "local default")


def test_a_fuel_cell_without_a_plan_keeps_the_hydrogen(hydrogen: ParkBuilder) -> None:
    assert told(hydrogen.decide({}), "fuel_cell") == (0.0, "local default")


# -- who can wait or do without ----------------------------------------------------------------------


def test_vehicles_charge_as_planned_and_freely_without_a_plan(hydrogen: ParkBuilder) -> None:
    assert told(hydrogen.decide({}, hydrogen.plan({"charging": 120.0})), "charging") == (120.0, "plan")
    assert told(hydrogen.decide({}), "charging") == (300.0, "local default")


def test_loads_are_shed_in_their_order_before_the_import_limit_is_broken(campus: ParkBuilder) -> None:
    # 180 too much: the ventilation's 100 go first, then 80 of the pumps' 90
    empty = {f"{name}.soc": 0.1 for name in ("battery", "battery_east", "battery_west")} | {"battery_clinic.soc": 0.5}
    values = {"grid": IMPORT_KW + 180.0, "ventilation": 100.0, "pumps": 90.0, **empty}
    decision = campus.decide(values)
    assert told(decision, "ventilation") == (0.0, "connection limit")
    assert told(decision, "pumps") == (pytest.approx(10.0), "connection limit")
    assert told(campus.decide({"ventilation": 100.0}), "ventilation") == (250.0, "local default")


def test_a_load_that_is_held_back_says_nothing_of_what_it_wants(campus: ParkBuilder) -> None:
    empty = {f"{name}.soc": 0.1 for name in ("battery", "battery_east", "battery_west")} | {"battery_clinic.soc": 0.5}
    values = {"grid": IMPORT_KW + 50.0, "ventilation": 100.0, "pumps": 90.0, **empty}
    decision = campus.decide(values)
    # the ventilation gives up 50, and the pumps may take no more than they do
    snapshot = campus.snapshot({**values, "ventilation": 50.0})
    assert shed_loads(snapshot, decision) == {"ventilation", "pumps"}
    assert shed_loads(snapshot, campus.decide({})) == frozenset()
    state = park_state(snapshot, 0.0, Used(), shed_loads(snapshot, decision))
    assert "ventilation" not in state.measured_kw


def test_a_job_is_on_or_off_and_runs_to_its_end(campus: ParkBuilder) -> None:
    assert told(campus.decide({}, campus.plan({"laundry": 120.0})), "laundry") == (120.0, "plan")
    assert told(campus.decide({}, campus.plan({"laundry": 0.0})), "laundry") == (0.0, "plan")
    assert told(campus.decide({"laundry": 120.0}, campus.plan({"laundry": 0.0})), "laundry") == (120.0, "job")


def test_what_vehicles_and_jobs_still_want_is_told_to_the_planner(campus: ParkBuilder) -> None:
    values = {"charging_north.energy_needed_kwh": 210.0, "laundry.energy_needed_kwh": 60.0}
    needed_kwh = park_state(campus.snapshot(values), 0.0, Used()).needed_kwh
    assert (needed_kwh["charging_north"], needed_kwh["laundry"], needed_kwh["charging_south"]) == (210.0, 60.0, 0.0)
