"""What is the case now that a person should know."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from park_builder import ParkBuilder

from controller.alarming.alarm import Condition
from controller.alarming.kinds import KINDS
from controller.conditions import Health, conditions
from controller.image import Snapshot
from controller.modes import Mode

WELL = Health(
    plan_failure="",
    plan_refused="",
    plan_short="",
    tariff_missing="",
    planner_lost="",
    influxdb_down="",
    telemetry_lost="",
    state_not_saved="",
    audit_not_kept="",
    request_damaged="",
    internal_error="",
    overrun="",
)

OF_HEALTH = {
    "plan_failure": "fallback_plan",
    "plan_refused": "plan_refused",
    "plan_short": "demand_not_met",
    "tariff_missing": "tariff_missing",
    "planner_lost": "planner_lost",
    "influxdb_down": "influxdb_down",
    "telemetry_lost": "telemetry_lost",
    "state_not_saved": "state_not_saved",
    "audit_not_kept": "audit_not_kept",
    "request_damaged": "request_damaged",
    "internal_error": "internal_error",
    "overrun": "cycle_overrun",
}


def found(
    snapshot: Snapshot, before: Snapshot | None = None, mode: Mode = Mode.OPTIMAL, health: Health = WELL
) -> list[Condition]:
    """What raises an alarm, without what would explain it."""
    told = conditions(snapshot, before, mode, {}, health)
    return [replace(condition, explained_by=None) for condition in told if not condition.nearly]


def test_a_quiet_park_has_nothing_to_tell(park: ParkBuilder) -> None:
    assert found(park.snapshot(), park.snapshot()) == []


def test_a_lost_grid_meter_is_not_just_an_asset(park: ParkBuilder) -> None:
    snapshot = park.snapshot(ages_s={"grid": 4.0})
    assert found(snapshot, mode=Mode.SAFE) == [Condition("grid_meter_lost", "grid", "active_power_kw is 4 s old")]
    assert found(snapshot, mode=Mode.STARTING) == []


def test_a_lost_counter_of_the_grid_meter_does_not_hide_its_power(park: ParkBuilder) -> None:
    # the power is measured, so the controller goes on, and so does the watch over the limits
    snapshot = park.snapshot({"grid": 3100.0, "grid.energy_import_kwh": None})
    assert found(snapshot) == [
        Condition("import_limit_exceeded", "grid", "import of 3100 kW is above the limit of 3000 kW"),
        Condition("asset_unavailable", "grid", "energy_import_kwh cannot be read"),
    ]


def test_every_asset_that_cannot_be_used_is_named(park: ParkBuilder) -> None:
    snapshot = park.snapshot({"battery.available": 0.0, "hall_1": None})
    assert found(snapshot) == [
        Condition("asset_unavailable", "battery", "battery_pcs says that it is not available"),
        Condition("asset_unavailable", "hall_1", "active_power_kw cannot be read"),
    ]
    assert found(snapshot, mode=Mode.STARTING) == []


@pytest.mark.parametrize(("grid_kw", "kind"), [(3000.1, "import_limit_exceeded"), (-1000.1, "export_limit_exceeded")])
def test_a_broken_limit_is_told_beyond_it_and_not_at_it(park: ParkBuilder, grid_kw: float, kind: str) -> None:
    assert [condition.kind for condition in found(park.snapshot({"grid": grid_kw}))] == [kind]
    assert found(park.snapshot({"grid": 3000.0})) == []
    assert found(park.snapshot({"grid": -1000.0})) == []


def test_a_broken_limit_is_told_even_before_the_controller_acts(park: ParkBuilder) -> None:
    snapshot = park.snapshot({"grid": -1200.0})
    assert found(snapshot, mode=Mode.STARTING) == [
        Condition("export_limit_exceeded", "grid", "export of 1200 kW is above the limit of 1000 kW")
    ]


def test_a_tank_in_its_reserve_is_told(park: ParkBuilder) -> None:
    # the window begins at 5 %, the reserve is 3 % above it
    assert found(park.snapshot({"tank.soc": 0.08})) == [Condition("heat_supply_low", "tank", "tank at 8%")]
    assert found(park.snapshot({"tank.soc": 0.081})) == []
    assert [condition.kind for condition in found(park.snapshot({"tank.soc": None}))] == ["asset_unavailable"]


@pytest.mark.parametrize(("jump_s", "told"), [(5.0, False), (5.1, True), (-5.1, True), (3600.0, True), (-0.5, False)])
def test_a_calendar_that_moves_against_the_elapsed_time_has_jumped(
    park: ParkBuilder, jump_s: float, told: bool
) -> None:
    before = park.snapshot(site_s=10.0)
    snapshot = park.snapshot(at=park.NOON + timedelta(seconds=1.0 + jump_s), site_s=11.0)
    assert [condition.kind for condition in found(snapshot, before)] == (["clock_jumped"] if told else [])


def test_a_long_cycle_is_no_jump(park: ParkBuilder) -> None:
    before = park.snapshot(site_s=10.0)
    assert found(park.snapshot(at=park.NOON + timedelta(minutes=5), site_s=310.0), before) == []


def test_a_jump_says_how_far_and_where_to(park: ParkBuilder) -> None:
    before = park.snapshot(site_s=10.0)
    (condition,) = found(park.snapshot(at=park.NOON - timedelta(hours=1), site_s=11.0), before)
    assert condition.text == "the calendar moved by -3601 s against the elapsed time"


def test_near_a_limit_an_alarm_is_only_kept(park: ParkBuilder) -> None:
    def near(grid_kw: float) -> list[tuple[str, bool]]:
        told = conditions(park.snapshot({"grid": grid_kw}), None, Mode.OPTIMAL, {}, WELL)
        return [(condition.kind, condition.nearly) for condition in told]

    assert near(2984.0) == []
    assert near(2986.0) == near(3000.0) == [("import_limit_exceeded", True)]
    assert near(3000.1) == [("import_limit_exceeded", False)]
    assert near(-996.0) == [("export_limit_exceeded", True)]


def test_a_connection_is_lost_when_nothing_behind_it_answers(park: ParkBuilder) -> None:
    def of(*assets: str) -> list[str]:
        points = park.site.points
        return [f"{name}.{point.name}" for name in assets for point in points[park.site.assets[name].device]]

    told = found(park.snapshot(ages_s=dict.fromkeys(of("hall_1", "hall_2", "heat_demand"), 60.0)))
    assert [(each.kind, each.asset) for each in told if each.kind == "connection_lost"] == [
        ("connection_lost", "broker")
    ]
    assert "no answer from hall_1_meter, hall_2_meter, heat_meter" in {each.text for each in told}
    # one that answers is enough, and of a line with one device its own alarm says all
    told = found(park.snapshot(ages_s=dict.fromkeys(of("hall_1", "hall_2", "battery"), 60.0)))
    assert {each.kind for each in told} == {"asset_unavailable"}


def test_what_a_lost_connection_explains(park: ParkBuilder) -> None:
    told = conditions(park.snapshot({"hall_1": None}), None, Mode.OPTIMAL, {}, WELL)
    assert [(each.kind, each.explained_by) for each in told] == [("asset_unavailable", ("connection_lost", "broker"))]


def test_setpoints_that_are_not_followed_are_told_by_asset(park: ParkBuilder) -> None:
    told = conditions(park.snapshot(), None, Mode.OPTIMAL, {"battery": "shows 0, not 200 within 0.2"}, WELL)
    because = ("asset_unavailable", "battery")
    assert told == [Condition("setpoint_not_followed", "battery", "shows 0, not 200 within 0.2", because)]


@pytest.mark.parametrize(("field", "kind"), OF_HEALTH.items())
def test_each_part_that_is_unwell_is_told_in_its_own_words(park: ParkBuilder, field: str, kind: str) -> None:
    health = replace(WELL, **{field: "its own words"})
    assert found(park.snapshot(), health=health) == [Condition(kind, "", "its own words")]


def test_a_state_of_charge_that_cannot_be_right_is_the_battery_s(park: ParkBuilder) -> None:
    found = conditions(park.snapshot(), None, Mode.OPTIMAL, {}, WELL, implausible={"battery": "it jumped"})
    assert [(each.kind, each.asset, each.text) for each in found] == [("soc_implausible", "battery", "it jumped")]


def test_a_peak_that_is_about_to_grow_is_the_connection_s(park: ParkBuilder) -> None:
    found = conditions(park.snapshot(), None, Mode.OPTIMAL, {}, WELL, "in 8 min")
    assert [(each.kind, each.asset, each.text) for each in found] == [("demand_at_risk", "grid", "in 8 min")]


def test_every_part_has_its_condition_and_every_condition_its_alarm() -> None:
    assert {field.name for field in fields(Health)} == set(OF_HEALTH)
    of_the_park = {
        "grid_meter_lost",
        "connection_lost",
        "operator_limit_lost",
        "islanded",
        "asset_unavailable",
        "setpoint_not_followed",
        "import_limit_exceeded",
        "export_limit_exceeded",
        "demand_at_risk",
        "soc_implausible",
        "measurement_frozen",
        "balance_not_closed",
        "heat_supply_low",
        "cold_supply_low",
        "hydrogen_supply_low",
        "clock_jumped",
    }
    assert set(OF_HEALTH.values()) | of_the_park | {"alarm_flood"} == set(KINDS)
