"""What is compiled and what is not, how else it is solved, and which numbers are taken."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from works import Works

from dispatch.affine_map import NoNumber
from dispatch.compiled import CompiledProblem, solver_of
from dispatch.given import Given
from dispatch.plan import Infeasible, TimedOut
from dispatch.solving import Optimal, PlainSolver, Way

LIMIT_S = 60.0
"""Much more than anything here takes, also on a busy machine."""


def by_highs(problem: cp.Problem) -> float:
    problem.solve(solver=cp.HIGHS, warm_start=False)
    return float(problem.value)


def test_what_is_not_linear_is_not_compiled_and_solved_plainly() -> None:
    count, weight = cp.Variable(integer=True), cp.Parameter(nonneg=True, value=3.0, name="weight")
    whole = cp.Problem(cp.Minimize(weight * count), [count >= 1.2])
    x = cp.Variable()
    for problem in (
        whole,
        cp.Problem(cp.Minimize(cp.square(x)), [x >= 1]),
        cp.Problem(cp.Minimize(x), [cp.norm(cp.hstack([x, 1])) <= 2]),
        cp.Problem(cp.Minimize(x / weight * weight), [x >= 1]),
    ):
        with pytest.raises(ValueError, match="only a linear problem"):
            CompiledProblem(problem)
    solver = solver_of(whole, "highs")
    assert isinstance(solver, PlainSolver)
    assert solver.solve(LIMIT_S) == Optimal(pytest.approx(6), Way.PLAIN)


def test_leaves_of_special_shape_are_refused() -> None:
    square = cp.Variable((2, 2), symmetric=True)
    with pytest.raises(ValueError, match="symmetric, diagonal and sparse"):
        CompiledProblem(cp.Problem(cp.Minimize(cp.sum(square)), [square >= 1])).solve(LIMIT_S)


def test_a_problem_without_parameters_is_solved_as_well() -> None:
    x = cp.Variable(3, nonneg=True)
    compiled = CompiledProblem(cp.Problem(cp.Minimize(cp.sum(x)), [x >= 2]))
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(6), Way.KEPT)
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(6), Way.KEPT)


def test_clarabel_finds_the_same_by_another_way() -> None:
    works = Works.of()
    works.draw(np.random.default_rng(9))
    solver = solver_of(works.problem, "clarabel")
    answer = solver.solve(LIMIT_S)
    assert isinstance(answer, Optimal)
    assert answer.way is Way.CLARABEL
    assert answer.objective == pytest.approx(by_highs(works.problem), rel=1e-6)
    works.least.value = np.full(5, 9.0)
    assert solver.solve(LIMIT_S) == Infeasible("the solver found the problem infeasible")
    assert solver.solve(1e-9) == TimedOut(1e-9)


def test_a_given_number_has_its_shape_and_sign() -> None:
    series, level, taken = (
        Given(3, name="series"),
        Given(name="level", nonneg=True),
        Given(2, name="taken", nonpos=True),
    )
    series.value = [1, -2, np.nan]  # whether it is finite is asked when it is used
    level.value = 3
    taken.value = np.array([-1.0, 1e-12])
    assert series.value.dtype == np.float64
    assert level.value == 3
    with pytest.raises(ValueError, match=r"parameter series has shape \(3,\), not \(2,\)"):
        series.value = [1, 2]
    with pytest.raises(ValueError, match="parameter level must not be negative, lowest is"):
        level.value = -0.1
    with pytest.raises(ValueError, match="parameter taken must not be positive, highest is 2"):
        taken.value = [-1, 2]
    assert level.value == 3
    level.value = None
    assert level.value is None


def test_a_parameter_without_a_number_is_refused_by_name() -> None:
    works = Works.of()
    compiled = CompiledProblem(works.problem)
    with pytest.raises(NoNumber, match="parameter price has no value"):
        compiled.solve(LIMIT_S)
    works.draw(np.random.default_rng(0))
    compiled.solve(LIMIT_S)
    works.demand.value = np.array([1, 2, np.nan, 3, 4])
    for solver in (compiled, PlainSolver(works.problem, "clarabel")):
        with pytest.raises(NoNumber, match="parameter demand is nan in place 2: it must be a finite number"):
            solver.solve(LIMIT_S)
    works.demand.value = np.ones(5)
    works.limit.value = np.inf
    with pytest.raises(NoNumber, match="parameter limit is inf: it must be a finite number"):
        compiled.solve(LIMIT_S)
    works.limit.value = None
    with pytest.raises(NoNumber, match="parameter limit has no value"):
        compiled.solve(LIMIT_S)
    works.limit.value = 5.0
    answer = compiled.solve(LIMIT_S)
    assert isinstance(answer, Optimal)
    assert answer.objective == pytest.approx(by_highs(works.problem))
