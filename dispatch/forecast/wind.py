"""Wind: as it is now, going over to its mean."""

from __future__ import annotations

import numpy as np

from dispatch.forecast.load import blend
from dispatch.plan import FloatArray

DECAY_H = 6.0
"""Wind of one site is still somewhat like now after half a day; without weather data nothing beats the mean then."""
DEFAULT_SHARE = 0.25
"""Of the rating, without any history: a usual yearly mean of a turbine on land."""


def wind_power(history: FloatArray, measured: float | None, rated_kw: float, step_h: FloatArray) -> FloatArray:
    """mean + (now - mean) * exp(-t / decay), between 0 and the rating, shape (steps,).

    The mean is that of the known history, or a quarter of the rating without one.
    """
    known = history[np.isfinite(history)]
    mean = float(known.mean()) if len(known) else DEFAULT_SHARE * rated_kw
    return np.clip(blend(np.full(len(step_h), mean), measured, step_h, DECAY_H), 0.0, rated_kw)
