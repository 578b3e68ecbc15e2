"""Taking over what the devices do, and what is remembered over a restart."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from park_builder import ParkBuilder

from controller.adopt import adopted, aged, restored_guard
from controller.guard import AssetGuard, guard
from controller.state import SavedGuard

SAVED_AT = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)


def memory(setpoint_kw: float, *, running: bool, switched_s: float) -> AssetGuard:
    return AssetGuard(setpoint_kw=setpoint_kw, running=running, switched_s=switched_s, decided_s=0.0)


def test_the_setpoint_in_force_is_taken_over(park: ParkBuilder) -> None:
    values = {"battery": -148.0, "battery.power_setpoint_kw": -150.0, "pv_a": 400.0, "pv_a.power_limit_kw": 600.0}
    found = adopted(park.snapshot(values, site_s=77.0), {})
    assert set(found) == {"pv_a", "pv_b", "wind", "battery", "heat_pump", "boiler"}
    assert found["battery"] == AssetGuard(setpoint_kw=-150.0, running=False, switched_s=-math.inf, decided_s=77.0)
    assert (found["pv_a"].setpoint_kw, found["pv_a"].running) == (600.0, True)


def test_a_unit_is_running_when_it_draws_power_whatever_its_setpoint_says(park: ParkBuilder) -> None:
    # it fell back to its own thermostat
    found = adopted(park.snapshot({"heat_pump": 250.0, "heat_pump.power_setpoint_kw": 0.0}), {})
    assert (found["heat_pump"].setpoint_kw, found["heat_pump"].running) == (0.0, True)


def test_when_it_was_switched_is_believed_only_where_it_fits_what_is_seen(park: ParkBuilder) -> None:
    before = {
        "heat_pump": memory(250.0, running=True, switched_s=-300.0),
        "boiler": memory(600.0, running=True, switched_s=-300.0),
    }
    found = adopted(park.snapshot({"heat_pump": 240.0, "boiler": 0.0}), before)
    assert found["heat_pump"].switched_s == -300.0
    assert found["boiler"].switched_s == -math.inf


def test_what_cannot_be_read_is_left_out(park: ParkBuilder) -> None:
    snapshot = park.snapshot({"battery": None, "pv_a.power_limit_kw": None}, unread=["wind"])
    assert set(adopted(snapshot, {})) == {"pv_b", "heat_pump", "boiler"}


def test_what_must_not_be_written_is_not_adopted(park: ParkBuilder) -> None:
    assert "battery" not in adopted(park.with_device("battery_pcs", write=()).snapshot(), {})


def test_one_asset_can_be_adopted_alone(park: ParkBuilder) -> None:
    assert set(adopted(park.snapshot(), {}, only="battery")) == {"battery"}
    assert adopted(park.snapshot(), {}, only="hall_1") == {}


def test_the_first_setpoint_after_a_start_moves_from_what_was_found(park: ParkBuilder) -> None:
    values = {"grid": 1000.0, "battery": -900.0, "battery.power_setpoint_kw": -900.0}
    state = adopted(park.snapshot(values), {})
    decision = park.decide(values, park.plan({"grid": 100.0, "battery": 0.0}))
    assert decision.assets["battery"].setpoint_kw == 0.0
    # 200 kW/s, one second
    kept, _ = guard(decision, park.snapshot(values, site_s=1.0), state)
    assert kept.assets["battery"].setpoint_kw == -700.0


@pytest.mark.parametrize(
    ("ago_s", "away_s", "switched_s"),
    [
        (100.0, 50.0, 5.0 - 150.0),
        (0.0, 0.0, 5.0),
        (100.0, -3600.0, 5.0 - 100.0),  # a calendar that went back counts as no time
        (None, 50.0, -math.inf),
    ],
)
def test_a_memory_ages_while_the_controller_is_away(ago_s: float | None, away_s: float, switched_s: float) -> None:
    saved = SavedGuard(setpoint_kw=250.0, running=True, switched_ago_s=ago_s)
    guard = restored_guard(saved, SAVED_AT, SAVED_AT + timedelta(seconds=away_s), site_s=5.0)
    assert guard == AssetGuard(setpoint_kw=250.0, running=True, switched_s=switched_s, decided_s=5.0)


@pytest.mark.parametrize("switched_s", [-math.inf, 0.0, 400.0])
def test_a_memory_that_is_saved_and_restored_is_the_same(switched_s: float) -> None:
    before = AssetGuard(setpoint_kw=250.0, running=True, switched_s=switched_s, decided_s=500.0)
    saved = aged(before, 500.0)
    assert restored_guard(saved, SAVED_AT, SAVED_AT, 500.0) == before
