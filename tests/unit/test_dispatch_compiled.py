"""The compiled problem finds what cvxpy finds, solve after solve, and knows when it has found nothing."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from works import Works

from dispatch.affine_map import AffineMap
from dispatch.compiled import COMPARE_EVERY, CompiledProblem
from dispatch.linear_program import Judge
from dispatch.plan import Infeasible, TimedOut
from dispatch.solving import Optimal, Way

LIMIT_S = 60.0
"""Much more than anything here takes, also on a busy machine."""


def by_cvxpy(problem: cp.Problem) -> tuple[float, list[Any], list[Any]]:
    problem.solve(solver=cp.HIGHS, warm_start=False)
    return state(problem, float(problem.value))


def state(problem: cp.Problem, objective: float) -> tuple[float, list[Any], list[Any]]:
    values = [np.array(variable.value) for variable in problem.variables()]
    return objective, values, [np.array(constraint.dual_value) for constraint in problem.constraints]


def compiled_state(compiled: CompiledProblem, problem: cp.Problem) -> tuple[float, list[Any], list[Any]]:
    answer = compiled.solve(LIMIT_S)
    assert isinstance(answer, Optimal), answer
    assert answer.way is Way.KEPT
    assert answer.doubts == ()
    return state(problem, answer.objective)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_values_and_duals_are_those_of_cvxpy_whatever_the_parameters(seed: int) -> None:
    works, random = Works.of(), np.random.default_rng(seed)
    compiled = CompiledProblem(works.problem)
    for _ in range(4):
        works.draw(random)
        objective, values, duals = compiled_state(compiled, works.problem)
        expected, plain_values, plain_duals = by_cvxpy(works.problem)
        assert objective == pytest.approx(expected, rel=1e-7, abs=1e-7)
        # costs are random reals, so the optimum is a single point; duals are not, where several limits meet
        for found, plain in zip(values, plain_values, strict=True):
            assert found.shape == plain.shape
            assert found == pytest.approx(plain, abs=1e-5)
        for found, plain in zip(duals, plain_duals, strict=True):
            assert found.shape == plain.shape
        assert works.problem.objective.value == pytest.approx(expected)


def test_the_program_is_the_one_that_cvxpy_hands_to_its_solver() -> None:
    works, random = Works.of(), np.random.default_rng(2)
    works.draw(random)
    compiled = AffineMap(works.problem)
    for _ in range(5):
        works.draw(random)
        compiled.update()
        data, _, _ = works.problem.get_problem_data(cp.HIGHS)
        program = compiled.program
        for ours, theirs in (
            (program.b, data["b"]),
            (program.cost, data["c"]),
            (program.matrix.toarray(), data["A"].toarray()),
            (program.lower, data["lower_bounds"]),
            (program.upper, data["upper_bounds"]),
        ):
            assert ours == pytest.approx(theirs, rel=1e-14, abs=1e-14)
        assert program.equalities == data["dims"].zero


@pytest.mark.parametrize("sense", [cp.Minimize, cp.Maximize])
def test_duals_have_the_sign_and_the_shape_that_cvxpy_gives_them(sense: type[cp.Minimize] | type[cp.Maximize]) -> None:
    price, room, target = cp.Parameter(3), cp.Parameter(), cp.Parameter((2, 2))
    x, y = cp.Variable(3), cp.Variable((2, 2))
    constraints = [
        x >= [1, 2, 3],
        x <= 8,
        cp.sum(x) <= room,
        y == target,
        x[0] + y[0, 1] == 6.5,
    ]
    sign = 1.0 if sense is cp.Minimize else -1.0
    problem = cp.Problem(
        sense(sign * (price @ x + cp.sum(cp.multiply(np.array([[1, 2], [3, 4]]), y)) + 5)), constraints
    )
    compiled = CompiledProblem(problem)
    for price.value, room.value, first in (
        ([-1.0, -2, -3], 12.5, 2),
        ([2.0, -1, 1], 20.0, 3),
        ([-4.0, -1, -2], 14.0, 2),
    ):
        target.value = np.array([[first, 4.0], [6.0, 8.0]])
        objective, values, duals = compiled_state(compiled, problem)
        expected, plain_values, plain_duals = by_cvxpy(problem)
        assert objective == pytest.approx(expected)
        for found, plain in zip([*values, *duals], [*plain_values, *plain_duals], strict=True):
            assert found.shape == plain.shape
            assert found == pytest.approx(plain, abs=1e-7)


def test_many_solves_one_after_the_other_equal_fresh_ones() -> None:
    works, random = Works.of(steps=12), np.random.default_rng(3)
    kept = CompiledProblem(works.problem, compare_every=7)
    for _ in range(60):
        works.draw(random)
        objective, values, _ = compiled_state(kept, works.problem)
        expected, fresh_values, _ = compiled_state(CompiledProblem(works.problem), works.problem)
        assert objective == pytest.approx(expected, rel=1e-7, abs=1e-7)
        for found, plain in zip(values, fresh_values, strict=True):
            assert found == pytest.approx(plain, abs=1e-5)


def test_the_same_numbers_again_need_no_step() -> None:
    works = Works.of()
    works.draw(np.random.default_rng(1))
    compiled = CompiledProblem(works.problem)
    first = compiled_state(compiled, works.problem)
    second = compiled_state(compiled, works.problem)
    assert compiled.iterations == 0
    assert second[0] == first[0]


def test_a_coefficient_may_vanish_and_come_back() -> None:
    cop = cp.Parameter(2, name="cop")
    power, bought = cp.Variable(2, bounds=[0, 10]), cp.Variable(2, nonneg=True)
    balance = cp.multiply(cop, power) + bought == [6, 9]
    compiled = CompiledProblem(cp.Problem(cp.Minimize(cp.sum(power) + 2 * cp.sum(bought)), [balance]))
    # heat costs 1 / COP from the heat pump and 2 otherwise
    for cop.value, cost, duals in (
        ([3.0, 3.0], 5.0, [-1 / 3, -1 / 3]),
        ([0.0, 3.0], 15.0, [-2, -1 / 3]),
        ([0.0, 0.0], 30.0, [-2, -2]),
        ([2.0, 4.5], 5.0, [-1 / 2, -1 / 4.5]),
        ([0.4, 4.5], 14.0, [-2, -1 / 4.5]),
    ):
        answer = compiled.solve(LIMIT_S)
        assert answer == Optimal(pytest.approx(cost), Way.KEPT)
        assert balance.dual_value == pytest.approx(duals)


def test_bounds_that_cross_leave_no_solution_until_they_part_again() -> None:
    low, high = cp.Parameter(2, name="low"), cp.Parameter(name="high")
    x = cp.Variable(2, bounds=[low, high])
    compiled = CompiledProblem(cp.Problem(cp.Minimize(cp.sum(x)), [cp.sum(x) <= 10]))
    low.value, high.value = np.array([1.0, 2.0]), 5.0
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(3), Way.KEPT)
    low.value, high.value = np.array([1.0, 2.0]), 1.5
    assert compiled.solve(LIMIT_S) == Infeasible("the solver found the problem infeasible")
    assert x.value is None
    high.value = 4.0
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(3), Way.KEPT)
    low.value = np.array([6.0, 6.0])
    high.value = 7.0
    assert isinstance(compiled.solve(LIMIT_S), Infeasible)  # each within its bounds, not both together
    low.value = np.array([-1.0, 0.5])
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(-0.5), Way.KEPT)
    assert x.value == pytest.approx([-1, 0.5])


def test_what_has_no_end_is_said_to_be_unbounded() -> None:
    price, x = cp.Parameter(), cp.Variable()
    compiled = CompiledProblem(cp.Problem(cp.Minimize(price * x), [x >= 1]))
    price.value = -1.0
    assert compiled.solve(LIMIT_S) == Infeasible("the solver found the problem unbounded")
    price.value = 2.0
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(2), Way.KEPT)


def test_a_solve_out_of_time_leaves_no_old_values_and_the_next_goes_on() -> None:
    works, random = Works.of(steps=200), np.random.default_rng(5)
    compiled = CompiledProblem(works.problem)
    works.draw(random)
    compiled_state(compiled, works.problem)
    for _ in range(3):
        works.draw(random)
        assert compiled.solve(1e-9) == TimedOut(1e-9)
        assert works.bought.value is None
    objective, _, _ = compiled_state(compiled, works.problem)
    assert objective == pytest.approx(by_cvxpy(works.problem)[0])


def test_the_limit_is_for_each_solve_and_not_for_all_together() -> None:
    works, random = Works.of(steps=200), np.random.default_rng(6)
    compiled = CompiledProblem(works.problem)
    works.draw(random)
    compiled_state(compiled, works.problem)
    limit_s, spent_s = 0.5, 0.0
    while spent_s < 1.2 * limit_s:  # HiGHS's own clock runs on from solve to solve
        works.draw(random)
        assert isinstance(compiled.solve(limit_s), Optimal)
        assert compiled.timings is not None
        spent_s += compiled.timings.run_s


def test_a_stop_of_the_kept_run_is_made_good_by_a_cold_start() -> None:
    works, random = Works.of(), np.random.default_rng(7)
    compiled = CompiledProblem(works.problem)
    works.draw(random)
    compiled.solve(LIMIT_S)
    works.draw(random)
    compiled._highs._highs.setOptionValue("simplex_iteration_limit", 0)
    answer = compiled.solve(LIMIT_S)
    expected, _, _ = by_cvxpy(works.problem)
    doubt = "HiGHS from its last basis: ends with IterationLimit"
    assert answer == Optimal(pytest.approx(expected), Way.COLD, (doubt,))
    works.draw(random)
    assert compiled_state(compiled, works.problem)[0] == pytest.approx(by_cvxpy(works.problem)[0])


@pytest.mark.parametrize("fault", ["cost", "bound", "coefficient"])
def test_a_solver_that_holds_other_numbers_than_it_was_told_is_found_out(fault: str) -> None:
    cop, price, x, y = cp.Parameter(), cp.Parameter(2), cp.Variable(bounds=[0, 4]), cp.Variable(bounds=[0, 9])
    problem = cp.Problem(cp.Minimize(price @ cp.hstack([x, y])), [cop * x + y == 6])
    compiled = CompiledProblem(problem)
    cop.value, price.value = 1.0, np.array([1.0, 2.0])
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(8), Way.KEPT)
    highs = compiled._highs._highs
    match fault:
        case "cost":
            highs.changeColCost(0, 3.0)
        case "bound":
            highs.changeColBounds(0, 0.0, 5.0)
        case _:
            highs.changeCoeff(0, 0, 1.5)
    answer = compiled.solve(LIMIT_S)
    assert isinstance(answer, Optimal)
    assert answer.objective == pytest.approx(8)
    assert (x.value, y.value) == (pytest.approx(4), pytest.approx(2))
    assert answer.way is Way.COLD
    assert len(answer.doubts) == 1
    assert compiled.solve(LIMIT_S) == Optimal(pytest.approx(8), Way.KEPT)


def test_the_comparison_with_a_cold_start_comes_now_and_then() -> None:
    works, random = Works.of(), np.random.default_rng(8)
    compiled = CompiledProblem(works.problem, compare_every=3)
    iterations = []
    works.draw(random)
    for _ in range(6):
        compiled_state(compiled, works.problem)
        iterations.append(compiled.iterations)
    # the same numbers again need no step, but a cold start does
    assert [count > 0 for count in iterations] == [True, False, True, False, False, True]
    assert COMPARE_EVERY > 1


def test_residuals_of_points_a_reader_can_check() -> None:
    b, x = cp.Parameter(value=6.0), cp.Variable(2, bounds=[0, 4])
    compiled = AffineMap(cp.Problem(cp.Minimize(x[0] + 2 * x[1]), [x[0] + x[1] == b]))
    judge = Judge(compiled.program)
    compiled.update()
    # cheapest: 4 + 2 * 2 = 8; one more costs 2
    best = judge.residuals(np.array([4.0, 2.0]), np.array([2.0]))
    assert (best.primal, best.dual, best.gap) == (0, 0, 0)
    assert judge.residuals(np.array([4.0, 1.5]), np.array([2.0])).primal == pytest.approx(0.5)
    assert judge.residuals(np.array([4.25, 1.75]), np.array([2.0])).primal == pytest.approx(0.25)
    assert judge.residuals(np.array([6.5, -0.5]), np.array([2.0])).primal == pytest.approx(2.5)
    dearer = judge.residuals(np.array([2.0, 4.0]), np.array([2.0]))
    assert (dearer.primal, dearer.gap) == (0, pytest.approx((10 - 8) / 10))
    assert judge.residuals(np.array([4.0, 2.0]), np.array([1.0])).gap == pytest.approx(2 / 8)  # proves 6 only
    assert np.isnan(judge.residuals(np.array([np.nan, 2.0]), np.array([2.0])).gap)
    assert np.isnan(judge.residuals(np.array([4.0, 2.0]), np.array([np.nan])).gap)
    b.value = 7.0
    compiled.update()  # the judge follows the program's numbers
    assert judge.residuals(np.array([4.0, 2.0]), np.array([2.0])).primal == pytest.approx(1)
