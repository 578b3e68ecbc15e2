"""One peak for all scenarios, before it is known which of them comes; worked by hand.

A kW more than the peak of 70 so far costs 10. There are 80 kW of load now, and then 70 in the scenario dull, 140 in the
scenario bright's stead: a battery of 40 kWh without losses can hold 70 now, or be full for what comes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_park import TinyPark, make_park

from dispatch.checker import check_plan
from dispatch.plan import Plan, Scenario

BATTERY = {
    "capacity_kwh": 40,
    "max_charge_kw": 40,
    "max_discharge_kw": 40,
    "charge_efficiency": 1.0,
    "discharge_efficiency": 1.0,
}


def park(lateness: float, *, battery: bool = True) -> TinyPark:
    past = {"most": 2, "lateness": lateness}
    keys = {"control": {"interval_min": 60, "horizon_h": 2, "scenarios": past}}
    assets: dict[str, Any] = {"load": {"peak_kw": 200}, **({"battery": BATTERY} if battery else {})}
    return make_park(assets, (0.01, 0.01), site_keys=keys, demand_charge_per_kw_month=10)


def planned(which: TinyPark, high: float) -> Plan:
    """With so much probability that the load becomes 140 kW."""
    ways = (("low", 70.0, 1.0 - high), ("high", 140.0, high))
    scenarios = tuple(
        Scenario(name=name, probability=weight, load_kw={"load": np.array([80.0, then])}) for name, then, weight in ways
    )
    stored = {"battery": 40.0} if "battery" in which.site.assets else {}
    situation = which.situation(
        load_kw={"load": [80.0, 70.0 + 70.0 * high]}, stored_kwh=stored, month_peak_kw=70.0, scenarios=scenarios
    )
    plan = which.plan(situation)
    assert check_plan(which.site, situation, plan) == []
    return plan


@pytest.mark.parametrize(("lateness", "target_kw"), [(1.5, 80.0), (2.0, 80.0), (3.0, 140.0)])
def test_a_peak_is_decided_now_where_it_will_probably_be_needed(lateness: float, target_kw: float) -> None:
    """A kW beyond 80 is needed with 40 %: to decide it now costs 10, to find out late 4 times the lateness."""
    assert planned(park(lateness, battery=False), 0.4).paid_peak_kw == pytest.approx(target_kw)


def test_without_it_each_scenario_is_trusted_to_know_in_time() -> None:
    """To give 10 now saves 10 kW in the one, and costs 10 in the other that is less probable."""
    plan = planned(park(1.0), 0.4)
    assert plan.assets["battery"].power_kw[0] == pytest.approx(10.0, abs=1e-3)
    assert plan.paid_peak_kw == 70.0


def test_a_battery_is_kept_for_what_may_come() -> None:
    """140 kW less the battery's 40 are 100, and 30 more than so far: that is decided, and nothing is given now."""
    plan = planned(park(3.0), 0.4)
    assert plan.assets["battery"].power_kw[0] == pytest.approx(0.0, abs=1e-3)
    assert plan.paid_peak_kw == pytest.approx(100.0)
    # what the bills of the scenarios say stays what they need
    assert [each.cost["demand"] for each in plan.scenarios] == pytest.approx([100.0, 300.0], abs=0.01)


def test_what_will_hardly_come_is_not_paid_for() -> None:
    """To give 10 now costs 40 late kW with 10 %, at three times their price 120; not to, 100 for 10 kW now and 60 for
    20 late ones."""
    plan = planned(park(3.0), 0.1)
    assert plan.assets["battery"].power_kw[0] == pytest.approx(10.0, abs=1e-3)
    assert plan.paid_peak_kw == pytest.approx(70.0)
