"""Every kind of asset in a park that can be planned by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tiny_kinds import (
    ABSORBER,
    CHARGERS,
    CHILLER,
    CHP,
    COLD_STORE,
    COOLING,
    ELECTRIC_BOILER,
    ELECTROLYSER,
    EXCHANGER,
    FUEL_CELL,
    HOT,
    HYDROGEN,
    HYDROGEN_TANK,
    JOB,
    ORC,
    SHEDDABLE,
    STEAM,
    STEAM_BOILER,
    TRANSFORMER,
    TURBINE,
    WASTE_BOILER,
)
from tiny_park import TinyPark

from config.asset import KWH_PER_KG_HYDROGEN
from dispatch import worth
from dispatch.checker import check_plan, unmet
from dispatch.plan import Plan, Wanted

Park = Callable[..., TinyPark]


def solved(park: TinyPark, **given: Any) -> Plan:
    """The plan for a situation, which holds and leaves nothing open."""
    situation = park.situation(**given)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    return plan


def flow(plan: Plan, name: str, bus: str) -> list[float]:
    return [round(float(kw), 3) + 0.0 for kw in plan.assets[name].flows_kw[bus]]


def test_heat_comes_from_electricity_or_gas_whichever_is_cheaper(tiny_park: Park) -> None:
    park = tiny_park({"heat": {}, "boiler": {}, "rods": ELECTRIC_BOILER}, (0.2, 0.5))
    plan = solved(park, load_kw={"heat": 45})
    # a kWh of heat costs 0.2 / 0.9 or 0.5 / 0.9 from electricity and 0.3 / 0.9 from gas
    assert flow(plan, "rods", "electricity") == [-50, 0]
    assert flow(plan, "rods", "heat") == [45, 0]
    assert plan.assets["boiler"].gas_kw == pytest.approx([0, 50])
    assert plan.cost["gas"] == pytest.approx(50 * 0.3)


def test_a_chp_serves_both_loads_at_full_power(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "heat": {}, "boiler": {}, "chp": CHP}, (1.0, 1.0))
    plan = solved(park, load_kw={"load": 100, "heat": 125})
    # 100 kW of power are 250 kW of gas and 125 kW of heat
    assert plan.assets["chp"].power_kw == pytest.approx([100, 100])
    assert plan.assets["chp"].gas_kw == pytest.approx([250, 250])
    assert flow(plan, "chp", "heat") == [125, 125]
    assert plan.cost["gas"] == pytest.approx(2 * 250 * 0.3)
    assert plan.assets["grid"].power_kw == pytest.approx([0, 0], abs=1e-3)


def test_a_chp_throws_heat_away_where_power_is_worth_it(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "heat": {}, "chp": CHP}, (1.0, 0.1))
    plan = solved(park, load_kw={"load": 100, "heat": 0})
    assert plan.assets["chp"].power_kw == pytest.approx([100, 0], abs=1e-3)
    assert flow(plan, "chp", "heat") == [0, 0]


def test_waste_heat_goes_to_steam_and_water_first_and_the_rest_to_power(tiny_park: Park) -> None:
    park = tiny_park(
        {
            "load": {},
            "heat": {},
            "boiler": {},
            "steam": STEAM,
            "backup": STEAM_BOILER,
            "hot": HOT,
            "water": EXCHANGER,
            "generator": WASTE_BOILER,
            "orc": ORC,
        },
        (0.5, 0.5),
    )
    plan = solved(park, load_kw={"load": 50, "heat": 30, "steam": 45}, available_kw={"hot": 100})
    # 45 kW of steam take 50 kW, water takes 30 kW, and a fifth of the other 20 kW is power
    assert flow(plan, "generator", "hot") == [-50, -50]
    assert flow(plan, "water", "heat") == [30, 30]
    assert flow(plan, "orc", "hot") == [-20, -20]
    assert plan.assets["orc"].power_kw == pytest.approx([4, 4], abs=1e-3)
    assert plan.assets["backup"].power_kw == pytest.approx([0, 0], abs=1e-3)
    assert plan.cost["gas"] == pytest.approx(0, abs=1e-3)
    short = solved(park, load_kw={"load": 50, "heat": 30, "steam": 45}, available_kw={"hot": 60})
    # a kWh of the source saves 0.9 / 0.8 kWh of gas as steam and 1 / 0.9 as water
    assert flow(short, "generator", "hot") == [-50, -50]
    assert flow(short, "water", "heat") == [10, 10]
    assert flow(short, "boiler", "heat") == [20, 20]


def test_heat_that_is_not_hot_enough_is_not_handed_on(tiny_park: Park) -> None:
    park = tiny_park({"heat": {}, "boiler": {}, "hot": {**HOT, "supply_degc": 104}, "water": EXCHANGER}, (1.0, 1.0))
    plan = solved(park, load_kw={"heat": 30}, available_kw={"hot": 100})
    assert flow(plan, "water", "heat") == [0, 0]
    warm = tiny_park({"heat": {}, "boiler": {}, "hot": {**HOT, "supply_degc": 105}, "water": EXCHANGER}, (1.0, 1.0))
    assert flow(solved(warm, load_kw={"heat": 30}, available_kw={"hot": 100}), "water", "heat") == [30, 30]


def test_what_a_pressure_turbine_feeds_cannot_be_held_back(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "top_gas": TURBINE, "grid": {"export_limit_kw": 10}}, (1.0, 1.0), export_per_kwh=-0.2)
    plan = solved(park, load_kw={"load": 80}, available_kw={"top_gas": 90})
    assert flow(plan, "top_gas", "electricity") == [90, 90]
    situation = park.situation(load_kw={"load": 60}, available_kw={"top_gas": 90})
    too_much = park.plan(situation)
    assert flow(too_much, "top_gas", "electricity") == [70, 70]
    assert unmet(park.site, situation, too_much) == check_plan(park.site, situation, too_much)
    assert unmet(park.site, situation, too_much)[0] == (
        "top_gas, step 0: 20.00 kW of 90.00 kW are more than anybody can take"
    )


def test_a_chiller_runs_where_it_is_best(tiny_park: Park) -> None:
    park = tiny_park({"cooling": COOLING, "chiller": CHILLER}, (1.0, 1.0))
    plan = solved(park, load_kw={"cooling": [100, 50]}, cop={"chiller": 4})
    # at full load 25 kW, for half of the hour where half of it is wanted
    assert plan.assets["chiller"].power_kw == pytest.approx([100, 50])
    assert flow(plan, "chiller", "electricity") == [-25, -12.5]


def test_cold_from_waste_heat_saves_the_compressor(tiny_park: Park) -> None:
    assets = {"cooling": COOLING, "chiller": CHILLER, "absorber": ABSORBER}
    park = tiny_park({**assets, "hot": HOT}, (1.0, 1.0))
    plan = solved(park, load_kw={"cooling": [35, 100]}, available_kw={"hot": 200}, cop={"chiller": 4})
    # 70 kW at most, from 100 kW of heat; its pumps run for as long as it does
    assert plan.assets["absorber"].power_kw == pytest.approx([35, 70])
    assert flow(plan, "absorber", "hot") == [-50, -100]
    assert flow(plan, "absorber", "electricity") == [-1, -2]
    assert plan.assets["chiller"].power_kw == pytest.approx([0, 30], abs=1e-3)
    # heat of 150 degC, half way between the least and the rated: half of the cold at half of the COP
    weak = tiny_park({**assets, "hot": {**HOT, "supply_degc": 150}}, (1.0, 1.0))
    plan = solved(weak, load_kw={"cooling": 100}, available_kw={"hot": 200}, cop={"chiller": 4})
    assert flow(plan, "absorber", "cooling") == [35, 35]
    assert flow(plan, "absorber", "hot") == [-100, -100]
    # and where that is below its least load it stands still
    large = {**ABSORBER, "min_cooling_kw": 36}
    off = tiny_park({**assets, "absorber": large, "hot": {**HOT, "supply_degc": 150}}, (1.0, 1.0))
    plan = solved(off, load_kw={"cooling": 100}, available_kw={"hot": 200}, cop={"chiller": 4})
    assert plan.assets["absorber"].power_kw == pytest.approx([0, 0], abs=1e-6)


def test_cold_is_made_in_the_cheap_hour_and_kept(tiny_park: Park) -> None:
    park = tiny_park({"cooling": COOLING, "chiller": CHILLER, "store": COLD_STORE}, (0.2, 1.0))
    plan = solved(park, load_kw={"cooling": 40}, cop={"chiller": 4}, stored_kwh={"store": 0})
    assert plan.assets["chiller"].power_kw == pytest.approx([80, 0], abs=1e-3)
    assert plan.assets["store"].stored_kwh == pytest.approx([0, 40, 0], abs=1e-3)


def test_hydrogen_is_made_in_the_cheap_hour_and_used_in_the_dear_one(tiny_park: Park) -> None:
    park = tiny_park({"hydrogen": HYDROGEN, "electrolyser": ELECTROLYSER, "vessels": HYDROGEN_TANK}, (0.2, 1.0))
    made_kw = 20 * KWH_PER_KG_HYDROGEN
    plan = solved(park, load_kw={"hydrogen": made_kw / 2}, stored_kwh={"vessels": 0})
    # 1,000 kW are 20 kg/h at full load
    assert flow(plan, "electrolyser", "electricity") == [-1000, 0]
    assert flow(plan, "electrolyser", "hydrogen") == pytest.approx([made_kw, 0], abs=2e-3)
    assert plan.assets["vessels"].stored_kwh == pytest.approx([0, made_kw / 2, 0], abs=0.01)


def test_at_a_steady_price_an_electrolyser_runs_where_it_needs_least(tiny_park: Park) -> None:
    park = tiny_park({"hydrogen": HYDROGEN, "electrolyser": ELECTROLYSER}, (1.0, 1.0))
    plan = solved(park, load_kw={"hydrogen": 5 * KWH_PER_KG_HYDROGEN})
    # the best of its points is 448.14 kW, the second of four from 300 to 1,000 kW in equal ratios:
    # 408.14 of 960 kW are for the stack, at 48 kWh/kg and its overvoltage there
    at_best_kg = 408.14 / (48 * (0.85 + 0.15 * 408.14 / 960))
    assert flow(plan, "electrolyser", "electricity") == pytest.approx([-5 / at_best_kg * 448.14] * 2, abs=0.01)


def test_an_electrolyser_keeps_its_ramp_and_gives_its_heat(tiny_park: Park) -> None:
    def with_ramp(kw_per_h: float) -> TinyPark:
        slow = {**ELECTROLYSER, "ramp_kw_per_s": kw_per_h / 3600, "heat_recovery": 0.5}
        assets = {"hydrogen": HYDROGEN, "electrolyser": slow, "vessels": HYDROGEN_TANK, "heat": {}, "boiler": {}}
        return tiny_park(assets, (0.1, 1.0, 0.1, 1.0))

    park = with_ramp(100)
    given = {"load_kw": {"hydrogen": 300, "heat": 20}, "stored_kwh": {"vessels": 1500}}
    plan = solved(park, **given)
    used_kw = plan.assets["electrolyser"].power_kw
    assert np.max(np.abs(np.diff(used_kw))) == pytest.approx(100, abs=0.01)
    slower = with_ramp(90)
    found = check_plan(slower.site, slower.situation(**{**given, "load_kw": dict(given["load_kw"])}), plan)
    assert found
    assert all("change of power_kw after it" in sentence for sentence in found)
    # half of what does not become hydrogen, as far as it is wanted: the boiler makes the rest
    recovered_kw = 0.5 * (used_kw - plan.assets["electrolyser"].flows_kw["hydrogen"])
    heat_kw = plan.assets["electrolyser"].flows_kw["heat"]
    assert np.all(heat_kw <= recovered_kw + 1e-3)
    assert heat_kw + plan.assets["boiler"].power_kw == pytest.approx(np.full(4, 20), abs=1e-3)
    assert heat_kw == pytest.approx(np.minimum(recovered_kw, 20), abs=1e-3)


def test_a_fuel_cell_brings_cheap_power_into_a_dear_hour(tiny_park: Park) -> None:
    park = tiny_park(
        {"load": {}, "heat": {}, "electrolyser": ELECTROLYSER, "vessels": HYDROGEN_TANK, "cell": FUEL_CELL}, (0.1, 3.0)
    )
    plan = solved(park, load_kw={"load": 100, "heat": [0, 60]}, stored_kwh={"vessels": 0})
    # 100 kW from 200 kW of hydrogen, with 60 kW of heat
    assert plan.assets["cell"].power_kw == pytest.approx([0, 100], abs=1e-3)
    assert flow(plan, "cell", "hydrogen") == [0, -200]
    assert flow(plan, "cell", "heat") == [0, 60]
    assert plan.assets["vessels"].stored_kwh == pytest.approx([0, 200, 0], abs=1e-2)


def test_loads_are_shed_in_their_order_before_the_limit_is_broken(tiny_park: Park) -> None:
    park = tiny_park(
        {
            "grid": {"import_limit_kw": 100},
            "load": {},
            "second": {**SHEDDABLE, "shed_order": 2},
            "first": SHEDDABLE,
            "rods": ELECTRIC_BOILER,
            "heat": {},
        },
        (1.0, 1.0),
    )
    situation = park.situation(load_kw={"load": 80, "first": 30, "second": 30, "heat": [0, 20]})
    plan = park.plan(situation)
    # 40 kW too much: heat is left out first, then the load of the lowest order
    assert plan.assets["first"].power_kw == pytest.approx([0, 0], abs=1e-3)
    assert plan.assets["second"].power_kw == pytest.approx([20, 20], abs=1e-3)
    assert plan.assets["heat"].power_kw == pytest.approx([0, 0], abs=1e-3)
    assert plan.assets["grid"].power_kw == pytest.approx([100, 100], abs=1e-3)
    assert "first: load is shed in 2 steps" in plan.note
    assert check_plan(park.site, situation, plan) == unmet(park.site, situation, plan)


def test_a_load_is_shed_where_power_costs_more_than_it_is_worth(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "first": {**SHEDDABLE, "lost_load_cny_per_kwh": 1.0}}, (0.9, 1.1))
    plan = park.plan(park.situation(load_kw={"load": 10, "first": 30}))
    assert plan.assets["first"].power_kw == pytest.approx([30, 0], abs=1e-3)
    assert plan.cost["energy_import"] == pytest.approx(40 * 0.9 + 10 * 1.1)


def test_what_is_left_out_first_is_ranked() -> None:
    ranks = [
        worth.UNSERVED_COOLING_TIMES,
        worth.UNSERVED_HEAT_TIMES,
        worth.UNSERVED_HYDROGEN_TIMES,
        worth.UNSERVED_STEAM_TIMES,
        worth.UNSERVED_WINDOW_TIMES,
        *(worth.shed_times(order) for order in range(1, 100)),
        worth.OVER_LIMIT_TIMES,
        worth.UNSERVED_LOAD_TIMES,
    ]
    assert ranks == sorted(set(ranks))


def test_cooling_is_left_out_before_the_import_limit_is_broken(tiny_park: Park) -> None:
    park = tiny_park({"grid": {"import_limit_kw": 10}, "load": {}, "cooling": COOLING, "chiller": CHILLER}, (1.0, 1.0))
    # on the mildest day a chiller makes twelve times its electricity, and still the limit counts for more
    situation = park.situation(load_kw={"load": 9, "cooling": 60}, cop={"chiller": 11.9})
    plan = park.plan(situation)
    assert plan.assets["grid"].power_kw == pytest.approx([10, 10], abs=1e-3)
    assert plan.assets["cooling"].power_kw == pytest.approx([11.9, 11.9], abs=1e-2)


@pytest.mark.parametrize(("name", "kind"), [("steam", STEAM), ("cooling", COOLING), ("hydrogen", HYDROGEN)])
def test_demand_that_nothing_serves_is_said(tiny_park: Park, name: str, kind: dict[str, Any]) -> None:
    park = tiny_park({"thing": kind}, (1.0, 1.0))
    situation = park.situation(load_kw={"thing": 10})
    plan = park.plan(situation)
    assert f"thing: {name} demand not served in 2 steps, most 10.0 kW in step 0" in plan.note
    assert unmet(park.site, situation, plan)[0] == "thing, step 0: 10.00 kW of 10.00 kW are not served"


def test_vehicles_charge_in_the_cheap_hours_of_their_stay(tiny_park: Park) -> None:
    park = tiny_park({"chargers": CHARGERS}, (0.5, 1.0, 0.2, 0.1))
    # one may take 22 kW from the start to the end of the third hour, one comes then
    visits = (Wanted(-1.0, 3.0, 40.0, 22.0), Wanted(2.0, 4.0, 22.0, 22.0))
    plan = solved(park, wanted={"chargers": visits})
    # the first takes 22 kWh in the third hour and 18 in the first, the second all of its 22 in the fourth
    assert plan.assets["chargers"].power_kw == pytest.approx([18, 0, 22, 22], abs=1e-3)


def test_what_a_vehicle_cannot_get_is_said(tiny_park: Park) -> None:
    park = tiny_park({"grid": {"import_limit_kw": 10}, "chargers": CHARGERS}, (1.0, 1.0))
    situation = park.situation(wanted={"chargers": (Wanted(0.0, 1.0, 30.0, 22.0), Wanted(1.0, 2.0, 5.0, 22.0))})
    plan = park.plan(situation)
    assert plan.assets["chargers"].power_kw == pytest.approx([10, 5], abs=1e-3)
    left_open = unmet(park.site, situation, plan)
    assert left_open == check_plan(park.site, situation, plan)
    assert left_open == [
        "chargers: 8.00 kWh are wanted that cannot be taken within their windows",
        "chargers, step 0: 12.00 kWh of 27.00 kWh are not taken in time",
    ]
    assert "chargers: not taken in time" in plan.note


def test_a_job_that_may_be_interrupted_runs_in_the_cheapest_of_its_hours(tiny_park: Park) -> None:
    park = tiny_park({"job": JOB}, (0.1, 0.5, 0.9, 0.4, 0.9, 0.1))
    plan = solved(park, wanted={"job": (Wanted(1.0, 5.0, 100.0, 50.0),)})
    assert plan.assets["job"].power_kw == pytest.approx([0, 50, 0, 50, 0, 0], abs=1e-3)


def test_a_transformer_loses_by_the_square_of_what_passes(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "pv": {}, "transformer": TRANSFORMER}, (1.0, 1.0), export_per_kwh=0.5)
    plan = solved(park, load_kw={"load": [100, 0]}, available_kw={"pv": [0, 50]})
    # 2 + 10 * 1 at full load, 2 + 10 / 4 at half of it, also the other way
    assert plan.assets["transformer"].power_kw == pytest.approx([12, 4.5], abs=1e-3)
    assert plan.assets["grid"].power_kw == pytest.approx([112, -45.5], abs=1e-3)
    assert plan.cost["energy_import"] == pytest.approx(112)


def test_power_beyond_the_rating_of_a_transformer_is_said(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "transformer": TRANSFORMER}, (1.0, 1.0))
    situation = park.situation(load_kw={"load": 130})
    plan = park.plan(situation)
    assert plan.assets["load"].power_kw == pytest.approx([130, 130], abs=1e-3)
    assert "transformer: power beyond the rating" in plan.note
    assert check_plan(park.site, situation, plan) == unmet(park.site, situation, plan)
    assert "transformer, step 0: 30.00 kW pass beyond the rating of 100.00" in unmet(park.site, situation, plan)
