"""At which loads a curve is cut into straight pieces."""

from __future__ import annotations

import numpy as np

LEAST_SHARE = 0.3
"""Where a unit says no least load: below it no curve that we have holds, and running for a part of the interval is
better."""


def loads(least: float, most: float, pieces: int) -> list[float]:
    """Loads from the least to full load in equal ratios, `pieces` + 1 of them: curves bend most where loads are low."""
    first = least if least > 0.0 else LEAST_SHARE * most
    if most <= 0.0:
        return [0.0] * (pieces + 1)
    return [float(load) for load in np.geomspace(first, most, pieces + 1)]
