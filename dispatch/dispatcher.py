"""From a situation to a plan: built once per site, solved again with new numbers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from config.site import Site
from dispatch.bill import TERMS, peaks_kw
from dispatch.block import Block, Inputs, solved
from dispatch.blocks.grid import MONTHS
from dispatch.caps import cap_numbers, counted_late
from dispatch.choice import Choice
from dispatch.compiled import solver_of
from dispatch.direct_use import taken_first
from dispatch.feeders import overload_in_words
from dispatch.forms.connection import connections_of, grid_kw_of
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.source import Source
from dispatch.forms.storage import cycles_counted_late
from dispatch.forms.windowed import windows_apart
from dispatch.mean import over_scenarios
from dispatch.plan import (
    ELECTRICITY,
    AssetPlan,
    BadSituation,
    FloatArray,
    Method,
    Outcome,
    Plan,
    Situation,
    Solved,
)
from dispatch.problem import ParkProblem, build_problem
from dispatch.registry import forms_of
from dispatch.reserve import batteries, reserve_need, shortages, too_weak, within_reach
from dispatch.solving import Answer, Optimal, Solver
from dispatch.soundness import require_sound
from dispatch.spot import spot_tail
from dispatch.tariff import Prices, calendar_of
from dispatch.two_stage import TwoStage
from dispatch.unit_commitment import UnitCommitment
from dispatch.worth import end_values

NAMED_FROM = 1e-2
"""Slack below this (kW or kWh) is the solver's rounding at the scale of a park and not worth a word."""

PASSES = 2
"""Solves per plan at most. Only where export pays more than import costs can the first be based on a wrong guess
of what is exported; the second, based on the first's plan, is never dearer than that."""


SAMPLED_GAP = 3e-3
"""The least gap of a plan over scenarios: they are a sample of what may come, and on a day of negative prices the last
thousandth of a plan takes as long as all before it."""
KEPT_STAGES = 2
"""Problems over scenarios that are kept, by the number of scenarios: an eventful day may need now fewer, now more."""


@dataclass(frozen=True, slots=True)
class _Stage:
    problem: TwoStage
    solver: Solver


