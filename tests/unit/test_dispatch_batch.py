"""Jobs that must not be interrupted, in cases small enough to be planned by hand: 50 kW for two hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import tiny_kinds as kinds
from tiny_park import START, TinyPark, make_park

from config.flexible_assets import ShiftableJob
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Plan, Situation, Solved, Wanted
from dispatch.reason import Reason
from dispatch.reasons import with_reasons
from dispatch.rules import rules_plan
from simulators.shiftable_job import ShiftableJobModel

RUN = {**kinds.JOB, "interruptible": False}
DAY = Wanted(1.0, 5.0, 100.0, 50.0)
"""A run within four hours, which may begin at 1, 2 or 3."""


def job_park(prices: Sequence[float], **others: Any) -> TinyPark:
    return make_park({"job": RUN, **others}, prices)


def plan_of(park: TinyPark, *wanted: Wanted, **given: Any) -> Plan:
    situation = park.situation(wanted={"job": wanted}, **given)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    return plan


def test_a_run_begins_where_all_of_it_is_cheapest() -> None:
    """The two cheapest hours are the second and the fourth; of whole runs 0.4 + 0.3 is the cheapest."""
    plan = plan_of(job_park((0.1, 0.2, 0.9, 0.4, 0.3, 0.1)), DAY)
    assert plan.assets["job"].power_kw == pytest.approx([0, 0, 0, 50, 50, 0])
    assert sum(plan.cost.values()) == pytest.approx(50 * 0.7)


def test_a_job_says_why_it_waits() -> None:
    park = job_park((0.1, 0.2, 0.9, 0.4, 0.3, 0.1))
    situation = park.situation(wanted={"job": (DAY,)})
    cheap, nothing = Reason.TAKES_CHEAP, Reason.NOTHING_WANTED
    reasons = with_reasons(park.site, situation, park.plan(situation)).reasons["job"]
    assert reasons == (nothing, Reason.WAITS, Reason.WAITS, cheap, cheap, nothing)


def test_where_it_costs_the_same_a_run_begins_early() -> None:
    assert plan_of(job_park((0.3,) * 6), DAY).assets["job"].power_kw == pytest.approx([0, 50, 50, 0, 0, 0])


def test_a_run_ends_within_an_interval() -> None:
    park = make_park({"job": {**RUN, "duration_min": 90}}, (0.1, 0.2, 0.9, 0.4, 0.3, 0.1))
    plan = plan_of(park, Wanted(1.0, 5.0, 75.0, 50.0))
    # 0.4 + 0.3 / 2 against 0.2 + 0.9 / 2
    assert plan.assets["job"].power_kw == pytest.approx([0, 0, 0, 50, 25, 0])


def test_a_run_that_has_begun_goes_on() -> None:
    plan = plan_of(job_park((0.9, 0.1, 0.1)), Wanted(-1.0, 3.0, 50.0, 50.0))
    assert plan.assets["job"].power_kw == pytest.approx([50, 0, 0])


def test_each_window_has_its_run() -> None:
    later = Wanted(4.0, 8.0, 100.0, 50.0)
    plan = plan_of(job_park((0.5, 0.5, 0.1, 0.1, 0.5, 0.5, 0.2, 0.2)), Wanted(0.0, 4.0, 100.0, 50.0), later)
    assert plan.assets["job"].power_kw == pytest.approx([0, 0, 50, 50, 0, 0, 50, 50])


def test_a_run_that_can_wait_until_after_the_horizon_is_not_forced() -> None:
    plan = plan_of(job_park((0.5,) * 4), Wanted(1.0, 9.0, 100.0, 50.0))
    assert plan.assets["job"].power_kw == pytest.approx(np.zeros(4))


def test_two_runs_make_no_peak_that_can_be_avoided() -> None:
    """Both at once would add 100 kW to the month's peak, one after the other adds 50."""
    park = make_park({"job": RUN, "other": RUN}, (0.3,) * 6, demand_charge_per_kw_month=5)
    situation = park.situation(wanted={"job": (DAY,), "other": (DAY,)})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    assert plan.cost["demand"] == pytest.approx(250.0)


def test_a_run_is_given_up_before_it_breaks_the_import_limit() -> None:
    park = job_park((0.3,) * 6, grid={"import_limit_kw": 20})
    situation = park.situation(wanted={"job": (DAY,)})
    plan = park.plan(situation)
    assert plan.assets["job"].power_kw == pytest.approx(np.zeros(6))
    assert plan.note.startswith("job: not run in its window in 1 steps")
    assert check_plan(park.site, situation, plan) == unmet(park.site, situation, plan)
    assert unmet(park.site, situation, plan) == ["job, step 3: a run has not begun at its last chance"]


