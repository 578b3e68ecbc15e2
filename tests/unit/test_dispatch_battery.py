"""A battery with curves of efficiency, taper, wear by depth and cycles of a day, planned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from park_builder import ParkBuilder, told
from pydantic import ValidationError
from tiny_park import BATTERY, TinyPark

from config.assets import Battery
from config.battery_curves import EfficiencyPoint, TaperPoint, WearPiece, share_left
from dispatch.battery_curves import DepthWear, PowerCurve, Taper
from dispatch.checker import check_plan, unmet
from dispatch.plan import Plan, Used
from dispatch.rules import rules_plan
from simulators.battery import BatteryModel

Park = Callable[..., TinyPark]

LOSSLESS = {"charge_efficiency": 1, "discharge_efficiency": 1}
CHARGE_CURVE = ({"share": 0.5, "efficiency": 0.96}, {"share": 1, "efficiency": 0.9})
"""Half power stores 24 of 25 kW, full power 45 of 50."""
DISCHARGE_CURVE = ({"share": 0.5, "efficiency": 0.96}, {"share": 1, "efficiency": 0.9})


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


# -- efficiency by power -------------------------------------------------------------------------------------------


def test_a_battery_charges_at_the_power_at_which_it_loses_least(tiny_park: Park) -> None:
    curves = {"charge_efficiency_curve": CHARGE_CURVE, "discharge_efficiency": 1}
    park = tiny_park({"load": {}, "battery": curves}, (0.1, 0.1, 1.0))
    plan = solved(park, load_kw={"load": [0, 0, 48]})
    # 48 kWh are wanted: twice 25 kW lose 2 kWh, once 50 kW could not bring it and loses more
    assert plan.assets["battery"].power_kw == pytest.approx([-25, -25, 48], abs=1e-3)
    assert plan.assets["battery"].stored_kwh == pytest.approx([0, 24, 48, 0], abs=1e-3)
    one_constant = tiny_park({"load": {}, "battery": {"discharge_efficiency": 1}}, (0.1, 0.1, 1.0))
    dear = solved(one_constant, load_kw={"load": [0, 0, 48]})
    assert plan.cost["energy_import"] == pytest.approx(5.0, abs=1e-3)
    assert dear.cost["energy_import"] == pytest.approx(48 / 0.9 * 0.1, abs=1e-3)


def test_a_kilowatt_more_is_charged_at_a_lower_efficiency(tiny_park: Park) -> None:
    curves = {"charge_efficiency_curve": CHARGE_CURVE, "discharge_efficiency": 1}
    park = tiny_park({"load": {}, "battery": curves}, (0.1, 1.0))
    plan = solved(park, load_kw={"load": [0, 34.5]})
    # 24 kW from the first 25, and 10.5 from 12.5 at 21 / 25
    assert plan.assets["battery"].power_kw == pytest.approx([-37.5, 34.5], abs=1e-3)
    assert plan.cost["energy_import"] == pytest.approx(3.75, abs=1e-3)


def test_discharge_drains_more_at_full_power(tiny_park: Park) -> None:
    curves = {"discharge_efficiency_curve": DISCHARGE_CURVE, "charge_efficiency": 1}
    park = tiny_park({"load": {}, "battery": {**curves, "soc_min": 0}}, (1.0, 1.0, 0.1, 0.1))
    # 25 kW drain 26.04, 50 kW 55.56: what is held gives most when it is spread over both hours
    given = {"load_kw": {"load": [50, 50, 0, 0]}, "stored_kwh": {"battery": 2 * 25 / 0.96}}
    plan = solved(park, **given)
    assert plan.assets["battery"].power_kw[:2] == pytest.approx([25, 25], abs=1e-3)
    assert plan.assets["battery"].stored_kwh[:3] == pytest.approx([52.083, 26.042, 0], abs=1e-3)
    # rules hold the mean import of 25 kW, which is the same
    assert ruled(park, **given).assets["battery"].power_kw[:2] == pytest.approx([25, 25], abs=1e-3)


def test_below_its_best_point_a_battery_mixes() -> None:
    # no-load losses: a quarter of the power at 80 %, half at 95 %
    points = [EfficiencyPoint(share=0.25, efficiency=0.8), EfficiencyPoint(share=0.5, efficiency=0.95)]
    points.append(EfficiencyPoint(share=1, efficiency=0.9))
    charge = PowerCurve.of_charge(points, 100)
    assert charge.ac_kw == (0, 50, 100)
    assert charge.cells_kw == pytest.approx((0, 47.5, 90))
    assert charge.at(np.array([25.0, 75.0])) == pytest.approx([23.75, 68.75])
    discharge = PowerCurve.of_discharge(points, 100)
    assert discharge.ac_kw == (0, 50, 100)
    assert discharge.reverse(50 / 0.95) == pytest.approx(50)


def test_a_wrong_state_behind_a_curve_is_found(tiny_park: Park) -> None:
    curves = {"charge_efficiency_curve": CHARGE_CURVE, "discharge_efficiency_curve": DISCHARGE_CURVE}
    park = tiny_park({"load": {}, "battery": curves}, (0.1, 1.0))
    given = {"load_kw": {"load": [0, 30]}}
    situation = park.situation(**{**given, "load_kw": dict(given["load_kw"])})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    constant = tiny_park({"load": {}, "battery": {}}, (0.1, 1.0))
    found = check_plan(constant.site, situation, plan)
    assert any("battery, step 0: stored_kwh after it" in sentence for sentence in found)


# -- taper -----------------------------------------------------------------------------------------------------------


def test_near_full_a_battery_charges_slowly(tiny_park: Park) -> None:
    taper = ({"soc": 0.5, "share": 1}, {"soc": 1, "share": 0})
    park = tiny_park({"load": {}, "battery": {**LOSSLESS, "charge_taper": taper}}, (0.1, 0.1, 1.0))
    # from 50 kWh: P <= 50 * (2 - 2 * (50 + P) / 100), which is 25; from 75 then 12.5
    for plan in (
        solved(park, load_kw={"load": [0, 0, 50]}, stored_kwh={"battery": 50}),
        ruled(park, load_kw={"load": [0, 0, 50]}, stored_kwh={"battery": 50}, month_peak_kw=100),
    ):
        assert plan.assets["battery"].power_kw[:2] == pytest.approx([-25, -12.5], abs=1e-3)


def test_near_empty_a_battery_gives_little(tiny_park: Park) -> None:
    taper = ({"soc": 0, "share": 0}, {"soc": 0.5, "share": 1})
    park = tiny_park({"load": {}, "battery": {**LOSSLESS, "discharge_taper": taper}}, (1.0, 1.0, 0.1))
    # from 60 kWh: P <= 50 * 2 * (60 - P) / 100 is 30, then from 30 kWh 15
    for plan in (
        solved(park, load_kw={"load": [100, 100, 0]}, stored_kwh={"battery": 60}),
        ruled(park, load_kw={"load": [100, 100, 0]}, stored_kwh={"battery": 60}),
    ):
        assert plan.assets["battery"].power_kw[:2] == pytest.approx([30, 15], abs=1e-3)


def test_power_beyond_the_taper_is_found(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (0.1, 1.0))
    situation = park.situation(load_kw={"load": [0, 40]}, stored_kwh={"battery": 50})
    plan = park.plan(situation)
    assert plan.assets["battery"].stored_kwh[1] == pytest.approx(90, abs=1e-3)
    taper = ({"soc": 0.8, "share": 1}, {"soc": 1, "share": 0.2})
    tapered = tiny_park({"load": {}, "battery": {**LOSSLESS, "charge_taper": taper}}, (0.1, 1.0))
    # at 90 % there are 60 % of 50 kW left
    found = check_plan(tapered.site, situation, plan)
    assert found == ["battery, step 0: power_kw near full or empty -40.00 is 10.00 below -30.00"]


def test_a_taper_is_straight_between_its_points() -> None:
    points = (TaperPoint(soc=0.8, share=1), TaperPoint(soc=0.9, share=0.6), TaperPoint(soc=1, share=0))
    assert [share_left(points, soc) for soc in (0.2, 0.8, 0.85, 0.95, 1.0)] == pytest.approx([1, 1, 0.8, 0.3, 0])
    assert Taper.of(points).share(np.array([0.2, 0.85, 0.95])) == pytest.approx([1, 0.8, 0.3])
    assert share_left((), 0.99) == 1.0


def test_the_controller_keeps_the_taper_at_the_measured_state(park: ParkBuilder) -> None:
    taper = (TaperPoint(soc=0.8, share=1), TaperPoint(soc=1, share=0))
    tapered = park.with_asset("battery", charge_taper=taper, soc_max=1.0)
    plan = tapered.plan({"grid": 1000.0, "battery": -1000.0})
    decision = tapered.decide({"grid": 0.0, "battery.soc": 0.9}, plan)
    assert told(decision, "battery") == (pytest.approx(-500.0), "taper")
    assert told(tapered.decide({"grid": 0.0, "battery.soc": 0.7}, plan), "battery")[1] != "taper"


def test_a_simulated_battery_tapers() -> None:
    spec = Battery.model_validate({**BATTERY, "charge_taper": ({"soc": 0.8, "share": 1}, {"soc": 1, "share": 0})})
    assert BatteryModel(spec, 0.9).max_charge_kw == pytest.approx(25)
    assert BatteryModel(spec, 0.5).max_charge_kw == pytest.approx(50)


# -- wear by depth ---------------------------------------------------------------------------------------------------


def test_a_battery_goes_only_as_deep_as_the_spread_pays_for(tiny_park: Park) -> None:
    pieces = ({"depth": 0.3, "cny_per_kwh": 0.1}, {"depth": 1, "cny_per_kwh": 0.5})
    park = tiny_park({"load": {}, "battery": {**LOSSLESS, "wear_by_depth": pieces}}, (0.2, 0.6))
    # 0.4 of spread pays for the first 30 kWh at 0.1 and not for deeper ones at 0.5
    plan = solved(park, load_kw={"load": [0, 50]}, stored_kwh={"battery": 40})
    assert plan.assets["battery"].power_kw == pytest.approx([-30, 30], abs=1e-3)
    assert plan.cost["wear"] == pytest.approx(3.0, abs=1e-3)
    wide = tiny_park({"load": {}, "battery": {**LOSSLESS, "wear_by_depth": pieces}}, (0.2, 0.9))
    plan = solved(wide, load_kw={"load": [0, 50]}, stored_kwh={"battery": 40})
    assert plan.assets["battery"].power_kw == pytest.approx([-50, 50], abs=1e-3)
    assert plan.cost["wear"] == pytest.approx(30 * 0.1 + 20 * 0.5, abs=1e-3)


def test_wear_counts_cycles_by_their_depth_wherever_they_lie() -> None:
    wear = DepthWear.of([WearPiece(depth=0.3, cny_per_kwh=0.1), WearPiece(depth=1, cny_per_kwh=0.5)], 100)
    shallow = [50.0, 80.0, 50.0, 80.0, 50.0]
    assert wear.cost(np.array(shallow)) == pytest.approx(2 * 30 * 0.1)
    assert wear.cost(np.array([60.0, 10.0])) == pytest.approx(30 * 0.1 + 20 * 0.5)
    # a small cycle within a deep one is a small cycle
    assert wear.cost(np.array([0.0, 80, 60, 80, 0])) == pytest.approx(20 * 0.1 + 30 * 0.1 + 50 * 0.5)
    assert wear.cost(np.array([20.0, 60.0])) == 0.0


def test_the_plan_and_the_bill_agree_on_the_wear_of_many_days(tiny_park: Park) -> None:
    random = np.random.default_rng(7)
    pieces = tuple({"depth": depth, "cny_per_kwh": price} for depth, price in ((0.2, 0.02), (0.5, 0.1), (1, 0.3)))
    for _ in range(10):
        prices = tuple(random.uniform(0, 1.2, 20).round(3))
        park = tiny_park({"load": {}, "battery": {"wear_by_depth": pieces, "wear_cny_per_kwh": 0.01}}, prices)
        # `solved` holds the plan's wear against that of its stored energy
        solved(park, load_kw={"load": random.uniform(0, 60, 20)}, stored_kwh={"battery": random.uniform(0, 100)})


# -- cycles of a day -------------------------------------------------------------------------------------------------


def test_a_battery_keeps_its_cycles_of_the_day(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": {**LOSSLESS, "max_cycles_per_day": 0.8}}, (0.1, 1.0, 0.1, 1.0))
    used = Used(day_discharged_kwh={"battery": 20.0})
    # 80 kWh a day, of which 20 are gone
    for plan in (
        solved(park, load_kw={"load": 40}, used=used),
        ruled(park, load_kw={"load": 40}, stored_kwh={"battery": 100}, used=used),
    ):
        assert np.maximum(plan.assets["battery"].power_kw, 0).sum() == pytest.approx(60, abs=1e-3)
    assert solved(park, load_kw={"load": 40}, used=used).note == ""


def test_the_cycles_of_the_next_day_begin_at_local_midnight(tiny_park: Park) -> None:
    assets = {"load": {}, "battery": {**LOSSLESS, "max_cycles_per_day": 0.5}}
    location = {"latitude": 30, "longitude": 120, "time_zone": "Asia/Shanghai"}
    park = tiny_park(assets, (1.0,) * 4, site_keys={"location": location})
    # 15:00 UTC is 23:00 there: one hour of the first day, three of the second
    used = Used(day_discharged_kwh={"battery": 40.0})
    start = datetime(2026, 3, 2, 15, tzinfo=UTC)
    situation = park.situation(start, load_kw={"load": 50}, stored_kwh={"battery": 100}, used=used)
    plan = rules_plan(park.site, situation, start)
    assert check_plan(park.site, situation, plan) == []
    found = park.plan(situation)
    assert check_plan(park.site, situation, found) == []
    daily = 50.0 + 10.0
    greedy = replace(situation, used=Used(day_discharged_kwh={"battery": 50.0}))
    assert np.maximum(found.assets["battery"].power_kw, 0).sum() <= daily + 1e-3
    assert np.maximum(park.plan(greedy).assets["battery"].power_kw, 0)[0] == pytest.approx(0, abs=1e-3)


def test_cycles_are_exceeded_before_a_load_is_cut_off_and_the_plan_says_so(tiny_park: Park) -> None:
    assets = {"grid": {"import_limit_kw": 60}, "load": {}, "battery": {**LOSSLESS, "max_cycles_per_day": 0.2}}
    park = tiny_park(assets, (1.0, 1.0))
    used = Used(day_discharged_kwh={"battery": 0.0})
    situation = park.situation(load_kw={"load": [100, 30]}, stored_kwh={"battery": 50}, used=used)
    plan = park.plan(situation)
    assert plan.assets["load"].power_kw == pytest.approx([100, 30], abs=1e-3)
    assert "battery: discharges beyond its cycles of a day in 1 steps, most 20.0 kW in step 0" in plan.note
    assert unmet(park.site, situation, plan) == ["battery, day 0: 20.00 kWh are discharged beyond its cycles of a day"]
    assert check_plan(park.site, situation, plan) == unmet(park.site, situation, plan)


def test_what_today_has_discharged_is_said_where_it_is_not_known(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": {"max_cycles_per_day": 1}}, (1.0, 1.0))
    assert park.plan(park.situation()).note == (
        "battery: what it has discharged today is not known and was taken for nothing"
    )
    since = datetime(2026, 3, 2, 9, tzinfo=UTC)
    used = Used(day_discharged_kwh={"battery": 5.0}, day_since=since)
    assert "what the day has used is counted only from 2026-03-02T09:00" in park.plan(park.situation(used=used)).note


# -- the site file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"charge_efficiency_curve": CHARGE_CURVE[:1]}, "must end with share 1 at 0.9, which is charge_efficiency"),
        ({"charge_efficiency_curve": CHARGE_CURVE[::-1]}, "the shares of charge_efficiency_curve must rise"),
        ({"discharge_efficiency_curve": ({"share": 1, "efficiency": 0.8},)}, "at 0.9, which is discharge_efficiency"),
        ({"charge_taper": ({"soc": 0.8, "share": 1},)}, "needs two points"),
        ({"charge_taper": ({"soc": 0.8, "share": 1}, {"soc": 0.9, "share": 0})}, "from share 1 to soc 1"),
        ({"charge_taper": ({"soc": 0.8, "share": 0.9}, {"soc": 1, "share": 0})}, "from share 1 to soc 1"),
        (
            {"charge_taper": ({"soc": 0.8, "share": 1}, {"soc": 0.9, "share": 0.2}, {"soc": 1, "share": 0.1})},
            "nowhere less steeply than before",
        ),
        ({"discharge_taper": ({"soc": 0.1, "share": 0}, {"soc": 0.2, "share": 1})}, "from share 1 to soc 0"),
        ({"wear_by_depth": ({"depth": 0.5, "cny_per_kwh": 0.1},)}, "must rise to 1"),
        (
            {"wear_by_depth": ({"depth": 0.5, "cny_per_kwh": 0.3}, {"depth": 1, "cny_per_kwh": 0.1})},
            "deeper cycles wear more",
        ),
        ({"max_cycles_per_day": 0}, "greater than 0"),
    ],
)
def test_curves_that_make_no_sense_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Battery.model_validate({**BATTERY, **changed})
