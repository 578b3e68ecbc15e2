"""Contracted demand, ladders and caps in a plan, each with an answer that can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_park import TinyPark, demo_day

from config.caps import Caps, CarbonCap
from config.site import Site
from config.tariff import Tariff
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.plan import AssetPlan, Plan, Situation, Solved, Used
from dispatch.rules import rules_plan

CONTRACT = {"kw": {"default": 100}, "excess_from": 1.05, "excess_times": 2}
LADDER = {
    "over": "month",
    "steps": [{"above_kwh": 1000, "surcharge_per_kwh": 0.1}, {"above_kwh": 1100, "surcharge_per_kwh": 0.3}],
}


def sound(park: TinyPark, situation: Situation) -> Plan:
    """The optimal plan, which the checker agrees with; so it does with the one by rules."""
    for plan in (rules_plan(park.site, situation, situation.start), park.plan(situation)):
        left_open = unmet(park.site, situation, plan)
        assert [words for words in check_plan(park.site, situation, plan) if words not in left_open] == []
    return plan


# contracted demand


def test_demand_up_to_the_contract_costs_nothing_more(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}}, (1.0, 1.0), demand_charge_per_kw_month=40, contracted_demand=CONTRACT)
    plan = sound(park, park.situation(load_kw={"load": [105, 60]}))
    assert plan.cost["demand"] == pytest.approx(0.0, abs=1e-4)


def test_demand_above_what_the_contract_allows_costs_a_multiple(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}}, (1.0, 1.0), demand_charge_per_kw_month=40, contracted_demand=CONTRACT)
    plan = sound(park, park.situation(load_kw={"load": [125, 60]}))
    # 105 kW are allowed: 20 kW more at twice 40
    assert plan.cost["demand"] == pytest.approx(20 * 80)


def test_excess_that_the_month_has_had_already_is_not_paid_again(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}}, (1.0, 1.0), demand_charge_per_kw_month=40, contracted_demand=CONTRACT)
    plan = sound(park, park.situation(load_kw={"load": [125, 60]}, month_peak_kw=115))
    assert plan.cost["demand"] == pytest.approx(10 * 80)


def test_a_battery_holds_the_contract_and_no_less(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}, "battery": {}}, (1.0, 1.0), demand_charge_per_kw_month=40, contracted_demand=CONTRACT)
    situation = park.situation(load_kw={"load": [50, 145]}, stored_kwh={"battery": 0})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    # 145 - 105 = 40 kW from the battery, which takes 40 / 0.81 kWh before
    assert plan.assets["grid"].power_kw == pytest.approx([50 + 40 / 0.81, 105], abs=1e-3)
    assert plan.cost["demand"] == pytest.approx(0.0, abs=1e-2)


def test_the_next_month_has_its_own_contract(tiny_park: Callable[..., TinyPark]) -> None:
    contract = {"kw": {"default": 100, "2026-04": 200}, "excess_from": 1, "excess_times": 3}
    park = tiny_park({"load": {}}, (1.0, 1.0), demand_charge_per_kw_month=10, contracted_demand=contract)
    situation = park.situation(datetime(2026, 3, 31, 23, tzinfo=UTC), load_kw={"load": [110, 230]}, month_peak_kw=50)
    # 10 kW above 100 in March, 30 kW above 200 in April, each at 3 times 10
    assert sound(park, situation).cost["demand"] == pytest.approx(10 * 30 + 30 * 30)


# ladders


@pytest.mark.parametrize(
    ("used_kwh", "surcharge"),
    [
        (0, 0.0),
        (900, 50 * 0.1),  # 900 + 150 reach 50 kWh into the first step
        (1000, 100 * 0.1 + 50 * 0.3),
        (1050, 50 * 0.1 + 100 * 0.3),
        (5000, 150 * 0.3),
    ],
)
def test_the_surcharge_of_a_ladder(tiny_park: Callable[..., TinyPark], used_kwh: float, surcharge: float) -> None:
    park = tiny_park({"load": {}}, (0.5, 0.8), ladder=LADDER)
    plan = sound(park, park.situation(load_kw={"load": [50, 100]}, used=Used(month_import_kwh=used_kwh)))
    assert plan.cost["ladder"] == pytest.approx(surcharge, abs=1e-4)
    assert plan.cost["energy_import"] == pytest.approx(50 * 0.5 + 100 * 0.8)


def test_a_ladder_lets_heat_come_from_gas(tiny_park: Callable[..., TinyPark]) -> None:
    # heat by the pump costs 0.9 / 3 = 0.30, from the boiler 0.3 / 0.9 = 0.333; with 0.3 on top the pump's is 0.40
    park = tiny_park({"heat": {}, "heat_pump": {}, "boiler": {}}, (0.9, 0.9), ladder=LADDER)
    demand = {"load_kw": {"heat": 60}}
    below = sound(park, park.situation(**demand, used=Used(month_import_kwh=0)))
    above = sound(park, park.situation(**demand, used=Used(month_import_kwh=2000)))
    assert below.assets["heat_pump"].power_kw == pytest.approx([20, 20], abs=1e-4)
    assert above.assets["heat_pump"].power_kw == pytest.approx([0, 0], abs=1e-4)
    # with 15 kWh left of the first step, which costs 0.1 (heat at 0.333), the order of both hours does not matter
    some = sound(park, park.situation(**demand, used=Used(month_import_kwh=985)))
    assert some.assets["heat_pump"].power_kw.sum() >= 15 - 1e-4


def test_a_new_month_begins_at_the_foot_of_the_ladder(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}}, (1.0, 1.0), ladder=LADDER)
    situation = park.situation(
        datetime(2026, 3, 31, 23, tzinfo=UTC), load_kw={"load": 80}, used=Used(month_import_kwh=2000)
    )
    assert sound(park, situation).cost["ladder"] == pytest.approx(80 * 0.3)


def test_a_ladder_over_the_year_goes_on_in_the_next_month(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}}, (1.0, 1.0), ladder={**LADDER, "over": "year"})
    used = Used(month_import_kwh=0, year_import_kwh=2000)
    situation = park.situation(datetime(2026, 3, 31, 23, tzinfo=UTC), load_kw={"load": 80}, used=used)
    assert sound(park, situation).cost["ladder"] == pytest.approx(160 * 0.3)


def test_a_surcharge_does_not_empty_the_battery_at_the_end(tiny_park: Callable[..., TinyPark]) -> None:
    # what is taken now must be bought again, with the same surcharge
    steep = {"over": "month", "steps": [{"above_kwh": 0, "surcharge_per_kwh": 5}]}
    park = tiny_park({"load": {}, "battery": {}}, (1.0, 1.0), ladder=steep)
    plan = sound(park, park.situation(load_kw={"load": 80}, stored_kwh={"battery": 50}))
    assert plan.assets["battery"].power_kw == pytest.approx([0, 0], abs=1e-3)


def test_two_tariffs_with_and_without_a_ladder(
    tiny_park: Callable[..., TinyPark], hourly_tariff: Callable[..., Tariff]
) -> None:
    first = hourly_tariff([1.0], valid_until=date(2026, 4, 1))
    second = hourly_tariff([1.0], valid_from=date(2026, 4, 1), ladder={**LADDER, "steps": [LADDER["steps"][0]]})
    park = tiny_park({"load": {"peak_kw": 3000}, "grid": {"import_limit_kw": 3000}}, tariffs=[first, second])
    situation = park.situation(datetime(2026, 3, 31, 23, tzinfo=UTC), load_kw={"load": [1500, 1500]})
    assert sound(park, situation).cost["ladder"] == pytest.approx(500 * 0.1, abs=1e-3)


def test_a_wrong_surcharge_is_found(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}}, (0.5, 0.8), ladder=LADDER)
    situation = park.situation(load_kw={"load": 100}, used=Used(month_import_kwh=1000))
    plan = park.plan(situation)
    wrong = replace(plan, cost={**plan.cost, "ladder": plan.cost["ladder"] - 1.0})
    assert any("cost: ladder" in words for words in check_plan(park.site, situation, wrong))


# caps


def capped(tiny_park: Callable[..., TinyPark], caps: dict[str, Any], **keys: Any) -> TinyPark:
    """Heat by a pump at 0.9 / 3 = 0.30, or from a boiler at 0.3 / 0.9 = 0.333, with 0.5 and 0.2 kg/kWh as factors."""
    assets = {"load": {}, "heat": {}, "heat_pump": {}, "boiler": {}, "pv": {}}
    return tiny_park(assets, (0.9, 0.9), site_keys={"caps": caps}, **keys)


def test_a_carbon_cap_that_is_not_reached_changes_nothing(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"carbon": {"over": "horizon", "most_kg": 1000}})
    plan = sound(park, park.situation(load_kw={"load": 50, "heat": 60}))
    assert plan.assets["heat_pump"].power_kw == pytest.approx([20, 20], abs=1e-4)
    assert plan.note == ""


def test_a_hard_carbon_cap_is_kept_at_a_higher_cost(tiny_park: Callable[..., TinyPark]) -> None:
    # boilers are cheap here: 0.1 / 0.9 per kWh of heat, with 0.222 kg; the pump's 0.30 has 0.167 kg
    park = capped(tiny_park, {"carbon": {"over": "horizon", "most_kg": 22}}, gas_per_kwh=0.1)
    plan = sound(park, park.situation(load_kw={"heat": 60}))
    heat_kwh = 3 * plan.assets["heat_pump"].power_kw.sum()
    # x * 0.5 / 3 + (120 - x) * 0.2 / 0.9 = 22
    assert heat_kwh == pytest.approx((120 * 0.2 / 0.9 - 22) / (0.2 / 0.9 - 0.5 / 3), abs=1e-2)
    assert plan.note == ""


def test_a_priced_carbon_cap_is_exceeded_where_that_is_cheaper(tiny_park: Callable[..., TinyPark]) -> None:
    # each kg less costs (0.30 - 0.111) / (0.222 - 0.167) = 3.4
    for price, exceeded in ((3.0, True), (4.0, False)):
        caps = {"carbon": {"over": "horizon", "most_kg": 22, "price_per_kg": price}}
        park = capped(tiny_park, caps, gas_per_kwh=0.1)
        situation = park.situation(load_kw={"heat": 60})
        plan = sound(park, situation)
        words = f"carbon cap: {120 * 0.2 / 0.9 - 22:.1f} kg CO2 more than the 22.0 that are left"
        assert (words in plan.note) is exceeded
        assert (words in unmet(park.site, situation, plan)) is exceeded


def test_a_cap_on_carbon_over_the_month_has_what_is_left(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"carbon": {"over": "month", "most_kg": 1000}}, gas_per_kwh=0.1)
    plan = sound(park, park.situation(load_kw={"heat": 60}, used=Used(month_co2_kg=978)))
    heat_kwh = 3 * plan.assets["heat_pump"].power_kw.sum()
    assert heat_kwh == pytest.approx((120 * 0.2 / 0.9 - 22) / (0.2 / 0.9 - 0.5 / 3), abs=1e-2)


def test_a_new_month_has_a_cap_of_its_own(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"carbon": {"over": "month", "most_kg": 30, "price_per_kg": 0.001}})
    situation = park.situation(
        datetime(2026, 3, 31, 23, tzinfo=UTC), load_kw={"load": [80, 100]}, used=Used(month_co2_kg=20)
    )
    note = sound(park, situation).note
    assert "carbon cap: 30.0 kg CO2 more than the 10.0 that are left" in note
    assert "carbon cap, next month: 20.0 kg CO2 more than the 30.0 that are left" in note


def test_a_hard_cap_is_relaxed_last(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"carbon": {"over": "horizon", "most_kg": 40}})
    plan = sound(park, park.situation(load_kw={"load": 50}))
    # 40 kg are 80 kWh of the 100 that are wanted
    assert plan.assets["load"].power_kw.sum() == pytest.approx(80, abs=1e-3)
    assert "carbon cap" not in plan.note
    assert "load" in plan.note


def test_what_a_hard_cap_cannot_avoid_is_named(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"carbon": {"over": "month", "most_kg": 40}})
    local = {"electricity": np.full(2, 50.0)}  # under local control: nobody can switch it off
    situation = park.situation(used=Used(month_co2_kg=500), local_kw=local)
    local_site = _with_a_local_asset(park)
    outcome = Dispatcher(local_site, 2).plan(situation, situation.start)
    assert isinstance(outcome, Solved)
    assert "carbon cap: 50.0 kg CO2 more than the 0.0 that are left" in outcome.plan.note


def _with_a_local_asset(park: TinyPark) -> Site:
    assets = dict(park.site.assets)
    local = {"hall": assets["load"].model_copy(update={"control": "local"})}
    return replace(park.site, file=park.site.file.model_copy(update={"assets": {**assets, **local}}))


def test_the_energy_budget_counts_what_is_bought_less_what_is_exported(tiny_park: Callable[..., TinyPark]) -> None:
    caps = {"energy_budget": {"over": "horizon", "most_tce": 0.0001229 * 60, "price_per_tce": 1.0}}
    park = capped(tiny_park, caps)
    situation = park.situation(load_kw={"load": [100, 0]}, available_kw={"pv": [0, 20]})
    # 100 kWh bought, 20 exported; 60 are allowed
    assert (
        f"energy budget: {20 * 0.1229:.1f} kgce more than the {60 * 0.1229:.1f} that are left"
        in sound(park, situation).note
    )


def test_the_energy_budget_of_the_month_has_what_is_left(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"energy_budget": {"over": "month", "most_tce": 0.1229}})
    used = Used(month_import_kwh=800, month_export_kwh=50, month_gas_kwh=170)  # 920 of 1000 kWh
    plan = sound(park, park.situation(load_kw={"load": 50}, used=used))
    assert plan.assets["load"].power_kw.sum() == pytest.approx(80, abs=1e-3)


def test_export_above_its_share_is_curtailed(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"export_share": {"over": "horizon", "most": 0.2}}, export_per_kwh=0.4)
    plan = sound(park, park.situation(load_kw={"load": 50}, available_kw={"pv": 100}))
    # 20 % of 200 kWh; what is curtailed counts as available
    assert plan.assets["grid"].power_kw.sum() == pytest.approx(-40, abs=1e-3)
    assert plan.assets["pv"].power_kw.sum() == pytest.approx(140, abs=1e-3)


def test_the_export_of_a_month_counts_from_its_begin(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"export_share": {"over": "month", "most": 0.2}}, export_per_kwh=0.4)
    used = Used(month_export_kwh=100, month_available_kwh=400)
    plan = sound(park, park.situation(load_kw={"load": 50}, available_kw={"pv": 100}, used=used))
    # 20 % of 600 kWh are 120, of which 100 have gone
    assert plan.assets["grid"].power_kw.sum() == pytest.approx(-20, abs=1e-3)


def test_a_price_on_export_above_its_share(tiny_park: Callable[..., TinyPark]) -> None:
    for price, exported_kwh in ((0.3, 100), (0.5, 40)):
        caps = {"export_share": {"over": "horizon", "most": 0.2, "price_per_kwh": price}}
        park = capped(tiny_park, caps, export_per_kwh=0.4)
        plan = sound(park, park.situation(load_kw={"load": 50}, available_kw={"pv": 100}))
        assert plan.assets["grid"].power_kw.sum() == pytest.approx(-exported_kwh, abs=1e-3)


def test_the_checker_adds_caps_up_by_itself(tiny_park: Callable[..., TinyPark]) -> None:
    park = capped(tiny_park, {"carbon": {"over": "horizon", "most_kg": 40}})
    situation = park.situation(load_kw={"load": 50})
    served = np.full(2, 50.0)
    plan = park.plan(situation)
    assets = {
        **plan.assets,
        "load": AssetPlan(power_kw=served, flows_kw={"electricity": -served}),
        "grid": AssetPlan(power_kw=served, flows_kw={"electricity": served}),
    }
    found = unmet(park.site, situation, replace(plan, assets=assets))
    assert found == ["carbon cap: 10.0 kg CO2 more than the 40.0 that are left"]


def test_a_count_that_began_late_is_named(tiny_park: Callable[..., TinyPark]) -> None:
    since = datetime(2026, 3, 1, 12, tzinfo=UTC)
    park = tiny_park({"load": {}}, (0.5, 0.8), ladder=LADDER)
    plan = park.plan(park.situation(used=Used(month_since=since, year_since=since)))
    assert plan.note == "what the month has used is counted only from 2026-03-01T12:00:00+00:00 on"
    without = tiny_park({"load": {}}, (0.5, 0.8))
    assert without.plan(without.situation(used=Used(month_since=since))).note == ""


def test_all_of_it_is_disciplined_parametrised(demo_site: Site) -> None:
    caps = {
        "carbon": {"over": "month", "most_kg": 1e5},
        "energy_budget": {"over": "month", "most_tce": 50},
        "export_share": {"over": "horizon", "most": 0.2, "price_per_kwh": 0.1},
    }
    file = type(demo_site.file).model_validate({**demo_site.file.model_dump(), "caps": caps})
    tariffs = tuple(
        Tariff.model_validate({**tariff.model_dump(), "ladder": LADDER, "contracted_demand": CONTRACT})
        for tariff in demo_site.tariffs
    )
    site = replace(demo_site, file=file, tariffs=tariffs)
    assert Dispatcher(site, 96).park.problem.is_dpp()


def with_everything(tiny_park: Callable[..., TinyPark], contract_kw: float) -> TinyPark:
    caps = {
        "carbon": {"over": "month", "most_kg": 100, "price_per_kg": 0.5},
        "energy_budget": {"over": "horizon", "most_tce": 0.02},
        "export_share": {"over": "month", "most": 0.2},
    }
    return tiny_park(
        {"load": {}, "pv": {}, "battery": {}, "heat": {}, "heat_pump": {}, "boiler": {}},
        (0.9, 0.4, 1.2),
        site_keys={"caps": caps},
        export_per_kwh=0.3,
        demand_charge_per_kw_month=5,
        contracted_demand={**CONTRACT, "kw": {"default": contract_kw}},
        ladder=LADDER,
    )


def test_a_second_solve_with_other_totals_equals_a_fresh_one(tiny_park: Callable[..., TinyPark]) -> None:
    park = with_everything(tiny_park, 60)
    hot = Dispatcher(park.site, 3)
    numbers: dict[str, Any] = {"load_kw": {"load": [40, 70, 60], "heat": 30}, "available_kw": {"pv": [90, 10, 0]}}
    for used in (
        Used(),
        Used(month_import_kwh=1050, month_co2_kg=80),
        Used(month_export_kwh=5, month_available_kwh=50),
    ):
        situation = park.situation(**numbers, used=used)
        again, fresh = hot.plan(situation, situation.start), Dispatcher(park.site, 3).plan(situation, situation.start)
        assert isinstance(again, Solved)
        assert isinstance(fresh, Solved)
        assert sum(again.plan.cost.values()) == pytest.approx(sum(fresh.plan.cost.values()), abs=1e-4)
        assert again.plan.note == fresh.plan.note


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    load_kw=st.lists(st.integers(0, 150), min_size=3, max_size=3),
    pv_kw=st.lists(st.integers(0, 200), min_size=3, max_size=3),
    stored_kwh=st.integers(0, 100).map(float),
    contract_kw=st.integers(1, 150),
    used=st.builds(
        Used,
        month_import_kwh=st.integers(0, 1500).map(float),
        month_export_kwh=st.integers(0, 100).map(float),
        month_co2_kg=st.integers(0, 150).map(float),
        month_available_kwh=st.integers(0, 500).map(float),
    ),
)
def test_any_park_with_all_of_it_is_planned_soundly(
    tiny_park: Callable[..., TinyPark],
    load_kw: list[int],
    pv_kw: list[int],
    stored_kwh: float,
    contract_kw: int,
    used: Used,
) -> None:
    park = with_everything(tiny_park, contract_kw)
    situation = park.situation(
        load_kw={"load": load_kw, "heat": 30}, available_kw={"pv": pv_kw}, stored_kwh={"battery": stored_kwh}, used=used
    )
    plan = sound(park, situation)
    # what the solver calls excess is what the checker adds up, but for the last digit that is shown
    added_up, said = excesses(unmet(park.site, situation, plan)), excesses(plan.note.split("; "))
    assert added_up == pytest.approx(said, abs=0.11)


def excesses(sentences: list[str]) -> dict[str, float]:
    """By cap: the amount that sentences say it is exceeded by."""
    return {
        words.partition(":")[0]: float(words.partition(": ")[2].split()[0])
        for words in sentences
        if "that are left" in words
    }


def test_a_hard_cap_holds_at_the_scale_of_a_park(demo_site: Site) -> None:
    # without the cap it is 11,072 kg
    file = demo_site.file.model_copy(update={"caps": Caps(carbon=CarbonCap(over="horizon", most_kg=10900))})
    site = replace(demo_site, file=file)
    situation = demo_day()
    outcome = Dispatcher(site, 96).plan(situation, situation.start)
    assert isinstance(outcome, Solved)
    plan = outcome.plan
    assert check_plan(site, situation, plan) == []
    gas_kw = plan.assets["boiler"].gas_kw
    assert gas_kw is not None
    imported_kwh = np.maximum(plan.assets["grid"].power_kw, 0).sum() / 4
    assert imported_kwh * 0.4974 + gas_kw.sum() / 4 * 0.1999 == pytest.approx(10900, abs=0.1)