def test_a_run_that_no_longer_fits_is_said() -> None:
    park = job_park((0.3,) * 3)
    situation = park.situation(wanted={"job": (Wanted(-3.0, 1.5, 100.0, 50.0),)})
    assert unmet(park.site, situation, park.plan(situation)) == [
        "job: 1 runs are wanted that no longer fit into their windows"
    ]


def test_an_unavailable_job_does_not_run() -> None:
    park = job_park((0.3,) * 6)
    situation = park.situation(wanted={"job": (DAY,)}, unavailable=frozenset({"job"}))
    assert park.plan(situation).assets["job"].power_kw == pytest.approx(np.zeros(6))


def with_power(plan: Plan, power_kw: Sequence[float]) -> Plan:
    values = np.array(power_kw, dtype=float)
    assets = {**plan.assets, "job": replace(plan.assets["job"], power_kw=values, flows_kw={"electricity": -values})}
    grid = replace(plan.assets["grid"], power_kw=values, flows_kw={"electricity": values})
    return replace(plan, assets={**assets, "grid": grid}, cost={**plan.cost, "energy_import": 0.3 * values.sum()})


@pytest.mark.parametrize(
    ("power_kw", "sentence"),
    [
        ([0, 50, 0, 50, 0, 0], "job, step 2: 0.00 kW are not those of whole runs"),
        ([0, 25, 50, 25, 0, 0], "job, step 1: 25.00 kW are not those of whole runs"),
        ([50, 50, 0, 0, 0, 0], "job, step 0: a run begins outside of its window"),
        ([0, 50, 50, 50, 50, 0], "job, step 3: more runs have begun than are wanted"),
        ([0, 0, 0, 0, 0, 0], "job, step 3: a run has not begun at its last chance"),
    ],
    ids=["interrupted", "at half power", "too early", "twice", "never"],
)
def test_a_plan_that_is_none_of_whole_runs_is_found(power_kw: list[float], sentence: str) -> None:
    park = job_park((0.3,) * 6)
    situation = park.situation(wanted={"job": (DAY,)})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    assert sentence in check_plan(park.site, situation, with_power(plan, power_kw))


def test_rules_begin_at_the_first_chance() -> None:
    park = job_park((0.9, 0.9, 0.9, 0.1, 0.1, 0.1))
    situation = park.situation(wanted={"job": (DAY,)})
    plan = rules_plan(park.site, situation, START)
    assert plan.assets["job"].power_kw == pytest.approx([0, 50, 50, 0, 0, 0])
    assert check_plan(park.site, situation, plan) == []


def test_a_run_is_that_of_the_simulated_job() -> None:
    plan = plan_of(job_park((0.1, 0.2, 0.9, 0.4, 0.3, 0.1)), DAY)
    model = ShiftableJobModel(ShiftableJob.model_validate(RUN))
    used = []
    for hour, planned_kw in enumerate(plan.assets["job"].power_kw.tolist()):
        model.setpoint_kw = model.accept(planned_kw)
        used.append(model.step(hour * 3600.0, 3600.0))
    assert used == pytest.approx(plan.assets["job"].power_kw.tolist())


def settled_cost(dispatcher: Dispatcher, starts: Sequence[int]) -> float:
    """What the plan costs with the runs of two jobs begun where it is said."""
    for choice, start in zip(dispatcher.park.choices, starts, strict=True):
        choice.settle(np.arange(choice.yes.size) == start)
    dispatcher.park.problem.solve(solver=cp.HIGHS)
    return float(dispatcher.park.problem.value)


@pytest.mark.parametrize("seed", range(6))
def test_runs_begin_where_the_best_of_all_pairs_begins(seed: int) -> None:
    random = np.random.default_rng(seed)
    park = make_park(
        {"job": RUN, "other": {**RUN, "power_kw": 30, "duration_min": 180}, "load": {}, "pv": {}, "battery": {}},
        random.uniform(0.1, 1.0, 8).round(2).tolist(),
        demand_charge_per_kw_month=float(random.choice([0, 1, 3])),
        export_per_kwh=0.05,
    )
    situation: Situation = park.situation(
        wanted={"job": (Wanted(0.0, 8.0, 100.0, 50.0),), "other": (Wanted(1.0, 7.0, 90.0, 30.0),)},
        load_kw={"load": random.uniform(0, 60, 8)},
        available_kw={"pv": random.uniform(0, 80, 8)},
        month_peak_kw=60.0,
    )
    dispatcher = Dispatcher(park.site, park.steps)
    outcome = dispatcher.plan(situation, START)
    assert isinstance(outcome, Solved)
    assert check_plan(park.site, situation, outcome.plan) == []
    found = float(dispatcher.park.problem.objective.value)
    cheapest = min(settled_cost(dispatcher, starts) for starts in product(range(7), range(1, 5)))
    assert found == pytest.approx(cheapest, rel=1e-3)
