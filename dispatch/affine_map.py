"""A cvxpy problem compiled to a linear program whose numbers are affine functions of the parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from cvxpy.reductions.solution import Solution
from scipy import sparse

from dispatch.linear_program import IntArray, LinearProgram, dot
from dispatch.plan import DispatchError, FloatArray

KINDS = ("offset", "cost", "coefficient", "b", "lower", "upper")
"""The numbers of a linear program, in the order in which they are stacked."""


class NoNumber(DispatchError):
    """A parameter without a value, or with one that is not finite; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Where the numbers of a program are others than before, each an array of positions."""

    offset: IntArray
    cost: IntArray
    coefficient: IntArray
    b: IntArray
    lower: IntArray
    upper: IntArray


@dataclass(frozen=True, slots=True)
class _Place:
    """The part of a solution vector that belongs to a variable or constraint."""

    where: slice
    shape: tuple[int, ...]

    def of(self, vector: FloatArray) -> FloatArray:
        part = vector[self.where]
        return part if len(self.shape) == 1 else part.reshape(self.shape, order="F")


class AffineMap:
    """From the parameters of a problem to the numbers of its linear program, and from a solution back.

    numbers = constant + slope @ parameters

    cvxpy compiles a disciplined parametrised problem to such sparse matrices, and then applies them in general ways
    that cost more than the solver. Here they are taken apart once, and only what depends on parameters is computed.
    The compiled form is internal to cvxpy: its minor version is pinned, and the tests compare with `problem.solve`.
    """

    def __init__(self, problem: cp.Problem) -> None:
        """Compiles. Every parameter must have a number by then, because cvxpy computes one instance as well.

        Raises ValueError for what is not a linear program in disciplined parametrised form, and for symmetric,
        diagonal or sparse leaves; NoNumber for a parameter without a number.
        """
        if not is_compilable(problem):
            raise ValueError("only a linear problem in disciplined parametrised form can be compiled")
        self._parameters: tuple[cp.Parameter, ...] = tuple(problem.parameters())
        require_numbers(self._parameters)
        data, chain, inverse = problem.get_problem_data(cp.HIGHS, enforce_dpp=True)
        compiled: Any = data["param_prob"]
        variables = {each.id: each.shape for each in compiled.variables}
        if {each.id for each in compiled.parameters} != {each.id for each in self._parameters} or any(
            variables.get(each.id) != each.shape for each in problem.variables()
        ):
            raise ValueError("symmetric, diagonal and sparse parameters and variables cannot be compiled")
        self._stacked = tuple(
            (each, slice(column, column + each.size))
            for each in self._parameters
            for column in [compiled.param_id_to_col[each.id]]
        )
        self._vector = np.zeros(compiled.total_param_size)
        self._take_apart(compiled)
        self._sense = -1.0 if isinstance(problem.objective, cp.Maximize) else 1.0
        offsets = compiled.var_id_to_col
        self._variables = tuple(
            (each, _Place(slice(offsets[each.id], offsets[each.id] + each.size), each.shape))
            for each in problem.variables()
        )
        self._constraints = tuple(_dual_places(problem.constraints, compiled, chain, inverse))

    def _take_apart(self, compiled: Any) -> None:
        columns, rows = int(compiled.x.size), int(compiled.constr_size)
        width = compiled.total_param_size + 1
        costs = compiled.q.tocsr()
        matrix = sparse.csr_array(compiled.reduced_A.reduced_mat)
        in_row, starts, _ = compiled.reduced_A.problem_data_index
        entries = int(starts[columns])
        tensors = {
            "offset": costs[columns:],
            "cost": costs[:columns],
            "coefficient": -matrix[:entries],
            "b": _spread(matrix[entries:], in_row[entries:], rows),
            "lower": _bounds(compiled.lb_tensor, compiled.lower_bounds, -np.inf, columns, width),
            "upper": _bounds(compiled.ub_tensor, compiled.upper_bounds, np.inf, columns, width),
        }
        parts: dict[str, slice] = {}
        end = 0
        for kind in KINDS:
            parts[kind] = slice(end, end := end + tensors[kind].shape[0])
        whole = sparse.vstack([tensors[kind] for kind in KINDS], format="csr")
        numbers = np.asarray(whole[:, [-1]].toarray(), dtype=np.float64).ravel()
        slope = whole[:, :-1].tocsr()
        slope.eliminate_zeros()
        varying = np.flatnonzero(np.diff(slope.indptr))
        self._slope, self._constant = slope[varying], numbers[varying]
        self._last = self._constant
        self._parts = {kind: slice(*np.searchsorted(varying, [part.start, part.stop])) for kind, part in parts.items()}
        self._places: dict[str, IntArray] = {
            kind: varying[self._parts[kind]] - part.start for kind, part in parts.items()
        }
        self.program = LinearProgram(
            equalities=int(compiled.cone_dims.zero),
            starts=np.asarray(starts[: columns + 1], dtype=np.int64),
            in_row=np.asarray(in_row[:entries], dtype=np.int64),
            # copies: scipy would make its own of a short view of a long array, and not follow what is written
            **{kind: numbers[part].copy() for kind, part in parts.items()},
        )
        self._arrays = {kind: getattr(self.program, kind) for kind in KINDS}

    def varying(self, kind: str) -> IntArray:
        """The positions of one of `KINDS` that depend on parameters."""
        return self._places[kind]

    def update(self) -> Change:
        """Writes the present parameters into the program and says what is other than before.

        Raises NoNumber for a parameter without a number.
        """
        for parameter, where in self._stacked:
            value = parameter.value
            if value is None:
                raise NoNumber(f"parameter {parameter.name()} has no value")
            self._vector[where] = value if parameter.ndim < 2 else np.ravel(value, order="F")
        if not np.isfinite(self._vector).all():
            require_numbers(self._parameters)
        values = self._slope @ self._vector
        values += self._constant
        changed = values != self._last
        self._last = values
        found: dict[str, IntArray] = {}
        for kind, part in self._parts.items():
            places = self._places[kind]
            if len(places):
                self._arrays[kind][places] = values[part]
            found[kind] = places[changed[part]]
        return Change(**found)

    def objective(self, x: FloatArray) -> float:
        """The problem's own objective, also where that is to be the largest."""
        return self._sense * (dot(self.program.cost, x) + float(self.program.offset[0]))

    def unpack(self, x: FloatArray, y: FloatArray) -> None:
        """Writes a solution, values by column and prices by row, into the problem's variables and constraints.

        A price is what the cost rises by when the row's right-hand side does; cvxpy counts duals the other way round.
        Values are brought within their bounds, as cvxpy does.
        """
        x = self.program.within_bounds(x)
        for variable, place in self._variables:
            variable.save_value(place.of(x))
        signed = {1.0: y, -1.0: -y}
        for constraint, place, sign in self._constraints:
            constraint.save_dual_value(place.of(signed[sign]))

    def columns(self, variable: cp.Variable) -> IntArray:
        """The columns of a variable of one dimension."""
        where = next(place.where for each, place in self._variables if each.id == variable.id)
        return np.arange(where.start, where.stop)

    def packed(self) -> FloatArray:
        """The values that the variables have, by column, as `unpack` writes them."""
        x = np.zeros(self.program.columns)
        for variable, place in self._variables:
            x[place.where] = np.ravel(np.asarray(variable.value), order="F")
        return x

    def forget(self) -> None:
        """Leaves no variable with the value of an older solution."""
        for variable, _ in self._variables:
            variable.save_value(None)


