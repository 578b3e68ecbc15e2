"""Plans over scenarios, small enough to be planned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny_kinds as kinds
from tiny_park import GRID, TinyPark

from dispatch.checker import check_plan
from dispatch.dispatcher import Dispatcher
from dispatch.fallback import shifted
from dispatch.plan import BadSituation, Plan, Scenario, Situation
from dispatch.reasons import with_reasons
from dispatch.replay import replayed
from dispatch.solve_record import read, recorded, written

LOSSLESS = {"capacity_kwh": 50, "charge_efficiency": 1.0, "discharge_efficiency": 1.0}


def scenario(name: str, probability: float, **series: Any) -> Scenario:
    """Over two steps; series by what they are, then by asset."""
    return Scenario(
        name=name,
        probability=probability,
        **{what: {asset: np.array(values, dtype=float) for asset, values in of.items()} for what, of in series.items()},
    )


def sun_or_clouds(sun: float) -> tuple[Scenario, ...]:
    return (
        scenario("sun", sun, available_kw={"pv": (0, 110)}),
        scenario("clouds", 1.0 - sun, available_kw={"pv": (0, 0)}),
    )


def sunny_park(tiny_park: Callable[..., TinyPark], **control: Any) -> TinyPark:
    """A kWh is 0.5 now and 1 in an hour, when 50 kW are needed; an empty battery of 50 kWh could bring them."""
    return tiny_park(
        {"load": {}, "pv": {}, "battery": LOSSLESS},
        (0.5, 1.0),
        site_keys={"control": {"interval_min": 60, "horizon_h": 2, **control}},
    )


def situation_of(park: TinyPark, scenarios: tuple[Scenario, ...]) -> Situation:
    situation: Situation = park.situation(load_kw={"load": (0, 50)}, available_kw={"pv": (0, 60)}, scenarios=scenarios)
    return situation


def first_kw(plan: Plan, asset: str = "battery") -> float:
    return float(plan.assets[asset].power_kw[0])


def total(plan: Plan) -> float:
    return sum(plan.cost.values())


@pytest.mark.parametrize(
    ("sun", "charged_kw", "cost"),
    [
        # what is bought now for 0.5 is worth nothing under the sun, which fills the battery anyhow, and 1 under clouds
        (0.6, 0.0, 0.4 * 50.0),
        (0.4, 50.0, 25.0),
    ],
)
def test_what_is_bought_now_depends_on_how_likely_the_sun_is(
    tiny_park: Callable[..., TinyPark], sun: float, charged_kw: float, cost: float
) -> None:
    park = sunny_park(tiny_park)
    situation = situation_of(park, sun_or_clouds(sun))
    plan = park.plan(situation)
    assert -first_kw(plan) == pytest.approx(charged_kw, abs=1e-6)
    assert total(plan) == pytest.approx(cost, abs=1e-6)
    assert [sum(each.cost.values()) for each in plan.scenarios] == pytest.approx(
        [charged_kw * 0.5, charged_kw * 0.5 + 50.0 - charged_kw], abs=1e-6
    )
    assert check_plan(park.site, situation, plan) == []


def test_a_point_forecast_would_not_know_what_clouds_cost(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    expected = situation_of(park, sun_or_clouds(0.4)).expected()
    assert expected.available_kw["pv"].tolist() == pytest.approx([0, 44])
    assert -first_kw(park.plan(expected)) == pytest.approx(6.0, abs=1e-6)  # what 44 kW of 50 leave


def test_what_comes_after_the_first_interval_is_the_mean_of_the_scenarios(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    plan = park.plan(situation_of(park, sun_or_clouds(0.4)))
    # 50 kWh are stored: under the sun they stay, as 110 kW of sun are more than the load; else they serve it
    assert plan.assets["battery"].power_kw.tolist() == pytest.approx([-50.0, 0.6 * 50.0], abs=1e-6)
    assert plan.assets["battery"].stored_kwh == pytest.approx([0.0, 50.0, 20.0], abs=1e-6)
    assert plan.assets["pv"].available_kw == pytest.approx([0.0, 44.0], abs=1e-6)


def test_the_value_of_a_kwh_is_its_mean(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    plan = park.plan(replace(situation_of(park, sun_or_clouds(0.6)), load_kw={"load": np.array([10.0, 50.0])}))
    # bought for 0.5 now; in an hour 60 kW of sun are too much for the battery, or a kWh costs 1
    assert plan.marginal_per_kwh["electricity"] == pytest.approx([0.5, 0.4 * 1.0], abs=1e-3)


def test_the_value_of_a_stored_kwh_is_its_mean(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}, "pv": {}, "battery": {**LOSSLESS, "max_charge_kw": 10}}, (0.5, 1.0))
    plan = park.plan(situation_of(park, sun_or_clouds(0.4)))
    assert -first_kw(plan) == pytest.approx(10.0, abs=1e-6)
    # under the sun it is left over at the end, for 0.9 of the cheapest price; under clouds it saves import
    assert plan.stored_value_per_kwh["battery"][0] == pytest.approx(0.4 * 0.45 + 0.6 * 1.0, abs=1e-3)


def test_one_certain_scenario_is_the_plan_without(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    one = park.plan(situation_of(park, (scenario("certain", 1.0, available_kw={"pv": (0, 30)}),)))
    without = park.plan(park.situation(load_kw={"load": (0, 50)}, available_kw={"pv": (0, 30)}))
    for name, asset in without.assets.items():
        assert one.assets[name].power_kw == pytest.approx(asset.power_kw, abs=1e-6)
    assert one.cost == pytest.approx(without.cost, abs=1e-6)


def test_two_equal_scenarios_are_one(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    equal = tuple(scenario(name, 0.5, available_kw={"pv": (0, 30)}) for name in ("one", "other"))
    two, one = (
        park.plan(situation_of(park, equal)),
        park.plan(situation_of(park, (replace(equal[0], probability=1.0),))),
    )
    assert first_kw(two) == pytest.approx(first_kw(one), abs=1e-6) == -20.0
    assert two.cost == pytest.approx(one.cost, abs=1e-6)


def test_who_fears_the_dear_scenario_buys_before_it(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park, risk={"cvar": 0.9, "tail": 0.4})
    plan = park.plan(situation_of(park, sun_or_clouds(0.6)))
    # clouds count for 0.94: 50 kWh for 0.5 now instead of 1 then
    assert -first_kw(plan) == pytest.approx(50.0, abs=1e-6)
    assert [sum(each.cost.values()) for each in plan.scenarios] == pytest.approx([25.0, 25.0], abs=1e-6)


def test_a_tail_of_all_scenarios_is_their_mean(tiny_park: Callable[..., TinyPark]) -> None:
    plan = sunny_park(tiny_park, risk={"cvar": 0.9, "tail": 1.0})
    found = plan.plan(situation_of(plan, sun_or_clouds(0.6)))
    assert first_kw(found) == pytest.approx(0.0, abs=1e-6)
    assert total(found) == pytest.approx(20.0, abs=1e-6)


@pytest.mark.parametrize(
    ("keys", "connections"),
    [
        ({"demand_charge_per_kw_month": 5.0}, {"grid": {}}),
        ({"demand_charge_per_kw_month": 5.0}, {"grid": {}, "south": GRID}),
        ({}, {"grid": {"import_limit_kw": 100}}),
        ({}, {"grid": {"import_limit_kw": 60}, "south": {**GRID, "import_limit_kw": 40}}),
    ],
    ids=["month peak", "month peak of two", "import limit", "import limits of two"],
)
@pytest.mark.parametrize(
    ("chance", "discharged_kw"),
    [
        (False, 20.0),  # 120 kW may come, and 100 are free
        (True, 40.0),  # 100 kW are expected, and 40 more have come
    ],
)
def test_a_chance_limit_holds_import_back(
    tiny_park: Callable[..., TinyPark],
    keys: dict[str, float],
    connections: dict[str, dict[str, Any]],
    chance: bool,
    discharged_kw: float,
) -> None:
    park = tiny_park(
        {**connections, "load": {}, "battery": LOSSLESS},
        (1.0, 1.0),
        site_keys={"control": {"interval_min": 60, "horizon_h": 2, "chance": chance}},
        **keys,
    )
    either = (scenario("low", 0.5, load_kw={"load": (80, 0)}), scenario("high", 0.5, load_kw={"load": (120, 0)}))
    plan = park.plan(
        park.situation(
            stored_kwh={"battery": 50},
            load_kw={"load": (100, 0)},
            month_peak_kw=100.0,
            scenarios=either,
            import_errors_kw=np.array([-40.0, 40.0]),
        )
    )
    assert first_kw(plan) == pytest.approx(discharged_kw, abs=1e-6)
    assert plan.cost["demand"] == pytest.approx(0.0, abs=1e-6)


def test_heat_that_comes_otherwise_goes_through_the_tank(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"heat": {}, "boiler": {}, "tank": {}}, (1.0, 1.0))
    either = (scenario("mild", 0.5, load_kw={"heat": (20, 50)}), scenario("cold", 0.5, load_kw={"heat": (60, 50)}))
    situation = park.situation(stored_kwh={"tank": 100}, load_kw={"heat": (40, 50)}, scenarios=either)
    plan = park.plan(situation)
    mild, cold = plan.scenarios
    assert (
        first_kw(plan, "boiler")
        == mild.assets["boiler"].power_kw[0]
        == pytest.approx(cold.assets["boiler"].power_kw[0])
    )
    assert cold.assets["tank"].power_kw[0] - mild.assets["tank"].power_kw[0] == pytest.approx(40.0)
    assert check_plan(park.site, situation, plan) == []


@pytest.mark.parametrize("out", [frozenset({"tank"}), frozenset()], ids=["tank out of service", "no tank"])
def test_heat_without_a_tank_follows_the_load(tiny_park: Callable[..., TinyPark], out: frozenset[str]) -> None:
    park = tiny_park({"heat": {}, "boiler": {}, **({"tank": {}} if out else {})}, (1.0, 1.0))
    either = (scenario("mild", 0.5, load_kw={"heat": (20, 50)}), scenario("cold", 0.5, load_kw={"heat": (60, 50)}))
    situation = park.situation(load_kw={"heat": (40, 50)}, scenarios=either, unavailable=out)
    plan = park.plan(situation)
    assert [each.assets["boiler"].power_kw[0] for each in plan.scenarios] == pytest.approx([20.0, 60.0])
    assert first_kw(plan, "boiler") == pytest.approx(40.0)
    assert check_plan(park.site, situation, plan) == []


@pytest.mark.parametrize(
    ("export_kw", "boiler_kw"),
    [
        (50, [40.0, 40.0]),  # at 0.33 a kWh of the boiler is cheaper than one bought for 0.4, and dearer than 0.1
        (0, [20.0, 60.0]),  # nobody takes what is too much
    ],
)
def test_a_heat_network_follows_only_where_it_also_takes_heat(
    tiny_park: Callable[..., TinyPark], export_kw: float, boiler_kw: list[float]
) -> None:
    network = {**kinds.DISTRICT_HEAT, "export_limit_kw": export_kw}
    park = tiny_park({"heat": {}, "boiler": {}, "network": network}, (1.0, 1.0))
    either = (scenario("mild", 0.2, load_kw={"heat": (20, 50)}), scenario("usual", 0.6, load_kw={"heat": (40, 50)}))
    either += (scenario("cold", 0.2, load_kw={"heat": (60, 50)}),)
    situation = park.situation(load_kw={"heat": (40, 50)}, scenarios=either)
    plan = park.plan(situation)
    mild, _, cold = plan.scenarios
    assert [each.assets["boiler"].power_kw[0] for each in (mild, cold)] == pytest.approx(boiler_kw)
    assert check_plan(park.site, situation, plan) == []


def test_a_new_peak_in_one_scenario_costs_more_than_the_mean_shows(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"load": {}}, (1.0, 1.0), demand_charge_per_kw_month=5.0)
    either = (scenario("low", 0.5, load_kw={"load": (0, 80)}), scenario("high", 0.5, load_kw={"load": (0, 120)}))
    situation = park.situation(load_kw={"load": (0, 100)}, month_peak_kw=100.0, scenarios=either)
    plan = park.plan(situation)
    assert plan.assets["grid"].power_kw.tolist() == pytest.approx([0.0, 100.0])  # at the peak, not above it
    assert plan.cost["demand"] == pytest.approx(0.5 * 20.0 * 5.0)
    assert check_plan(park.site, situation, plan) == []


def test_the_checker_sees_a_first_interval_that_is_not_common(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    situation = situation_of(park, sun_or_clouds(0.4))
    plan = park.plan(situation)
    other = park.plan(situation_of(park, sun_or_clouds(0.6)))
    mixed = replace(plan, scenarios=(plan.scenarios[0], replace(other.scenarios[1], probability=0.6)))
    found = check_plan(park.site, situation, mixed)
    assert (
        "battery, step 0: -50.00 kW in the scenario sun and 0.00 kW in clouds, but it must be decided before one knows"
        in found
    )
    assert "battery: power_kw is not the scenarios' mean" in found
    assert "cost: energy_import is not the scenarios' mean of 40.00" in found


def test_the_checker_looks_into_each_scenario(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    situation = situation_of(park, sun_or_clouds(0.4))
    plan = park.plan(situation)
    cheap = replace(plan.scenarios[1], cost={**plan.scenarios[1].cost, "energy_import": 1.0})
    found = check_plan(park.site, situation, replace(plan, scenarios=(plan.scenarios[0], cheap)))
    assert "in the scenario clouds: cost: energy_import of 1.00 is 24.00 off, it is 25.00" in found
    others = replace(situation, scenarios=situation.scenarios[:1])
    assert check_plan(park.site, others, plan) == ["the plan is for other scenarios than the situation"]


def test_a_shortage_says_in_which_scenario_it_is(tiny_park: Callable[..., TinyPark]) -> None:
    park = tiny_park({"heat": {}, "boiler": {}}, (1.0, 1.0))
    either = (scenario("mild", 0.5, load_kw={"heat": (50, 50)}), scenario("cold", 0.5, load_kw={"heat": (50, 130)}))
    situation = park.situation(load_kw={"heat": (50, 90)}, scenarios=either)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == [
        "in the scenario cold: heat, step 1: 30.00 kW of 130.00 kW are not served"
    ]
    assert plan.note == "in the scenario cold: heat: heat demand not served in 1 steps, most 30.0 kW in step 1"


def test_reasons_and_the_plan_moved_on_are_those_of_the_mean(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    situation = situation_of(park, sun_or_clouds(0.4))
    plan = with_reasons(park.site, situation, park.plan(situation))
    assert {name: len(reasons) for name, reasons in plan.reasons.items()} == dict.fromkeys(plan.assets, 2)
    later = shifted(plan, plan.until - (plan.until - plan.start) / 2, (plan.until - plan.start) / 2)
    assert later is not None
    assert later.scenarios == ()
    assert later.assets["battery"].power_kw.tolist() == pytest.approx([30.0], abs=1e-6)


def test_a_solve_over_scenarios_is_replayed(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park, risk={"cvar": 0.3})
    situation = situation_of(park, sun_or_clouds(0.4))
    record = read(written(recorded(park.site, situation, situation.start, park.plan(situation))))
    assert [each.name for each in record.situation.scenarios] == ["sun", "clouds"]
    again = replayed(park.site, record)
    assert (again.same, again.differences, again.circumstances) == (True, (), ())


def test_one_dispatcher_plans_with_and_without_scenarios_in_turn(tiny_park: Callable[..., TinyPark]) -> None:
    park = sunny_park(tiny_park)
    dispatcher = Dispatcher(park.site, 2)
    certain = replace(situation_of(park, ()), available_kw={"pv": np.array([0.0, 0.0])})
    for number, scenarios in enumerate([(), sun_or_clouds(0.4), (), sun_or_clouds(0.6)] * 2):
        situation = replace(certain, scenarios=scenarios)
        outcome = dispatcher.plan(situation, situation.start)
        assert -first_kw(outcome.plan) == pytest.approx(0.0 if number % 4 == 3 else 50.0, abs=1e-6)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("scenarios", "words"),
    [
        ((scenario("a", 0.5), scenario("a", 0.5)), "scenario a is there twice"),
        (
            (scenario("a", 0.0), scenario("b", 1.0)),
            "scenario a has a probability of 0, it must be above 0, and 1 at most",
        ),
        (
            (scenario("a", 0.5), scenario("b", 0.4)),
            "the probabilities of all scenarios are 0.9 together, they must be 1",
        ),
        (
            (scenario("a", 1.0, load_kw={"lathe": (1, 1)}),),
            "load_kw of scenario a names lathe, which this site does not have there",
        ),
        (
            (scenario("a", 1.0, available_kw={"pv": (1, np.nan)}),),
            "available_kw of pv in scenario a is nan in step 1: every value must be a finite number",
        ),
        (
            (scenario("a", 1.0, load_kw={"load": (1, -2)}),),
            "load_kw of load in scenario a is -2 in step 1: it must not be negative",
        ),
        (
            (scenario("a", 1.0, load_kw={"load": (1, 2, 3)}),),
            r"load_kw of load in scenario a has shape \(3,\), expected \(2,\)",
        ),
    ],
)
def test_scenarios_that_cannot_be_planned_from_are_refused(
    tiny_park: Callable[..., TinyPark], scenarios: tuple[Scenario, ...], words: str
) -> None:
    park = sunny_park(tiny_park)
    with pytest.raises(BadSituation, match=f"^{words}$"):
        park.plan(situation_of(park, scenarios))


@pytest.mark.parametrize("cvar", [0.3, 0.9])
def test_a_cheap_scenario_buys_nothing_for_after_the_end(tiny_park: Callable[..., TinyPark], cvar: float) -> None:
    control = {"interval_min": 60, "horizon_h": 2, "risk": {"cvar": cvar, "tail": 0.5}}
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0, 1.0), site_keys={"control": control})
    either = (scenario("low", 0.5, load_kw={"load": (0, 10)}), scenario("high", 0.5, load_kw={"load": (0, 100)}))
    plan = park.plan(park.situation(load_kw={"load": (0, 55)}, scenarios=either))
    # a kWh left at the end is worth 0.9, and costs 1 in either
    assert [sum(each.cost.values()) for each in plan.scenarios] == pytest.approx([10.0, 100.0], abs=1e-6)


@pytest.mark.parametrize("cvar", [0.3, 0.9])
def test_a_dear_scenario_does_not_empty_its_store(tiny_park: Callable[..., TinyPark], cvar: float) -> None:
    control = {"interval_min": 60, "horizon_h": 2, "risk": {"cvar": cvar, "tail": 0.5}}
    park = tiny_park({"load": {}, "battery": LOSSLESS}, (1.0, 1.0), site_keys={"control": control})
    either = (scenario("low", 0.5, load_kw={"load": (0, 10)}), scenario("high", 0.5, load_kw={"load": (0, 100)}))
    plan = park.plan(park.situation(load_kw={"load": (0, 55)}, stored_kwh={"battery": 50}, scenarios=either))
    # a kWh that is missing at the end costs more than the 1 that it saves
    left_kwh = [each.assets["battery"].stored_kwh for each in plan.scenarios]
    assert [None if kwh is None else kwh[-1] for kwh in left_kwh] == pytest.approx([50.0, 50.0], abs=1e-6)
