"""What batteries keep for the month's peak, and what is known to come: by hand, on the demo park and its battery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from park_builder import ParkBuilder, told

from controller.demand_course import DOUBT, DemandCourse
from controller.demand_guard import Demand
from dispatch.plan import Plan, ScenarioPlan

TARGET_KW = 1000.0
BOTH_WAYS = 0.94 * 0.94


def expecting(park: ParkBuilder, grid_kw: list[float], **power_kw: float) -> Plan:
    return park.plan({"grid": grid_kw, "battery": 0.0, "heat_pump": 0.0, **power_kw})


def under(plan: Plan, *more_kw: float) -> Plan:
    """The plan over scenarios, in each of which the import is so much higher."""
    scenarios = []
    for number, kw in enumerate(more_kw):
        grid = replace(plan.assets["grid"], power_kw=plan.assets["grid"].power_kw + kw)
        scenarios.append(
            ScenarioPlan(
                name=f"day {number}", probability=1 / len(more_kw), assets={**plan.assets, "grid": grid}, cost={}
            )
        )
    return replace(plan, scenarios=tuple(scenarios))


def reserve(park: ParkBuilder, plan: Plan | None, later_min: int = 0) -> float:
    return DemandCourse(park.site, plan).reserve_kwh(park.NOON + timedelta(minutes=later_min), TARGET_KW)


def test_what_is_beyond_the_target_is_kept(park: ParkBuilder) -> None:
    # 100 and 300 kW beyond it for a quarter of an hour each, and a doubt of 50 kW in both
    plan = expecting(park, [1100.0, 1300.0, *[0.0] * 6])
    assert reserve(park, plan) == pytest.approx((100 + 300 + 2 * DOUBT * TARGET_KW) / 4)
    # what is over needs nothing any more
    assert reserve(park, plan, later_min=15) == pytest.approx((300 + DOUBT * TARGET_KW) / 4)
    assert reserve(park, plan, later_min=30) == 0.0
    assert reserve(park, None) == 0.0


def test_what_can_be_charged_before_need_not_be_kept(park: ParkBuilder) -> None:
    # half an hour at 400 below (less the doubt), then half an hour at 200 above (and the doubt)
    plan = expecting(park, [600.0, 600.0, 1200.0, 1200.0, *[0.0] * 4])
    charged, needed = 2 * 350 / 4 * BOTH_WAYS, 2 * 250 / 4
    assert reserve(park, plan) == pytest.approx(max(0.0, needed - charged))
    # a battery charges with 1,000 kW at most
    plan = expecting(park, [-5000.0, 3000.0, *[0.0] * 6])
    assert reserve(park, plan) == pytest.approx((2050 - 1000 * BOTH_WAYS) / 4)


def test_batteries_and_what_can_wait_are_no_part_of_it(park: ParkBuilder) -> None:
    # 900 of the grid and 200 of the battery are 1,100 without it; 400 of the heat pump can wait
    assert reserve(park, expecting(park, [900.0] * 8, battery=200.0)) > 0.0
    assert reserve(park, expecting(park, [1300.0] * 8, heat_pump=400.0)) == 0.0


def test_a_plan_over_scenarios_says_itself_how_high_it_may_go(park: ParkBuilder) -> None:
    plan = under(expecting(park, [900.0, *[0.0] * 7]), 0.0, 400.0)
    assert reserve(park, plan) == pytest.approx(300 / 4)


def test_what_is_kept_is_not_given_for_a_price(park: ParkBuilder) -> None:
    demand = Demand(target_kw=TARGET_KW, allowed_kw=1000.0, mean_kw=500.0, per_kw=48.0, reserve_kwh=300.0)
    plan = park.plan({"grid": 0.0, "battery": 800.0})
    # at 30 % it holds 0.2 * 2000 * 0.94 = 376 kWh above its floor: 76 may be given within a quarter of an hour
    decision = park.decide({"grid": 800.0, "battery.soc": 0.3}, plan, demand=demand)
    assert told(decision, "battery") == (pytest.approx(4 * 76.0), "demand guard")
    assert decision.assets["battery"].reason == "keeps 300 kWh of 376 for peaks above 1000 kW"
    # for the peak itself it is
    now = replace(demand, allowed_kw=200.0)
    decision = park.decide({"grid": 800.0, "battery.soc": 0.3}, plan, demand=now)
    assert told(decision, "battery") == (pytest.approx(600.0), "demand guard")


def test_what_is_known_to_come(park: ParkBuilder) -> None:
    plan = expecting(park, [500.0, 800.0, 300.0, *[0.0] * 5])
    now = park.NOON + timedelta(minutes=10)
    assert DemandCourse(park.site, plan).rises_kw(now, 7) == [0.0] * 5 + [300.0] * 2
    assert DemandCourse(park.site, plan).rises_kw(now + timedelta(minutes=15), 7) == [0.0] * 7
    assert DemandCourse(park.site, None).rises_kw(now, 3) == [0.0] * 3


def test_where_no_demand_is_kept_there_is_no_reserve(park: ParkBuilder) -> None:
    assert DemandCourse(park.site, None).with_reserve(None, park.NOON) is None
