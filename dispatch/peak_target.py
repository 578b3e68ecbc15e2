"""The month's peak that is decided now, before it is known which of the scenarios comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Inputs
from dispatch.given import Given
from dispatch.plan import Situation
from dispatch.problem import ParkProblem

KEPT = 1e-3
"""Share of its price that a scenario's own extra keeps: below the target it would cost nothing, and be anything."""


@dataclass(frozen=True, slots=True)
class PeakTarget:
    """extra[s] <= target + late[s],  target >= 0, late >= 0

    cost = p_demand * (target + lateness * E[late])  in place of  p_demand * E[extra]

    for the scenarios s, in kW above the peak so far of the running month, whose price for a kW is p_demand. Left to
    itself each scenario would add to the peak what it needs, and know from the second interval on how much that is.
    Nobody does: who holds a low peak for hours and finds out late has spent the batteries on it, and pays for more than
    who let go at once. So one target is chosen for all, and what goes beyond it costs `lateness` times as much. With 1
    nothing is added, which is the plain recourse.
    """

    target: cp.Variable
    constraints: tuple[cp.Constraint, ...]
    penalty: cp.Expression
    """What it costs beyond what the bills of the scenarios say."""
    _lateness: float
    _price: cp.Parameter
    _late_price: cp.Parameter
    _extra_price: cp.Parameter

    @classmethod
    def of(cls, site: Site, parks: Sequence[ParkProblem]) -> PeakTarget:
        count = len(parks)
        target = cp.Variable(bounds=[0, None], name="target.extra_peak_kw")
        late = cp.Variable(count, bounds=[0, None], name="target.late_kw")
        price = Given(nonneg=True, name="target.price_per_kw")
        late_price = Given(count, nonneg=True, name="target.late_price_per_kw")
        extra_price = Given(count, nonneg=True, name="target.extra_price_per_kw")
        past = site.control.scenarios
        lateness = 1.0 if past is None else past.lateness
        if lateness == 1.0:
            return cls(target, (), cp.Constant(0.0), lateness, price, late_price, extra_price)
        extra = cp.hstack([park.meter.added_peak_kw[0] for park in parks])
        penalty = price * target + late_price @ late - extra_price @ extra
        return cls(target, (extra <= target + late,), penalty, lateness, price, late_price, extra_price)

    @property
    def kw(self) -> float:
        """What the last solution adds to the month's peak so far, whatever comes."""
        return 0.0 if self.target.value is None else float(self.target.value)

    def assign(self, situation: Situation, cases: Sequence[Inputs]) -> None:
        price = float(cases[0].prices.demand_per_kw[0])
        weight = np.array([scenario.probability for scenario in situation.scenarios])
        self._price.value = price
        self._late_price.value = self._lateness * price * weight
        self._extra_price.value = (1.0 - KEPT) * price * weight
