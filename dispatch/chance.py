"""What the first interval keeps free below the month's peak and the import limit, because it may come otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Inputs
from dispatch.forms.connection import connections_of
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.source import Source
from dispatch.given import Given
from dispatch.plan import ELECTRICITY, FloatArray, Situation
from dispatch.problem import ParkProblem
from dispatch.registry import forms_of
from dispatch.worth import worth_of


@dataclass(frozen=True, slots=True)
class ChanceLimit:
    """E[import[0]] + k * sigma <= peak + E[extra] + more,   E[import[0]] + k * sigma <= import limit + beyond

    E is the mean over scenarios, sigma the standard deviation over them of what the electric loads take less what the
    sources could give, k the site's `control.chance.deviations`. more >= 0 costs as much as a new peak of the month,
    beyond >= 0 as much as import beyond the limit; neither is on the bill. extra is what a scenario adds to the peak
    anyhow. Several connections count together. Where k is 0 there are no such rows.
    """

    deviations: float
    constraints: tuple[cp.Constraint, ...]
    penalty: cp.Expression
    _forms: Mapping[str, Form]
    _reserve_kw: cp.Parameter
    _peak_kw: cp.Parameter
    _demand_per_kw: cp.Parameter

    @classmethod
    def of(cls, site: Site, step_h: FloatArray, parks: Sequence[ParkProblem], probability: cp.Parameter) -> ChanceLimit:
        reserve, peak = Given(nonneg=True, name="chance.reserve_kw"), Given(nonneg=True, name="chance.peak_kw")
        demand = Given(nonneg=True, name="chance.demand_price_per_kw")
        forms, deviations = forms_of(site), site.control.chance.deviations
        if deviations == 0.0:
            return cls(deviations, (), cp.Constant(0.0), forms, reserve, peak, demand)
        limit_kw = sum(form.import_limit_kw for form in connections_of(forms).values())
        first_kw = probability @ cp.hstack([park.meter.counted["import_kw"][0] for park in parks])
        extra_kw = probability @ cp.hstack([park.meter.added_peak_kw[0] for park in parks])
        more = cp.Variable(bounds=[0, None], name="chance.more_peak_kw")
        beyond = cp.Variable(bounds=[0, None], name="chance.beyond_limit_kw")
        over_price = worth_of(site, step_h).over_limit_per_kwh * float(step_h[0])
        return cls(
            deviations,
            (
                first_kw + reserve <= peak + extra_kw + more,
                first_kw + reserve <= limit_kw + beyond,
            ),
            demand * more + over_price * beyond,
            forms,
            reserve,
            peak,
            demand,
        )

    def assign(self, situation: Situation, cases: Sequence[Inputs]) -> None:
        self._reserve_kw.value = self.deviations * self.spread_kw(situation)
        self._peak_kw.value = float(cases[0].peaks_kw[0])
        self._demand_per_kw.value = float(cases[0].prices.demand_per_kw[0])

    def spread_kw(self, situation: Situation) -> float:
        """The standard deviation of the first interval's load less generation over the scenarios."""
        weight = np.array([scenario.probability for scenario in situation.scenarios])
        rest_kw = np.array([self._rest_kw(situation.under(scenario)) for scenario in situation.scenarios])
        return float(np.sqrt(weight @ (rest_kw - weight @ rest_kw) ** 2))

    def _rest_kw(self, situation: Situation) -> float:
        rest_kw = 0.0
        for name, form in self._forms.items():
            if form.bus == ELECTRICITY and isinstance(form, Demand):
                rest_kw += float(situation.load_kw[name][0])
            if form.bus == ELECTRICITY and isinstance(form, Source):
                rest_kw -= float(form.offered(name, situation)[0])
        return rest_kw
