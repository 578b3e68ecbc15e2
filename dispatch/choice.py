"""What must be yes or no in some intervals, while the problem stays linear."""

from __future__ import annotations

from abc import ABC, abstractmethod

import cvxpy as cp
import numpy as np

from dispatch.given import Given
from dispatch.plan import BoolArray, FloatArray

INTEGRAL = 1e-6
"""A yes this near to 0 or 1 is one: ten times what the solver aims at."""


class Choice(ABC):
    """low[t] <= yes[t] <= high[t], shape (steps,), which should be 0 or 1.

    To the linear problem it is any number between, and it is settled by giving both bounds the same value: so the
    problem is compiled once, as a linear one, and what is settled has duals.
    """

    def __init__(self, name: str, steps: int) -> None:
        self._low = Given(steps, nonneg=True, name=f"{name}.low")
        self._high = Given(steps, nonneg=True, name=f"{name}.high")
        self._least, self._most = np.zeros(steps), np.ones(steps)
        self.yes = cp.Variable(steps, bounds=[self._low, self._high], name=name)

    def allow(self, least: BoolArray, most: BoolArray) -> None:
        """What is left to choose: what must be yes, and what may be."""
        self._least, self._most = least.astype(np.float64), most.astype(np.float64)
        self.open_up()

    def open_up(self) -> None:
        """Lets the solver take anything that is left to choose."""
        self._low.value, self._high.value = self._least, self._most

    def settle(self, yes: BoolArray) -> None:
        """Leaves the solver no choice; what is not left to choose stays as it is."""
        self._low.value = self._high.value = self.fixed(yes)

    def fixed(self, yes: BoolArray) -> FloatArray:
        """What a yes or no comes to."""
        return np.clip(yes.astype(np.float64), self._least, self._most)

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """What is left to choose, as numbers."""
        return self._least, self._most

    @property
    def is_open(self) -> bool:
        """Whether anything is left to choose."""
        return bool(np.any(self._most > self._least))

    @property
    def nothing(self) -> BoolArray:
        """No everywhere, for a choice that is not open."""
        return np.zeros(len(self._most), dtype=np.bool_)

    @property
    def integral(self) -> bool:
        """Whether the last solution is a yes or no everywhere."""
        value = np.asarray(self.yes.value)
        return bool(np.all(np.abs(value - np.round(value)) <= INTEGRAL))

    @property
    def decided(self) -> BoolArray:
        """Yes or no in the last solution."""
        return np.asarray(np.asarray(self.yes.value) > 0.5)

    def ask(self) -> bool:
        """Looks whether the last solution leaves something to choose that was not open before; True if it does."""
        return False

    @abstractmethod
    def rounded(self, share: float) -> BoolArray:
        """A guess from the last solution of the linear problem: yes from this share of a whole one on."""

    @abstractmethod
    def kept(self) -> BoolArray | None:
        """What was decided for the plan before, moved on to the present; None when there was none."""

    @abstractmethod
    def remember(self) -> None:
        """The last solution becomes the plan."""