class Dispatcher:
    """Plans one site over a fixed number of intervals. Not for several threads at once."""

    def __init__(self, site: Site, steps: int) -> None:
        """Builds the problem for `steps` intervals of the site's interval length.

        Raises ValueError for a horizon of no intervals.
        """
        if steps < 1:
            raise ValueError(f"a horizon needs at least one interval, not {steps}")
        self._site = site
        self._steps = steps
        self._forms = forms_of(site)
        self._connections = connections_of(self._forms)
        self._tariff = calendar_of(site)
        self._stages: dict[int, _Stage] = {}
        self._exported: tuple[datetime, list[NDArray[np.bool_]]] | None = None
        """From when on the last plan's scenarios, or itself, export."""
        self._batteries = tuple(batteries(self._forms).items())
        self._surplus_may_cost = False
        self._windows = 1
        self._build(np.full(steps, site.control.interval_min / 60.0))

    def _build(self, step_h: FloatArray) -> None:
        self._stages.clear()
        self._exported = None
        self._park = build_problem(self._site, step_h, surplus_may_cost=self._surplus_may_cost, windows=self._windows)
        self._solver = self._solver_of(self._park.problem, self._park.choices, self._site.control.commitment_gap)

    def _solver_of(self, problem: cp.Problem, choices: Sequence[Choice], gap: float) -> Solver:
        control = self._site.control
        linear = solver_of(problem, control.solver)
        if not choices:
            return linear
        return UnitCommitment(problem, choices, linear, gap=gap, limit_s=control.commitment_time_limit_s)

    @property
    def park(self) -> ParkProblem:
        """The problem without scenarios as it was built last, for measurements and tests."""
        return self._park

    @property
    def solver(self) -> Solver:
        """What solves it, for measurements."""
        return self._solver

    def two_stage(self, count: int) -> TwoStage:
        """The problem over so many scenarios, for measurements and tests."""
        return self._stage(count).problem

    def _stage(self, count: int) -> _Stage:
        """Built when it is first asked for, and again after others have taken its place."""
        stage = self._stages.pop(count, None)
        if stage is None:
            problem = TwoStage.of(
                self._site,
                self._park.step_h,
                count,
                surplus_may_cost=self._surplus_may_cost,
                windows=self._windows,
            )
            gap = max(SAMPLED_GAP, self._site.control.commitment_gap)
            stage = _Stage(problem, self._solver_of(problem.problem, problem.choices, gap))
        self._stages[count] = stage
        while len(self._stages) > KEPT_STAGES:
            del self._stages[next(iter(self._stages))]
        return stage

    def inputs(self, situation: Situation) -> Inputs:
        """The numbers that a situation, as it is expected, is solved with at first. Raises NoTariff."""
        prices = self._tariff.over(situation.start, situation.step_h, situation.spot)
        return self._inputs(situation.expected(), prices, _surplus(self._forms, situation.expected()))

    def plan(self, situation: Situation, issued_at: datetime) -> Outcome:
        """The cheapest plan for a situation.

        With scenarios it is the one that is cheapest over all of them, see `TwoStage`. The problem is built again only
        when the lengths of the intervals change, or the number of scenarios; when a battery is first found above its
        window, where it would burn what is too much if it could; and when there are more windows of energy at a time
        than before. Raises BadSituation when the
        situation is incomplete or impossible, NoTariff when no tariff covers the horizon.
        """
        if situation.steps != self._steps:
            raise BadSituation(f"the situation has {situation.steps} steps, this dispatcher plans {self._steps}")
        require_sound(self._site, situation)
        prices = self._tariff.over(situation.start, situation.step_h, situation.spot)
        too_full = not self._surplus_may_cost and any(form.too_full(name, situation) for name, form in self._batteries)
        windows = windows_apart(max(map(len, situation.wanted.values()), default=1))
        more = windows > self._windows or too_full
        if more or not np.allclose(situation.step_h, self._park.step_h, rtol=0.0, atol=1e-9):
            self._surplus_may_cost |= too_full
            self._windows = max(self._windows, windows)
            self._build(np.array(situation.step_h, dtype=np.float64))
        cases = tuple(situation.under(scenario) for scenario in situation.scenarios) or (situation,)
        stage = self._stage(len(cases)) if situation.scenarios else None
        parks = (self._park,) if stage is None else stage.problem.parks
        began = time.perf_counter()
        match self._cheapest(situation, cases, stage, prices):
            case Optimal() as optimum:
                solve_s = time.perf_counter() - began
                plans = [
                    self._plan(park, case, prices, issued_at, optimum) for park, case in zip(parks, cases, strict=True)
                ]
                if stage is None:
                    return Solved(plans[0], solve_s)
                plan = over_scenarios(situation.scenarios, plans)
                return Solved(replace(plan, paid_peak_kw=plan.paid_peak_kw + stage.problem.peak.kw), solve_s)
            case failure:
                return failure

    def _cheapest(
        self, situation: Situation, cases: Sequence[Situation], stage: _Stage | None, prices: Prices
    ) -> Answer:
        parks = (self._park,) if stage is None else stage.problem.parks
        solver = self._solver if stage is None else stage.solver
        exporting = self._guessed_export(cases)
        for again in reversed(range(PASSES)):
            inputs = [self._inputs(case, prices, guess) for case, guess in zip(cases, exporting, strict=True)]
            if stage is None:
                self._park.assign(inputs[0])
            else:
                stage.problem.assign(situation, inputs)
            answer = solver.solve(self._site.control.solver_time_limit_s)
            if not isinstance(answer, Optimal):
                break
            grid_kw = [self._grid_kw(park) for park in parks]
            wrong = [np.any(_misjudged(prices, *each)) for each in zip(exporting, grid_kw, strict=True)]
            exporting = [each_kw < 0.0 for each_kw in grid_kw]
            self._exported = situation.start, exporting
            if not again or not any(wrong):
                break
        return answer

    def _guessed_export(self, cases: Sequence[Situation]) -> list[NDArray[np.bool_]]:
        """As the plan before had it, else where there is more generation than load."""
        surplus = [_surplus(self._forms, case) for case in cases]
        if self._exported is None or len(self._exported[1]) != len(cases):
            return surplus
        start, before = self._exported
        step_h = float(cases[0].step_h[0])
        passed = round((cases[0].start - start) / timedelta(hours=step_h))
        if not 0 <= passed < self._steps:
            return surplus
        return [
            np.concatenate((old[passed:], new[self._steps - passed :]))
            for old, new in zip(before, surplus, strict=True)
        ]

    def _grid_kw(self, park: ParkProblem) -> FloatArray:
        return grid_kw_of(
            self._forms,
            {block.asset: block.extract() for block in park.blocks if block.asset in self._connections},
        )

    def _inputs(self, situation: Situation, prices: Prices, exporting: NDArray[np.bool_]) -> Inputs:
        if len(prices.demand_per_kw) > MONTHS:
            raise BadSituation(
                f"the horizon touches {len(prices.demand_per_kw)} calendar months; {MONTHS} are the most"
            )
        need = reserve_need(self._site, situation)
        return Inputs(
            exporting=exporting,
            situation=situation,
            prices=prices,
            peaks_kw=peaks_kw(self._site, prices, situation),
            end_value=end_values(self._forms, situation, prices),
            reserve=None if need is None else within_reach(need, self._forms, situation),
            taken_first=taken_first(self._forms, situation),
            caps=cap_numbers(self._site, situation, prices),
        )

    def _plan(
        self, park: ParkProblem, situation: Situation, prices: Prices, issued_at: datetime, answer: Optimal
    ) -> Plan:
        blocks = park.blocks
        words = [words for block in blocks for words in _slack_of(block)]
        words += [words for account in park.accounts for words in account.words()]
        words += counted_late(self._site, situation)
        assets = {block.asset: _as_planned(block, situation, decided=not answer.undecided) for block in blocks}
        words += [shortage.in_words() for shortage in shortages(self._site, situation, assets)]
        words += overload_in_words(self._site, assets)
        words += too_weak(self._site, situation)
        words += spot_tail(self._site, situation)
        words += cycles_counted_late(self._forms, situation)
        # counted as the bill does: where units are not settled there is none
        starts = sum(form.starting(name, situation, assets[name]) for name, form in self._forms.items())
        return Plan(
            issued_at=issued_at,
            method=Method.RELAXED if answer.undecided else Method.OPTIMAL,
            start=situation.start,
            step_h=situation.step_h,
            assets=assets,
            import_price_per_kwh=prices.import_per_kwh,
            paid_peak_kw=float(peaks_kw(self._site, prices, situation)[0]),
            cost=park.cost(TERMS) | {"starts": starts},
            marginal_per_kwh=park.marginal_per_kwh(),
            stored_value_per_kwh=park.stored_value_per_kwh(),
            note="; ".join([*words, *_detour_of(answer)]),
        )


