"""The planner's own process: forecasts and solves, so that a long solve never delays a cycle.

It holds no state of the park: each request brings what it needs, so that it can be killed and started again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from config.site import Site
from config.terms import on_limits
from controller.solve_folder import SolveFolder
from dispatch.forecast.experience import Experience
from dispatch.forecast.history import History
from dispatch.forecast.learned import Skill
from dispatch.forecast.park import ParkState, situation
from dispatch.plan import DispatchError, Infeasible, Method, Plan, Situation, Solved, TimedOut
from dispatch.reasons import with_reasons
from dispatch.rules import rules_plan
from dispatch.solve_record import recorded

if TYPE_CHECKING:
    from dispatch.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True)
class PlannerTask:
    """What a planner's process is told first."""

    site: Site
    solves: Path
    """Where it keeps the records of its last solves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What the park looks like now, and what it did before."""

    number: int
    now: datetime
    state: ParkState
    history: History
    ordered: tuple[float | None, float | None] = (None, None)
    """What the grid operator allows for import and export, in kW; None where it is the contract's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """A plan, or why there is none."""

    number: int
    situation: Situation | None
    plan: Plan | None
    """The optimal one, or a relaxed one."""
    rules: Plan | None
    """Made without the solver when it found no optimal plan."""
    failure: str
    """Why there is no optimal plan; empty when there is one."""
    took_s: float
    """Forecast and solve."""
    skills: Mapping[str, Skill] = field(default_factory=dict)
    """By series that was learned anew for this plan: how well it was forecast lately."""


def serve(connection: Connection) -> None:
    """Take the task, then answer plan requests until the other end is gone."""
    # cvxpy and pvlib take seconds to load; the controller's own process never does
    import pvlib  # noqa: F401 - the forecasts load it when they first need it, which is then no wait

    from dispatch.dispatcher import Dispatcher

    try:
        task: PlannerTask = connection.recv()
    except (EOFError, OSError):
        return
    folder = SolveFolder(task.solves, task.site.control.kept_solves)
    steps = task.site.control.horizon_steps
    unlimited = Dispatcher(task.site, steps)
    site, dispatcher, experience = task.site, unlimited, Experience(task.site)
    ordered: tuple[float | None, float | None] = (None, None)
    while True:
        try:
            request: PlanRequest = connection.recv()
        except (EOFError, OSError):
            return
        if request.ordered != ordered:
            # an order stands for minutes to hours, so that a problem of its own is worth the second that it takes
            ordered = request.ordered
            site = task.site if ordered == (None, None) else on_limits(task.site, *ordered)
            dispatcher = unlimited if ordered == (None, None) else Dispatcher(site, steps)
        answer = answer_of(site, dispatcher, request, experience)
        try:
            connection.send(answer)
        except BrokenPipeError:
            return
        if answer.situation is not None:
            folder.keep(
                recorded(site, answer.situation, request.now, answer.plan, answer.failure, solve_s=answer.took_s)
            )


def answer_of(
    site: Site, dispatcher: Dispatcher, request: PlanRequest, experience: Experience, *, explains: bool = True
) -> PlanAnswer:
    """A plan for what a request describes, or why there is none; without `explains` it does not say why it is so."""
    started_s = time.perf_counter()
    deadline_s = started_s + site.control.solver_time_limit_s
    expected: Situation | None = None
    plan: Plan | None = None
    rules: Plan | None = None
    failure = ""
    try:
        expected = situation(site, request.history, request.state, request.now, experience)
        match dispatcher.plan(expected, request.now):
            case Solved(plan=solved):
                plan = solved
                if explains:
                    plan = _explained(site, dispatcher, expected, solved, deadline_s)
                failure = solved.note if solved.method is Method.RELAXED else ""
            case Infeasible(reason=reason):
                failure = f"no plan keeps every limit: {reason}"
            case TimedOut(limit_s=limit_s):
                failure = f"the solver found nothing within {limit_s:g} s"
        if plan is None or plan.method is Method.RELAXED:  # the book may refuse it
            rules = rules_plan(site, expected, request.now)
            if explains:
                rules = _explained(site, dispatcher, expected, rules, deadline_s)
    except DispatchError as error:
        failure = str(error)
    return PlanAnswer(
        number=request.number,
        situation=expected,
        plan=plan,
        rules=rules,
        failure=failure,
        took_s=time.perf_counter() - started_s,
        skills=experience.news(),
    )


def _explained(site: Site, dispatcher: Dispatcher, expected: Situation, plan: Plan, deadline_s: float) -> Plan:
    """The plan with its reasons, and with what is in the way where it is short and there is time to look for it."""
    from dispatch.in_the_way import with_conflict  # brings cvxpy

    left_s = deadline_s - time.perf_counter()
    return with_conflict(site, expected, dispatcher.inputs(expected), with_reasons(site, expected, plan), left_s)
