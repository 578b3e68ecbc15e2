"""What the park is run by when planning fails, from the planner's answer to the setpoints: level by level.

Optimal plan -> the last one moved on -> rules without a solver -> local rules, and safe values without a grid meter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from multiprocessing import Pipe
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from park_builder import NOON, ParkBuilder, Values

from config.site import Site
from controller.decide import Inputs, decide
from controller.decision import Decision
from controller.modes import Facts, Mode, next_mode
from controller.planner_process import PlanAnswer, PlannerTask, PlanRequest, serve
from controller.plans import PlanBook
from dispatch.forecast.history import History
from dispatch.forecast.park import ParkState
from dispatch.plan import Method

QUARTER = timedelta(minutes=15)
ENERGY = {"battery": 1000.0, "tank": 3000.0}
NO_TIME_S = 1e-9


@contextmanager
def planner(site: Site) -> Iterator[Callable[[PlanRequest], PlanAnswer]]:
    """What the controller starts as a process, behind the same pipe."""
    ours, theirs = Pipe()

    def served() -> None:
        with theirs:  # whoever waits for an answer sees that none will come
            serve(theirs)

    thread = threading.Thread(target=served)
    thread.start()
    with TemporaryDirectory() as solves:
        try:
            ours.send(PlannerTask(site, Path(solves)))

            def ask(request: PlanRequest) -> PlanAnswer:
                ours.send(request)
                answer: PlanAnswer = ours.recv()
                return answer

            yield ask
        finally:
            ours.close()
            thread.join()


def request(now: datetime, *, step_min: int = 15) -> PlanRequest:
    history = History(start=now - timedelta(days=1), step_min=step_min, series={"hall_1": np.full(96, 500.0)})
    return PlanRequest(number=1, now=now, state=ParkState(stored_kwh=ENERGY, measured_kw={}), history=history)


def answered(site: Site, asked: PlanRequest) -> PlanAnswer:
    with planner(site) as ask:
        return ask(asked)


def without_time(park: ParkBuilder) -> Site:
    return park.with_control(solver_time_limit_s=NO_TIME_S).site


def run_by(park: ParkBuilder, book: PlanBook, now: datetime, values: Values | None = None) -> Decision:
    """What is decided with the plan in force, in the mode that follows from it."""
    snapshot = park.snapshot(values, at=now)
    metered = snapshot.power_kw("grid") is not None
    facts = Facts(grid_metered=metered, settled=True, optimal_plan=book.fresh(now), stop=False)
    mode = next_mode(Mode.OPTIMAL, facts)
    return decide(Inputs(snapshot=snapshot, plan=book.plan, mode=mode, overrides={}))


@pytest.fixture
def book(park: ParkBuilder) -> PlanBook:
    book = PlanBook(park.site)
    assert book.take(answered(park.site, request(NOON)), NOON)
    return book


def test_at_best_the_optimiser_is_followed(park: ParkBuilder, book: PlanBook) -> None:
    assert book.plan is not None
    assert (book.plan.method, book.failure, book.refused) == (Method.OPTIMAL, "", "")
    decision = run_by(park, book, NOON)
    assert decision.mode is Mode.OPTIMAL
    assert decision.grid_target_kw == pytest.approx(book.plan.assets["grid"].power_kw[0])


def test_first_the_last_plan_moves_on(park: ParkBuilder, book: PlanBook) -> None:
    planned = book.plan
    assert planned is not None
    late = NOON + 4 * QUARTER
    answer = answered(without_time(park), request(late))
    assert (answer.plan, answer.rules is None) == (None, False)
    assert book.take(answer, late)
    assert book.plan is not None
    assert book.plan.method is Method.SHIFTED
    assert book.failure.startswith("the solver found nothing within")
    decision = run_by(park, book, late)
    assert decision.mode is Mode.FALLBACK
    # what was planned for this interval four intervals ago
    assert decision.grid_target_kw == pytest.approx(planned.assets["grid"].power_kw[4])


def test_then_rules_make_a_plan(park: ParkBuilder) -> None:
    book = PlanBook(park.site)
    assert book.take(answered(without_time(park), request(NOON)), NOON)
    assert book.plan is not None
    assert (book.plan.method, book.refused) == (Method.RULES, "")
    decision = run_by(park, book, NOON)
    assert decision.mode is Mode.FALLBACK
    assert decision.grid_target_kw == pytest.approx(book.plan.assets["grid"].power_kw[0])


def test_a_plan_that_has_run_out_gives_way_to_rules(park: ParkBuilder, book: PlanBook) -> None:
    next_day = NOON + timedelta(hours=24)
    assert book.take(answered(without_time(park), request(next_day)), next_day)
    assert book.plan is not None
    assert book.plan.method is Method.RULES


def test_without_anything_to_plan_from_local_rules_keep_the_limits(park: ParkBuilder) -> None:
    book = PlanBook(park.site)
    # no plan, no rules: what the halls did is in steps that do not fit
    answer = answered(park.site, request(NOON, step_min=7))
    assert (answer.plan, answer.rules, answer.situation) == (None, None, None)
    assert not book.take(answer, NOON)
    assert book.plan is None
    # 3100 kW of import where 3000 are allowed
    decision = run_by(park, book, NOON, {"grid": 3100.0, "battery.soc": 0.5})
    assert (decision.mode, decision.grid_target_kw) == (Mode.FALLBACK, None)
    battery = decision.assets["battery"]
    assert battery.setpoint_kw is not None
    assert battery.setpoint_kw >= 100.0
    assert battery.owner == "connection limit"


def test_last_of_all_every_device_gets_its_safe_value(park: ParkBuilder, book: PlanBook) -> None:
    # a good plan is of no use where nobody knows what the park takes
    decision = run_by(park, book, NOON, {"grid": None})
    assert decision.mode is Mode.SAFE
    assert decision.assets
    for name, decided in decision.assets.items():
        setpoint = park.site.setpoint(name)
        assert setpoint is not None
        assert setpoint.setpoint is not None
        assert (decided.setpoint_kw, decided.owner) == (setpoint.setpoint.safe, "safety"), name
