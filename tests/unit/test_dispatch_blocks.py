"""Parks that can be planned by hand, one for each thing that a block promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_park import TANK, TinyPark

from config.assets import HotWaterTank
from dispatch.checker import check_plan, unmet

Park = Callable[..., TinyPark]

IDEAL: dict[str, Any] = {"charge_efficiency": 1, "discharge_efficiency": 1}


def test_the_grid_serves_a_load_and_the_marginal_value_is_the_import_price(tiny_park: Park) -> None:
    park = tiny_park({"load": {}}, (0.5, 0.8))
    plan = park.plan(park.situation(load_kw={"load": [40, 60]}))
    assert plan.assets["grid"].power_kw == pytest.approx([40, 60])
    assert plan.cost["energy_import"] == pytest.approx(40 * 0.5 + 60 * 0.8)
    assert plan.marginal_per_kwh["electricity"] == pytest.approx([0.5, 0.8])
    assert plan.note == ""


def test_the_marginal_value_is_per_kwh_also_for_short_intervals(tiny_park: Park) -> None:
    park = tiny_park({"load": {}}, (0.5, 0.8))
    plan = park.plan(park.situation(load_kw={"load": 40}, step_h=np.full(2, 0.25)))
    assert plan.marginal_per_kwh["electricity"] == pytest.approx([0.5, 0.5])
    assert plan.cost["energy_import"] == pytest.approx(40 * 0.5 * 0.5)


def test_a_battery_buys_cheap_and_sells_dear_with_its_losses_and_wear(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": {"wear_cny_per_kwh": 0.1}}, (0.2, 1.0))
    plan = park.plan(park.situation(load_kw={"load": 45}))
    # 50 kW charge store 45 kWh, of which 40.5 come out again
    assert plan.assets["battery"].power_kw == pytest.approx([-50, 40.5])
    assert plan.assets["battery"].stored_kwh == pytest.approx([0, 45, 0])
    assert plan.cost["energy_import"] == pytest.approx(95 * 0.2 + 4.5 * 1.0)
    assert plan.cost["wear"] == pytest.approx(40.5 * 0.1)


def test_a_battery_stays_idle_when_the_spread_does_not_cover_losses(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": {}}, (0.9, 1.0))
    plan = park.plan(park.situation(load_kw={"load": 45}))
    assert plan.assets["battery"].power_kw == pytest.approx([0, 0], abs=1e-6)


def test_a_store_ends_as_full_as_it_started_even_when_the_last_hour_is_dear(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": IDEAL}, (0.5, 0.5, 1.0))
    plan = park.plan(park.situation(load_kw={"load": 60}, stored_kwh={"battery": 80}))
    stored = plan.assets["battery"].stored_kwh
    assert stored is not None
    # only what was bought before (20 kWh of room) is sold in the dear hour
    assert plan.assets["battery"].power_kw[2] == pytest.approx(20)
    assert stored[-1] == pytest.approx(80)


def test_surplus_is_stored_early_and_curtailed_late(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "pv": {}, "battery": IDEAL, "grid": {"export_limit_kw": 0}}, (1, 1, 1, 1))
    plan = park.plan(park.situation(available_kw={"pv": 100}, load_kw={"load": 60}))
    # 40 kW of surplus each hour, room for 100 kWh: all is taken for two hours and a half
    assert plan.assets["pv"].power_kw == pytest.approx([100, 100, 80, 60], abs=1e-4)
    assert plan.assets["pv"].available_kw == pytest.approx([100, 100, 100, 100])


def test_pv_is_not_planned_above_its_rating(tiny_park: Park) -> None:
    park = tiny_park({"pv": {"rated_kw": 150}}, (1.0, 1.0), export_per_kwh=0.4)
    plan = park.plan(park.situation(available_kw={"pv": 180}))
    assert plan.assets["pv"].power_kw == pytest.approx([150, 150])
    assert plan.cost["export_revenue"] == pytest.approx(-2 * 150 * 0.4)


def test_the_demand_charge_is_that_on_the_excess_over_the_peak_so_far(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": IDEAL}, (1, 1, 1, 1), demand_charge_per_kw_month=3)
    given = {"load_kw": {"load": [100, 100, 200, 100]}, "stored_kwh": {"battery": 50}}
    # at its rating of 50 kW the battery brings 200 down to 150, and bought back what it could below 150
    plan = park.plan(park.situation(**given, month_peak_kw=120))
    assert plan.assets["grid"].power_kw[2] == pytest.approx(150)
    assert plan.assets["battery"].stored_kwh[[0, -1]] == pytest.approx([50, 50])
    assert plan.cost["demand"] == pytest.approx(30 * 3, abs=1e-4)

    already = park.plan(park.situation(**given, month_peak_kw=300))
    assert already.cost["demand"] == pytest.approx(0)


def test_a_peak_is_saved_even_if_the_energy_must_be_bought_back_after_the_end(tiny_park: Park) -> None:
    strong = {**IDEAL, "max_charge_kw": 90, "max_discharge_kw": 90}
    park = tiny_park({"load": {}, "battery": strong}, (1, 1, 1, 1), demand_charge_per_kw_month=3)
    plan = park.plan(
        park.situation(load_kw={"load": [100, 100, 200, 100]}, stored_kwh={"battery": 50}, month_peak_kw=120)
    )
    # held at 120 kW the battery takes 20 kW in three hours and gives 80 kW in one: 20 kWh are missing at the end,
    # worth 0.2 each beyond their price; to end as it started it would have to hold 125 kW, 15 dearer
    assert plan.assets["grid"].power_kw == pytest.approx([120, 120, 120, 120], abs=1e-4)
    assert plan.assets["battery"].stored_kwh[-1] == pytest.approx(30, abs=1e-4)
    assert plan.cost["demand"] == pytest.approx(0, abs=1e-4)


def test_a_month_that_begins_within_the_horizon_has_a_peak_of_its_own(tiny_park: Park) -> None:
    park = tiny_park({"load": {}}, (1, 1, 1), site_keys={"month_peak_floor_kw": 30}, demand_charge_per_kw_month=2)
    start = datetime(2026, 3, 31, 22, tzinfo=UTC)  # two hours of March, one of April
    plan = park.plan(park.situation(start, load_kw={"load": [100, 150, 70]}, month_peak_kw=120))
    assert plan.cost["demand"] == pytest.approx((150 - 120) * 2 + (70 - 30) * 2)


def test_the_import_limit_is_held_by_the_battery(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": IDEAL, "grid": {"import_limit_kw": 60}}, (1, 1))
    plan = park.plan(park.situation(load_kw={"load": 100}, stored_kwh={"battery": 80}))
    assert plan.assets["battery"].power_kw == pytest.approx([40, 40])
    assert plan.note == ""


def test_import_beyond_the_limit_is_the_last_but_one_resort_and_is_named(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "grid": {"import_limit_kw": 60}}, (1, 1))
    situation = park.situation(load_kw={"load": [50, 100]})
    plan = park.plan(situation)
    assert plan.assets["grid"].power_kw == pytest.approx([50, 100])
    assert plan.note == "grid: import beyond the limit in 1 steps, most 40.0 kW in step 1"
    assert check_plan(park.site, situation, plan) == ["grid, step 1: import is 40.00 kW beyond the limit of 60.00"]
    assert unmet(park.site, situation, plan) == check_plan(park.site, situation, plan)


def test_a_load_that_no_grid_could_carry_is_not_served_and_that_is_named(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "grid": {"import_limit_kw": 60}}, (1, 1))
    situation = park.situation(load_kw={"load": [50, 700]})
    plan = park.plan(situation)
    assert plan.assets["load"].power_kw == pytest.approx([50, 600])  # ten times the limit, and no more
    assert "load: demand not served in 1 steps, most 100.0 kW in step 1" in plan.note
    assert "load, step 1: 100.00 kW of 700.00 kW are not served" in check_plan(park.site, situation, plan)


def test_a_heat_pump_stops_before_it_breaks_the_import_limit(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "heat": {}, "heat_pump": {}, "grid": {"import_limit_kw": 60}}, (1, 1))
    plan = park.plan(park.situation(load_kw={"load": [30, 50], "heat": 90}))
    assert plan.assets["heat_pump"].power_kw == pytest.approx([30, 10])
    assert plan.assets["heat"].power_kw == pytest.approx([90, 30])
    assert plan.note == "heat: heat demand not served in 1 steps, most 60.0 kW in step 1"


def test_the_cheaper_source_makes_the_heat_and_a_carbon_price_turns_it(tiny_park: Park) -> None:
    assets: dict[str, Any] = {"heat": {}, "heat_pump": {}, "boiler": {"efficiency": 1}}
    given = {"load_kw": {"heat": 80}, "cop": {"heat_pump": 2}}
    # heat pump 0.9 / 2 = 0.45 per kWh of heat, boiler 0.30
    park = tiny_park(assets, (0.9, 0.9), grid_co2_kg_per_kwh=0.1)
    plan = park.plan(park.situation(**given))
    assert plan.assets["boiler"].gas_kw == pytest.approx([80, 80])
    assert plan.cost["gas"] == pytest.approx(2 * 80 * 0.3)
    assert plan.cost["carbon"] == 0
    assert plan.marginal_per_kwh["heat"] == pytest.approx([0.3, 0.3])
    # with 1000 per tonne: heat pump (0.9 + 0.1) / 2 = 0.50, boiler 0.3 + 0.2 = 0.50; with 1100 the pump wins
    park = tiny_park(assets, (0.9, 0.9), grid_co2_kg_per_kwh=0.1, carbon_price_per_t=1100)
    plan = park.plan(park.situation(**given))
    assert plan.assets["heat_pump"].power_kw == pytest.approx([40, 40])
    assert plan.assets["heat_pump"].flows_kw["heat"] == pytest.approx([80, 80])
    assert plan.cost["carbon"] == pytest.approx(2 * 40 * 0.1 * 1.1)
    assert plan.cost["gas"] == pytest.approx(0)


def test_gas_counts_carbon_too(tiny_park: Park) -> None:
    park = tiny_park({"heat": {}, "boiler": {}}, (1, 1), carbon_price_per_t=50)
    plan = park.plan(park.situation(load_kw={"heat": 45}))
    assert plan.assets["boiler"].power_kw == pytest.approx([45, 45])
    assert plan.assets["boiler"].gas_kw == pytest.approx([50, 50])
    assert plan.cost["carbon"] == pytest.approx(100 * 0.2 * 0.05)


def test_a_tank_carries_heat_from_the_cheap_hour_and_loses_its_share(tiny_park: Park) -> None:
    park = tiny_park({"heat": {}, "heat_pump": {}, "tank": {"loss_per_h": 0.1}}, (0.1, 0.1, 1.0))
    plan = park.plan(park.situation(load_kw={"heat": [0, 0, 90]}))
    # of 100 kWh in the second hour 90 are left in the third; an hour earlier it would have to be more
    assert plan.assets["tank"].power_kw == pytest.approx([0, -100, 90], abs=1e-4)
    assert plan.assets["tank"].stored_kwh == pytest.approx([0, 0, 100, 0], abs=1e-4)
    assert plan.assets["heat_pump"].power_kw == pytest.approx([0, 100 / 3, 0], abs=1e-4)


@pytest.mark.parametrize(("start_kwh", "end_kwh"), [(10.0, 20.0), (95.0, 90.0)])
def test_a_start_outside_the_window_is_accepted_and_left_at_once(
    tiny_park: Park, start_kwh: float, end_kwh: float
) -> None:
    park = tiny_park({"load": {}, "battery": {**IDEAL, "soc_min": 0.2, "soc_max": 0.9}}, (1.0, 1.0))
    situation = park.situation(load_kw={"load": 60}, stored_kwh={"battery": start_kwh})
    plan = park.plan(situation)
    assert plan.assets["battery"].stored_kwh == pytest.approx([start_kwh, end_kwh, end_kwh])
    assert check_plan(park.site, situation, plan) == []


def test_a_store_that_cannot_return_to_its_window_is_named_but_goes_no_further_out(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": {**IDEAL, "soc_min": 0.2}, "grid": {"import_limit_kw": 100}}, (1.0, 1.0))
    situation = park.situation(load_kw={"load": [140, 100]}, stored_kwh={"battery": 10})
    plan = park.plan(situation)
    assert plan.assets["battery"].stored_kwh == pytest.approx([10, 10, 10])
    assert "battery: is outside its window in 2 steps, most 10.0 kWh in step 0" in plan.note
    assert "import beyond the limit" in plan.note


def test_a_tank_below_its_window_without_any_heat_only_cools(tiny_park: Park) -> None:
    park = tiny_park({"heat": {}, "tank": {"loss_per_h": 0.5, "soc_min": 0.1}}, (1.0, 1.0))
    situation = park.situation(load_kw={"heat": 5}, stored_kwh={"tank": 8})
    plan = park.plan(situation)
    assert plan.assets["tank"].stored_kwh == pytest.approx([8, 4, 2])
    assert plan.assets["heat"].power_kw == pytest.approx([0, 0])
    assert unmet(park.site, situation, plan) == check_plan(park.site, situation, plan)


def test_unavailable_assets_are_planned_at_zero(park_with_all: TinyPark) -> None:
    situation = park_with_all.situation(
        available_kw={"pv": 80, "turbine": 20},
        load_kw={"load": 50, "heat": 60},
        stored_kwh={"battery": 50, "tank": 100},
        unavailable=frozenset({"pv", "turbine", "battery", "heat_pump", "boiler", "grid", "load"}),
    )
    plan = park_with_all.plan(situation)
    for name in ("pv", "turbine", "battery", "heat_pump", "boiler"):
        assert plan.assets[name].power_kw == pytest.approx(np.zeros(4), abs=1e-9), name
    # the meter of a load or of the grid may be lost: load and grid are still there
    assert plan.assets["load"].power_kw == pytest.approx(np.full(4, 50.0))
    assert plan.assets["grid"].power_kw == pytest.approx(np.full(4, 50.0))
    assert plan.assets["battery"].stored_kwh == pytest.approx(np.full(5, 50.0))
    assert plan.assets["tank"].power_kw.sum() == pytest.approx(100, abs=3)  # less what it loses
    assert unmet(park_with_all.site, situation, plan) == check_plan(park_with_all.site, situation, plan)


def test_an_unavailable_store_needs_no_state_of_charge(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "battery": {}}, (0.2, 1.0))
    situation = park.situation(load_kw={"load": 50}, unavailable=frozenset({"battery"}))
    del situation.stored_kwh["battery"]  # type: ignore[attr-defined]
    plan = park.plan(situation)
    assert plan.assets["battery"].power_kw == pytest.approx([0, 0])
    assert plan.assets["battery"].stored_kwh is None
    assert check_plan(park.site, situation, plan) == []


def test_export_that_pays_more_than_import_is_never_fed_by_import(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "pv": {}}, (0.3, 0.3, 0.3), export_per_kwh=0.5)
    plan = park.plan(park.situation(available_kw={"pv": [100, 40, 0]}, load_kw={"load": 40}))
    assert plan.assets["grid"].power_kw == pytest.approx([-60, 0, 40])
    assert plan.cost["export_revenue"] == pytest.approx(-30)
    assert plan.cost["energy_import"] == pytest.approx(12)
    assert plan.marginal_per_kwh["electricity"][[0, 2]] == pytest.approx([0.5, 0.3], abs=1e-3)
    assert plan.note == ""


def test_a_battery_charges_by_import_rather_than_from_surplus_that_sells_better(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "pv": {}, "battery": IDEAL}, (0.3, 0.3, 1.0), export_per_kwh=0.5)
    plan = park.plan(park.situation(available_kw={"pv": [100, 0, 0]}, load_kw={"load": [0, 0, 50]}))
    assert plan.assets["grid"].power_kw == pytest.approx([-100, 50, 0])


def test_surplus_at_a_negative_export_price_is_curtailed(tiny_park: Park) -> None:
    park = tiny_park({"load": {}, "pv": {}, "battery": IDEAL}, (0.3, 0.3), export_per_kwh=-0.1)
    plan = park.plan(park.situation(available_kw={"pv": 100}, load_kw={"load": 40}, stored_kwh={"battery": 100}))
    assert plan.assets["pv"].power_kw == pytest.approx([40, 40])
    assert plan.assets["battery"].power_kw == pytest.approx([0, 0], abs=1e-6)


def test_a_lossy_battery_is_not_used_to_burn_surplus(tiny_park: Park) -> None:
    park = tiny_park({"pv": {}, "battery": {}, "grid": {"export_limit_kw": 0}}, (0.0, 0.0))
    plan = park.plan(park.situation(available_kw={"pv": 100}, stored_kwh={"battery": 100}))
    assert plan.assets["battery"].power_kw == pytest.approx([0, 0], abs=1e-6)
    assert plan.note == ""


def test_several_of_a_kind_and_no_heat_at_all(tiny_park: Park) -> None:
    from_plugin = tiny_park({"load": {}}, (1, 1)).site.assets["load"].model_dump()
    battery = tiny_park({"battery": IDEAL}, (1, 1)).site.assets["battery"].model_dump()
    park = tiny_park({"hall_1": from_plugin, "hall_2": from_plugin, "small": battery, "big": battery}, (0.2, 1.0))
    situation = park.situation(load_kw={"hall_1": 30, "hall_2": 70})
    plan = park.plan(situation)
    assert plan.assets["small"].power_kw + plan.assets["big"].power_kw == pytest.approx([-100, 100])
    assert plan.marginal_per_kwh.keys() == {"electricity"}
    assert check_plan(park.site, situation, plan) == []


def test_a_park_that_is_only_a_grid_connection_has_a_plan(tiny_park: Park) -> None:
    park = tiny_park({}, (1, 1))
    assert park.plan(park.situation()).assets["grid"].power_kw == pytest.approx([0, 0])


def test_a_tank_stays_at_its_comfort_until_heat_is_dearer_than_that(tiny_park: Park) -> None:
    def kept(price_per_kwh_h: float) -> list[float]:
        tank = {"comfort": {"soc": 0.4, "price_per_kwh_h": price_per_kwh_h}}
        park = tiny_park({"heat": {}, "heat_pump": {}, "tank": tank}, (1.5, 0.3, 0.3))
        situation = park.situation(load_kw={"heat": [60, 0, 0]}, stored_kwh={"tank": 100})
        plan = park.plan(situation)
        assert check_plan(park.site, situation, plan) == []
        stored_kwh = plan.assets["tank"].stored_kwh
        assert stored_kwh is not None
        return [round(float(kwh), 3) for kwh in stored_kwh]

    # a kWh of heat costs 0.5 in the first hour and 0.1 after it: 40 kWh less than the 80 for an hour are worth 0.4 each
    assert kept(0.39) == [100, 40, 100, 100]
    assert kept(0.41)[1] == 80


def test_a_comfort_that_a_tank_always_has_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"comfort.soc \(0.1\) must be between soc_min \(0.2\) and soc_max"):
        HotWaterTank.model_validate({**TANK, "soc_min": 0.2, "comfort": {"soc": 0.1, "price_per_kwh_h": 0.1}})
