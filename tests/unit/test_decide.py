"""The second's decision, worked by hand on the demo park: 3 MW import, 1 MW export, 1 % of each kept free."""

from __future__ import annotations

from datetime import timedelta

import pytest
from park_builder import ParkBuilder, told

IMPORT_KW = 2970.0
EXPORT_KW = 970.0


# -- following the plan ------------------------------------------------------------------------------


def test_the_battery_takes_up_what_the_grid_deviates_from_the_plan(park: ParkBuilder) -> None:
    # 500 kW imported, 300 planned: the battery, at 0 as planned, gives the 200
    decision = park.decide({"grid": 500.0, "battery": 0.0}, park.plan({"grid": 300.0, "battery": 0.0}))
    battery = decision.assets["battery"]
    assert (battery.setpoint_kw, battery.owner) == (200.0, "plan")
    assert (battery.planned_kw, battery.correction_kw) == (0.0, 200.0)
    assert decision.grid_target_kw == 300.0
    assert battery.reason == "plan +0 kW, +200 kW to hold the grid at 300 kW (measured 500 kW)"


def test_a_battery_that_already_gives_it_goes_on(park: ParkBuilder) -> None:
    decision = park.decide({"grid": 300.0, "battery": 200.0}, park.plan({"grid": 300.0, "battery": 0.0}))
    assert told(decision, "battery") == (200.0, "plan")


def test_less_load_than_planned_goes_into_the_battery(park: ParkBuilder) -> None:
    decision = park.decide({"grid": 100.0, "battery": 50.0}, park.plan({"grid": 400.0, "battery": 50.0}))
    assert told(decision, "battery") == (-250.0, "plan")


def test_a_plan_beyond_the_connections_limits_is_steered_to_inside_of_them(park: ParkBuilder) -> None:
    assert park.decide({}, park.plan({"grid": 3000.0})).grid_target_kw == IMPORT_KW
    assert park.decide({}, park.plan({"grid": -1000.0})).grid_target_kw == -EXPORT_KW


def test_of_two_batteries_each_follows_its_own_plan(park: ParkBuilder) -> None:
    two = park.with_copy("battery", "battery_2")
    # both idle, 100 and 50 planned: 450 kW of import become 300
    plan = two.plan({"grid": 300.0, "battery": 100.0, "battery_2": 50.0})
    decision = two.decide({"grid": 450.0}, plan)
    assert told(decision, "battery") == (100.0, "plan")
    assert told(decision, "battery_2") == (50.0, "plan")


def test_of_two_batteries_the_second_takes_what_the_first_cannot(park: ParkBuilder) -> None:
    two = park.with_copy("battery", "battery_2")
    # 1500 kW above the plan: 1000 from the first, 500 from the second
    plan = two.plan({"grid": 300.0, "battery": 0.0, "battery_2": 0.0})
    decision = two.decide({"grid": 1800.0}, plan)
    assert told(decision, "battery") == (1000.0, "rating")
    assert told(decision, "battery_2") == (500.0, "plan")


def test_each_interval_has_its_own_plan(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 0.0, "battery": 0.0, "boiler": [300.0, 600.0, *[0.0] * 6]})
    assert told(park.decide({}, plan), "boiler") == (300.0, "plan")
    later = park.NOON + timedelta(minutes=15)
    assert told(park.decide({}, plan, at=later), "boiler") == (600.0, "plan")


def test_after_the_end_of_a_plan_local_rules_apply(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 300.0, "battery": 400.0}, steps=4)
    decision = park.decide({"grid": 500.0}, plan, at=park.NOON + timedelta(hours=1))
    assert told(decision, "battery") == (0.0, "local default")
    assert decision.grid_target_kw is None
    assert decision.assets["battery"].planned_kw is None


# -- the corridor around the planned state of charge --------------------------------------------------


@pytest.mark.parametrize(
    ("soc", "grid_kw", "setpoint_kw"),
    [
        # planned SOC 0.5, planned grid 300 and battery 0
        (0.5, 500.0, 200.0),  # on the plan: all of it
        (0.475, 500.0, 100.0),  # half the corridor behind: half of it
        (0.45, 500.0, 0.0),  # the corridor's edge: only the plan
        (0.40, 500.0, 0.0),
        (0.525, 500.0, 200.0),  # ahead, and giving brings it back: all of it
        (0.525, 100.0, -100.0),  # ahead, and taking leads further away: half of it
        (0.56, 100.0, 0.0),
        (0.46, 100.0, -200.0),  # behind, and taking brings it back
    ],
)
def test_the_correction_fades_towards_the_edge_of_the_corridor(
    park: ParkBuilder, soc: float, grid_kw: float, setpoint_kw: float
) -> None:
    plan = park.plan({"grid": 300.0, "battery": 0.0}, stored_kwh={"battery": [1000.0] * 9})
    decision = park.decide({"grid": grid_kw, "battery.soc": soc}, plan)
    assert decision.assets["battery"].setpoint_kw == pytest.approx(setpoint_kw)


