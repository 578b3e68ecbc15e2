"""The problem compiled once, and solved again from the last basis: what a re-solve costs is the solver's own time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from dispatch.affine_map import AffineMap, is_compilable
from dispatch.highs import KeptHighs, Run
from dispatch.linear_program import Judge, OpenColumns
from dispatch.plan import FloatArray, Infeasible, TimedOut
from dispatch.solving import Answer, Optimal, PlainSolver, Solver, SolverName, Way, solve_plainly

TOLERANCE = 1e-6
"""What a solution may miss by: ten times what HiGHS aims at (1e-7), and far below what a meter or a bill shows."""

COMPARE_EVERY = 96
"""The answer from the kept basis is compared with that of a cold start this often: once a day at 15 minutes. It is a
second net behind the residuals of each solve, so it may be rare, and costs five re-solves."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of one solve on HiGHS went, in seconds."""

    map_s: float
    """From the parameters to the program's numbers; in the first solve also compiling."""
    push_s: float
    """Telling HiGHS what has changed."""
    run_s: float
    """HiGHS itself, and fetching its solution."""
    check_s: float
    """Residuals and, now and then, the comparison with a cold start."""
    unpack_s: float
    """Giving variables and constraints their values."""


@dataclass(frozen=True, slots=True)
class _Found:
    x: FloatArray
    y: FloatArray
    objective: float


@dataclass(slots=True)
class _Watch:
    """Time by phase: each lap is what has passed since the last."""

    last_s: float

    def lap(self) -> float:
        now_s = time.perf_counter()
        passed_s, self.last_s = now_s - self.last_s, now_s
        return passed_s