def _as_planned(block: Block, situation: Situation, *, decided: bool) -> AssetPlan:
    """The asset's plan; a store whose energy nobody knows has none in the plan either."""
    asset = block.extract()
    if not decided:
        asset = replace(asset, running=None)
    known = asset.stored_kwh is None or block.asset in situation.stored_kwh
    return asset if known else replace(asset, stored_kwh=None)


def _slack_of(block: Block) -> list[str]:
    words: list[str] = []
    for slack in block.slacks:
        amount: FloatArray = solved(slack.amount)
        steps = np.flatnonzero(amount > NAMED_FROM)
        if len(steps):
            worst = int(np.argmax(amount))
            words.append(
                f"{block.asset}: {slack.what} in {len(steps)} steps, most {amount[worst]:.1f} {slack.unit} "
                f"in step {worst}"
            )
    return words


def _detour_of(answer: Optimal) -> list[str]:
    """How the optimum was found, when the first way was not good enough."""
    words = [f"solved by {answer.way.value}, because {'; '.join(answer.doubts)}"] if answer.doubts else []
    return [*words, *(each for each in (answer.undecided, answer.remark) if each)]


def _surplus(forms: Mapping[str, Form], situation: Situation) -> NDArray[np.bool_]:
    """Where generation is more than load, as a first guess of when the park exports, shape (steps,)."""
    made, used = np.zeros(situation.steps), situation.local(ELECTRICITY)
    for name, form in forms.items():
        if form.bus == ELECTRICITY and isinstance(form, Source):
            made = made + form.offered(name, situation)
        if form.bus == ELECTRICITY and isinstance(form, Demand):
            used = used + situation.load_kw[name]
    return np.asarray(made > used)


def _misjudged(prices: Prices, exporting: NDArray[np.bool_], grid_kw: FloatArray) -> NDArray[np.bool_]:
    """Where the guess of exporting was wrong and mattered, shape (steps,)."""
    dear = prices.export_per_kwh > prices.import_cost_per_kwh
    wrong = np.where(exporting, grid_kw > NAMED_FROM, grid_kw < -NAMED_FROM)
    return np.asarray(dear & wrong)