def test_a_grid_at_plan_with_the_battery_ahead_lets_the_battery_go_back_to_its_plan(park: ParkBuilder) -> None:
    # the battery took 200 kW more than planned to hold the grid, and is now 5 % fuller than planned
    plan = park.plan({"grid": 300.0, "battery": 0.0}, stored_kwh={"battery": [1000.0] * 9})
    decision = park.decide({"grid": 300.0, "battery": -200.0, "battery.soc": 0.55}, plan)
    assert told(decision, "battery") == (0.0, "plan")


def test_the_planned_state_is_taken_within_the_interval(park: ParkBuilder) -> None:
    # 100 kWh more in this quarter of an hour: a third of the way there are 33.3
    plan = park.plan({"grid": 300.0, "battery": -400.0}, stored_kwh={"battery": [900.0, *[1000.0] * 8]})
    at = park.NOON + timedelta(minutes=5)
    soc = (900.0 + 100.0 / 3) / 2000.0
    decision = park.decide({"grid": 500.0, "battery": -400.0, "battery.soc": soc}, plan, at=at)
    assert decision.assets["battery"].correction_kw == pytest.approx(200.0)
    behind = park.decide({"grid": 500.0, "battery": -400.0, "battery.soc": soc - 0.025}, plan, at=at)
    assert behind.assets["battery"].correction_kw == pytest.approx(100.0)


# -- limits ------------------------------------------------------------------------------------------


def test_the_import_limit_beats_the_plan(park: ParkBuilder) -> None:
    # charging with 500 as planned, 3300 imported: charging must shrink by 330
    decision = park.decide({"grid": 3300.0, "battery": -500.0}, park.plan({"grid": 3300.0, "battery": -500.0}))
    assert decision.assets["battery"].setpoint_kw == pytest.approx(-170.0)
    # the target is inside the limit, so the plan itself asks for it; the corridor may not hold it back
    behind = park.plan({"grid": 3300.0, "battery": -500.0}, stored_kwh={"battery": [1200.0] * 9})
    decision = park.decide({"grid": 3300.0, "battery": -500.0}, behind)
    assert decision.assets["battery"].setpoint_kw == pytest.approx(-170.0)
    assert decision.assets["battery"].owner == "connection limit"


def test_the_import_limit_holds_without_a_plan(park: ParkBuilder) -> None:
    decision = park.decide({"grid": 3170.0, "tank.soc": 0.8})
    assert told(decision, "battery") == (200.0, "connection limit")
    assert told(park.decide({"grid": 2900.0}), "battery") == (0.0, "local default")


def test_what_the_battery_cannot_give_the_heat_pump_gives_up(park: ParkBuilder) -> None:
    # 1270 above the limit: 1000 from the battery, 270 of the heat pump's 400
    values = {"grid": 4240.0, "heat_pump": 400.0}
    decision = park.decide(values, park.plan({"grid": 2000.0, "battery": 0.0, "heat_pump": 400.0}))
    assert told(decision, "battery") == (1000.0, "rating")
    assert told(decision, "heat_pump") == (pytest.approx(130.0), "connection limit")


def test_what_one_heat_pump_gave_up_the_next_one_keeps(park: ParkBuilder) -> None:
    two = park.with_copy("heat_pump", "heat_pump_2")
    values = {"grid": 4240.0, "heat_pump": 400.0, "heat_pump_2": 400.0}
    plan = two.plan({"grid": 2000.0, "battery": 0.0, "heat_pump": 400.0, "heat_pump_2": 400.0})
    decision = two.decide(values, plan)
    assert told(decision, "heat_pump") == (pytest.approx(130.0), "connection limit")
    assert told(decision, "heat_pump_2") == (400.0, "plan")


def test_the_export_limit_is_kept_by_the_battery_first(park: ParkBuilder) -> None:
    decision = park.decide({"grid": -1120.0, "pv_a": 900.0, "pv_b": 900.0}, None)
    assert told(decision, "battery") == (-150.0, "connection limit")
    # then nothing is left to export, and nothing to spare: each may feed what it feeds
    assert told(decision, "pv_a") == (900.0, "export limit")


