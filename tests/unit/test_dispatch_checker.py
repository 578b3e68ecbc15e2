"""The plan checker finds each kind of broken plan and names asset, step and amount."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from tiny_park import TinyPark

from dispatch.checker import check_plan, unmet
from dispatch.plan import AssetPlan, FloatArray, Method, Plan

GIVEN: dict[str, Any] = {
    "available_kw": {"pv": [20, 150, 90, 0], "turbine": [30, 20, 10, 40]},
    "load_kw": {"load": [80, 60, 120, 90], "heat": [60, 90, 40, 80]},
    "stored_kwh": {"battery": 40, "tank": 90},
    "month_peak_kw": 70,
}


def changed(plan: Plan, name: str, **fields: Any) -> Plan:
    return replace(plan, assets={**plan.assets, name: replace(plan.assets[name], **fields)})


def moved(values: FloatArray | None, step: int, by: float) -> FloatArray:
    assert values is not None
    values = values.copy()
    values[step] += by
    return values


def flow(name: str, bus: str, step: int, by: float) -> Callable[[Plan], Plan]:
    def broken(plan: Plan) -> Plan:
        flows = plan.assets[name].flows_kw
        return changed(plan, name, flows_kw={**flows, bus: moved(flows[bus], step, by)})

    return broken


def power(name: str, step: int, by: float) -> Callable[[Plan], Plan]:
    """An asset's power, and with it what flows at the bus where that counts."""
    bus = "heat" if name in ("heat", "boiler", "tank") else "electricity"
    taken = name in ("load", "heat", "heat_pump")

    def broken(plan: Plan) -> Plan:
        plan = flow(name, bus, step, -by if taken else by)(plan)
        return changed(plan, name, power_kw=moved(plan.assets[name].power_kw, step, by))

    return broken


def costing(plan: Plan, term: str, by: float) -> Plan:
    return replace(plan, cost={**plan.cost, term: plan.cost[term] + by})


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (power("grid", 2, 7.0), "electricity, step 2: the balance is open, 7.00 kW too much"),
        (power("boiler", 1, -3.0), "heat, step 1: the balance is open, 3.00 kW missing"),
        (power("grid", 0, -2000.0), "below -1000.00"),
        (power("grid", 0, 3000.0), "beyond the limit of 1000.00"),
        (power("pv", 0, 5.0), "pv, step 0: power_kw 25.00 is 5.00 above 20.00"),
        (power("turbine", 3, -100.0), "below 0.00"),
        (power("battery", 1, -500.0), "battery, step 1: power_kw"),
        (power("heat_pump", 1, 300.0), "heat_pump, step 1: power_kw"),
        (power("boiler", 2, 500.0), "above 100.00"),
        (power("load", 2, -20.0), "load, step 2: 20.00 kW of 120.00 kW are not served"),
        (power("heat", 2, -20.0), "heat, step 2: 20.00 kW of 40.00 kW are not served"),
        (power("load", 2, 20.0), "load, step 2: power_kw 140.00 is 20.00 above 120.00"),
        (flow("heat_pump", "heat", 1, 9.0), "9.00 above"),
        (flow("heat_pump", "heat", 1, -9.0), "heat_pump, step 1: flow into heat"),
        (
            lambda p: changed(p, "load", power_kw=moved(p.assets["load"].power_kw, 2, -20.0)),
            "load, step 2: power_kw 100.00 is 20.00 less than 120.00",
        ),
        (lambda p: changed(p, "tank", flows_kw={}), "tank: flow into heat is missing"),
        (
            lambda p: changed(p, "pv", flows_kw={**p.assets["pv"].flows_kw, "heat": np.zeros(4)}),
            "pv: it has nothing to do with heat",
        ),
        (lambda p: changed(p, "pv", gas_kw=np.ones(4)), "pv: its plan has gas, and it burns none"),
        (
            lambda p: changed(p, "pv", available_kw=moved(p.assets["pv"].available_kw, 1, 5.0)),
            "pv, step 1: available_kw 155.00 is 5.00 more than 150.00",
        ),
        (lambda p: changed(p, "boiler", gas_kw=moved(p.assets["boiler"].gas_kw, 1, -0.5)), "boiler, step 1: gas_kw"),
        (
            lambda p: changed(p, "battery", stored_kwh=moved(p.assets["battery"].stored_kwh, 0, 4.0)),
            "battery, step 0: starts with 44.00 kWh, 4.00 off the measured 40.00",
        ),
        (
            lambda p: changed(p, "battery", stored_kwh=moved(p.assets["battery"].stored_kwh, 4, 1.0)),
            "battery, step 3: stored_kwh after it",
        ),
        (
            lambda p: changed(p, "tank", stored_kwh=moved(p.assets["tank"].stored_kwh, 2, 500.0)),
            "above 200.00",
        ),
        (lambda p: changed(p, "tank", stored_kwh=None), "tank: stored_kwh is missing"),
        (lambda p: changed(p, "boiler", gas_kw=None), "boiler: gas_kw is missing"),
        (lambda p: changed(p, "pv", power_kw=np.zeros(3)), r"pv: power_kw has shape (3,), expected (4,)"),
        (power("pv", 3, np.nan), "pv, step 3: power_kw is not a finite number"),
        (lambda p: costing(p, "energy_import", 1.0), "cost: energy_import of"),
        (lambda p: costing(p, "demand", -2.0), "2.00 off"),
        (lambda p: costing(p, "gas", np.nan), "cost: gas of nan"),
        (lambda p: replace(p, cost={}), "cost: the term wear is missing"),
        (lambda p: replace(p, cost={**p.cost, "bribes": 1.0}), "cost: bribes is not a term of the bill"),
        (
            lambda p: replace(p, import_price_per_kwh=moved(p.import_price_per_kwh, 1, 0.1)),
            "grid, step 1: import price 0.4000 is 0.1000 off the tariff's 0.3000",
        ),
        (lambda p: replace(p, start=p.start + timedelta(hours=1)), "the plan starts at"),
        (lambda p: replace(p, step_h=np.full(4, 0.5)), "intervals are not as long"),
        (lambda p: replace(p, step_h=np.ones(3)), "the plan has 3 steps, the situation 4"),
        (
            lambda p: replace(p, assets={n: a for n, a in p.assets.items() if n != "pv"}),
            "pv is not in the plan",
        ),
        (
            lambda p: replace(p, assets={**p.assets, "ghost": AssetPlan(power_kw=np.zeros(4))}),
            "ghost is planned, but the site has no such asset",
        ),
        (
            lambda p: replace(p, marginal_per_kwh={"heat": np.full(4, np.inf)}),
            "heat, step 0: marginal_per_kwh is not a finite number",
        ),
    ],
)
def test_a_broken_plan_is_found(park_with_all: TinyPark, broken: Callable[[Plan], Plan], message: str) -> None:
    situation = park_with_all.situation(**GIVEN)
    plan = park_with_all.plan(situation)
    assert check_plan(park_with_all.site, situation, plan) == []
    found = check_plan(park_with_all.site, situation, broken(plan))
    assert any(message in sentence for sentence in found), found


