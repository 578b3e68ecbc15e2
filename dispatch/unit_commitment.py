"""A linear problem in which some numbers must be yes or no: the cheapest plan, within a gap that is proven."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np

from dispatch.affine_map import AffineMap
from dispatch.choice import Choice
from dispatch.compiled import CompiledProblem
from dispatch.mixed_integer import OpenColumns, search
from dispatch.plan import BoolArray, FloatArray, TimedOut
from dispatch.solving import Answer, Optimal, Solver

ROUNDINGS = (0.5, 0.02)
"""From which share on a number is rounded to yes. From half, stores have least to make up for; where they are empty
that leaves demand unserved, and a unit that runs wherever it is wanted at all costs little more."""

ROUNDS = 3
"""How often a settled solution may lead to choices that were not open before: what it was kept from, it may do in
another interval. More would be less and less."""
PROVEN = 1e-6
"""HiGHS stops at its gap by its own sums, which differ from ours in the last digits."""

Pattern = tuple[BoolArray, ...]
"""Yes or no, by choice."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What the last solve gave variables and constraints, to come back to."""

    answer: Optimal
    values: Sequence[tuple[cp.Variable, FloatArray]]
    duals: Sequence[tuple[cp.Constraint, FloatArray]]

    @classmethod
    def of(cls, problem: cp.Problem, answer: Optimal) -> Solution:
        return cls(
            answer,
            [(variable, np.asarray(variable.value)) for variable in problem.variables()],
            [(constraint, constraint.dual_value) for constraint in problem.constraints],
        )

    @property
    def cost(self) -> float:
        return self.answer.objective

    def restore(self) -> None:
        for variable, value in self.values:
            variable.save_value(value)
        for constraint, dual in self.duals:
            constraint.save_dual_value(dual)

    def gap(self, bound: float) -> float:
        """How far it may be above the cheapest, as a share of its cost (or of one unit of money, if that is more)."""
        return (self.cost - bound) / max(1.0, abs(self.cost))