def is_compilable(problem: cp.Problem) -> bool:
    """Whether a problem is linear, has constraints and no integers, and is in disciplined parametrised form."""
    return bool(problem.constraints and problem.is_dpp() and problem.is_lp() and not problem.is_mixed_integer())


def require_numbers(parameters: Iterable[cp.Parameter]) -> None:
    """Raises NoNumber for the first parameter that has no value, or a value that is not finite."""
    for parameter in parameters:
        if parameter.value is None:
            raise NoNumber(f"parameter {parameter.name()} has no value")
        value = np.ravel(np.asarray(parameter.value, dtype=np.float64), order="F")
        bad = np.flatnonzero(~np.isfinite(value))
        if len(bad):
            place = f" in place {bad[0]}" if value.size > 1 else ""
            raise NoNumber(f"parameter {parameter.name()} is {value[bad[0]]}{place}: it must be a finite number")


def _spread(tensor: Any, places: Any, length: int) -> sparse.csr_array:
    """The rows of a tensor brought to `places` of a taller one."""
    count = len(places)
    return sparse.csr_array((np.ones(count), (places, np.arange(count))), shape=(length, count)) @ tensor


def _bounds(tensor: Any, constant: Any, default: float, columns: int, width: int) -> sparse.csr_array:
    """Bounds as a tensor; cvxpy has one only where a bound is a parameter."""
    if tensor is not None:
        return sparse.csr_array(tensor)
    values = np.full(columns, default) if constant is None else np.asarray(constant, dtype=np.float64)
    last = np.full(columns, width - 1)
    return sparse.csr_array((values, (np.arange(columns), last)), shape=(columns, width))


def _dual_places(
    constraints: Sequence[cp.Constraint], compiled: Any, chain: Any, inverse: Sequence[Any]
) -> Iterable[tuple[cp.Constraint, _Place, float]]:
    """Where each constraint finds its dual among the row prices, and with which sign.

    The numbers of the rows, sent back through cvxpy's reductions in place of duals, come out at the constraints they
    belong to, and with the sign that the reductions give them.
    """
    numbered: dict[int, Any] = {}
    end = 0
    for each in compiled.constraints:
        numbered[each.id] = np.arange(end + 1.0, end + each.size + 1.0)
        end += each.size
    solution = Solution(cp.OPTIMAL, 0.0, {compiled.x.id: np.zeros(compiled.x.size)}, numbered, {})
    for reduction, data in reversed(list(zip(chain.reductions[:-1], inverse[:-1], strict=True))):
        solution = reduction.invert(solution, data)
    for constraint in constraints:
        if constraint.id in solution.dual_vars:
            numbers = np.ravel(solution.dual_vars[constraint.id], order="F")
            first = round(abs(float(numbers[0])))
            sign = float(np.sign(numbers[0]))
            if not np.array_equal(sign * numbers, np.arange(first, first + constraint.size)):
                raise ValueError(f"the duals of constraint {constraint} cannot be told apart")
            yield constraint, _Place(slice(first - 1, first - 1 + constraint.size), constraint.shape), -sign
