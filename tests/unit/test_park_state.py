"""What the planner is told of the present."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from park_builder import ParkBuilder

from controller.guard import AssetGuard
from controller.park_state import limited_generators, park_state
from dispatch.plan import Running, Used

USED = Used(month_import_kwh=420_000.0)

VALUES = {
    "battery.soc": 0.4,
    "tank.soc": 0.25,
    "hall_1": 700.0,
    "hall_2": 250.0,
    "heat_demand": 900.0,
    "pv_a": 300.0,
    "pv_b": 200.0,
    "wind": 100.0,
    "heat_pump.outdoor_degc": 17.5,
}


def test_a_park_that_can_be_read(park: ParkBuilder) -> None:
    state = park_state(park.snapshot(VALUES), 1500.0, USED)
    assert state.used == USED
    assert state.stored_kwh == {"battery": 800.0, "tank": 1500.0}
    assert state.measured_kw == {
        "hall_1": 700.0,
        "hall_2": 250.0,
        "heat_demand": 900.0,
        "pv_a": 300.0,
        "pv_b": 200.0,
        "wind": 100.0,
    }
    assert (state.outdoor_degc, state.unavailable, state.month_peak_kw) == (17.5, frozenset(), 1500.0)


def test_what_cannot_be_read_is_left_out_and_named(park: ParkBuilder) -> None:
    values = {**VALUES, "battery.soc": None, "hall_1": None, "heat_pump.outdoor_degc": None}
    state = park_state(park.snapshot(values), 0.0, USED)
    assert state.stored_kwh == {"tank": 1500.0}
    assert "hall_1" not in state.measured_kw
    assert state.outdoor_degc is None
    assert state.unavailable == {"battery", "hall_1"}


def test_an_asset_that_says_it_may_not_be_used_is_unavailable_but_measured(park: ParkBuilder) -> None:
    state = park_state(park.snapshot({**VALUES, "wind.available": 0.0, "battery.available": 0.0}), 0.0, USED)
    assert state.unavailable == {"wind", "battery"}
    assert state.stored_kwh["battery"] == 800.0
    assert state.measured_kw["wind"] == 100.0


def test_units_run_as_the_guard_has_told_them_and_else_as_they_show(park: ParkBuilder) -> None:
    """The heat pump was told to stop a quarter of an hour ago, and is still slowing down."""
    stopped = AssetGuard(setpoint_kw=0.0, running=False, switched_s=100.0, decided_s=999.0)
    snapshot = park.snapshot({**VALUES, "heat_pump": 20.0, "boiler": 300.0}, site_s=1000.0)
    state = park_state(snapshot, 0.0, USED, guards={"heat_pump": stopped})
    assert state.running == {"heat_pump": Running(False, 0.25), "boiler": Running(True)}
    long_ago = replace(stopped, switched_s=float("-inf"))
    assert park_state(snapshot, 0.0, USED, guards={"heat_pump": long_ago}).running["heat_pump"] == Running(False)


def test_a_unit_that_cannot_be_read_has_no_past(park: ParkBuilder) -> None:
    state = park_state(park.snapshot({**VALUES, "heat_pump": None, "boiler": 0.0}), 0.0, USED)
    assert state.running == {"boiler": Running(False)}


def test_without_commitment_nobody_asks_what_units_do(park: ParkBuilder) -> None:
    assert park_state(park.with_control(commitment=False).snapshot(VALUES), 0.0, USED).running == {}


def test_what_a_limited_generator_feeds_is_not_what_it_could(park: ParkBuilder) -> None:
    state = park_state(park.snapshot(VALUES), 0.0, USED, frozenset({"pv_a"}))
    assert "pv_a" not in state.measured_kw
    assert state.measured_kw["pv_b"] == 200.0


@pytest.mark.parametrize(
    ("fed_kw", "could_kw"),
    [
        (500.0, {"pv_a": 800.0}),  # at its limit of 500: the forecast tells what it could
        (486.0, {"pv_a": 800.0}),  # inverters settle a little below
        (480.0, {}),  # clouds, not the limit
    ],
)
def test_a_generator_at_its_limit_is_held_back_by_it(
    park: ParkBuilder, fed_kw: float, could_kw: dict[str, float]
) -> None:
    plan = park.plan({"pv_a": 500.0}, available_kw={"pv_a": 800.0})
    decision = park.decide({}, plan)
    assert decision.assets["pv_a"].setpoint_kw == 500.0
    assert limited_generators(park.snapshot({"pv_a": fed_kw}), decision, plan) == could_kw


def test_without_a_plan_the_limit_is_all_that_is_known(park: ParkBuilder) -> None:
    decision = park.decide({}, None, park.override("pv_a", 500.0))
    snapshot = park.snapshot({"pv_a": 500.0})
    assert limited_generators(snapshot, decision, None) == {"pv_a": 500.0}
    over = park.snapshot({"pv_a": 500.0}, at=park.NOON + timedelta(days=1))
    plan = park.plan({"pv_a": 500.0}, available_kw={"pv_a": 800.0})
    assert limited_generators(over, decision, plan) == {"pv_a": 500.0}


def test_a_generator_that_is_shut_off_is_limited_and_one_at_its_rating_is_not(park: ParkBuilder) -> None:
    decision = park.decide({}, None, park.override("wind", 0.0))
    snapshot = park.snapshot({"wind": 0.0, "pv_a": 1000.0})
    assert limited_generators(snapshot, decision, None) == {"wind": 0.0}


def test_nothing_is_limited_before_the_first_decision_or_where_nothing_is_known(park: ParkBuilder) -> None:
    assert limited_generators(park.snapshot(), None, None) == {}
    decision = park.decide({}, None, park.override("pv_a", 0.0))
    assert limited_generators(park.snapshot({"pv_a": None}), decision, None) == {}
    unavailable = park.decide({"pv_a": None})
    assert limited_generators(park.snapshot(), unavailable, None) == {}
