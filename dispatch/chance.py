"""What the first interval's import is weighed with, because setpoints that stand through it cannot make up for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Inputs
from dispatch.forms.connection import connections_of
from dispatch.given import Given
from dispatch.plan import FloatArray, Situation
from dispatch.problem import ParkProblem
from dispatch.registry import forms_of
from dispatch.worth import worth_of

SINGLE, GROUPS = 16, 8
"""The highest errors count one by one, the others by the mean of so many groups: a peak is made by the highest."""


@dataclass(frozen=True, slots=True)
class ChanceLimit:
    """E[import[0]] + error[j] <= peak + higher[j],   E[import[0]] + error[j] <= import limit + beyond[j]

    cost = sum over j of weight[j] * (p_demand * higher[j] + p_beyond * beyond[j]),   higher, beyond >= 0 in kW

    E is the mean over scenarios; the errors are those by which the park's import was above what was expected of an
    interval in the last weeks (`Situation.import_errors_kw`), each with its share. So the first interval keeps as much
    free below the month's peak as is worth its price. None of it is on the bill. Several connections count together.
    Without `control.chance` there are no such rows.
    """

    constraints: tuple[cp.Constraint, ...]
    penalty: cp.Expression
    _error_kw: cp.Parameter
    _peak_kw: cp.Parameter
    _peak_price: cp.Parameter
    _limit_price: cp.Parameter
    _limit_per_kw: float

    @classmethod
    def of(cls, site: Site, step_h: FloatArray, parks: Sequence[ParkProblem], probability: cp.Parameter) -> ChanceLimit:
        count = SINGLE + GROUPS
        error, peak = Given(count, name="chance.error_kw"), Given(nonneg=True, name="chance.peak_kw")
        peak_price = Given(count, nonneg=True, name="chance.peak_price_per_kw")
        limit_price = Given(count, nonneg=True, name="chance.limit_price_per_kw")
        limit_per_kw = worth_of(site, step_h).over_limit_per_kwh * float(step_h[0])
        if not site.control.chance:
            return cls((), cp.Constant(0.0), error, peak, peak_price, limit_price, limit_per_kw)
        limit_kw = sum(form.import_limit_kw for form in connections_of(forms_of(site)).values())
        first_kw = probability @ cp.hstack([park.meter.counted["import_kw"][0] for park in parks])
        higher = cp.Variable(count, bounds=[0, None], name="chance.higher_peak_kw")
        beyond = cp.Variable(count, bounds=[0, None], name="chance.beyond_limit_kw")
        return cls(
            (first_kw + error <= peak + higher, first_kw + error <= limit_kw + beyond),
            peak_price @ higher + limit_price @ beyond,
            error,
            peak,
            peak_price,
            limit_price,
            limit_per_kw,
        )

    def assign(self, situation: Situation, cases: Sequence[Inputs]) -> None:
        error_kw, weight = weighted_errors(situation.import_errors_kw)
        self._error_kw.value = error_kw
        self._peak_kw.value = float(cases[0].peaks_kw[0])
        self._peak_price.value = weight * float(cases[0].prices.demand_per_kw[0])
        self._limit_price.value = weight * self._limit_per_kw


def weighted_errors(errors_kw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """As many as the problem has room for, the highest first, and the share of each; without any one of 0."""
    found_kw, weight = np.zeros(SINGLE + GROUPS), np.zeros(SINGLE + GROUPS)
    if not len(errors_kw):
        weight[0] = 1.0
        return found_kw, weight
    falling = np.sort(errors_kw)[::-1]
    parts = [*np.split(falling[:SINGLE], len(falling[:SINGLE])), *np.array_split(falling[SINGLE:], GROUPS)]
    for place, part in enumerate(part for part in parts if len(part)):
        found_kw[place], weight[place] = part.mean(), len(part) / len(falling)
    return found_kw, weight
