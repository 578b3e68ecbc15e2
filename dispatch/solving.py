"""How the park's problem is solved: what comes out, and the plain way through cvxpy."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol, assert_never

import cvxpy as cp

from dispatch.affine_map import require_numbers
from dispatch.plan import Infeasible, TimedOut

SolverName = Literal["highs", "clarabel"]


class Way(Enum):
    """How an optimum was found; each value says it in words for a plan's note."""

    KEPT = "HiGHS from its last basis"
    COLD = "HiGHS from a cold start"
    PLAIN = "HiGHS through cvxpy"
    CLARABEL = "Clarabel through cvxpy"


@dataclass(frozen=True, slots=True)
class Optimal:
    """The variables and constraints of the problem have their values and duals."""

    objective: float
    way: Way
    doubts: tuple[str, ...] = ()
    """Why each of the ways before this one was not good enough."""
    undecided: str = ""
    """Why what should be yes or no is something between; empty where it is not."""
    remark: str = ""
    """What a reader of the plan should know of how yes or no was found."""


Answer = Optimal | Infeasible | TimedOut


class Solver(Protocol):
    """Solves one problem again and again, with whatever its parameters are then."""

    def solve(self, limit_s: float, *, sure: bool = True) -> Answer:
        """With `sure=False` that there is no solution is said without a second look.

        Raises NoNumber for a parameter without a finite number.
        """
        ...


def solve_plainly(problem: cp.Problem, solver: SolverName, limit_s: float) -> Answer:
    """One solve through cvxpy, which compiles nothing anew but starts the solver cold.

    cvxpy would pass HiGHS the old values only, which costs it its presolve. Raises cp.SolverError when the solver
    fails.
    """
    began_s = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cvxpy also warns of what the status says
        match solver:
            case "highs":
                way = Way.PLAIN
                problem.solve(  # type: ignore[no-untyped-call]
                    solver=cp.HIGHS, warm_start=False, enforce_dpp=True, time_limit=limit_s
                )
            case "clarabel":
                way = Way.CLARABEL
                problem.solve(solver=cp.CLARABEL, enforce_dpp=True, time_limit=limit_s)  # type: ignore[no-untyped-call]
            case other:
                assert_never(other)
    match problem.status:
        case cp.OPTIMAL:
            return Optimal(float(problem.value), way)
        case cp.USER_LIMIT if solver == "highs" or time.perf_counter() - began_s >= limit_s:
            return TimedOut(limit_s)
        case cp.USER_LIMIT:
            return Infeasible("the solver gave up before it found an optimum")
        case status:
            return Infeasible(f"the solver found the problem {status}")


class PlainSolver:
    """Solves through cvxpy each time, with one solver."""

    def __init__(self, problem: cp.Problem, solver: SolverName) -> None:
        self._problem = problem
        self._solver = solver

    def solve(self, limit_s: float, *, sure: bool = True) -> Answer:
        """Raises NoNumber for a parameter without a finite number. It never takes a second look."""
        require_numbers(self._problem.parameters())
        try:
            return solve_plainly(self._problem, self._solver, limit_s)
        except cp.SolverError as error:
            return Infeasible(f"the solver failed: {error}")
