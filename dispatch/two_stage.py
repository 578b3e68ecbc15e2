"""The park in several scenarios at once: each has its own plan, after a first interval that all have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Block, Inputs
from dispatch.chance import ChanceLimit
from dispatch.choice import Choice
from dispatch.first_interval import decided_now
from dispatch.forms.form import Form
from dispatch.given import Given
from dispatch.peak_target import PeakTarget
from dispatch.plan import FloatArray, Situation
from dispatch.problem import ParkProblem, build_problem
from dispatch.registry import forms_of

ANY = 1e5
"""kW, and so also shares, by which nothing in a park differs from itself; small enough for a solver's rounding."""


@dataclass(frozen=True, slots=True)
class _Common:
    """What an asset does in the first interval, the same in all scenarios.

    first[s] == first[0] + loose[s],  -free <= loose <= free

    for each scenario s and each thing that is decided; free is 0 as long as it is (`dispatch.first_interval`).
    """

    asset: str
    free: cp.Parameter
    constraints: tuple[cp.Constraint, ...]

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> _Common:
        """Of one asset's blocks, one for each scenario."""
        name, others = blocks[0].asset, len(blocks) - 1
        free = Given(nonneg=True, name=f"{name}.free")
        constraints = []
        for number, first in enumerate(blocks[0].decided):
            loose = cp.Variable(others, bounds=[-free, free], name=f"{name}.loose_{number}")
            constraints.append(cp.hstack([each.decided[number][0] for each in blocks[1:]]) == first[0] + loose)
        return cls(name, free, tuple(constraints))


@dataclass(frozen=True, slots=True)
class TwoStage:
    """minimise  (1 - w) * E[cost] + w * CVaR[cost] + E[penalty] + reserve's price

    E[x] = sum over s of p[s] * x[s],   CVaR[x] = level + sum over s of p[s] / tail * beyond[s],
    beyond[s] >= x[s] - level,  beyond >= 0

    for scenarios s of probability p: cost[s] is the bill's and what stores hold less at the end, penalty[s] all else
    that steers a plan. Were stored energy not weighted like the money that it saves, a cheap scenario would buy for
    after the end and a dear one empty its stores. CVaR is the mean of the dearest scenarios that have a probability
    of `tail` together; w and tail are the site's.
    """

    problem: cp.Problem
    parks: tuple[ParkProblem, ...]
    """One for each scenario, all of the same blocks."""
    chance: ChanceLimit
    peak: PeakTarget
    _forms: Mapping[str, Form]
    _probability: cp.Parameter
    _common: tuple[_Common, ...]

    @classmethod
    def of(
        cls, site: Site, step_h: FloatArray, count: int, *, surplus_may_cost: bool = False, windows: int = 1
    ) -> TwoStage:
        """For `count` scenarios, with all numbers left open; see `build_problem`."""
        parks = tuple(
            build_problem(site, step_h, surplus_may_cost=surplus_may_cost, windows=windows) for _ in range(count)
        )
        probability = Given(count, nonneg=True, name="probability")
        money, penalty = cp.Variable(count, name="money"), cp.Variable(count, name="penalty")
        constraints = [constraint for park in parks for constraint in park.problem.constraints]
        constraints += [money[number] == park.money + park.end_cost for number, park in enumerate(parks)]
        constraints += [penalty[number] == park.penalty - park.end_cost for number, park in enumerate(parks)]
        risk = site.control.risk
        objective = (1.0 - risk.cvar) * (probability @ money) + probability @ penalty
        if risk.cvar > 0.0:
            level, beyond = cp.Variable(name="level"), cp.Variable(count, bounds=[0, None], name="beyond")
            constraints.append(beyond >= money - level)
            objective += risk.cvar * (level + (probability / risk.tail) @ beyond)
        chance = ChanceLimit.of(site, step_h, parks, probability)
        peak = PeakTarget.of(site, parks)
        same = zip(*(park.blocks for park in parks), strict=True)
        common = tuple(_Common.of(blocks) for blocks in same if count > 1 and blocks[0].decided)
        constraints += [
            *chance.constraints,
            *peak.constraints,
            *(each for shared in common for each in shared.constraints),
        ]
        problem = cp.Problem(cp.Minimize(objective + chance.penalty + peak.penalty), constraints)
        if not problem.is_dpp():
            raise ValueError(f"the problem of site {site.name} is not DPP over scenarios")
        return cls(problem, parks, chance, peak, forms_of(site), probability, common)

    @property
    def choices(self) -> list[Choice]:
        """Every scenario has its own; in the first interval they are tied by what they decide."""
        return [choice for park in self.parks for choice in park.choices]

    def assign(self, situation: Situation, cases: Sequence[Inputs]) -> None:
        """Takes the numbers of each scenario, in the situation's order."""
        for park, inputs in zip(self.parks, cases, strict=True):
            park.assign(inputs)
        self._probability.value = np.array([scenario.probability for scenario in situation.scenarios])
        self.chance.assign(situation, cases)
        self.peak.assign(situation, cases)
        decided = decided_now(self._forms, situation)
        for each in self._common:
            each.free.value = 0.0 if each.asset in decided else ANY
