"""At which loads a curve is cut into straight pieces."""

from __future__ import annotations

import numpy as np

LEAST_SHARE = 0.3
"""Where a unit says no least load: below it no curve that we have holds, and running for a part of the interval is
better."""


def loads(least: float, most: float, pieces: int) -> list[float]:
    """Loads from the least to full load, `pieces` + 1 of them."""
    first = least if least > 0.0 else LEAST_SHARE * most
    return [float(load) for load in np.linspace(first, most, pieces + 1)]
