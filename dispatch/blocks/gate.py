"""One of two directions at a time, where the linear problem would take both."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import TimeGrid
from dispatch.choice import Choice
from dispatch.given import Given
from dispatch.plan import BoolArray, FloatArray

BOTH_WAYS_KW = 1e-3
"""Both directions at once below this are the solver's rounding."""


class Gate(Choice):
    """one[t] <= one_max * (yes[t] + free[t]),   other[t] <= other_max * (1 - yes[t] + free[t])

    in kW, shape (steps,). Mostly the linear problem uses one direction by itself, since losses cost something: free is
    1 there, and nothing is to be chosen. Where a solution has both directions, free becomes 0 and yes must be 0 or 1.
    """

    def __init__(
        self, name: str, grid: TimeGrid, one: cp.Expression, one_max: float, other: cp.Expression, other_max: float
    ) -> None:
        super().__init__(f"{name}.one_way", grid.steps)
        self._one, self._other = one, other
        self._free = Given(grid.steps, nonneg=True, name=f"{name}.both_ways")
        self._tempted = np.zeros(grid.steps, dtype=np.bool_)
        self.constraints = [
            one <= one_max * (self.yes + self._free),
            other <= other_max * (1 - self.yes + self._free),
        ]

    def reset(self, tempted: BoolArray) -> None:
        """Leaves both directions free; `tempted` are the steps in which it would pay to use both."""
        self._tempted = tempted
        self._close(np.zeros_like(tempted))

    def ask(self) -> bool:
        """Asks for one direction where the last solution has both; then also wherever both would pay, as that would be
        next. Where a solution has both once more, it would go on like that from step to step: then everywhere."""
        asked = self.bounds[1] > 0.0
        both = (np.minimum(self._kw(self._one), self._kw(self._other)) > BOTH_WAYS_KW) & ~asked
        if not np.any(both):
            return False
        self._close(np.ones_like(asked) if np.any(asked) else both | self._tempted)
        return True

    def _close(self, asked: BoolArray) -> None:
        self._free.value = (~asked).astype(np.float64)
        self.allow(np.zeros_like(asked), asked)

    def rounded(self, share: float) -> BoolArray:
        """The stronger direction."""
        return self._kw(self._one) > self._kw(self._other)

    def kept(self) -> BoolArray | None:
        """Nothing: which steps need it changes from plan to plan."""
        return None

    def remember(self) -> None:
        """Nothing is kept."""

    @staticmethod
    def _kw(expression: cp.Expression) -> FloatArray:
        return np.asarray(expression.value, dtype=np.float64)
