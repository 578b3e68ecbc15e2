"""What a check of a plan says: one sentence for each number that is wrong, with asset, step and by how much."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dispatch.plan import BoolArray, FloatArray

POWER_KW = 0.01
"""A difference of power that counts: a hundred times the solver's rounding at park scale, and below any meter."""
ENERGY_KWH = 0.05
"""The same for stored energy, where the rounding of all steps before adds up."""


def series(name: str, what: str, values: FloatArray | BoolArray | None, shape: tuple[int, ...]) -> Iterator[str]:
    """What is wrong with a series before its numbers can be looked at."""
    if values is None:
        yield f"{name}: {what} is missing"
    elif np.shape(values) != shape:
        yield f"{name}: {what} has shape {np.shape(values)}, expected {shape}"
    elif not np.all(np.isfinite(values)):
        yield f"{name}, step {int(np.argmin(np.isfinite(values)))}: {what} is not a finite number"


def between(
    name: str,
    values: FloatArray,
    low: FloatArray | float,
    high: FloatArray | float,
    what: str = "power_kw",
    tolerance: float = POWER_KW,
) -> Iterator[str]:
    low, high = np.broadcast_to(low, values.shape), np.broadcast_to(high, values.shape)
    for step in np.flatnonzero(values < low - tolerance):
        by = low[step] - values[step]
        yield f"{name}, step {step}: {what} {values[step]:.2f} is {by:.2f} below {low[step]:.2f}"
    for step in np.flatnonzero(values > high + tolerance):
        by = values[step] - high[step]
        yield f"{name}, step {step}: {what} {values[step]:.2f} is {by:.2f} above {high[step]:.2f}"


def same(name: str, what: str, values: FloatArray, wanted: FloatArray, tolerance: float = POWER_KW) -> Iterator[str]:
    for step in np.flatnonzero(np.abs(values - wanted) > tolerance):
        difference = values[step] - wanted[step]
        word = "more" if difference > 0 else "less"
        yield f"{name}, step {step}: {what} {values[step]:.2f} is {abs(difference):.2f} {word} than {wanted[step]:.2f}"
