"""Stored energy over time: what the battery and the tank have in common, in numpy alone.

E[t+1] = keep[t] * E[t] + change[t]
"""

from __future__ import annotations

import numpy as np

from dispatch.plan import FloatArray


def kept(loss_per_h: float, step_h: FloatArray) -> FloatArray:
    """Share of the stored energy that is still there after each interval, shape (steps,)."""
    return np.power(1.0 - loss_per_h, step_h)


def trajectory(start_kwh: float, change_kwh: FloatArray, keep: FloatArray) -> FloatArray:
    """Stored energy at the interval bounds, shape (steps + 1,), when `change_kwh` is added in each interval."""
    stored = np.empty(len(change_kwh) + 1)
    stored[0] = start_kwh
    for step, (change, share) in enumerate(zip(change_kwh.tolist(), keep.tolist(), strict=True)):
        stored[step + 1] = share * stored[step] + change
    return stored


def corridor(
    capacity_kwh: float, soc_min: float, soc_max: float, start_kwh: float, keep: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest energy that a plan may hold at each interval bound, each shape (steps + 1,).

    That is the SOC window, widened to where the store would be if nobody touched it: a start outside of the
    window is accepted, going further out is not, and doing nothing is always allowed.
    """
    idle = start_kwh * np.concatenate(([1.0], np.cumprod(keep)))
    return np.minimum(soc_min * capacity_kwh, idle), np.maximum(soc_max * capacity_kwh, idle)
