"""A power that moves to its target at a limited speed.

p(t) = from + sign(to - from) * min(rate * t, |to - from|)

mean = (integral of p over the step) / dt
"""

from __future__ import annotations

from typing import NamedTuple


class Ramped(NamedTuple):
    """Where a power is after a step, and its mean over the step."""

    end_kw: float
    mean_kw: float


def ramp(from_kw: float, to_kw: float, ramp_kw_per_s: float, dt_s: float) -> Ramped:
    """Move a power for `dt_s` seconds; exact for any step."""
    gap_kw = to_kw - from_kw
    needed_s = abs(gap_kw) / ramp_kw_per_s
    if needed_s >= dt_s:
        end_kw = from_kw + (ramp_kw_per_s * dt_s if gap_kw > 0 else -ramp_kw_per_s * dt_s if gap_kw < 0 else 0.0)
        return Ramped(end_kw, (from_kw + end_kw) / 2)
    moving = needed_s / dt_s
    return Ramped(to_kw, (from_kw + to_kw) / 2 * moving + to_kw * (1 - moving))
