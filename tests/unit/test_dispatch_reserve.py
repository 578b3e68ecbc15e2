"""What batteries keep for an outage and for demand response, in parks that can be planned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_park import BATTERY, TinyPark

from config.reserve import DemandResponse, Reserve
from dispatch import worth
from dispatch.checker import check_plan, unmet
from dispatch.plan import Plan
from dispatch.reserve import reserve_need
from dispatch.rules import rules_plan

Park = Callable[..., TinyPark]

LOSSLESS = {"charge_efficiency": 1, "discharge_efficiency": 1}


def outage(hours: float, **keys: Any) -> dict[str, Any]:
    return {"reserve": {"outage": {"hours": hours, "critical": ["load"], **keys}}}


def response(**keys: Any) -> dict[str, Any]:
    return {"reserve": {"demand_response": {"duration_h": 1, "windows": ["01:00-03:00"], **keys}}}


def planned(park: TinyPark, **given: Any) -> Plan:
    situation = park.situation(**given)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    assert plan.note == ""
    return plan


def both(park: TinyPark, **given: Any) -> tuple[Plan, Plan]:
    """The plans by solver and by rules, of which both hold and keep the reserve."""
    situation = park.situation(**given)
    by_rules = rules_plan(park.site, situation, situation.start)
    assert check_plan(park.site, situation, by_rules) == []
    return planned(park, **given), by_rules


# -- outage ----------------------------------------------------------------------------------------------------------


def test_energy_for_critical_loads_stays_in_the_battery(tiny_park: Park) -> None:
    assets = {"load": {}, "others": {"kind": "electric_load", "device": "d", "peak_kw": 100}, "battery": LOSSLESS}
    free = tiny_park(assets, (1.0, 1.0, 0.1))
    given: dict[str, Any] = {"load_kw": {"load": 20, "others": 40}, "stored_kwh": {"battery": 90}}
    assert planned(free, **given).assets["battery"].stored_kwh[2] == pytest.approx(40, abs=1e-3)
    # two hours of 20 kW are 40 kWh; with 30 kW they are 60 kWh, and 30 of 90 kWh may be used
    park = tiny_park(assets, (1.0, 1.0, 0.1), site_keys=outage(2))
    given = {"load_kw": {"load": 30, "others": 40}, "stored_kwh": {"battery": 90}}
    for plan in both(park, **given):
        assert plan.assets["battery"].power_kw[:2].sum() == pytest.approx(30, abs=1e-3)
        assert plan.assets["battery"].stored_kwh[2] == pytest.approx(60, abs=1e-3)


def test_the_reserve_looks_ahead_and_losses_count(tiny_park: Park) -> None:
    keys = outage(1)
    park = tiny_park({"load": {}, "battery": {"charge_efficiency": 1}}, (1.0, 1.0, 1.0), site_keys=keys)
    need = reserve_need(park.site, park.situation(load_kw={"load": [10, 45, 9]}))
    assert need is not None
    # at the end of each hour what the next takes; after the last one its own load goes on
    assert need.energy_kwh == pytest.approx([45, 9, 9])
    plan = planned(park, load_kw={"load": [10, 45, 9]}, stored_kwh={"battery": 20})
    # 45 kWh at the bus are 50 kWh in the cells
    assert plan.assets["battery"].stored_kwh[1] == pytest.approx(50, abs=1e-3)


def test_half_an_hour_and_sure_sources_are_counted_in_part(tiny_park: Park) -> None:
    keys = outage(1.5, sure={"pv": 0.5})
    park = tiny_park({"load": {}, "pv": {}, "battery": LOSSLESS}, (1.0, 1.0, 1.0), site_keys=keys)
    situation = park.situation(load_kw={"load": [10, 30, 20]}, available_kw={"pv": [100, 20, 0]})
    need = reserve_need(park.site, situation)
    assert need is not None
    # 30 less half of 20 for an hour and half an hour of 20, then 20 until the end and beyond it
    assert need.energy_kwh == pytest.approx([20 + 10, 30, 30])
    # half of 100 kW of sun are more than the 10 kW, but what is too much carries nothing later
    early = reserve_need(park.site, replace(situation, start=situation.start, step_h=np.array([0.25, 0.25, 2.5])))
    assert early is not None
    assert early.energy_kwh == pytest.approx([20 * 0.25 + 20 * 1.25, 30, 30])


def test_a_reserve_that_cannot_be_kept_is_named_and_filled_soon(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0, 0.1, 1.0), site_keys=outage(2))
    situation = park.situation(load_kw={"load": 40}, stored_kwh={"battery": 0})
    plan = park.plan(situation)
    # 80 kWh are needed, 50 kW can be charged: the dear hour is not waited out, and only what is above 80 sold on
    assert plan.assets["battery"].power_kw == pytest.approx([-50, -50, 20], abs=1e-3)
    assert plan.note == "reserve: energy is not kept in 1 steps, most 30.0 kWh in step 0"
    assert unmet(park.site, situation, plan) == [
        "reserve, step 0: 30.00 kWh of 80.00 kWh of energy are not kept",
    ]
    assert check_plan(park.site, situation, plan) == unmet(park.site, situation, plan)
    by_rules = rules_plan(park.site, replace(situation, month_peak_kw=200), situation.start)
    assert by_rules.assets["battery"].power_kw[:2] == pytest.approx([-50, -50], abs=1e-3)
    assert "reserve: energy is not kept in 1 steps, most 30.0 kWh in step 0" in by_rules.note


def test_the_reserve_is_given_before_a_load_is_cut_off(tiny_park: Park) -> None:
    assets = {"grid": {"import_limit_kw": 60}, "load": {}, "battery": LOSSLESS}
    park = tiny_park(assets, (1.0, 1.0), site_keys=outage(1))
    situation = park.situation(load_kw={"load": [80, 40]}, stored_kwh={"battery": 40})
    for plan in (park.plan(situation), rules_plan(park.site, situation, situation.start)):
        assert plan.assets["load"].power_kw == pytest.approx([80, 40], abs=1e-3)
        assert plan.assets["battery"].power_kw[0] == pytest.approx(20, abs=1e-3)
        assert "reserve: energy is not kept in" in plan.note
    # below all that is unserved, and above any saving of money
    assert 1.0 < worth.RESERVE_TIMES < worth.RESERVE_TIMES + worth.RESERVE_LASTING_TIMES < worth.UNSERVED_COOLING_TIMES


def test_no_price_is_worth_the_reserve(tiny_park: Park) -> None:
    park = tiny_park(
        {"load": {}, "battery": LOSSLESS}, (0.1, 1.0, 0.1), site_keys=outage(2), demand_charge_per_kw_month=40
    )
    # a new peak costs 40 per kW, and still the 60 kWh stay
    plan = planned(park, load_kw={"load": [0, 30, 30]}, stored_kwh={"battery": 60}, month_peak_kw=10)
    assert np.min(plan.assets["battery"].stored_kwh) >= 60 - 1e-3


def test_batteries_that_are_too_weak_for_the_critical_loads_are_named(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0, 1.0), site_keys=outage(1))
    situation = park.situation(load_kw={"load": [40, 70]}, stored_kwh={"battery": 90})
    words = "reserve: critical loads take 70.0 kW in step 1, batteries give 50.0"
    assert words in park.plan(situation).note
    assert words in rules_plan(park.site, situation, situation.start).note


def test_an_unavailable_battery_keeps_nothing(tiny_park: Park) -> None:
    assets = {"load": {}, "battery": LOSSLESS, "second": {**BATTERY, **LOSSLESS}}
    park = tiny_park(assets, (1.0, 1.0, 0.1), site_keys=outage(1))
    given: dict[str, Any] = {"load_kw": {"load": 40}, "stored_kwh": {"battery": 60, "second": 60}}
    # both hold 120 kWh, of which 80 may go
    for plan in both(park, **given):
        assert plan.assets["battery"].power_kw[:2].sum() + plan.assets["second"].power_kw[:2].sum() == pytest.approx(
            80, abs=1e-3
        )
    # one of them holds 60 kWh, of which 20 may go
    for plan in both(park, **given, unavailable=frozenset({"second"})):
        assert plan.assets["battery"].power_kw[:2].sum() == pytest.approx(20, abs=1e-3)
    unread = {"load_kw": {"load": 40}, "unavailable": frozenset({"second"})}
    situation = park.situation(**unread, stored_kwh={"battery": 60})
    situation = replace(situation, stored_kwh={"battery": 60.0})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    assert plan.assets["battery"].power_kw[:2].sum() == pytest.approx(20, abs=1e-3)


# -- demand response -------------------------------------------------------------------------------------------------


def test_power_up_is_free_within_its_windows(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0, 1.0, 1.0, 0.1, 0.1), site_keys=response(up_kw=30))
    given: dict[str, Any] = {"load_kw": {"load": 100}, "stored_kwh": {"battery": 100}}
    for plan in both(park, **given):
        power_kw, stored_kwh = plan.assets["battery"].power_kw, plan.assets["battery"].stored_kwh
        # 20 of 50 kW at most in the second and third hour, and 30 kWh from the end of the first to that of the third
        assert np.all(power_kw[1:3] <= 20 + 1e-3)
        assert np.all(stored_kwh[1:4] >= 30 - 1e-3)
        assert power_kw[:3].sum() == pytest.approx(70, abs=1e-3)


def test_room_and_power_down_are_free_within_their_windows(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "pv": {}, "battery": LOSSLESS}, (0.5,) * 4, site_keys=response(down_kw=40))
    given: dict[str, Any] = {"available_kw": {"pv": [50, 50, 50, 0]}, "load_kw": {"load": [0, 0, 0, 100]}}
    for plan in both(park, **given):
        power_kw, stored_kwh = plan.assets["battery"].power_kw, plan.assets["battery"].stored_kwh
        # 10 of 50 kW at most, and never more than 60 kWh from the end of the first hour to that of the third
        assert np.all(power_kw[1:3] >= -10 - 1e-3)
        assert np.all(stored_kwh[1:4] <= 60 + 1e-3)
        assert stored_kwh[3] == pytest.approx(60, abs=1e-3)


def test_windows_are_those_of_the_local_day(tiny_park: Park) -> None:
    keys = {**response(up_kw=30), "location": {"latitude": 30, "longitude": 120, "time_zone": "Asia/Shanghai"}}
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0,) * 4, site_keys=keys)
    need = reserve_need(park.site, park.situation(datetime(2026, 3, 2, 16, 30, tzinfo=UTC)))
    assert need is not None
    # 00:30, 01:30, 02:30 and 03:30 there: the first interval reaches into the window, the last does not
    assert need.up_kw == pytest.approx([30, 30, 30, 0])
    assert need.energy_kwh == pytest.approx([30, 30, 30, 0])
    before = reserve_need(park.site, park.situation(datetime(2026, 3, 2, 16, tzinfo=UTC)))
    assert before is not None
    assert before.up_kw == pytest.approx([0, 30, 30, 0])
    assert before.energy_kwh == pytest.approx([30, 30, 30, 0])


def test_power_that_cannot_be_kept_is_named(tiny_park: Park) -> None:
    park = tiny_park(
        {"load": {}, "battery": LOSSLESS}, (1.0,) * 3, site_keys=response(up_kw=60, windows=["00:00-24:00"])
    )
    situation = park.situation(load_kw={"load": 10}, stored_kwh={"battery": 100})
    plan = park.plan(situation)
    assert "reserve: power up is not kept in" in plan.note
    assert "reserve, step 0: 10.00 kW of 60.00 kW of power up are not kept" in unmet(park.site, situation, plan)


def test_the_larger_of_both_needs_counts(tiny_park: Park) -> None:
    keys = outage(1)
    keys["reserve"].update(response(up_kw=30)["reserve"])
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0,) * 4, site_keys=keys)
    need = reserve_need(park.site, park.situation(load_kw={"load": [10, 20, 40, 5]}))
    assert need is not None
    assert need.energy_kwh == pytest.approx([30, 40, 30, 5])


def test_a_site_without_a_reserve_has_no_part_of_it(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0, 1.0))
    situation = park.situation()
    assert reserve_need(park.site, situation) is None
    assert not any("reserve" in variable.name() for variable in _problem_of(park).variables())


def _problem_of(park: TinyPark) -> Any:
    from dispatch.problem import build_problem

    return build_problem(park.site, np.ones(park.steps)).problem


# -- the site file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"outage": {"hours": 0, "critical": ["load"]}}, "greater than 0"),
        ({"outage": {"hours": 2, "critical": []}}, "at least 1"),
        ({"outage": {"hours": 2, "critical": ["load"], "sure": {"pv": 1.2}}}, "less than or equal to 1"),
    ],
)
def test_an_outage_that_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Reserve.model_validate(given)


def test_demand_response_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="both 0"):
        DemandResponse.model_validate({"duration_h": 1, "windows": ["10:00-12:00"]})