class CompiledProblem:
    """A linear problem with parameters, behind one HiGHS object that is kept.

    Its last basis is a good start for the next solve and is not trusted: after a start from a given basis HiGHS has
    called points optimal that were not (its issue 3194). Each solution is held against the program, and where it
    fails the next way is taken: HiGHS from a cold start, then through cvxpy, which compiles by itself, then Clarabel,
    which is another algorithm. That there is no solution is believed when HiGHS says it through cvxpy as well.
    """

    def __init__(self, problem: cp.Problem, compare_every: int = COMPARE_EVERY) -> None:
        """Raises ValueError for a problem that is not linear, has integers, or is not in disciplined parametrised form.

        It is compiled at the first solve, because cvxpy needs numbers for that.
        """
        if not is_compilable(problem):
            raise ValueError("only a linear problem in disciplined parametrised form can be compiled")
        self._problem = problem
        self._compare_every = compare_every
        self._map: AffineMap | None = None
        self._highs: KeptHighs
        self._judge: Judge
        self._solves = 0
        self._prices: FloatArray | None = None
        self.iterations = 0
        """Simplex iterations of the last run of HiGHS."""
        self.timings: Timings | None = None
        """Of the last solve that HiGHS answered without cvxpy."""

    @property
    def affine_map(self) -> AffineMap | None:
        """What it was compiled to; None before the first solve."""
        return self._map

    def solve(self, limit_s: float, *, sure: bool = True) -> Answer:
        """Solves with the present parameters, in `limit_s` seconds for all ways together.

        With `sure=False` the first doubt ends it: for questions whose answer may be no, since that there is no solution
        takes several solvers to be believed.

        After an optimum, expressions, variables and the duals of constraints have their values as after
        `problem.solve`; the problem's own `value` and `status` are not written. Raises NoNumber for a parameter without
        a finite number.
        """
        watch = _Watch(time.perf_counter())
        deadline_s = watch.last_s + limit_s
        if self._map is None:
            compiled = AffineMap(self._problem)
            compiled.update()
            map_s = watch.lap()
            self._judge = Judge(compiled.program)
            self._map = compiled
            self._highs = self._fresh_highs(compiled)
        else:
            change = self._map.update()
            map_s = watch.lap()
            self._highs.push(change)
        push_s = watch.lap()
        self._prices = None
        doubts: list[str] = []
        for way in (Way.KEPT, Way.COLD):
            if way is Way.COLD:
                self._highs = self._fresh_highs(self._map)
            run = self._run(deadline_s)
            if run.out_of_time:
                self._map.forget()
                return TimedOut(limit_s)
            found = self._fetched(run)
            run_s = watch.lap()
            if found is None and not sure:
                self._map.forget()
                return Infeasible(f"{way.value}: {run.status_words}")
            if found is None:
                doubts.append(f"{way.value}: {run.status_words}")
                continue
            if doubt := self._doubt(found):
                doubts.append(f"{way.value}: {doubt}")
                continue
            self._solves += 1
            if way is Way.KEPT and self._solves % self._compare_every == 0:
                way, found = self._compared(self._map, found, deadline_s, doubts)
            check_s = watch.lap()
            self._map.unpack(found.x, found.y)
            self._prices = found.y
            self.timings = Timings(map_s, push_s, run_s, check_s, watch.lap())
            return Optimal(found.objective, way, tuple(doubts))
        answer = self._through_cvxpy(deadline_s, limit_s, doubts)
        if not isinstance(answer, Optimal):
            self._map.forget()
        return answer

    def bound(self, open_columns: Sequence[OpenColumns]) -> float:
        """What no solution can be cheaper than that may have anything within these bounds, by the prices of the last
        solution; minus infinity where there are none."""
        if self._map is None or self._prices is None:
            return -np.inf
        lower, upper = self._map.program.lower.copy(), self._map.program.upper.copy()
        for each in open_columns:
            lower[each.columns], upper[each.columns] = each.least, each.most
        return self._judge.bound(self._prices, lower, upper)

    @staticmethod
    def _fresh_highs(compiled: AffineMap) -> KeptHighs:
        return KeptHighs(compiled.program, compiled.varying("b"))

    def _run(self, deadline_s: float) -> Run:
        run = self._highs.run(max(0.0, deadline_s - time.perf_counter()))
        self.iterations = run.iterations
        return run

    def _fetched(self, run: Run) -> _Found | None:
        if not run.optimal or self._map is None:
            return None
        x, y = self._highs.solution()
        return _Found(x, y, self._map.objective(x))

    def _doubt(self, found: _Found) -> str:
        """What is wrong with a solution, empty when nothing is; nan is wrong as well."""
        residuals = self._judge.residuals(found.x, found.y)
        for value, words in (
            (residuals.primal, "breaks a limit by"),
            (residuals.dual, "has a price of the wrong sign of"),
            (residuals.gap, "is not proven the cheapest, with a gap of"),
        ):
            if not value <= TOLERANCE:
                return f"its solution {words} {value:.1e}"
        return ""

    def _compared(self, compiled: AffineMap, found: _Found, deadline_s: float, doubts: list[str]) -> tuple[Way, _Found]:
        """The solution from the kept basis, unless a cold start finds another cost and stands up to the program."""
        self._highs = self._fresh_highs(compiled)
        cold = self._fetched(self._run(deadline_s))
        if cold is None or self._doubt(cold):
            return Way.KEPT, found
        off = abs(cold.objective - found.objective)
        if off <= TOLERANCE * self._judge.turnover(cold.x):
            return Way.KEPT, found
        doubts.append(f"{Way.KEPT.value}: its cost is {off:.1e} off that of a cold start")
        return Way.COLD, cold

    def _through_cvxpy(self, deadline_s: float, limit_s: float, doubts: list[str]) -> Answer:
        names: tuple[SolverName, ...] = ("highs", "clarabel")
        for name in names:
            left_s = deadline_s - time.perf_counter()
            if left_s <= 0.0:
                return TimedOut(limit_s)
            try:
                answer = solve_plainly(self._problem, name, left_s)
            except cp.SolverError as error:
                doubts.append(f"{name} through cvxpy: {error}")
                continue
            match answer:
                case Optimal(objective=objective, way=way):
                    return Optimal(objective, way, tuple(doubts))
                case TimedOut():
                    return TimedOut(limit_s)
                case Infeasible() if self._problem.status in (cp.INFEASIBLE, cp.UNBOUNDED):
                    return answer
                case Infeasible(reason=reason):  # not told which of the two, or given up
                    doubts.append(f"{name} through cvxpy: {reason}")
        return Infeasible(f"the solver failed: {'; '.join(doubts)}")


def solver_of(problem: cp.Problem, name: SolverName) -> Solver:
    """The quickest way to solve a problem again and again: compiled for HiGHS where that is possible, else plain."""
    return CompiledProblem(problem) if name == "highs" and is_compilable(problem) else PlainSolver(problem, name)
