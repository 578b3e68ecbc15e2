"""A linear program as numbers, and how good a solution of it is, whoever found it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from dispatch.plan import FloatArray

IntArray = NDArray[np.int64]


def dot(one: FloatArray, other: FloatArray) -> float:
    """The sum of products of two vectors, on this thread.

    numpy hands `@` to a BLAS that wakes threads for vectors of more than ten thousand numbers. On a machine with other
    work to do, the wait for them took several times as long as the solver.
    """
    return float(np.einsum("i,i->", one, other))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearProgram:
    """minimise  offset + cost @ x,  so that  low <= A x <= b  and  lower <= x <= upper

    low is b in the first `equalities` rows and minus infinity in the others. The shape stays; the numbers may be
    written anew in place.
    """

    equalities: int
    starts: IntArray
    """Where each column begins in `in_row`, shape (columns + 1,)."""
    in_row: IntArray
    """The row of each coefficient, column by column."""
    offset: FloatArray
    """One number, as an array so that it can be written in place."""
    cost: FloatArray
    coefficient: FloatArray
    b: FloatArray
    lower: FloatArray
    upper: FloatArray

    @property
    def rows(self) -> int:
        return len(self.b)

    @property
    def columns(self) -> int:
        return len(self.cost)

    @property
    def matrix(self) -> sparse.csc_array:
        """A, which shares its numbers with `coefficient`."""
        return sparse.csc_array((self.coefficient, self.in_row, self.starts), shape=(self.rows, self.columns))

    def within_bounds(self, x: FloatArray) -> FloatArray:
        """The values, those outside of their bounds brought back: a solver lets them be off by its tolerance."""
        return np.minimum(np.maximum(x, self.lower), self.upper)


@dataclass(frozen=True, slots=True)
class OpenColumns:
    """Columns that must be 0 or 1, with what is left to choose."""

    columns: IntArray
    least: FloatArray
    most: FloatArray


@dataclass(frozen=True, slots=True)
class Residuals:
    """How far a solution is from a feasible and optimal one; all zero for a perfect one."""

    primal: float
    """The worst violation of a row or a bound, in the row's or column's own unit."""
    dual: float
    """The worst reduced cost or row price of the wrong sign, in cost per unit."""
    gap: float
    """Cost less the lower bound that the prices prove, relative to the money turned over (or to 1, if that is more)."""


class Judge:
    """Holds solutions of one program against it, by weak duality.

    For any row prices y, of the right sign in inequalities, and reduced costs d = cost - y A,

    cost @ x >= y @ b + sum over columns of (d > 0: d * lower, d < 0: d * upper)

    so a solution that keeps rows and bounds and reaches this is optimal, whatever the solver says of itself.
    """

    def __init__(self, program: LinearProgram) -> None:
        self._program = program
        self._rows = program.matrix
        self._columns = self._rows.T  # the same numbers, by rows
        # whether a bound is finite does not depend on parameters, which are
        self._endless_below = np.flatnonzero(np.isinf(program.lower))
        self._endless_above = np.flatnonzero(np.isinf(program.upper))

    def residuals(self, x: FloatArray, y: FloatArray) -> Residuals:
        """Of values x, shape (columns,), and row prices y, shape (rows,)."""
        program, equal = self._program, self._program.equalities
        excess = self._rows @ x
        excess -= program.b
        outside = x - self._program.within_bounds(x)
        primal = max(
            float(np.max(np.abs(outside), initial=0.0)),
            float(np.max(np.abs(excess[:equal]), initial=0.0)),
            float(np.max(excess[equal:], initial=0.0)),
        )
        reduced = program.cost - self._columns @ y
        dual = max(
            float(np.max(reduced[self._endless_below], initial=0.0)),
            float(np.max(-reduced[self._endless_above], initial=0.0)),
            float(np.max(y[equal:], initial=0.0)),
        )
        gap = dot(program.cost, x) - self._proven(y, reduced, program.lower, program.upper)
        return Residuals(primal, dual, abs(gap) / self.turnover(x))

    def bound(self, y: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
        """What no solution within other bounds can be cheaper than, as row prices y prove it."""
        return self._proven(y, self._program.cost - self._columns @ y, lower, upper) + float(self._program.offset[0])

    def _proven(self, y: FloatArray, reduced: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
        lower, upper = lower.copy(), upper.copy()
        lower[self._endless_below] = 0.0  # what is wrong there is in `dual`
        upper[self._endless_above] = 0.0
        return dot(y, self._program.b) + dot(np.maximum(reduced, 0.0), lower) + dot(np.minimum(reduced, 0.0), upper)

    def turnover(self, x: FloatArray) -> float:
        """What is earned and spent together, at least 1: the scale on which two costs are compared."""
        return max(1.0, dot(np.abs(self._program.cost), np.abs(x)))
