"""The last word: range, least load, minimum times, deadband and ramp, by hand and for any run of the park."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from park_builder import ParkBuilder

from controller.adopt import aged, restored_guard
from controller.decision import AssetDecision, Decision
from controller.guard import AssetGuard, guard
from controller.modes import Mode

LONG_AGO_S = -math.inf


def wanted(asset: str, setpoint_kw: float | None, *, owner: str = "plan", **bounds: float) -> AssetDecision:
    return AssetDecision(asset=asset, setpoint_kw=setpoint_kw, owner=owner, reason="as planned", **bounds)


def held(
    setpoint_kw: float, *, running: bool | None = None, switched_s: float = LONG_AGO_S, decided_s: float = 0.0
) -> AssetGuard:
    runs = setpoint_kw > 0 if running is None else running
    return AssetGuard(setpoint_kw=setpoint_kw, running=runs, switched_s=switched_s, decided_s=decided_s)


def guarded(
    park: ParkBuilder,
    asset: AssetDecision,
    memory: AssetGuard | None,
    *,
    site_s: float = 1.0,
    mode: Mode = Mode.OPTIMAL,
    soc: float | None = None,
) -> tuple[AssetDecision, AssetGuard | None]:
    decision = Decision(at=park.NOON, mode=mode, assets={asset.asset: asset}, grid_target_kw=None)
    state = {} if memory is None else {asset.asset: memory}
    kept, remembered = guard(decision, park.snapshot({} if soc is None else {"battery.soc": soc}, site_s=site_s), state)
    return kept.assets[asset.asset], remembered.get(asset.asset)


# -- SOC window --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("soc", "wanted_kw"), [(0.9, -300.0), (0.95, -300.0), (0.1, 300.0), (0.02, 300.0)])
def test_a_battery_at_the_edge_of_its_window_goes_no_further_whoever_wants_it(
    park: ParkBuilder, soc: float, wanted_kw: float
) -> None:
    kept, _ = guarded(park, wanted("battery", wanted_kw), None, soc=soc)
    assert (kept.setpoint_kw, kept.owner) == (0.0, "guard")
    assert f"SOC {soc:.1%} at the edge of 10% to 90%" in kept.reason
    back, _ = guarded(park, wanted("battery", -wanted_kw), None, soc=soc)
    assert (back.setpoint_kw, back.owner) == (-wanted_kw, "plan")


# -- range and resolution ----------------------------------------------------------------------------


def test_a_setpoint_beyond_the_devices_range_ends_at_its_edge_and_says_so(park: ParkBuilder) -> None:
    kept, _ = guarded(park, wanted("battery", 1200.0), None)
    assert (kept.setpoint_kw, kept.owner) == (1000.0, "guard")
    assert kept.reason == "1200.0 kW is outside -1000 to 1000 kW; as planned"
    kept, _ = guarded(park, wanted("boiler", -5.0), None)
    assert (kept.setpoint_kw, kept.owner) == (0.0, "guard")


def test_a_setpoint_lies_on_the_devices_resolution(park: ParkBuilder) -> None:
    # the battery's is 0.1 kW, the inverter's 1 kW; rounding is nobody's correction
    kept, _ = guarded(park, wanted("battery", 123.4567), None)
    assert (kept.setpoint_kw, kept.owner) == (pytest.approx(123.5), "plan")
    kept, _ = guarded(park, wanted("pv_a", 500.4), None)
    assert kept.setpoint_kw == pytest.approx(500.0)


def test_the_first_setpoint_has_no_ramp_and_is_remembered(park: ParkBuilder) -> None:
    kept, memory = guarded(park, wanted("battery", 800.0), None, site_s=7.0)
    assert kept.setpoint_kw == 800.0
    assert memory == replace(held(800.0, decided_s=7.0), direction=1)


# -- ramp --------------------------------------------------------------------------------------------


def test_the_battery_moves_by_its_ramp_per_site_second(park: ParkBuilder) -> None:
    # 200 kW/s
    kept, _ = guarded(park, wanted("battery", 800.0), held(0.0), site_s=1.0)
    assert (kept.setpoint_kw, kept.owner) == (200.0, "guard")
    assert kept.reason == "ramp 200 kW/s towards 800.0 kW: as planned"
    kept, _ = guarded(park, wanted("battery", -800.0), held(100.0), site_s=0.5)
    assert kept.setpoint_kw == pytest.approx(0.0)
    kept, _ = guarded(park, wanted("battery", 800.0), held(0.0), site_s=4.0)
    assert (kept.setpoint_kw, kept.owner) == (800.0, "plan")


def test_where_an_asset_names_no_ramp_the_sites_counts(park: ParkBuilder) -> None:
    # 100 kW/s
    kept, _ = guarded(park, wanted("pv_a", 200.0), held(1000.0), site_s=1.0)
    assert (kept.setpoint_kw, kept.owner) == (900.0, "guard")


def test_a_calendar_that_jumps_into_another_plan_moves_nothing_faster(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 0.0, "battery": [0.0] * 4 + [800.0] * 4})
    before = park.decide({}, plan)
    kept, memory = guard(before, park.snapshot(site_s=10.0), {})
    assert kept.assets["battery"].setpoint_kw == 0.0
    # an hour later on the calendar, a second later for the physics
    after = park.decide({"grid": 800.0}, plan, at=park.NOON + timedelta(hours=1))
    assert after.assets["battery"].setpoint_kw == 800.0
    kept, _ = guard(after, park.snapshot(site_s=11.0), memory)
    assert kept.assets["battery"].setpoint_kw == 200.0


def test_no_time_passed_means_no_move(park: ParkBuilder) -> None:
    kept, _ = guarded(park, wanted("battery", 800.0), held(100.0, decided_s=5.0), site_s=5.0)
    assert kept.setpoint_kw == 100.0


def test_a_slow_ramp_gets_there_although_its_steps_are_small(park: ParkBuilder) -> None:
    # 1 kW per cycle, while the deadband is 10 kW
    slow = park.with_asset("battery", ramp_kw_per_s=1.0)
    memory: AssetGuard | None = held(0.0)
    seen = []
    for second in range(1, 41):
        kept, memory = guarded(slow, wanted("battery", 40.0), memory, site_s=float(second))
        seen.append(kept.setpoint_kw)
    # it stops where what is left is smaller than the deadband
    assert seen == pytest.approx([*range(1, 32), *[31] * 9])


def test_a_device_found_beyond_its_range_is_brought_back_into_it(park: ParkBuilder) -> None:
    kept, _ = guarded(park, wanted("battery", 0.0), held(1100.0), site_s=0.1)
    assert kept.setpoint_kw == pytest.approx(980.0)


def test_a_compressor_starts_at_its_least_load_and_falls_from_it(park: ParkBuilder) -> None:
    # 10 kW/s, least load 100 kW
    kept, _ = guarded(park, wanted("heat_pump", 400.0), held(0.0))
    assert kept.setpoint_kw == 100.0
    kept, _ = guarded(park, wanted("heat_pump", 400.0), held(100.0))
    assert kept.setpoint_kw == 110.0
    kept, _ = guarded(park, wanted("heat_pump", 0.0), held(120.0))
    assert kept.setpoint_kw == 110.0
    kept, _ = guarded(park, wanted("heat_pump", 0.0), held(105.0))
    assert kept.setpoint_kw == 0.0


def test_a_burner_starts_at_its_least_load_and_falls_from_it(park: ParkBuilder) -> None:
    # 100 kW/s, least load 150 kW
    kept, _ = guarded(park, wanted("boiler", 1500.0), held(0.0))
    assert kept.setpoint_kw == 150.0
    kept, _ = guarded(park, wanted("boiler", 0.0), held(200.0))
    assert kept.setpoint_kw == 0.0


# -- least load and minimum times --------------------------------------------------------------------


def test_room_for_less_than_the_least_load_means_off(park: ParkBuilder) -> None:
    limited = wanted("heat_pump", 60.0, owner="connection limit")
    kept, _ = guarded(park, limited, held(0.0))
    assert (kept.setpoint_kw, kept.owner) == (0.0, "guard")
    assert kept.reason == "60.0 kW is below the least load of 100 kW; as planned"


def test_a_running_unit_stays_on_for_its_minimum_time(park: ParkBuilder) -> None:
    # 900 s for the heat pump; on since 100
    memory = held(250.0, switched_s=100.0, decided_s=999.0)
    kept, after = guarded(park, wanted("heat_pump", 0.0), memory, site_s=999.0)
    assert (kept.setpoint_kw, kept.owner) == (250.0, "guard")  # no time for the ramp to the least load yet
    kept, after = guarded(park, wanted("heat_pump", 0.0), memory, site_s=999.5)
    assert kept.setpoint_kw == pytest.approx(245.0)
    assert "minimum on time: 900 of 900 s; wanted off" in kept.reason
    kept, after = guarded(park, wanted("heat_pump", 0.0), held(100.0, switched_s=100.0), site_s=999.9)
    assert kept.setpoint_kw == 100.0
    assert after is not None
    assert after.switched_s == 100.0
    kept, after = guarded(park, wanted("heat_pump", 0.0), held(100.0, switched_s=100.0), site_s=1000.0)
    assert kept.setpoint_kw == 0.0
    assert after == held(0.0, switched_s=1000.0, decided_s=1000.0)


def test_every_unit_keeps_its_minimum_times(park: ParkBuilder) -> None:
    heater = park.with_electric_boiler("heat_pump").with_asset("heat_pump", min_on_s=300.0)
    kept, _ = guarded(heater, wanted("heat_pump", 0.0), held(100.0, switched_s=0.0, decided_s=200.0), site_s=201.0)
    assert (kept.setpoint_kw, kept.owner) == (100.0, "guard")


def test_a_limit_below_the_least_load_does_not_break_the_minimum_on_time(park: ParkBuilder) -> None:
    memory = held(100.0, switched_s=0.0)
    kept, _ = guarded(park, wanted("heat_pump", 60.0, owner="connection limit"), memory, site_s=10.0)
    assert kept.setpoint_kw == 100.0


def test_a_unit_that_stopped_stays_off_for_its_minimum_time(park: ParkBuilder) -> None:
    # 600 s for the boiler; off since 100
    memory = held(0.0, switched_s=100.0, decided_s=698.0)
    kept, _ = guarded(park, wanted("boiler", 900.0), memory, site_s=699.0)
    assert (kept.setpoint_kw, kept.owner) == (0.0, "guard")
    assert kept.reason == "minimum off time: 599 of 600 s; wanted on: as planned"
    kept, after = guarded(park, wanted("boiler", 900.0), memory, site_s=700.0)
    assert kept.setpoint_kw == 200.0  # 100 kW/s for two seconds
    assert after is not None
    assert (after.running, after.switched_s) == (True, 700.0)


def test_a_unit_found_off_with_a_setpoint_left_in_its_register_is_off(park: ParkBuilder) -> None:
    memory = held(300.0, running=False, switched_s=0.0)
    kept, _ = guarded(park, wanted("heat_pump", 300.0), memory, site_s=10.0)
    assert kept.setpoint_kw == 0.0


def test_a_unit_whose_past_is_unknown_may_be_switched_at_once(park: ParkBuilder) -> None:
    kept, _ = guarded(park, wanted("boiler", 0.0), held(150.0), site_s=5.0)
    assert kept.setpoint_kw == 0.0


def test_an_electric_boiler_has_a_least_load_and_a_ramp_and_no_minimum_times(park: ParkBuilder) -> None:
    electric = park.with_electric_boiler("heat_pump")
    kept, _ = guarded(electric, wanted("heat_pump", 60.0), held(0.0))
    assert (kept.setpoint_kw, kept.owner) == (0.0, "guard")
    kept, _ = guarded(electric, wanted("heat_pump", 400.0), held(0.0, switched_s=0.0))
    assert kept.setpoint_kw == 100.0
    kept, _ = guarded(electric, wanted("heat_pump", 400.0), held(200.0))
    assert kept.setpoint_kw == 250.0
    kept, _ = guarded(electric, wanted("heat_pump", 0.0), held(120.0, switched_s=0.0))
    assert kept.setpoint_kw == 0.0
    kept, _ = guarded(electric, wanted("heat_pump", 300.0), held(300.0, running=False))
    assert kept.setpoint_kw == 100.0


# -- deadband ----------------------------------------------------------------------------------------


def test_a_change_too_small_to_matter_is_not_made(park: ParkBuilder) -> None:
    # 0.5 % of the battery's 2000 kW from full charge to full discharge
    kept, _ = guarded(park, wanted("battery", 109.9), held(100.0))
    assert (kept.setpoint_kw, kept.owner) == (100.0, "plan")
    kept, _ = guarded(park, wanted("battery", 110.0), held(100.0))
    assert kept.setpoint_kw == 110.0


@pytest.mark.parametrize(("before_kw", "asked_kw"), [(3.0, 0.0), (-3.0, 0.0), (995.0, 1000.0), (-995.0, -1000.0)])
def test_off_and_the_ends_of_the_range_are_always_reached(park: ParkBuilder, before_kw: float, asked_kw: float) -> None:
    kept, _ = guarded(park, wanted("battery", asked_kw), held(before_kw))
    assert kept.setpoint_kw == asked_kw


@pytest.mark.parametrize("owner", ["connection limit", "export limit", "SOC window"])
def test_a_limit_has_no_deadband(park: ParkBuilder, owner: str) -> None:
    kept, _ = guarded(park, wanted("battery", 101.0, owner=owner), held(100.0))
    assert kept.setpoint_kw == 101.0


def test_the_deadband_never_holds_what_a_limit_forbids(park: ParkBuilder) -> None:
    # full: it may not charge, and the plan asks for 3 kW of discharge after 3 kW of charge
    full = wanted("battery", 3.0, low_kw=0.0, high_kw=1000.0)
    kept, _ = guarded(park, full, held(-3.0))
    assert kept.setpoint_kw == 3.0
    kept, _ = guarded(park, full, held(1.0))
    assert kept.setpoint_kw == 1.0


# -- modes and silence -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.SAFE, Mode.STOPPED])
def test_a_safe_value_waits_for_nothing(park: ParkBuilder, mode: Mode) -> None:
    memory = held(250.0, switched_s=0.0)
    kept, after = guarded(park, wanted("heat_pump", 0.0, owner="safety"), memory, site_s=1.0, mode=mode)
    assert (kept.setpoint_kw, kept.owner) == (0.0, "safety")
    assert after == held(0.0, switched_s=1.0, decided_s=1.0)


def test_after_safe_values_the_park_comes_back_by_its_ramps(park: ParkBuilder) -> None:
    _, memory = guarded(park, wanted("battery", 0.0, owner="safety"), held(900.0), mode=Mode.SAFE)
    kept, _ = guarded(park, wanted("battery", 900.0), memory, site_s=2.0)
    assert kept.setpoint_kw == 200.0


def test_an_asset_without_a_setpoint_keeps_its_memory_and_earns_no_ramp(park: ParkBuilder) -> None:
    memory = held(100.0, switched_s=3.0)
    kept, after = guarded(park, wanted("battery", None, owner="unavailable"), memory, site_s=50.0)
    assert kept.setpoint_kw is None
    assert after == held(100.0, switched_s=3.0, decided_s=50.0)
    kept, after = guarded(park, wanted("battery", None, owner="unavailable"), None)
    assert after is None


# -- starts and turns -----------------------------------------------------------------------------------


def test_a_compressor_starts_only_so_often_within_an_hour(park: ParkBuilder) -> None:
    two = park.with_asset("heat_pump", max_starts_per_h=2, min_on_s=0, min_off_s=0)
    memory: AssetGuard | None = held(0.0)
    runs = []
    for minute in range(0, 90, 5):  # it is called and sent off in turn
        power_kw = 200.0 if (minute // 5) % 2 else 0.0
        kept, memory = guarded(two, wanted("heat_pump", power_kw), memory, site_s=60.0 * minute)
        runs.append(kept.setpoint_kw)
        if minute == 25:
            assert kept.owner == "guard"
            assert kept.reason == "2 starts within an hour, no more are allowed; wanted on: as planned"
    started = [5 * number for number, kw in enumerate(runs) if kw and not runs[number - 1]]
    assert started == [5, 15, 65, 75]


def test_starts_are_remembered_over_a_restart(park: ParkBuilder) -> None:
    two = park.with_asset("heat_pump", max_starts_per_h=1, min_on_s=0, min_off_s=0)
    _, memory = guarded(two, wanted("heat_pump", 200.0), held(0.0), site_s=100.0)
    assert memory is not None
    saved = aged(replace(memory, running=False, setpoint_kw=0.0), 160.0)
    later = park.NOON + timedelta(seconds=30)
    restored = restored_guard(saved, park.NOON, later, 1000.0)
    assert restored.starts_s == (1000.0 - 60.0 - 30.0,)
    kept, _ = guarded(two, wanted("heat_pump", 200.0), restored, site_s=1001.0)
    assert (kept.setpoint_kw, kept.owner) == (0.0, "guard")


def test_a_battery_that_has_turned_round_rests_before_it_turns_again(park: ParkBuilder) -> None:
    memory: AssetGuard | None = held(0.0)
    told = []
    for second, kw in enumerate([100.0, -100.0, 0.0, 100.0, *[100.0] * 60]):
        kept, memory = guarded(park, wanted("battery", kw), memory, site_s=1.0 + second)
        told.append(kept.setpoint_kw)
        if second == 3:
            assert kept.reason == "turned round 2 s ago: rests before 100 kW; as planned"
    assert told[:4] == [100.0, -100.0, 0.0, 0.0]
    assert told.index(100.0, 2) == 61


@pytest.mark.parametrize("owner", ["connection limit", "demand guard", "operator"])
def test_a_limit_or_a_person_turns_it_at_once(park: ParkBuilder, owner: str) -> None:
    memory = replace(held(-100.0), direction=-1, turned_s=0.0)
    kept, _ = guarded(park, wanted("battery", 80.0, owner=owner), memory, site_s=1.0)
    assert kept.setpoint_kw == 80.0


# -- for any run of the park -------------------------------------------------------------------------

SETPOINTS = ("battery", "heat_pump", "boiler", "pv_a", "pv_b", "wind")
CYCLE = st.fixed_dictionaries(
    {
        "passed_s": st.sampled_from([0.2, 1.0, 2.0, 60.0, 400.0]),
        "grid": st.floats(-4000, 5000),
        "battery.soc": st.sampled_from([0.05, 0.1, 0.3, 0.5, 0.9, 0.95]),
        "tank.soc": st.sampled_from([0.0, 0.06, 0.3, 0.6, 0.95]),
        "plan_battery": st.floats(-1000, 1000),
        "plan_heat_pump": st.floats(0, 400),
        "plan_boiler": st.floats(0, 1500),
        "override": st.none() | st.tuples(st.sampled_from(SETPOINTS), st.floats(-1500, 1500)),
        "planned": st.booleans(),
        "lost": st.none() | st.sampled_from(["battery", "heat_pump", "boiler", "wind"]),
    }
)


@settings(max_examples=200, deadline=None)
@given(cycles=st.lists(CYCLE, min_size=2, max_size=12))
def test_whatever_happens_every_setpoint_keeps_the_rules(park: ParkBuilder, cycles: list[dict]) -> None:
    site = park.site
    state: dict[str, AssetGuard] = {}
    site_s, power_kw = 0.0, dict.fromkeys(SETPOINTS, 0.0)
    switched_s: dict[str, float] = {}
    for cycle in cycles:
        site_s += cycle["passed_s"]
        values: dict[str, float | None] = {**power_kw, **{k: cycle[k] for k in ("grid", "battery.soc", "tank.soc")}}
        if cycle["lost"] is not None:
            values[cycle["lost"]] = None
        planned = {"grid": 500.0, **{name[5:]: kw for name, kw in cycle.items() if name.startswith("plan_")}}
        plan = park.plan(planned) if cycle["planned"] else None
        overrides = [park.override(*cycle["override"])] if cycle["override"] is not None else []
        decision = park.decide(values, plan, *overrides, at=park.NOON + timedelta(seconds=1))
        before = state
        kept, state = guard(decision, park.snapshot(values, site_s=site_s), state)
        for name, asset in kept.assets.items():
            kw = asset.setpoint_kw
            if kw is None:
                continue
            point = site.setpoint(name)
            assert point is not None
            assert point.setpoint is not None
            assert point.setpoint.low <= kw <= point.setpoint.high
            unit = site.assets[name]
            was = before.get(name)
            rate = getattr(unit, "ramp_kw_per_s", site.control.ramp_kw_per_s)
            least = getattr(unit, "min_power_kw", getattr(unit, "min_heat_kw", 0.0))
            assert kw <= 0 or kw >= least
            if was is None:
                continue
            step = rate * (site_s - was.decided_s) + 1e-6
            starts_or_stops = least > 0 and 0.0 in (kw, was.setpoint_kw)
            cut_for_export = asset.owner == "export limit" and kw < was.setpoint_kw
            assert cut_for_export or abs(kw - was.setpoint_kw) <= (least + step if starts_or_stops else step)
            if name == "battery":
                # at the window's edge it stops, as fast as its ramp allows
                if cycle["battery.soc"] >= 0.9:
                    assert kw >= min(0.0, was.setpoint_kw + step - 2e-6)
                if cycle["battery.soc"] <= 0.1:
                    assert kw <= max(0.0, was.setpoint_kw - step + 2e-6)
            if least > 0 and (kw > 0) != (was.setpoint_kw > 0):
                since_s = site_s - switched_s.get(name, LONG_AGO_S)
                assert since_s >= (unit.min_off_s if kw > 0 else unit.min_on_s)
                switched_s[name] = site_s
        power_kw = {name: asset.setpoint_kw or 0.0 for name, asset in kept.assets.items()}
