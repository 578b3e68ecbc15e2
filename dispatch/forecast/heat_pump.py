"""The heat pump's coefficient of performance from the temperatures."""

from __future__ import annotations

from typing import Literal

import numpy as np

from dispatch.plan import FloatArray

FIELD = 0.85
"""Field measurements over the test-stand regressions (when2heat)."""
REGRESSION: dict[str, tuple[float, float, float]] = {
    "air": (6.08, -0.0941, 0.000464),
    "ground": (10.29, -0.2084, 0.001322),
    "water": (9.99, -0.2049, 0.001249),
}
"""COP = a + b * dT + c * dT^2 before the field factor; dT from source to supply in K."""
SMALLEST_LIFT_K = 15.0
"""The regressions hold from this difference on; below it the COP stays as there. They end where the parabola
turns up again: more lift never makes a better COP."""
SOURCE_DEGC: dict[str, float] = {"ground": 10.0, "water": 10.0}
"""Brine from the ground and groundwater over the year, where the site file says nothing; air is as warm as it is
outdoors."""
LOWEST_COP = 1.0
"""What a resistance heater does: the control falls back to one before it becomes worse."""


def cop(
    source: Literal["air", "ground", "water"],
    supply_degc: float,
    outdoor_degc: FloatArray,
    source_degc: float | None = None,
) -> FloatArray:
    """Heat per electric power at each outdoor temperature, same shape; of ground and water with `source_degc`."""
    known_degc = SOURCE_DEGC.get(source) if source_degc is None else source_degc
    from_degc = outdoor_degc if known_degc is None else np.full(np.shape(outdoor_degc), known_degc)
    a, b, c = REGRESSION[source]
    lift_k = np.clip(supply_degc - from_degc, SMALLEST_LIFT_K, -b / (2.0 * c))
    return np.maximum(FIELD * (a + b * lift_k + c * lift_k**2), LOWEST_COP)
