"""The surcharge of a ladder on a grid of intervals.

surcharge(period) = sum over steps j of rise[j] * (max(0, used + import - above[j]) - max(0, used - above[j]))

with rise[j] what step j asks more than the step before it, and `used` what the period has imported before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from config.ladder import Ladder
from config.tariff import Tariff
from dispatch.plan import FloatArray, Used

PERIODS = 2
"""A horizon of at most 28 days touches two calendar months, or two years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPrices:
    """The ladders of the periods that a horizon touches; a step that a ladder has not rises by nothing."""

    over: Literal["month", "year"]
    period: NDArray[np.int64]
    """Period that each interval starts in, 0 for the first interval's, shape (steps,)."""
    above_kwh: FloatArray
    """Shape (PERIODS, ladder steps)."""
    rise_per_kwh: FloatArray
    """Shape (PERIODS, ladder steps)."""

    def room_kwh(self, used: Used) -> FloatArray:
        """What each period can import until each step counts, shape (PERIODS, ladder steps)."""
        used_kwh = np.array([[used.import_kwh(self.over)], [0.0]])
        room_kwh: FloatArray = np.maximum(self.above_kwh - used_kwh, 0.0)
        return room_kwh

    def cost(self, used: Used, import_kwh: FloatArray) -> float:
        """The surcharge on imports of shape (steps,), over the horizon."""
        by_period = np.array([import_kwh[self.period == period].sum() for period in range(PERIODS)])
        excess_kwh = np.maximum(by_period[:, None] - self.room_kwh(used), 0.0)
        return float(np.sum(self.rise_per_kwh * excess_kwh))

    def reachable(self, used: Used, most_kwh: float) -> tuple[float, float]:
        """Lowest and highest surcharge on one kWh when at most so much is imported over the horizon."""
        periods = int(self.period[-1]) + 1
        room_kwh, rise = self.room_kwh(used)[:periods], self.rise_per_kwh[:periods]
        now = np.sum(rise * (room_kwh <= 0.0), axis=1)
        then = np.sum(rise * (room_kwh < most_kwh), axis=1)
        return float(now.min()), float(then.max())


def ladder_steps(tariffs: Sequence[Tariff]) -> int:
    """Steps of the longest ladder that may ever apply."""
    return max((len(tariff.ladder.steps) for tariff in tariffs if tariff.ladder is not None), default=0)


def ladder_prices(tariffs: Sequence[Tariff], days: Sequence[tuple[Tariff, date]]) -> LadderPrices | None:
    """The ladders of a horizon, from the tariff and the local day in which each interval starts.

    None where no tariff of the site has a ladder. Of two tariffs in one period, the first within the horizon counts.
    """
    over = next((tariff.ladder.over for tariff in tariffs if tariff.ladder is not None), None)
    if over is None:
        return None
    ladders: dict[int, Ladder | None] = {}
    numbers = []
    for tariff, day in days:
        number = day.year if over == "year" else day.year * 12 + day.month
        ladders.setdefault(number, tariff.ladder)
        numbers.append(number)
    order = {number: position for position, number in enumerate(ladders)}
    above, rise = np.zeros((PERIODS, ladder_steps(tariffs))), np.zeros((PERIODS, ladder_steps(tariffs)))
    for number, ladder in ladders.items():
        if ladder is not None:
            count = len(ladder.steps)
            above[order[number], :count] = [step.above_kwh for step in ladder.steps]
            rise[order[number], :count] = np.diff([0.0, *(step.surcharge_per_kwh for step in ladder.steps)])
    return LadderPrices(
        over=over, period=np.array([order[number] for number in numbers]), above_kwh=above, rise_per_kwh=rise
    )
