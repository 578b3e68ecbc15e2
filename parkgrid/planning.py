"""One dispatch of a site: from what is known and assumed to a plan that was checked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from config.site import Site
from config.weather import OUTDOOR
from dispatch.binding import Binding, bindings
from dispatch.checker import check_plan, unmet
from dispatch.forecast.history import History
from dispatch.forecast.park import Expected, ParkState, cops, expect
from dispatch.plan import FloatArray, Infeasible, Method, Plan, Situation, Solved, TimedOut, Used
from dispatch.reasons import with_reasons
from dispatch.rules import rules_plan
from dispatch.soundness import stores
from dispatch.tariff import calendar_of
from parkgrid.refusal import Failed

ASSUMED_SOC = 0.5
"""Of a store that nobody named a charge for: the middle, from where a plan can go either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What a plan is made from, besides the site."""

    at: datetime
    """Aware; the horizon starts with the interval that contains it."""
    history: History
    given: Mapping[str, FloatArray]
    """By asset, and ``outdoor_degc``: taken in place of the forecast, shape (steps,)."""
    soc: Mapping[str, float]
    """By store; one that is left out stands at `ASSUMED_SOC`."""
    without: frozenset[str]
    month_peak_kw: float
    used: Used = field(default_factory=Used)
    """What month and year have used before the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan that holds, and all that one must know to judge it."""

    site: Site
    assumptions: Assumptions
    situation: Situation
    plan: Plan
    failure: str
    """Why the plan is made by rules; empty when it is the optimiser's."""
    unmet: tuple[str, ...]
    """Demand that the plan does not serve and import beyond the limit, one sentence each."""
    defaulted: tuple[str, ...]
    """Series that were neither given nor in the history."""
    solve_s: float | None
    """None for a plan by rules."""

    @property
    def soc_start(self) -> dict[str, float]:
        return start_soc(self.site, self.assumptions.soc)

    @property
    def soc_assumed(self) -> tuple[str, ...]:
        return tuple(name for name in stores(self.site) if name not in self.assumptions.soc)

    @property
    def binding(self) -> tuple[Binding, ...]:
        """The limits that bind."""
        prices = calendar_of(self.site).over(self.plan.start, self.plan.step_h, self.situation.spot)
        return bindings(self.site, self.situation, self.plan, prices)

    @property
    def total(self) -> float:
        return sum(self.plan.cost.values())


def start_soc(site: Site, soc: Mapping[str, float]) -> dict[str, float]:
    """The charge that each store begins with."""
    return {name: soc.get(name, ASSUMED_SOC) for name in stores(site)}


def expected(site: Site, assumptions: Assumptions) -> Expected:
    """The situation, with the given series in place of their forecasts. Raises BadSituation.

    A given outdoor temperature gives heat pumps and chillers their COP.
    """
    state = ParkState(
        stored_kwh={
            name: soc * stores(site)[name].capacity_kwh for name, soc in start_soc(site, assumptions.soc).items()
        },
        measured_kw={},
        unavailable=assumptions.without,
        month_peak_kw=assumptions.month_peak_kw,
        used=assumptions.used,
        spot=site.spot,
    )
    found = expect(site, assumptions.history, state, assumptions.at)
    given = assumptions.given
    situation = replace(
        found.situation,
        available_kw=_replaced(found.situation.available_kw, given),
        load_kw=_replaced(found.situation.load_kw, given),
        scenarios=tuple(
            replace(each, available_kw=_replaced(each.available_kw, given), load_kw=_replaced(each.load_kw, given))
            for each in found.situation.scenarios
        ),
    )
    if OUTDOOR in given:
        situation = replace(situation, cop=cops(site, given[OUTDOOR]))
    return Expected(situation=situation, defaulted=tuple(name for name in found.defaulted if name not in given))


def planned(site: Site, assumptions: Assumptions) -> Planned:
    """The optimal plan, or one by rules where the solver finds none.

    Raises DispatchError for what cannot be planned from, Failed when a plan breaks what it must keep.
    """
    # these bring cvxpy: what is refused before is refused at once
    from dispatch.dispatcher import Dispatcher
    from dispatch.in_the_way import with_conflict

    found = expected(site, assumptions)
    situation, at = found.situation, assumptions.at.astimezone(UTC)
    failure = ""
    solve_s: float | None = None
    dispatcher = Dispatcher(site, situation.steps)
    deadline_s = time.perf_counter() + site.control.solver_time_limit_s
    match dispatcher.plan(situation, at):
        case Solved() as solved:
            plan, solve_s = solved.plan, solved.solve_s
        case Infeasible(reason=reason):
            failure = f"no plan keeps every limit: {reason}"
        case TimedOut(limit_s=limit_s):
            failure = f"the solver found nothing within {limit_s:g} s"
    if failure:
        plan = rules_plan(site, situation, at)
    left_open = holds(site, situation, plan)
    plan = with_conflict(site, situation, dispatcher.inputs(situation), plan, deadline_s - time.perf_counter())
    return Planned(
        site=site,
        assumptions=assumptions,
        situation=situation,
        plan=with_reasons(site, situation, plan),
        failure=failure,
        unmet=left_open,
        defaulted=found.defaulted,
        solve_s=solve_s,
    )


def holds(site: Site, situation: Situation, plan: Plan) -> tuple[str, ...]:
    """What a sound plan leaves open. Raises Failed for one that is not sound: its numbers must not be used."""
    violations = check_plan(site, situation, plan)
    left_open = unmet(site, situation, plan) if violations and plan.assets.keys() >= site.dispatched.keys() else []
    if broken := [violation for violation in violations if violation not in left_open]:
        maker = "rules" if plan.method is Method.RULES else "optimiser"
        raise Failed(f"the plan of the {maker} breaks what it must keep, {len(broken)} times; first: {broken[0]}")
    return tuple(left_open)


def _replaced(forecast: Mapping[str, FloatArray], given: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    return {name: given.get(name, series) for name, series in forecast.items()}
