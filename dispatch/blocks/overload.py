"""A transformer's rating is passed only by what is really beyond it, where the linear problem would pretend more."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import TimeGrid
from dispatch.choice import Choice
from dispatch.given import Given
from dispatch.plan import BoolArray, FloatArray

BEYOND_KW = 1e-3
"""Less beyond the rating is the solver's rounding."""


class Overload(Choice):
    """beyond[t] <= most * (yes[t] + free[t]),   inside[t] >= rated * (2 yes[t] - 1) - 2 rated * free[t]

    in kW, shape (steps,), with -rated <= inside <= rated: what passes in one direction within the rating and beyond it.
    What is beyond costs so much that it is mostly used last. Where a kWh more costs still more, it would be lost in a
    transformer that is said to be overloaded both ways at once; free becomes 0 in such steps, and yes must be 0 or 1.
    """

    def __init__(
        self, name: str, grid: TimeGrid, inside: cp.Expression, rated_kw: float, beyond: cp.Variable, most_kw: float
    ) -> None:
        super().__init__(f"{name}.overloaded", grid.steps)
        self._inside, self._rated_kw, self._beyond = inside, rated_kw, beyond
        self._free = Given(grid.steps, nonneg=True, name=f"{name}.as_it_pleases")
        self.constraints = [
            beyond <= most_kw * (self.yes + self._free),
            inside >= rated_kw * (2.0 * self.yes - 1.0) - 2.0 * rated_kw * self._free,
        ]

    def reset(self) -> None:
        """Leaves all steps as they please."""
        self._close(np.zeros(self._free.size, dtype=np.bool_))

    def ask(self) -> bool:
        """Asks wherever the last solution has something beyond the rating and is not at it; the second time everywhere,
        since it would go on from step to step."""
        asked = self.bounds[1] > 0.0
        pretended = (self._beyond_kw > BEYOND_KW) & (self._inside_kw < self._rated_kw - BEYOND_KW) & ~asked
        if not np.any(pretended):
            return False
        self._close(np.ones_like(asked) if np.any(asked) else pretended)
        return True

    def _close(self, asked: BoolArray) -> None:
        self._free.value = (~asked).astype(np.float64)
        self.allow(np.zeros_like(asked), asked)

    def rounded(self, share: float) -> BoolArray:
        """Where both together are more than the rating."""
        return np.asarray(self._inside_kw + self._beyond_kw > self._rated_kw)

    def kept(self) -> BoolArray | None:
        """Nothing: which steps need it changes from plan to plan."""
        return None

    def remember(self) -> None:
        """Nothing is kept."""

    @property
    def _inside_kw(self) -> FloatArray:
        return np.asarray(self._inside.value, dtype=np.float64)

    @property
    def _beyond_kw(self) -> FloatArray:
        return np.asarray(self._beyond.value, dtype=np.float64)