def test_beyond_the_export_limit_generators_give_up_in_proportion(park: ParkBuilder) -> None:
    # full battery; 300 too much of 600 fed: each feeds half
    values = {"grid": -1270.0, "pv_a": 400.0, "pv_b": 150.0, "wind": 50.0, "battery.soc": 0.9}
    decision = park.decide(values)
    assert told(decision, "battery") == (0.0, "SOC window")
    assert told(decision, "pv_a") == (pytest.approx(200.0), "export limit")
    assert told(decision, "pv_b") == (pytest.approx(75.0), "export limit")
    assert told(decision, "wind") == (pytest.approx(25.0), "export limit")


def test_a_generator_that_cannot_be_told_is_made_up_for_by_the_others(park: ParkBuilder) -> None:
    # as above, but the turbine is switched to local: the 300 come from the 550 of the PV plants
    values = {
        "grid": -1270.0,
        "pv_a": 400.0,
        "pv_b": 150.0,
        "wind": 50.0,
        "wind.available": 0.0,
        "battery.soc": 0.9,
    }
    decision = park.decide(values)
    assert told(decision, "pv_a") == (pytest.approx(400.0 * 250 / 550), "export limit")
    assert told(decision, "pv_b") == (pytest.approx(150.0 * 250 / 550), "export limit")
    assert decision.assets["wind"].setpoint_kw is None
    measured_only = park.with_device("wind_controller", write=())
    decision = measured_only.decide({**values, "wind.available": 1.0})
    assert told(decision, "pv_a") == (pytest.approx(400.0 * 250 / 550), "export limit")
    assert "wind" not in decision.assets


def test_more_to_give_up_than_is_fed_means_nothing_is_fed(park: ParkBuilder) -> None:
    decision = park.decide({"grid": -1270.0, "pv_a": 100.0, "battery.soc": 0.9})
    assert told(decision, "pv_a") == (0.0, "export limit")
    assert told(decision, "pv_b") == (0.0, "export limit")


def test_what_the_battery_needs_seconds_for_generators_give_up_meanwhile(park: ParkBuilder) -> None:
    """600 kW too much: the battery takes them, 200 in the first second; of the other 400 each gives up its share."""
    values = {"grid": -1570.0, "pv_a": 400.0, "pv_b": 400.0, "battery": 0.0}
    decision = park.decide(values)
    assert told(decision, "battery") == (-600.0, "connection limit")
    assert told(decision, "pv_a") == (pytest.approx(200.0), "export limit")
    assert told(decision, "pv_b") == (pytest.approx(200.0), "export limit")


def test_near_the_export_limit_generators_share_the_room_left(park: ParkBuilder) -> None:
    # 300 left below the limit, 3000 rated in all: each may feed a tenth of its rating more than it does
    decision = park.decide({"grid": -670.0, "pv_a": 400.0, "pv_b": 950.0})
    assert told(decision, "pv_a") == (pytest.approx(500.0), "export limit")
    assert told(decision, "pv_b") == (pytest.approx(1000.0), "local default")


def test_far_from_the_export_limit_generators_are_free(park: ParkBuilder) -> None:
    assert told(park.decide({"grid": -300.0, "pv_a": 400.0}), "pv_a") == (1000.0, "local default")


def test_a_plan_that_curtails_is_followed_and_one_that_does_not_leaves_the_generator_free(park: ParkBuilder) -> None:
    plan = park.plan({"pv_a": 500.0, "pv_b": 700.0}, available_kw={"pv_a": 800.0, "pv_b": 700.0})
    decision = park.decide({"grid": 100.0, "pv_a": 800.0, "pv_b": 700.0}, plan)
    assert told(decision, "pv_a") == (500.0, "plan")
    assert told(decision, "pv_b") == (1000.0, "local default")
    # less sun than forecast is no curtailment: 695 of 700 are within what a forecast cannot tell
    nearly = park.plan({"pv_a": 695.0}, available_kw={"pv_a": 700.0})
    assert told(park.decide({"pv_a": 650.0}, nearly), "pv_a") == (1000.0, "local default")


# -- the state of charge, the tank, heat -------------------------------------------------------------


def test_a_full_battery_does_not_charge_and_an_empty_one_does_not_discharge(park: ParkBuilder) -> None:
    charging = park.plan({"grid": 300.0, "battery": -400.0})
    assert told(park.decide({"grid": -100.0, "battery.soc": 0.9}, charging), "battery") == (0.0, "SOC window")
    giving = park.plan({"grid": 300.0, "battery": 400.0})
    assert told(park.decide({"grid": 700.0, "battery.soc": 0.1}, giving), "battery") == (0.0, "SOC window")


def test_a_full_battery_may_discharge_and_an_empty_one_may_charge(park: ParkBuilder) -> None:
    decision = park.decide({"grid": 700.0, "battery.soc": 0.95}, park.plan({"grid": 300.0, "battery": 0.0}))
    assert told(decision, "battery") == (400.0, "plan")
    decision = park.decide({"grid": 100.0, "battery.soc": 0.05}, park.plan({"grid": 300.0, "battery": 0.0}))
    assert told(decision, "battery") == (-200.0, "plan")


