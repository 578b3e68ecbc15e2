"""What a period costs under the controller, under simple rules, without any control, and with perfect foresight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from config.site import Site
from controller.decider import Decider
from controller.planner_process import PlanAnswer, PlanRequest, answer_of
from dispatch.forecast.experience import TRAINED_DAYS, Experience
from dispatch.plan import FloatArray
from parkgrid.backtesting.case import Case
from parkgrid.backtesting.foreknowledge import Foreknowledge
from parkgrid.backtesting.foresight import foreseen_book
from parkgrid.backtesting.rules import RULES, Rule
from parkgrid.backtesting.stepwise import StepwiseLoop
from parkgrid.closed_loop import ClosedLoop
from parkgrid.settlement import Bill, settle
from simulators.plant import Plant
from simulators.truth import book_of

CONTROLLER, NOTHING, FORESIGHT = "controller", "no control", "perfect foresight"
PARK_SERIES = ("import_kwh", "export_kwh", "gas_kwh", "curtailed_kwh", "unserved_kwh")
"""What a record says of the whole park."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One way through a period."""

    bill: Bill
    series: Mapping[str, FloatArray]
    """By interval: `PARK_SERIES`, ``demand_kw``, and by asset and field of its account such as
    ``battery.electricity_fed_kwh`` or, the energy at its end, ``battery.stored_kwh``; what is always 0 is left out."""

    @property
    def highest_kw(self) -> float:
        """The highest mean import of an interval."""
        return float(self.series["demand_kw"].max())


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """All ways through one period."""

    case: Case
    runs: Mapping[str, Run]
    plans: Mapping[str, int]
    """Answers of the controller's planner by what became of them."""
    ways: Mapping[str, str]
    """By series: how it was forecast in the end."""
    errors_kw: Mapping[str, FloatArray]
    """Mean absolute error of the forecasts of all loads and of all sources together, by intervals ahead."""

    def saved(self, name: str) -> float:
        """What a run costs less than no control."""
        return self.runs[NOTHING].bill.total - self.runs[name].bill.total

    def score(self, name: str) -> float | None:
        """(no control - cost) / (no control - perfect foresight); None where foresight saves nothing."""
        possible = self.saved(FORESIGHT)
        return self.saved(name) / possible if possible > 0.0 else None


@dataclass(slots=True)
class _Planning:
    """The planner of a run, and what it expected."""

    case: Case
    planned: Callable[[PlanRequest], PlanAnswer]
    missed_kw: dict[str, list[FloatArray]] = field(default_factory=lambda: {"loads": [], "sources": []})

    def __call__(self, request: PlanRequest) -> PlanAnswer:
        answer = self.planned(request)
        situation = answer.situation
        if situation is not None:
            first = round((situation.start.timestamp() - self.case.recorded.start_s) / self.case.recorded.step_s)
            for what, expected in (("loads", situation.load_kw), ("sources", situation.available_kw)):
                known = [name for name in expected if name in self.case.recorded.columns]
                if known:
                    columns = [self.case.recorded.columns[name][first : first + situation.steps] for name in known]
                    missed = np.full(situation.steps, np.nan)
                    actual = np.sum(columns, axis=0)
                    missed[: len(actual)] = np.sum([expected[name] for name in known], axis=0)[: len(actual)] - actual
                    self.missed_kw[what].append(missed)
        return answer

    def errors_kw(self) -> dict[str, FloatArray]:
        return {what: np.nanmean(np.abs(rows), axis=0) for what, rows in self.missed_kw.items() if rows}


def compared(case: Case, passed: Callable[[int], None] = lambda _: None) -> Compared:
    """Live through a period in every way. `passed` is told of the controller's intervals as they are done."""
    from dispatch.dispatcher import Dispatcher  # brings cvxpy

    site = case.controlled_site
    experience = Experience(
        site, chooses="forecast choice" not in case.leaves_out, blends="blending" not in case.leaves_out
    )
    if case.foreknows:
        experience = Foreknowledge(site, recorded=case.recorded)
    planning = _Planning(
        case,
        partial(answer_of, site, Dispatcher(site, site.control.horizon_steps), experience=experience, explains=False),
    )
    loop, plant = _under_control(case, site, planning, passed)
    books = {CONTROLLER: book_of(plant.ledger), NOTHING: book_of(_alone(case).ledger)}
    books |= {name: book_of(_by_rule(case, rule).ledger) for name, rule in RULES.items()}
    truth = {"park": books[CONTROLLER], "without_control": books[NOTHING]}
    books[FORESIGHT] = foreseen_book(case, truth)
    return Compared(
        case=case,
        runs={
            name: Run(bill=settle(site, {**truth, "asked": book}, "asked"), series=_series(case, book))
            for name, book in books.items()
        },
        plans={what: count for what, count in loop.decider.book.counts.items() if count},
        ways=experience.ways,
        errors_kw=planning.errors_kw(),
    )


def _under_control(
    case: Case, site: Site, planned: _Planning, passed: Callable[[int], None]
) -> tuple[ClosedLoop, Plant]:
    """`site` is the case's as its controller plans it."""
    plant = case.plant(controlled=True)
    past = case.past(TRAINED_DAYS)
    blind = case.information == "setpoint"
    cycle_s = case.step.total_seconds() if case.cycle_s is None else case.cycle_s
    decider = Decider(
        site,
        planned,
        cycle_s=cycle_s,
        measures_before=blind,
        follows=not blind and "plan following" not in case.leaves_out,
        guards_demand="demand guard" not in case.leaves_out,
    )
    decider.weather = case.weather
    loop: ClosedLoop
    if case.cycle_s is None:
        loop = StepwiseLoop(plant, decider, past, case.information)
    else:
        loop = ClosedLoop(plant, decider, past, cycle_s=case.cycle_s)
    closed = 0
    for _ in loop.run(case.lasts):
        passed(len(loop.intervals) - closed)
        closed = len(loop.intervals)
    return loop, plant


def _alone(case: Case) -> Plant:
    plant = case.plant(controlled=False)
    plant.advance(case.lasts.total_seconds())
    return plant


def _by_rule(case: Case, rule: Rule) -> Plant:
    """Batteries by a rule, everything else by its own control. The rule knows what the interval brings."""
    plant = case.plant(controlled=True)
    for _ in range(case.steps):
        plant.look()
        for device, point, value in rule(case.site, plant):
            plant.command(device, point, value)
        plant.advance(case.step.total_seconds())
    return plant


def _series(case: Case, book: Mapping[str, Any]) -> dict[str, FloatArray]:
    intervals = book["intervals"]
    found = {name: np.array([interval[name] for interval in intervals]) for name in (*PARK_SERIES, "demand_kw")}
    for asset in intervals[0]["assets"]:
        accounts = [interval["assets"][asset] for interval in intervals]
        for key in accounts[0]:
            values = np.array([account[key] for account in accounts])
            if np.any(values):
                found[f"{asset}.{key}"] = values
        if f"{asset}.stored_kwh" in found:
            found[f"{asset}.stored_kwh"] = case.stored_kwh(asset) + np.cumsum(found[f"{asset}.stored_kwh"])
    return found
