"""A number or series that the problem is given anew for each solve."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np

ROUNDING = 1e-10
"""A sign may be missed by this much, as with cvxpy's own parameters: differences of equal floats are that far off."""


class Given(cp.Parameter):
    """A parameter that checks shape and sign of its value in a tenth of the time that cvxpy takes.

    cvxpy projects each value onto what the parameter may be and measures the distance, at 20 us a parameter. A park has
    dozens of them, and solving it again takes 1 ms.
    """

    def __init__(self, shape: int | tuple[int, ...] = (), *, name: str, nonneg: bool = False, nonpos: bool = False):
        super().__init__(shape, name=name, nonneg=nonneg, nonpos=nonpos)

    @property
    def value(self) -> Any:
        """The value that was given last, None before."""
        return self._value

    @value.setter
    def value(self, given: Any) -> None:
        """Raises ValueError for another shape or sign; whether it is finite is asked when it is used."""
        if given is None:
            self.save_value(None)
            return
        number = np.asarray(given, dtype=np.float64)
        if number.shape != self.shape:
            raise ValueError(f"parameter {self.name()} has shape {self.shape}, not {number.shape}")
        if self.attributes["nonneg"] and number.min(initial=0.0) < -ROUNDING:
            raise ValueError(f"parameter {self.name()} must not be negative, lowest is {number.min():g}")
        if self.attributes["nonpos"] and number.max(initial=0.0) > ROUNDING:
            raise ValueError(f"parameter {self.name()} must not be positive, highest is {number.max():g}")
        self.save_value(number)
