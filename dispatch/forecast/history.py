"""What was measured: series on a fixed grid of intervals, with gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from dispatch.plan import BadSituation, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Interval means of the past, NaN where nothing was measured."""

    start: datetime
    """UTC start of the first interval."""
    step_min: int
    series: Mapping[str, FloatArray]
    """By asset name (kW; of a heat load the heat), and ``outdoor_degc``; each from `start` on, of any length."""

    def before(self, name: str, until: datetime, step_min: int, steps: int) -> FloatArray:
        """The last `steps` intervals of `step_min` minutes that end at `until`, NaN where unknown, shape (steps,).

        Finer records are averaged over what they have of an interval, coarser ones repeated. Raises BadSituation
        when neither interval length is a multiple of the other.
        """
        fine_min = min(self.step_min, step_min)
        if max(self.step_min, step_min) % fine_min:
            raise BadSituation(f"history in steps of {self.step_min} min does not fit intervals of {step_min} min")
        values = np.asarray(self.series.get(name, np.empty(0)), dtype=np.float64)
        if self.step_min > step_min:
            values = np.repeat(values, self.step_min // step_min)
        per_step = step_min // fine_min
        wanted = steps * per_step
        end = round((until - self.start) / timedelta(minutes=fine_min))
        first = end - wanted
        window = np.full(wanted, np.nan)
        low, high = max(first, 0), min(end, len(values))
        if high > low:
            window[low - first : high - first] = values[low:high]
        return window if per_step == 1 else _means(window.reshape(steps, per_step))


def _means(rows: FloatArray) -> FloatArray:
    """Row means over the finite values, NaN for a row without any."""
    known = np.isfinite(rows)
    count = known.sum(axis=1)
    total = np.where(known, rows, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
