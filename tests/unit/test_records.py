"""What goes to telemetry: every record fits the schema, and a missing value is never a 0."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from park_builder import ParkBuilder

from config.site import Site
from controller.alarming.alarm import Alarm, AlarmEvent
from controller.alarming.kinds import KINDS
from controller.alarming.states import State
from controller.bill import Bill
from controller.decision import AssetDecision, Decision
from controller.interval import Interval
from controller.modes import Mode
from controller.records import (
    alarm_records,
    asset_records,
    balance_residual_kw,
    controller_record,
    decision_record,
    interval_records,
    plan_records,
    point_records,
    skill_records,
)
from controller.telemetry.record import Record, to_line
from controller.writes import Written
from dispatch.forecast.learned import Skill
from dispatch.plan import Method
from dispatch.reason import Reason
from drivers.driver import Accepted, Rejected

AFTER_S = 2.0


def by(records: list[Record], tag: str) -> dict[str, Record]:
    assert all(to_line(record) for record in records)
    return {record.tags[tag]: record for record in records}


def test_points_are_recorded_by_device_without_those_that_cannot_be_read(park: ParkBuilder) -> None:
    snapshot = park.snapshot({"battery": -150.0, "battery.soc": None}, ages_s={"battery": AFTER_S})
    records = by(point_records(snapshot), "device")
    assert set(records) == set(park.site.devices)
    fields = records["battery_pcs"].fields
    assert fields["active_power_kw"] == -150.0
    assert "soc" not in fields
    assert fields["bad"] == 1
    assert fields["age_s"] == 0.0  # the youngest of the device
    assert records["battery_pcs"].tags == {"site": "demo_park", "device": "battery_pcs"}
    assert records["battery_pcs"].at == park.NOON


def test_a_device_that_was_never_read_has_no_record(park: ParkBuilder) -> None:
    unread = [f"boiler.{point.name}" for point in park.site.points["boiler_gateway"]]
    assert "boiler_gateway" not in by(point_records(park.snapshot(unread=unread)), "device")


def test_assets_are_recorded_with_what_is_measured_planned_and_set(park: ParkBuilder) -> None:
    snapshot = park.snapshot({"grid": 300.0, "battery": 95.0, "heat_pump.heat_power_kw": 900.0, "boiler": 650.0})
    decision = park.decide({"grid": 300.0, "battery": 95.0}, None, park.override("battery", 100.0))
    plan = park.plan({"battery": [80.0, *[0.0] * 7]})
    records = by(asset_records(snapshot, decision, plan), "asset")
    assert set(records) == set(park.site.assets)
    assert records["battery"].fields == {
        "reactive_kvar": 0.0,
        "available": True,
        "power_kw": 95.0,
        "soc": 0.5,
        "planned_kw": 80.0,
        "setpoint_kw": 100.0,
        "mode": "manual",
    }
    assert records["battery"].tags == {"site": "demo_park", "asset": "battery", "kind": "battery"}
    assert records["grid"].fields == {"available": True, "power_kw": 300.0, "limit_kw": 3000.0, "reactive_kvar": 0.0}
    assert records["heat_pump"].fields["heat_kw"] == 900.0
    assert records["boiler"].fields["power_kw"] == 650.0
    assert records["boiler"].fields["mode"] == "automatic"
    assert records["tank"].fields == {"available": True, "soc": 0.5}


def test_an_asset_that_cannot_be_read_has_no_power_and_no_setpoint(park: ParkBuilder) -> None:
    values = {"battery": None}
    records = by(asset_records(park.snapshot(values), park.decide(values), None), "asset")
    assert records["battery"].fields == {
        "available": False,
        "soc": 0.5,
        "mode": "automatic",
        "reactive_kvar": 0.0,
    }


def test_before_the_first_decision_and_after_the_plan_there_is_only_what_is_measured(park: ParkBuilder) -> None:
    snapshot = park.snapshot(at=park.NOON + timedelta(days=1))
    records = by(asset_records(snapshot, None, park.plan({"battery": 80.0})), "asset")
    assert records["battery"].fields == {"available": True, "power_kw": 0.0, "soc": 0.5, "reactive_kvar": 0.0}


def decided(park: ParkBuilder, asset: AssetDecision) -> Decision:
    return Decision(at=park.NOON, mode=Mode.OPTIMAL, assets={asset.asset: asset}, grid_target_kw=None)


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        (None, "held"),
        (Written(value=200.0, at_s=0.0, changed_s=0.0, result=Accepted(200.0), failures=0), "confirmed"),
        (Written(value=200.0, at_s=0.0, changed_s=0.0, result=Rejected("busy"), failures=1), "rejected"),
    ],
)
def test_a_decision_is_recorded_with_its_reason_and_what_became_of_it(
    park: ParkBuilder, written: Written | None, outcome: str
) -> None:
    decision = park.decide({"grid": 500.0}, park.plan({"grid": 300.0, "battery": 0.0}))
    record = decision_record(park.site, decision, decision.assets["battery"], written)
    assert to_line(record)
    assert record.tags == {"site": "demo_park", "asset": "battery"}
    assert record.fields == {
        "owner": "plan",
        "reason": "plan +0 kW, +200 kW to hold the grid at 300 kW (measured 500 kW)",
        "correction_kw": 200.0,
        "setpoint_kw": 200.0,
        "planned_kw": 0.0,
        "low_kw": -1000.0,
        "high_kw": 1000.0,
        "written": outcome,
    }


def test_a_decision_to_say_nothing_is_held(park: ParkBuilder) -> None:
    asset = AssetDecision(asset="battery", setpoint_kw=None, owner="unavailable", reason="soc was never read")
    written = Written(value=200.0, at_s=0.0, changed_s=0.0, result=Accepted(200.0), failures=0)
    record = decision_record(park.site, decided(park, asset), asset, written)
    assert record.fields == {
        "owner": "unavailable",
        "reason": "soc was never read",
        "correction_kw": 0.0,
        "written": "held",
    }


def test_a_range_without_an_end_has_no_field_in_the_line(park: ParkBuilder) -> None:
    asset = AssetDecision(asset="battery", setpoint_kw=1.0, owner="plan", reason="", low_kw=float("-inf"), high_kw=5.0)
    line = to_line(decision_record(park.site, decided(park, asset), asset, None))
    assert line is not None
    assert "low_kw" not in line
    assert "high_kw=5.0" in line


def interval(site: Site) -> Interval:
    # per quarter: 100 kWh of PV, 20 of it exported, 50 imported; 130 used
    return Interval(
        start=ParkBuilder.NOON,
        covered_s=900.0,
        energy_kwh={"grid": 30.0, "pv_a": 60.0, "wind": 40.0, "hall_1": 90.0, "heat_pump": 40.0, "boiler": 94.0},
        import_kwh=50.0,
        export_kwh=20.0,
        gas_kwh=100.0,
        curtailed_kwh=5.0,
        bought_heat_kwh=12.0,
        sold_heat_kwh=3.0,
        bill=Bill(
            import_price=0.365,
            cost={"import": 18.25, "export": -8.306, "gas": 33.3, "demand": 0.0, "carbon": 1.0},
            co2_kg=44.87,
        ),
        tce=0.016,
        peak_kw=200.0,
        mean_kw={"hall_1": 360.0, "pv_a": None},
    )


def test_an_interval_is_recorded_by_asset_and_for_the_park(park: ParkBuilder) -> None:
    records = by(interval_records(park.site, interval(park.site)), "asset")
    assert records["hall_1"].fields == {"energy_kwh": 90.0}
    assert records["grid"].fields == {"energy_kwh": 30.0}
    totals = records["park"].fields
    assert totals["generation_kwh"] == 100.0
    assert totals["consumption_kwh"] == 130.0  # the boiler's heat is no electricity
    assert totals["self_use_kwh"] == 80.0
    assert totals["cost_total"] == pytest.approx(44.244)
    assert (totals["cost_import"], totals["cost_export"], totals["cost_gas"]) == (18.25, -8.306, 33.3)
    assert (totals["cost_demand"], totals["cost_carbon"]) == (0.0, 1.0)
    assert (totals["import_kwh"], totals["gas_kwh"], totals["curtailed_kwh"]) == (50.0, 100.0, 5.0)
    assert (totals["bought_heat_kwh"], totals["sold_heat_kwh"]) == (12.0, 3.0)
    assert {record.at for record in records.values()} == {park.NOON}


def test_an_interval_without_a_tariff_keeps_its_energy_and_has_no_money(park: ParkBuilder) -> None:
    totals = by(interval_records(park.site, replace(interval(park.site), bill=None)), "asset")["park"].fields
    assert totals["import_kwh"] == 50.0
    assert not [name for name in totals if name.startswith("cost") or name in ("co2_kg", "import_price")]


def test_a_plan_is_recorded_step_by_step_at_each_intervals_start(park: ParkBuilder) -> None:
    stored = [1000.0, 990.0, 980.0]
    plan = park.plan({"battery": [40.0, 30.0], "grid": 300.0}, steps=2, stored_kwh={"battery": stored})
    records = plan_records(park.site, plan)
    assert all(to_line(record) for record in records)
    battery = [record for record in records if record.tags["asset"] == "battery"]
    assert [(record.at, record.fields["power_kw"], record.fields["stored_kwh"]) for record in battery] == [
        (park.NOON, 40.0, 1000.0),
        (park.NOON + timedelta(minutes=15), 30.0, 990.0),
    ]
    assert {record.fields["method"] for record in records} == {Method.OPTIMAL.value}
    assert {record.fields["issued_at"] for record in records} == {"2026-10-14T04:00:00+00:00"}
    assert len(records) == 4
    explained = replace(plan, reasons={"battery": (Reason.DISCHARGES_DEAR, Reason.EMPTY)})
    told = [record.fields.get("reason") for record in plan_records(park.site, explained)]
    assert sorted(told, key=str) == [None, None, "discharging: peak price", "idle: empty"]


def alarm(kind: str, asset: str, text: str, state: State, park: ParkBuilder) -> Alarm:
    return Alarm(kind=KINDS[kind], asset=asset, text=text, since=park.NOON, standing=state)


def test_an_alarm_is_recorded_when_it_comes_and_when_it_goes(park: ParkBuilder) -> None:
    here = alarm("asset_unavailable", "battery", "soc is 30 s old", State.UNACKNOWLEDGED, park)
    gone = alarm("asset_unavailable", "battery", "soc is 30 s old", State.RETURNED, park)
    late = park.NOON + timedelta(seconds=40)
    raised, cleared = alarm_records(
        park.site, [AlarmEvent(here, "raised", park.NOON), AlarmEvent(gone, "cleared", late)]
    )
    assert to_line(raised)
    assert to_line(cleared)
    assert raised.tags == {"site": "demo_park", "alarm": "asset_unavailable", "asset": "battery"}
    assert raised.fields == {"state": "raised", "active": 1, "priority": "high", "text": "soc is 30 s old"}
    assert (cleared.fields["state"], cleared.fields["active"], cleared.at) == ("cleared", 0, late)


def test_who_put_an_alarm_aside_is_recorded(park: ParkBuilder) -> None:
    shelved = alarm("asset_unavailable", "battery", "soc is 30 s old", State.SHELVED, park)
    (record,) = alarm_records(park.site, [AlarmEvent(shelved, "shelved", park.NOON, "li")])
    assert (record.fields["active"], record.fields["by"]) == (0, "li")


def test_the_parks_own_alarm_is_the_parks(park: ParkBuilder) -> None:
    own = alarm("planner_lost", "", "no answer", State.UNACKNOWLEDGED, park)
    (record,) = alarm_records(park.site, [AlarmEvent(own, "raised", park.NOON)])
    assert record.tags["asset"] == "park"


def test_the_controllers_record_takes_what_it_is_given(park: ParkBuilder) -> None:
    fields = {"mode": "optimal", "cycle_ms": 41.5, "overruns": 2, "plan_method": "none"}
    record = controller_record(park.snapshot(), fields)
    assert to_line(record)
    assert (record.tags, record.fields) == ({"site": "demo_park"}, fields)


def test_a_balance_that_closes_has_no_residual(park: ParkBuilder) -> None:
    # 300 + 400 + 200 + 100 + 50 = 700 + 250 + 100
    values = {
        "grid": 300.0,
        "pv_a": 400.0,
        "pv_b": 200.0,
        "wind": 100.0,
        "battery": 50.0,
        "hall_1": 700.0,
        "hall_2": 250.0,
        "heat_pump": 100.0,
        "boiler": 900.0,
        "heat_demand": 1000.0,
    }
    assert balance_residual_kw(park.snapshot(values)) == pytest.approx(0.0)
    assert balance_residual_kw(park.snapshot({**values, "hall_1": 690.0})) == pytest.approx(10.0)
    assert balance_residual_kw(park.snapshot({**values, "hall_1": None})) is None
    # heat is another bus
    assert balance_residual_kw(park.snapshot({**values, "heat_demand": None})) == pytest.approx(0.0)


def test_how_well_a_series_was_forecast_is_recorded(park: ParkBuilder) -> None:
    hours = {1: 5.0, 4: 9.0, 24: 20.0}
    skill = Skill(way="ridge", error_kw=hours, low_kw={1: -8.0}, high_kw={1: 8.0})
    record = by(skill_records(park.site, {"hall_1": skill}, park.NOON), "asset")["hall_1"]
    assert (record.measurement, record.at) == ("forecast", park.NOON)
    errors = {"error_1h_kw": 5.0, "error_4h_kw": 9.0, "error_24h_kw": 20.0}
    assert record.fields == {"way": "ridge", **errors, "low_1h_kw": -8.0, "high_1h_kw": 8.0}
