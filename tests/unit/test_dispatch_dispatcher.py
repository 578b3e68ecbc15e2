"""The dispatcher as a whole: built once, DPP, solved again, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from tiny_park import TinyPark, demo_day

from config.site import Site
from dispatch.checker import check_plan
from dispatch.compiled import CompiledProblem
from dispatch.dispatcher import Dispatcher
from dispatch.plan import BadSituation, Method, Plan, Situation, Solved, TimedOut
from dispatch.tariff import NoTariff

GIVEN: dict[str, Any] = {
    "available_kw": {"pv": [20, 150, 90, 0], "turbine": [30, 20, 10, 40]},
    "load_kw": {"load": [80, 60, 120, 90], "heat": [60, 90, 40, 80]},
    "stored_kwh": {"battery": 40, "tank": 90},
    "month_peak_kw": 70,
}


def solved(dispatcher: Dispatcher, situation: Situation) -> Plan:
    outcome = dispatcher.plan(situation, situation.start)
    assert isinstance(outcome, Solved), outcome
    return outcome.plan


def test_the_problem_is_disciplined_parametrised(demo_site: Site, park_with_all: TinyPark) -> None:
    assert Dispatcher(demo_site, 96).park.problem.is_dpp()
    assert Dispatcher(park_with_all.site, 4).park.problem.is_dpp()


def test_a_plan_says_what_was_planned_when_and_how(park_with_all: TinyPark) -> None:
    situation = park_with_all.situation(**GIVEN)
    issued_at = datetime(2026, 3, 1, 23, 58, tzinfo=UTC)
    outcome = Dispatcher(park_with_all.site, 4).plan(situation, issued_at)
    assert isinstance(outcome, Solved)
    plan = outcome.plan
    assert plan.issued_at == issued_at
    assert plan.method is Method.OPTIMAL
    assert plan.start == situation.start
    assert plan.assets.keys() == park_with_all.site.assets.keys()
    assert plan.import_price_per_kwh == pytest.approx([0.6, 0.3, 1.2, 0.6])
    terms = {"energy_import", "export_revenue", "demand", "gas", "heat", "carbon", "wear", "ladder", "starts"}
    assert plan.cost.keys() == terms
    assert plan.marginal_per_kwh.keys() == {"electricity", "heat"}
    assert check_plan(park_with_all.site, situation, plan) == []
    assert 0 < outcome.solve_s < 5


def test_a_second_solve_equals_a_fresh_build(park_with_all: TinyPark) -> None:
    site, hot = park_with_all.site, Dispatcher(park_with_all.site, 4)
    first = park_with_all.situation(**GIVEN)
    solved(hot, first)
    second = park_with_all.situation(
        **{**GIVEN, "load_kw": {"load": [200, 10, 100, 30]}, "stored_kwh": {"battery": 99, "tank": 5}},
        unavailable=frozenset({"pv"}),
    )
    again, fresh = solved(hot, second), solved(Dispatcher(site, 4), second)
    assert sum(again.cost.values()) == pytest.approx(sum(fresh.cost.values()))
    for name in site.assets:
        assert again.assets[name].power_kw == pytest.approx(fresh.assets[name].power_kw, abs=1e-5), name
    assert solved(hot, first).cost == pytest.approx(solved(Dispatcher(site, 4), first).cost)


def test_a_plan_says_when_the_solver_had_to_try_again(park_with_all: TinyPark) -> None:
    dispatcher = Dispatcher(park_with_all.site, 4)
    first = solved(dispatcher, park_with_all.situation(**GIVEN))
    assert first.note == ""
    solver = dispatcher._solver
    assert isinstance(solver, CompiledProblem)
    solver._highs._highs.setOptionValue("simplex_iteration_limit", 0)
    other = park_with_all.situation(**{**GIVEN, "load_kw": {"load": [200, 10, 100, 30]}})
    plan = solved(dispatcher, other)
    assert plan.note == (
        "solved by HiGHS from a cold start, because HiGHS from its last basis: ends with IterationLimit"
    )
    assert check_plan(park_with_all.site, other, plan) == []
    assert solved(dispatcher, other).note == ""


def test_other_interval_lengths_are_taken_as_they_come(park_with_all: TinyPark) -> None:
    dispatcher = Dispatcher(park_with_all.site, 4)
    hours, quarters = park_with_all.situation(**GIVEN), park_with_all.situation(**GIVEN, step_h=np.full(4, 0.25))
    mixed = park_with_all.situation(**GIVEN, step_h=np.array([0.25, 0.25, 0.5, 1.0]))
    for situation in (hours, quarters, mixed, hours):
        assert check_plan(park_with_all.site, situation, solved(dispatcher, situation)) == []


def test_a_day_of_the_demo_park_closes(demo_site: Site) -> None:
    situation = demo_day()
    plan = solved(Dispatcher(demo_site, 96), situation)
    assert check_plan(demo_site, situation, plan) == []
    assert plan.note == ""
    assert plan.cost["demand"] == pytest.approx(0, abs=1e-3)
    for store in ("battery", "tank"):
        stored = plan.assets[store].stored_kwh
        assert stored is not None
        assert stored[-1] >= stored[0] - 0.01
    for unit, least_kw in (("heat_pump", 100.0), ("boiler", 150.0)):
        power_kw, running = plan.assets[unit].power_kw, plan.assets[unit].running
        assert running is not None
        assert running.any()
        assert np.all(power_kw[running] >= least_kw - 1e-3)
        assert np.all(power_kw[~running] == 0.0)
    hour = np.arange(96) / 4.0
    # the battery gives in the peak hours (16 to 23 h) and takes in the valleys
    peak = (hour >= 16) & (hour < 23)
    assert plan.assets["battery"].power_kw[peak].sum() > 0
    assert plan.assets["battery"].power_kw[hour < 7].sum() < 0


def with_series(situation: Situation, field: str, name: str, value: Any) -> Situation:
    return replace(situation, **{field: {**getattr(situation, field), name: value}})


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda s: with_series(s, "load_kw", "load", np.array([1, np.nan, 1, 1])), "load_kw of load is nan in step 1"),
        (lambda s: with_series(s, "load_kw", "load", np.ones(3)), r"load_kw of load has shape \(3,\), expected \(4,\)"),
        (lambda s: with_series(s, "load_kw", "load", np.array([1, 1, -5.0, 1])), "load_kw of load is -5 in step 2"),
        (lambda s: with_series(s, "load_kw", "hall", np.ones(4)), "load_kw names hall"),
        (lambda s: replace(s, load_kw={}), "load_kw of load is missing"),
        (lambda s: replace(s, load_kw={"load": np.ones(4)}), "load_kw of heat is missing"),
        (lambda s: replace(s, available_kw={"pv": np.ones(4)}), "available_kw of turbine is missing"),
        (lambda s: replace(s, cop={}), "cop of heat_pump is missing"),
        (lambda s: with_series(s, "cop", "heat_pump", np.array([3, 3, 0, 3.0])), "cop of heat_pump must be above 0"),
        (lambda s: replace(s, stored_kwh={"battery": 50.0}), "stored_kwh of tank is missing"),
        (lambda s: with_series(s, "stored_kwh", "battery", np.nan), "stored_kwh of battery is nan"),
        (lambda s: with_series(s, "stored_kwh", "battery", -1.0), "stored_kwh of battery is -1"),
        (lambda s: replace(s, unavailable=frozenset({"batery"})), "unavailable names batery"),
        (lambda s: replace(s, month_peak_kw=np.nan), "month_peak_kw is nan"),
        (lambda s: replace(s, step_h=np.array([1, 1, 0, 1.0])), "step_h must be above 0"),
        (lambda s: replace(s, step_h=np.full(4, 200.0)), "longer than 745 h"),
        (lambda s: replace(s, step_h=np.ones(3)), "has 3 steps, this dispatcher plans 4"),
        (lambda s: replace(s, start=s.start.replace(tzinfo=None)), "must be in UTC"),
    ],
)
def test_a_bad_situation_is_refused_by_name(
    park_with_all: TinyPark, broken: Callable[[Situation], Situation], message: str
) -> None:
    dispatcher = Dispatcher(park_with_all.site, 4)
    with pytest.raises(BadSituation, match=message):
        dispatcher.plan(broken(park_with_all.situation(**GIVEN)), datetime(2026, 3, 2, tzinfo=UTC))


def test_a_horizon_without_a_tariff_is_refused(park_with_all: TinyPark) -> None:
    early = park_with_all.situation(datetime(2025, 12, 31, 22, tzinfo=UTC), **GIVEN)
    with pytest.raises(NoTariff, match="2025-12-31"):
        Dispatcher(park_with_all.site, 4).plan(early, early.start)


def test_a_dispatcher_without_steps_is_refused(park_with_all: TinyPark) -> None:
    with pytest.raises(ValueError, match="at least one interval"):
        Dispatcher(park_with_all.site, 0)


def test_a_solver_out_of_time_says_so(demo_site: Site) -> None:
    control = demo_site.control.model_copy(update={"solver_time_limit_s": 1e-9})
    hurried = replace(demo_site, file=demo_site.file.model_copy(update={"control": control}))
    situation = Situation(
        start=datetime(2026, 10, 13, 16, tzinfo=UTC),
        step_h=np.full(96, 0.25),
        available_kw={"pv_a": np.zeros(96), "pv_b": np.zeros(96), "wind": np.zeros(96)},
        load_kw={"hall_1": np.full(96, 700.0), "hall_2": np.full(96, 700.0), "heat_demand": np.full(96, 1500.0)},
        cop={"heat_pump": np.full(96, 2.8)},
        stored_kwh={"battery": 1000.0, "tank": 3000.0},
    )
    assert Dispatcher(hurried, 96).plan(situation, situation.start) == TimedOut(1e-9)


def test_only_the_dispatcher_brings_cvxpy() -> None:
    modules = (
        "dispatch.checker, dispatch.fallback, dispatch.rules, dispatch.tariff, dispatch.forecast.park, dispatch.plan"
    )
    code = f"import sys, {modules}; sys.exit('cvxpy' in sys.modules or 'pvlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
