"""Which plan is in force: the optimiser's, else the last one moved on, else rules, and none that does not add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from park_builder import ParkBuilder

from config.site import Site
from controller.planner_process import PlanAnswer
from controller.plans import PlanBook
from dispatch.plan import Method, Plan, Situation
from dispatch.rules import rules_plan

START = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
STEPS = 12  # three hours in quarters
MINUTE = timedelta(minutes=1)


def situation(site: Site, *, start: datetime = START, hall_kw: float = 600.0) -> Situation:
    ones = np.ones(STEPS)
    return Situation(
        start=start,
        step_h=0.25 * ones,
        available_kw={"pv_a": 300 * ones, "pv_b": 300 * ones, "wind": 200 * ones},
        load_kw={"hall_1": hall_kw * ones, "hall_2": 400 * ones, "heat_demand": 800 * ones},
        cop={"heat_pump": 3 * ones},
        stored_kwh={"battery": 1000.0, "tank": 3000.0},
    )


def answer(
    site: Site,
    *,
    start: datetime = START,
    method: Method | None = Method.OPTIMAL,
    rules: bool = False,
    failure: str = "",
    hall_kw: float = 600.0,
) -> PlanAnswer:
    """The planner's answer: with a plan of `method` if any, and with rules if asked for."""
    expected = situation(site, start=start, hall_kw=hall_kw)
    made = rules_plan(site, expected, start)
    return PlanAnswer(
        number=1,
        situation=expected,
        plan=replace(made, method=method) if method is not None else None,
        rules=made if rules else None,
        failure=failure,
        took_s=0.7,
    )


def broken(plan: Plan) -> Plan:
    """10 kW from nowhere in the first step."""
    grid = plan.assets["grid"]
    power_kw = grid.power_kw.copy()
    power_kw[0] -= 10.0
    return replace(
        plan, assets={**plan.assets, "grid": replace(grid, power_kw=power_kw, flows_kw={"electricity": power_kw})}
    )


@pytest.fixture
def book(park: ParkBuilder) -> PlanBook:
    return PlanBook(park.site)


def test_an_optimal_plan_is_taken(book: PlanBook) -> None:
    given = answer(book.site)
    assert book.take(given, START)
    assert book.plan is given.plan
    assert (book.failure, book.refused, book.solve_s) == ("", "", 0.7)
    assert book.counts == {"optimal": 1, "shifted": 0, "relaxed": 0, "rules": 0, "refused": 0}


def test_a_plan_is_fresh_for_three_intervals(book: PlanBook) -> None:
    assert not book.fresh(START)
    book.take(answer(book.site), START)
    assert book.fresh(START)
    assert book.fresh(START + 45 * MINUTE)
    assert not book.fresh(START + 46 * MINUTE)
    # nor before it begins, as after a clock that went back
    assert not book.fresh(START - MINUTE)


def test_without_an_answer_the_last_plan_moves_on(book: PlanBook) -> None:
    book.take(answer(book.site), START)
    later = START + 20 * MINUTE
    assert book.take(answer(book.site, start=later, method=None, rules=True, failure="the solver found nothing"), later)
    assert book.plan is not None
    assert book.plan.method is Method.SHIFTED
    assert book.plan.start == START + 15 * MINUTE
    assert book.failure == "the solver found nothing"
    assert not book.fresh(later)
    assert book.counts["shifted"] == 1


def test_where_no_plan_is_left_rules_are_taken(book: PlanBook) -> None:
    failure = "no plan keeps every limit: infeasible"
    assert book.take(answer(book.site, method=None, rules=True, failure=failure), START)
    assert book.plan is not None
    assert (book.plan.method, book.failure) == (Method.RULES, failure)
    assert not book.fresh(START)


def test_a_relaxed_plan_is_taken_where_no_plan_can_be_moved_on(book: PlanBook) -> None:
    relaxed = answer(book.site, method=Method.RELAXED, rules=True, failure="no plan with units was found within 5 s")
    assert book.take(relaxed, START)
    assert book.plan is relaxed.plan
    assert (book.counts["relaxed"], book.failure) == (1, "no plan with units was found within 5 s")
    assert not book.fresh(START)


