"""The planner's process answers a request, at the other end of a pipe."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from multiprocessing import Pipe
from pathlib import Path

import pytest
from park_builder import ParkBuilder

from config.site import Site
from controller.planner_process import PlanAnswer, PlannerTask, PlanRequest, serve
from dispatch.forecast.history import History
from dispatch.forecast.park import ParkState
from dispatch.plan import Method, Running

NOW = datetime(2026, 10, 14, 2, 7, 31, tzinfo=UTC)
REQUEST = PlanRequest(
    number=7,
    now=NOW,
    state=ParkState(
        stored_kwh={"battery": 1000.0, "tank": 3000.0}, measured_kw={}, running={"heat_pump": Running(True, 0.01)}
    ),
    history=History(start=NOW, step_min=15, series={}),
)


def answered(site: Site, folder: Path) -> PlanAnswer:
    ours, theirs = Pipe()
    thread = threading.Thread(target=serve, args=(theirs,))
    thread.start()
    try:
        ours.send(PlannerTask(site, folder))
        ours.send(REQUEST)
        answer: PlanAnswer = ours.recv()
    finally:
        ours.close()
        thread.join()
        theirs.close()
    return answer


def test_a_request_is_answered_with_an_optimal_plan(demo_site: Site, tmp_path: Path) -> None:
    answer = answered(demo_site, tmp_path)
    assert (answer.number, answer.failure, answer.rules) == (7, "", None)
    assert answer.plan is not None
    assert answer.plan.method is Method.OPTIMAL
    # switched on 36 s ago, 15 minutes at least: on until into the second interval
    running = answer.plan.assets["heat_pump"].running
    assert running is not None
    assert running[:2].all()


@pytest.mark.parametrize(
    ("control", "method", "failure"),
    [
        (
            {"commitment_time_limit_s": 1e-9},
            Method.RELAXED,
            "no plan with a yes or no in each interval was found within 1e-09 s",
        ),
        ({"solver_time_limit_s": 1e-9}, None, "the solver found nothing within 1e-09 s"),
    ],
    ids=["no time for units", "no time at all"],
)
def test_a_planner_short_of_time_says_what_it_lacks(
    park: ParkBuilder, control: dict[str, float], method: Method | None, failure: str, tmp_path: Path
) -> None:
    answer = answered(park.with_control(**control).site, tmp_path)
    assert answer.failure == failure
    assert (None if answer.plan is None else answer.plan.method) is method
    assert answer.rules is not None
