"""What stands above the plan: people, silence and safety; and what holds for any park."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from park_builder import ParkBuilder, told

from controller.modes import Mode

IMPORT_KW = 2970.0
EXPORT_KW = 970.0


# -- people, silence, safety -------------------------------------------------------------------------


def test_an_override_beats_the_plan_and_says_whose_it_is(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 300.0, "battery": 400.0})
    decision = park.decide({"grid": 300.0}, plan, park.override("battery", -150.0))
    assert told(decision, "battery") == (-150.0, "operator")
    assert decision.assets["battery"].reason == "Li: test run (until 05:00 UTC)"
    assert decision.assets["battery"].planned_kw == 400.0


@pytest.mark.parametrize("asset", ["battery", "heat_pump", "boiler", "pv_a", "wind"])
def test_every_asset_can_be_overridden(park: ParkBuilder, asset: str) -> None:
    plan = park.plan(dict.fromkeys(("battery", "heat_pump", "boiler", "pv_a", "wind"), 350.0))
    decision = park.decide({"grid": 500.0}, plan, park.override(asset, 250.0))
    assert {name for name, decided in decision.assets.items() if decided.owner == "operator"} == {asset}
    assert told(decision, asset) == (250.0, "operator")


def test_an_overrides_end_is_told_in_utc_wherever_it_was_set(park: ParkBuilder) -> None:
    until = datetime(2026, 10, 14, 13, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    decision = park.decide({}, None, park.override("battery", -150.0, until=until))
    assert decision.assets["battery"].reason.endswith("(until 05:00 UTC)")


def test_an_override_does_not_break_a_limit(park: ParkBuilder) -> None:
    # 2800 imported: 170 of charging are left
    decision = park.decide({"grid": 2800.0}, None, park.override("battery", -800.0))
    assert told(decision, "battery") == (pytest.approx(-170.0), "connection limit")
    full = park.decide({"battery.soc": 0.95}, None, park.override("battery", -800.0))
    assert told(full, "battery") == (0.0, "SOC window")
    beyond = park.decide({"grid": 500.0}, None, park.override("battery", 5000.0))
    assert told(beyond, "battery") == (1000.0, "rating")


def test_an_override_beats_the_heat_reserve(park: ParkBuilder) -> None:
    decision = park.decide({"tank.soc": 0.05}, None, park.override("boiler", 0.0))
    assert told(decision, "boiler") == (0.0, "operator")


def test_the_other_assets_make_up_for_an_override(park: ParkBuilder) -> None:
    # the battery is held at full charge: the export room that this makes is the generators'
    values = {"grid": -470.0, "pv_a": 1000.0, "pv_b": 1000.0, "battery": -800.0}
    decision = park.decide(values, None, park.override("battery", -1000.0))
    assert told(decision, "pv_a") == (1000.0, "local default")


def test_an_asset_that_cannot_be_read_gets_no_setpoint_and_the_others_go_on(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 300.0, "battery": 0.0, "boiler": 600.0})
    decision = park.decide({"grid": 500.0, "battery.soc": None}, plan)
    battery = decision.assets["battery"]
    assert (battery.setpoint_kw, battery.owner) == (None, "unavailable")
    assert battery.reason == "soc cannot be read"
    assert told(decision, "boiler") == (600.0, "plan")


def test_without_its_battery_the_park_keeps_the_export_limit_with_its_generators(park: ParkBuilder) -> None:
    values = {"grid": -1270.0, "pv_a": 400.0, "pv_b": 200.0, "battery": None}
    decision = park.decide(values)
    assert told(decision, "pv_a") == (pytest.approx(200.0), "export limit")


@pytest.mark.parametrize("mode", [Mode.SAFE, Mode.STOPPED])
def test_when_nothing_can_be_steered_every_device_gets_its_safe_value(park: ParkBuilder, mode: Mode) -> None:
    # whatever the plan, the override or the device says; the grid meter is not needed
    decision = park.decide(
        {"grid": None, "battery": None}, park.plan({"battery": 900.0}), park.override("wind", 900.0), mode=mode
    )
    assert {name: asset.setpoint_kw for name, asset in decision.assets.items()} == {
        "pv_a": 330.0,
        "pv_b": 330.0,
        "wind": 330.0,
        "battery": 0.0,
        "heat_pump": 0.0,
        "boiler": 0.0,
    }
    assert {asset.owner for asset in decision.assets.values()} == {"safety"}
    assert decision.grid_target_kw is None


def test_only_what_may_be_written_is_decided(park: ParkBuilder) -> None:
    decision = park.with_device("battery_pcs", write=()).decide({})
    assert "battery" not in decision.assets
    assert set(park.decide({}).assets) == {"pv_a", "pv_b", "wind", "battery", "heat_pump", "boiler"}


# -- for any park ------------------------------------------------------------------------------------

POWERS = st.fixed_dictionaries(
    {
        "grid": st.floats(-5000, 5000),
        "battery": st.floats(-1000, 1000),
        "battery.soc": st.floats(0, 1),
        "heat_pump": st.floats(0, 400),
        "boiler": st.floats(0, 1500),
        "tank.soc": st.floats(-0.05, 1.05),
        "pv_a": st.floats(0, 1000),
        "pv_b": st.floats(0, 1000),
        "wind": st.floats(0, 1000),
    }
)
PLANNED = st.fixed_dictionaries(
    {
        "grid": st.floats(-5000, 5000),
        "battery": st.floats(-1000, 1000),
        "heat_pump": st.floats(0, 400),
        "boiler": st.floats(0, 1500),
        "pv_a": st.floats(0, 1000),
        "pv_b": st.floats(0, 1000),
        "wind": st.floats(0, 1000),
    }
)
OVERRIDDEN = st.dictionaries(
    st.sampled_from(["battery", "heat_pump", "boiler", "pv_a", "wind"]), st.floats(-3000, 3000), max_size=3
)


@settings(max_examples=150, deadline=None)
@given(values=POWERS, planned=st.none() | PLANNED, overridden=OVERRIDDEN)
def test_no_plan_and_no_person_takes_an_asset_out_of_its_limits(
    park: ParkBuilder, values: dict[str, float], planned: dict[str, float] | None, overridden: dict[str, float]
) -> None:
    plan = None
    if planned is not None:
        plan = park.plan(planned, stored_kwh={"battery": [1000.0] * 9}, available_kw={"pv_a": 1000.0, "wind": 700.0})
    decision = park.decide(values, plan, *(park.override(name, kw) for name, kw in overridden.items()))
    battery = decision.assets["battery"].setpoint_kw
    assert battery is not None
    assert -1000.0 <= battery <= 1000.0
    if values["battery.soc"] >= 0.9:
        assert battery >= 0.0
    elif values["battery.soc"] <= 0.1:
        assert battery <= 0.0
    else:
        # the limits hold, or the battery does all it can
        expected_kw = values["grid"] - (battery - values["battery"])
        assert expected_kw <= IMPORT_KW + 1e-6 or battery == 1000.0
        assert expected_kw >= -EXPORT_KW - 1e-6 or battery == -1000.0
    for name, rated_kw in (("heat_pump", 400.0), ("boiler", 1500.0), ("pv_a", 1000.0), ("wind", 1000.0)):
        setpoint_kw = decision.assets[name].setpoint_kw
        assert setpoint_kw is not None
        assert 0.0 <= setpoint_kw <= rated_kw


@settings(max_examples=100, deadline=None)
@given(values=POWERS)
def test_the_same_park_gets_the_same_decision(park: ParkBuilder, values: dict[str, float]) -> None:
    plan = park.plan({"grid": 300.0, "battery": 100.0})
    assert park.decide(values, plan) == park.decide(values, plan)