def test_an_empty_battery_is_not_drained_even_for_the_import_limit(park: ParkBuilder) -> None:
    assert told(park.decide({"grid": 3500.0, "battery.soc": 0.1}), "battery") == (0.0, "SOC window")


def test_a_nearly_empty_tank_is_heated_whatever_the_plan_says(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 500.0, "heat_pump": 0.0, "boiler": 0.0})
    decision = park.decide({"grid": 500.0, "tank.soc": 0.08}, plan)
    assert told(decision, "heat_pump") == (400.0, "heat supply")
    assert told(decision, "boiler") == (0.0, "plan")  # a backup comes after the others
    assert told(park.decide({"grid": 500.0, "tank.soc": 0.06}, plan), "boiler") == (1500.0, "heat supply")
    used = park.plan({"grid": 500.0, "heat_pump": 0.0, "boiler": 900.0})
    assert told(park.decide({"grid": 500.0, "tank.soc": 0.08}, used), "boiler") == (1500.0, "heat supply")
    assert told(park.decide({"grid": 500.0, "tank.soc": 0.09}, plan), "heat_pump") == (0.0, "plan")


def test_the_import_limit_comes_before_the_heat_reserve(park: ParkBuilder) -> None:
    # 150 left below the limit, and the battery is empty
    values = {"grid": 2820.0, "tank.soc": 0.05, "battery.soc": 0.1}
    decision = park.decide(values)
    assert told(decision, "heat_pump") == (pytest.approx(150.0), "connection limit")


def test_a_full_tank_is_not_heated(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 500.0, "heat_pump": 300.0, "boiler": 900.0})
    decision = park.decide({"grid": 500.0, "tank.soc": 0.95}, plan)
    assert told(decision, "heat_pump") == (0.0, "tank")
    assert told(decision, "boiler") == (0.0, "tank")


@pytest.mark.parametrize(("planned_kw", "told_kw"), [(0.0, 0.0), (49.0, 0.0), (50.0, 100.0), (99.0, 100.0), (250, 250)])
def test_a_mean_below_the_least_load_is_off_or_the_least_load(
    park: ParkBuilder, planned_kw: float, told_kw: float
) -> None:
    plan = park.plan({"grid": 0.0, "heat_pump": planned_kw})
    assert told(park.decide({}, plan), "heat_pump") == (told_kw, "plan")


@pytest.mark.parametrize(
    ("soc", "heat_pump_kw", "boiler_kw"), [(0.2, 400.0, 1500.0), (0.3, 400.0, 0.0), (0.6, 0.0, 0.0)]
)
def test_without_a_plan_the_tank_is_the_thermostat(
    park: ParkBuilder, soc: float, heat_pump_kw: float, boiler_kw: float
) -> None:
    decision = park.decide({"tank.soc": soc})
    assert told(decision, "heat_pump") == (heat_pump_kw, "local default")
    assert told(decision, "boiler") == (boiler_kw, "local default")


def test_without_a_plan_and_without_a_readable_tank_heat_is_made(park: ParkBuilder) -> None:
    decision = park.decide({"tank.soc": None})
    assert told(decision, "boiler") == (1500.0, "local default")
    assert "cannot be read" in decision.assets["boiler"].reason
    decision = park.without("tank").decide({})
    assert told(decision, "boiler") == (1500.0, "local default")


def test_an_electric_boiler_follows_its_plan_within_its_limits(park: ParkBuilder) -> None:
    electric = park.with_electric_boiler("heat_pump")
    plan = park.plan({"grid": 500.0, "heat_pump": 250.0})
    assert told(electric.decide({"grid": 500.0}, plan), "heat_pump") == (250.0, "plan")
    assert told(electric.decide({"grid": 500.0}, park.plan({"grid": 500.0, "heat_pump": 40.0})), "heat_pump") == (
        0.0,
        "plan",
    )
    assert told(electric.decide({"grid": 500.0, "tank.soc": 0.95}, plan), "heat_pump") == (0.0, "tank")
    # 150 left below the limit, and the battery is empty
    decision = electric.decide({"grid": 2820.0, "battery.soc": 0.1}, plan)
    assert told(decision, "heat_pump") == (pytest.approx(150.0), "connection limit")


def test_without_a_plan_an_electric_boiler_backs_the_heat_pump_up(park: ParkBuilder) -> None:
    electric = park.with_electric_boiler("heat_pump")
    assert told(electric.decide({"tank.soc": 0.2}), "heat_pump") == (400.0, "local default")
    assert told(electric.decide({"tank.soc": 0.3}), "heat_pump") == (0.0, "local default")