class UnitCommitment:
    """Solves a problem with choices, again and again.

    First as a linear problem, which proves what no plan can be cheaper than. Then the last plan and that solution,
    rounded in turn, are settled and solved once more, until one of them is within the gap: mostly one is. If not, HiGHS
    searches from the best one, until its limit; the best plan that was found counts. What is settled in the end is a
    linear problem again, so that its solution is judged and has duals.
    """

    def __init__(
        self,
        problem: cp.Problem,
        choices: Sequence[Choice],
        linear: Solver,
        *,
        gap: float,
        limit_s: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`linear` solves the problem with whatever the choices leave open; `limit_s` is for what comes after it."""
        self._problem, self._choices, self._linear = problem, choices, linear
        self._gap, self._limit_s, self._clock = gap, limit_s, clock
        self._map: AffineMap | None = None
        self.searches = 0
        """Solves in which rounding was not good enough."""

    def solve(self, limit_s: float, *, sure: bool = True) -> Answer:
        """The cheapest solution within the gap. Where none is found, one that is `undecided`.

        Raises NoNumber for a parameter without a finite number.
        """
        ends_s = self._clock() + limit_s
        answer = self._relaxed(ends_s, sure=sure)
        if isinstance(answer, TimedOut):
            return TimedOut(limit_s)
        if not isinstance(answer, Optimal):
            return answer
        ends_s = min(ends_s, self._clock() + self._limit_s)
        found = self._decided(answer, ends_s)
        for _ in range(ROUNDS):
            if found is None or not self._asked():
                break
            before = Solution.of(self._problem, found)
            answer_again = self._relaxed(ends_s, sure=False)
            again = self._decided(answer_again, ends_s) if isinstance(answer_again, Optimal) else None
            if again is None:  # better one that goes both ways somewhere, which is said, than none
                before.restore()
                break
            found = again
        if found is None:
            why = f"no plan with a yes or no in each interval was found within {self._limit_s:g} s"
            return replace(answer, undecided=why)
        for choice in self._choices:
            choice.remember()
        return found

    def _relaxed(self, ends_s: float, *, sure: bool) -> Answer:
        """The cheapest solution with anything between yes and no, once nothing more is asked."""
        while True:
            for choice in self._choices:
                choice.open_up()
            answer = self._linear.solve(max(0.0, ends_s - self._clock()), sure=sure)
            if not isinstance(answer, Optimal) or not self._asked():
                return answer

    def _asked(self) -> bool:
        """Whether the last solution opens a choice; each step is asked for once at most, so this comes to an end."""
        asked = [choice.ask() for choice in self._choices]
        return any(asked)

    def _decided(self, answer: Optimal, ends_s: float) -> Optimal | None:
        """The best solution with yes or no, from the relaxed one, which is the last; left as it is if there is none."""
        if all(choice.integral for choice in self._choices):
            return answer
        relaxed = Solution.of(self._problem, answer)
        best = self._guessed(relaxed.cost, ends_s)
        bound, remark = relaxed.cost, ""
        if best is None or best.gap(bound) > self._gap:
            best, bound = self._searched(best, bound, ends_s)
        if best is None:
            relaxed.restore()
            return None
        best.restore()
        if best.gap(bound) > self._gap * (1.0 + PROVEN):
            remark = f"the search for a yes or no in each interval ended at {self._limit_s:g} s"
            remark += f", the plan is at most {best.gap(bound):.2%} too dear"
        return replace(best.answer, remark=remark)

    def _guessed(self, bound: float, ends_s: float) -> Solution | None:
        """The first guess that is good enough, or the best of all; the last plan first, so that plans stay."""
        best: Solution | None = None
        tried: list[Pattern] = []
        for pattern in self._guesses():
            if any(_same(pattern, other) for other in tried):
                continue
            tried.append(pattern)
            best = _cheaper(best, self._settled(pattern, ends_s))
            if best is not None and best.gap(bound) <= self._gap:
                break
        return best

    def _guesses(self) -> list[Pattern]:
        """From the relaxed solution, which must be the last one."""
        rounded = [tuple(choice.rounded(share) for choice in self._choices) for share in ROUNDINGS]
        before = [choice.kept() for choice in self._choices]
        if all(yes is None for yes in before):
            return rounded
        kept = tuple(now if then is None else then for now, then in zip(rounded[0], before, strict=True))
        return [kept, *rounded]

    def _settled(self, pattern: Pattern, ends_s: float) -> Solution | None:
        """The cheapest solution with this yes or no; None where there is none in time."""
        left_s = ends_s - self._clock()
        if left_s <= 0.0:
            return None
        for choice, yes in zip(self._choices, pattern, strict=True):
            choice.settle(yes)
        answer = self._linear.solve(left_s, sure=False)
        return Solution.of(self._problem, answer) if isinstance(answer, Optimal) else None

    def _searched(self, best: Solution | None, bound: float, ends_s: float) -> tuple[Solution | None, float]:
        """The best solution that HiGHS comes to, at least the given one, and what none can be cheaper than."""
        left_s = ends_s - self._clock()
        if left_s <= 0.0:
            return best, bound
        self.searches += 1
        compiled = self._compiled()
        columns = [OpenColumns(compiled.columns(each.yes), *each.bounds) for each in self._choices]
        start = None
        if best is not None:
            best.restore()
            start = compiled.packed()
        found = search(compiled.program, columns, start, self._gap, left_s)
        bound = max(bound, found.bound)
        if found.x is not None:
            pattern = tuple(found.yes(each.columns) for each in columns)
            # the search has used its time; what it found is worth one more solve
            best = _cheaper(best, self._settled(pattern, self._clock() + self._limit_s))
        return best, bound

    def _compiled(self) -> AffineMap:
        """The problem as numbers, up to date but for the bounds of the choices."""
        if isinstance(self._linear, CompiledProblem) and self._linear.affine_map is not None:
            return self._linear.affine_map
        if self._map is None:
            self._map = AffineMap(self._problem)
        self._map.update()
        return self._map


def _cheaper(one: Solution | None, other: Solution | None) -> Solution | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda each: each.cost)


def _same(one: Pattern, other: Pattern) -> bool:
    return all(np.array_equal(mine, yours) for mine, yours in zip(one, other, strict=True))
