"""What rules do with waste heat, cold, hydrogen, vehicles and loads that may be shed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import tiny_kinds as kinds
from tiny_park import TinyPark

from dispatch.checker import check_plan, unmet
from dispatch.plan import Plan, Wanted
from dispatch.rules import rules_plan

Park = Callable[..., TinyPark]


def ruled(park: TinyPark, left_open: int = 0, **given: Any) -> Plan:
    """The plan by rules, which holds and leaves so many things open."""
    situation = park.situation(**given)
    plan = rules_plan(park.site, situation, situation.start)
    found = check_plan(park.site, situation, plan)
    assert found == unmet(park.site, situation, plan)
    assert len(found) == left_open, found
    return plan


CASCADE: Mapping[str, Mapping[str, Any]] = {
    "load": {},
    "heat": {},
    "boiler": {},
    "steam": kinds.STEAM,
    "backup": kinds.STEAM_BOILER,
    "hot": kinds.HOT,
    "water": kinds.EXCHANGER,
    "generator": kinds.WASTE_BOILER,
    "orc": kinds.ORC,
}


def test_waste_heat_serves_first_and_an_orc_takes_what_is_left(tiny_park: Park) -> None:
    plan = ruled(
        tiny_park(CASCADE, (0.5, 0.5)),
        load_kw={"load": 50, "heat": 30, "steam": 45},
        available_kw={"hot": [100, 70]},
    )
    assert plan.assets["generator"].power_kw == pytest.approx([45, 36])
    assert plan.assets["water"].power_kw == pytest.approx([30, 30])
    assert plan.assets["backup"].power_kw == pytest.approx([0, 9])
    assert plan.assets["orc"].power_kw == pytest.approx([4, 0])
    assert plan.assets["hot"].power_kw == pytest.approx([100, 70])


def test_power_from_waste_heat_does_not_exceed_what_the_park_uses(tiny_park: Park) -> None:
    plan = ruled(tiny_park(CASCADE, (0.5, 0.5)), load_kw={"load": 3}, available_kw={"hot": 400})
    assert plan.assets["orc"].power_kw == pytest.approx([3, 3])
    assert plan.assets["hot"].power_kw == pytest.approx([15, 15])
    assert plan.assets["grid"].power_kw == pytest.approx([0, 0])


def test_a_chp_makes_heat_only_as_far_as_its_power_is_used(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "heat": {}, "chp": kinds.CHP, "boiler": {}}, (1.0, 1.0))
    plan = ruled(park, load_kw={"load": [100, 40], "heat": 100})
    # at full load 100 kW of power come with 125 kW of heat
    assert plan.assets["chp"].power_kw == pytest.approx([80, 40])
    assert plan.assets["boiler"].power_kw == pytest.approx([0, 50])


def test_cold_and_hydrogen_are_made_as_they_are_used(tiny_park: Park) -> None:
    park = tiny_park(
        {
            "cooling": kinds.COOLING,
            "absorber": kinds.ABSORBER,
            "chiller": kinds.CHILLER,
            "hot": kinds.HOT,
            "hydrogen": kinds.HYDROGEN,
            "electrolyser": {**kinds.ELECTROLYSER, "heat_recovery": 0.5},
        },
        (1.0, 1.0),
    )
    made_kw = 20 * 33.33
    plan = ruled(
        park, load_kw={"cooling": 80, "hydrogen": [made_kw / 2, 0]}, available_kw={"hot": 50}, cop={"chiller": 4}
    )
    # 50 kW of heat are 35 kW of cold; an electrolyser stands for half of the hour, and its heat is not used
    assert plan.assets["absorber"].power_kw == pytest.approx([35, 35])
    assert plan.assets["chiller"].power_kw == pytest.approx([45, 45])
    assert plan.assets["electrolyser"].power_kw == pytest.approx([500, 0])
    assert plan.assets["electrolyser"].flows_kw["heat"] == pytest.approx([0, 0])


def test_vehicles_charge_at_once_and_loads_are_shed_in_order(tiny_park: Park) -> None:
    park = tiny_park(
        {
            "grid": {"import_limit_kw": 100},
            "load": {},
            "second": {**kinds.SHEDDABLE, "shed_order": 2},
            "first": kinds.SHEDDABLE,
            "chargers": kinds.CHARGERS,
        },
        (1.0, 0.1),
    )
    plan = ruled(
        park,
        left_open=2,
        load_kw={"load": 80, "first": 30, "second": [0, 20]},
        wanted={"chargers": (Wanted(0.0, 2.0, 10.0, 22.0),)},
    )
    assert plan.assets["chargers"].power_kw == pytest.approx([10, 0])
    assert plan.assets["first"].power_kw == pytest.approx([10, 0])
    assert plan.assets["second"].power_kw == pytest.approx([0, 20])
    assert "first: 50.0 kWh not served" in plan.note


def test_what_passes_a_transformer_is_bought_with_its_losses(tiny_park: Park) -> None:
    plan = ruled(tiny_park({"load": {}, "transformer": kinds.TRANSFORMER}, (1.0, 1.0)), load_kw={"load": [50, 0]})
    assert plan.assets["grid"].power_kw == pytest.approx([54.5, 2])
    assert plan.cost["energy_import"] == pytest.approx(56.5)


def test_two_buses_that_feed_each_other_are_planned_all_the_same(tiny_park: Park) -> None:
    back = {**kinds.EXCHANGER, "source_bus": "heat", "heat_bus": "hot", "supply_degc": 30}
    park = tiny_park({"heat": {}, "boiler": {}, "hot": kinds.HOT, "water": kinds.EXCHANGER, "back": back}, (1.0, 1.0))
    plan = ruled(park, load_kw={"heat": 50}, available_kw={"hot": 20})
    assert plan.assets["water"].power_kw == pytest.approx([20, 20])
    assert plan.assets["boiler"].power_kw == pytest.approx([30, 30])