def test_a_plan_that_can_be_moved_on_comes_before_a_relaxed_one(book: PlanBook) -> None:
    book.take(answer(book.site), START)
    later = START + 15 * MINUTE
    assert book.take(answer(book.site, start=later, method=Method.RELAXED, failure="no time"), later)
    assert book.plan is not None
    assert book.plan.method is Method.SHIFTED


def test_a_relaxed_plan_that_does_not_add_up_makes_room_for_rules(book: PlanBook) -> None:
    given = answer(book.site, method=Method.RELAXED, rules=True, failure="no time")
    assert given.plan is not None
    assert book.take(replace(given, plan=broken(given.plan)), START)
    assert book.plan is given.rules
    assert (book.counts["refused"], book.counts["rules"]) == (1, 1)


def test_a_plan_with_less_than_an_hour_left_is_not_moved_on(book: PlanBook) -> None:
    book.take(answer(book.site), START)
    late = START + 121 * MINUTE
    late_start = START + 120 * MINUTE
    assert book.take(answer(book.site, start=late_start, method=None, rules=True, failure="too late"), late)
    assert book.plan is not None
    assert book.plan.method is Method.RULES


def test_without_a_plan_and_without_rules_nothing_changes(book: PlanBook) -> None:
    nothing = PlanAnswer(number=1, situation=None, plan=None, rules=None, failure="wind is missing", took_s=0.0)
    assert not book.take(nothing, START)
    assert book.plan is None
    assert book.failure == "wind is missing"


def test_a_plan_that_does_not_add_up_is_refused_and_the_last_one_goes_on(book: PlanBook) -> None:
    book.take(answer(book.site), START)
    later = START + 15 * MINUTE
    given = answer(book.site, start=later)
    assert given.plan is not None
    assert book.take(replace(given, plan=broken(given.plan)), later)
    assert book.plan is not None
    assert book.plan.method is Method.SHIFTED
    assert book.failure == "the plan broke its own balance"
    assert "electricity, step 0: the balance is open, 10.00 kW missing" in book.refused
    assert book.counts == {"optimal": 1, "shifted": 1, "relaxed": 0, "rules": 0, "refused": 1}


def test_a_plan_for_fewer_assets_than_there_are_is_refused(book: PlanBook) -> None:
    given = answer(book.site)
    assert given.plan is not None
    partial = {name: asset for name, asset in given.plan.assets.items() if name != "hall_1"}
    assert not book.take(replace(given, plan=replace(given.plan, assets=partial)), START)
    assert "hall_1 is not in the plan" in book.refused


def test_rules_that_do_not_add_up_are_refused_too(book: PlanBook) -> None:
    given = answer(book.site, method=None, rules=True, failure="the solver failed")
    assert given.rules is not None
    assert not book.take(replace(given, rules=broken(given.rules)), START)
    assert book.plan is None
    assert book.refused != ""
    assert book.failure == "the solver failed"


def test_a_plan_that_leaves_open_what_nobody_can_serve_is_used(book: PlanBook) -> None:
    # 6000 kW of load, 800 made, 1000 from the battery: 4200 of import, 1200 beyond the limit
    given = answer(book.site, hall_kw=5600.0)
    assert given.plan is not None
    assert float(given.plan.assets["grid"].power_kw.max()) > 3000.0
    assert book.take(given, START)
    assert book.plan is given.plan
    assert (book.refused, book.counts["refused"]) == ("", 0)


def test_the_next_good_plan_ends_it_all(book: PlanBook) -> None:
    given = answer(book.site)
    assert given.plan is not None
    book.take(replace(given, plan=broken(given.plan)), START)
    book.take(given, START)
    assert (book.failure, book.refused) == ("", "")
    assert book.fresh(START)
