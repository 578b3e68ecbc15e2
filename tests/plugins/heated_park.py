"""A heat pump and a boiler that run or stand still, small enough to be planned by hand.

Heat costs 1/3 a kWh from gas (0.3 / 0.9), and a third of the price of electricity from the heat pump. It runs at 50 kW
or more and makes 150 kWh of heat an hour then; the boiler makes the same for 50. So an hour of the heat pump saves 35
at a price of 0.3, and costs 10 more than the boiler's at 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiny_park import TinyPark, make_park

from dispatch.checker import check_plan
from dispatch.plan import Plan

ON, OFF = True, False


def heated(prices: Sequence[float], control: dict[str, Any] | None = None, **heat_pump: Any) -> TinyPark:
    """A heat pump of 50 to 100 kW and a boiler, without a store."""
    return make_park(
        {"heat": {"peak_kw": 300}, "heat_pump": {"min_power_kw": 50, **heat_pump}, "boiler": {"max_heat_kw": 300}},
        prices,
        site_keys={
            "control": {"interval_min": 60, "horizon_h": max(2, len(prices)), "commitment": True, **(control or {})}
        },
    )


def plan_of(park: TinyPark, heat_kw: Any = 150.0, **given_too: Any) -> Plan:
    """A plan that was checked; what it leaves open counts as a fault."""
    situation = park.situation(load_kw={"heat": heat_kw}, **given_too)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    return plan


def runs(plan: Plan, name: str = "heat_pump") -> list[bool]:
    running = plan.assets[name].running
    assert running is not None
    found: list[bool] = running.tolist()
    return found