def test_an_unavailable_asset_must_stand_still(park_with_all: TinyPark) -> None:
    situation = park_with_all.situation(**GIVEN)
    plan = park_with_all.plan(situation)
    for name in ("pv", "battery", "heat_pump"):
        found = check_plan(park_with_all.site, replace(situation, unavailable=frozenset({name})), plan)
        assert found, name
        assert all(sentence.startswith(f"{name}, step") for sentence in found), found


def test_the_balance_is_not_saved_by_two_errors_that_cancel(park_with_all: TinyPark) -> None:
    situation = park_with_all.situation(**GIVEN)
    plan = park_with_all.plan(situation)
    found = check_plan(park_with_all.site, situation, power("pv", 0, 5.0)(power("grid", 0, -5.0)(plan)))
    assert any("pv, step 0" in sentence for sentence in found)
    assert any("cost: energy_import" in sentence for sentence in found)


def test_a_store_may_come_back_into_its_window_but_not_go_further_out(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}, "battery": {"soc_min": 0.2}}, (1.0, 1.0))
    situation = park.situation(load_kw={"load": 30}, stored_kwh={"battery": 10})
    plan = park.plan(situation)
    given_kw = np.array([4.5, 0.0])
    drained = AssetPlan(power_kw=given_kw, flows_kw={"electricity": given_kw}, stored_kwh=np.array([10.0, 5.0, 5.0]))
    found = check_plan(park.site, situation, replace(plan, assets={**plan.assets, "battery": drained}))
    assert "battery, step 0: stored_kwh after it 5.00 is 5.00 below 10.00" in found


def test_what_is_unmet_is_told_apart_from_what_is_wrong(park_with_all: TinyPark) -> None:
    situation = park_with_all.situation(**GIVEN)
    plan = power("load", 2, -20.0)(park_with_all.plan(situation))
    assert unmet(park_with_all.site, situation, plan) == ["load, step 2: 20.00 kW of 120.00 kW are not served"]
    assert len(check_plan(park_with_all.site, situation, plan)) == 2  # and the balance is open


def test_a_plan_that_was_moved_on_need_not_claim_a_cost(park_with_all: TinyPark) -> None:
    situation = park_with_all.situation(**GIVEN)
    plan = replace(park_with_all.plan(situation), method=Method.SHIFTED, cost={})
    assert check_plan(park_with_all.site, situation, plan) == []
