"""Exchangers and waste-heat boilers take no command: a plan gives them what they take by themselves, by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_kinds import EXCHANGER, HOT, ORC, STEAM, STEAM_BOILER, WASTE_BOILER
from tiny_park import TinyPark

from dispatch.checker import check_plan
from dispatch.direct_use import taken_first
from dispatch.plan import AssetPlan, Plan
from dispatch.registry import forms_of

Park = Callable[..., TinyPark]

CASCADE = {"load": {}, "heat": {}, "boiler": {}, "tank": {}, "hot": HOT, "water": EXCHANGER, "orc": ORC}
WHOLE_CASCADE = {**CASCADE, "steam": STEAM, "backup": STEAM_BOILER, "generator": WASTE_BOILER}


def solved(park: TinyPark, **given: Any) -> Plan:
    situation = park.situation(**given)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    return plan


def test_the_tank_is_filled_before_an_orc_gets_anything(tiny_park: Park) -> None:
    # dear power now and cheap power later: the ORC would rather have its 50 kW at once
    park = tiny_park({**CASCADE, "tank": {"capacity_kwh": 100}}, (3.0, 0.1, 0.1, 0.1))
    plan = solved(park, load_kw={"load": 100, "heat": 20}, available_kw={"hot": 60}, stored_kwh={"tank": 20})
    # the exchanger takes all 60 kW until the tank is at 95 kWh, then the demand only
    assert plan.assets["water"].power_kw == pytest.approx([60, 55, 20, 20], abs=1e-2)
    assert plan.assets["tank"].stored_kwh == pytest.approx([20, 60, 95, 95, 95], abs=1e-2)
    assert plan.assets["orc"].power_kw == pytest.approx([0, 1, 8, 8], abs=1e-2)


def test_steam_comes_before_hot_water(tiny_park: Park) -> None:
    park = tiny_park(WHOLE_CASCADE, (3.0, 3.0))
    situation = park.situation(
        load_kw={"heat": 30, "steam": 45}, available_kw={"hot": [100, 60]}, stored_kwh={"tank": 200}
    )
    share = taken_first(forms_of(park.site), situation)
    # 50 kW make 45 kW of steam; 30 of the other 50 kW are wanted, and only 10 are left of 60
    assert share["generator"] == pytest.approx([0.45, 0.45])
    assert share["water"] == pytest.approx([30 / 60, 10 / 60])


def test_losses_and_an_unavailable_tank_leave_room_or_none(tiny_park: Park) -> None:
    park = tiny_park({**CASCADE, "tank": {"capacity_kwh": 100, "loss_per_h": 0.1}}, (1.0, 1.0))
    situation = park.situation(load_kw={"heat": 20}, available_kw={"hot": 60}, stored_kwh={"tank": 95})
    # 95 kWh fall to 85.5 in the first hour, which leaves room for 9.5 in the second
    assert taken_first(forms_of(park.site), situation)["water"] == pytest.approx([20 / 60, 29.5 / 60])
    without = replace(situation, unavailable=frozenset({"tank"}))
    assert taken_first(forms_of(park.site), without)["water"] == pytest.approx([20 / 60, 20 / 60])
    assert "water" not in taken_first(forms_of(park.site), replace(situation, unavailable=frozenset({"water"})))


def test_a_tank_that_gives_what_is_missing_is_filled_again(tiny_park: Park) -> None:
    park = tiny_park({**CASCADE, "boiler": {"max_heat_kw": 0.001}}, (3.0, 3.0, 3.0))
    plan = solved(park, load_kw={"heat": [100, 0, 0]}, available_kw={"hot": [40, 60, 60]}, stored_kwh={"tank": 190})
    # the tank gives 60 of its 190 kWh, and is filled to 190 again, where 95 % of it are
    assert plan.assets["water"].power_kw[:2] == pytest.approx([40, 60], abs=1e-2)
    assert plan.assets["tank"].stored_kwh[:3] == pytest.approx([190, 130, 190], abs=1e-2)
    assert plan.assets["orc"].power_kw[:2] == pytest.approx([0, 0], abs=1e-2)


def test_a_plan_that_holds_heat_back_is_found(tiny_park: Park) -> None:
    park = tiny_park(CASCADE, (1.0, 1.0))
    situation = park.situation(load_kw={"load": 100, "heat": 30}, available_kw={"hot": 60}, stored_kwh={"tank": 195})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    ten_kw = np.array([10.0, 0.0])
    less = plan.assets["water"].power_kw - ten_kw
    held = replace(plan.assets["water"], power_kw=less, flows_kw={"heat": less, "hot": -less})
    boiler = plan.assets["boiler"]
    more = boiler.power_kw + ten_kw
    burnt = AssetPlan(power_kw=more, flows_kw={"heat": more}, gas_kw=more / 0.9)
    wrong = replace(plan, assets={**plan.assets, "water": held, "boiler": burnt})
    found = check_plan(park.site, situation, wrong)
    assert "water, step 0: makes 20.00 kW, it will take 30.00 by itself" in found
