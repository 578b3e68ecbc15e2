"""A linear problem in which some numbers must be yes or no: the cheapest plan, within a gap that is proven."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np

from dispatch.affine_map import AffineMap
from dispatch.choice import INTEGRAL, Choice
from dispatch.compiled import CompiledProblem
from dispatch.linear_program import OpenColumns
from dispatch.mixed_integer import search
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

    def value(self, variable: cp.Variable) -> FloatArray:
        return next(value for each, value in self.values if each is variable)

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

    First as the last plan had it: where the prices of that solution prove it within the gap, every other time, that is
    all. Else the linear problem says what no plan can be cheaper than, and the last plan and that solution, rounded in
    turn, are settled and solved once more, until one of them is within the gap: mostly one is. If not, HiGHS searches
    from the best one, at first only where that differs from the relaxed solution, then everywhere, until its limit; the
    best plan that was found counts. What is settled in the end is a linear problem again, so that its solution is
    judged and has duals.
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
        self._tried: dict[tuple[bytes, ...], Solution | None] = {}
        """What the present problem comes to by what is settled."""
        self.searches = 0
        """Searches by HiGHS: solves in which no guess was good enough."""

    def solve(self, limit_s: float, *, sure: bool = True) -> Answer:
        """The cheapest solution within the gap. Where none is found, one that is `undecided`.

        Raises NoNumber for a parameter without a finite number.
        """
        ends_s = self._clock() + limit_s
        self._tried.clear()
        kept = self._as_before(ends_s)
        if kept is not None:
            return kept
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

    def _as_before(self, ends_s: float) -> Optimal | None:
        """The solution with what was decided for the plan before, if it is proven to be good enough."""
        pattern = [choice.kept() if choice.is_open else choice.nothing for choice in self._choices]
        kept = tuple(yes for yes in pattern if yes is not None)
        if len(kept) < len(self._choices) or not isinstance(self._linear, CompiledProblem):
            return None
        found = self._settled(kept, ends_s)
        if found is None or self._asked() or found.gap(self._linear.bound(self._open())) > self._gap:
            return None
        for choice in self._choices:
            choice.remember()
        return found.answer

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
        if any(asked):
            self._tried.clear()
        return any(asked)

    def _decided(self, answer: Optimal, ends_s: float) -> Optimal | None:
        """The best solution with yes or no, from the relaxed one, which is the last; left as it is if there is none."""
        if all(choice.integral for choice in self._choices):
            return answer
        relaxed = Solution.of(self._problem, answer)
        best = self._guessed(relaxed.cost, ends_s)
        bound, remark = relaxed.cost, ""
        if best is not None and best.gap(bound) > self._gap:
            best, _ = self._searched(best, bound, ends_s, self._differing(best, relaxed))
        if best is None or best.gap(bound) > self._gap:
            best, bound = self._searched(best, bound, ends_s, self._open())
        if best is None:
            relaxed.restore()
            return None
        best.restore()
        if best.gap(bound) > self._gap * (1.0 + PROVEN):
            remark = "the search for a yes or no in each interval was broken off"
            remark += f", the plan is at most {best.gap(bound):.2%} too dear"
        return replace(best.answer, remark=remark)

    def _guessed(self, bound: float, ends_s: float) -> Solution | None:
        """The first guess that is good enough, or the best of all; the last plan first, so that plans stay."""
        best: Solution | None = None
        for pattern in self._guesses():
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
        key = tuple(choice.fixed(yes).tobytes() for choice, yes in zip(self._choices, pattern, strict=True))
        if key not in self._tried:
            left_s = ends_s - self._clock()
            if left_s <= 0.0:
                return None
            for choice, yes in zip(self._choices, pattern, strict=True):
                choice.settle(yes)
            answer = self._linear.solve(left_s, sure=False)
            self._tried[key] = Solution.of(self._problem, answer) if isinstance(answer, Optimal) else None
        return self._tried[key]

    def _open(self) -> list[OpenColumns]:
        """All that is left to choose."""
        return [OpenColumns(self._compiled().columns(each.yes), *each.bounds) for each in self._choices]

    def _differing(self, best: Solution, relaxed: Solution) -> list[OpenColumns]:
        """What is left to choose where one solution has another number than the other; there the better ones mostly
        are, and few numbers are searched several times as fast."""
        found = []
        for choice, each in zip(self._choices, self._open(), strict=True):
            mine, yours = np.round(best.value(choice.yes)), relaxed.value(choice.yes)
            same = np.abs(mine - yours) <= INTEGRAL
            found.append(OpenColumns(each.columns, np.where(same, mine, each.least), np.where(same, mine, each.most)))
        return found

    def _searched(
        self, best: Solution | None, bound: float, ends_s: float, columns: Sequence[OpenColumns]
    ) -> tuple[Solution | None, float]:
        """The best solution that HiGHS comes to, at least the given one, and what none of these can be cheaper than."""
        left_s = ends_s - self._clock()
        if left_s <= 0.0:
            return best, bound
        self.searches += 1
        compiled = self._compiled()
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
