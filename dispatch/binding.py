"""Which limits bind in a plan, and when: added up from its numbers, without the solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from config.feeder import Feeder
from config.site import Site
from dispatch.bill import peaks_kw
from dispatch.caps import CAP_TOLERANCE, cap_numbers, cap_terms, counted_flows
from dispatch.feeders import carried_kw
from dispatch.findings import ENERGY_KWH, POWER_KW
from dispatch.forms.connection import Connection, grid_kw_of
from dispatch.forms.converter import Converter
from dispatch.forms.form import Form
from dispatch.forms.link import Link
from dispatch.forms.network import Network
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.forms.windowed import Windowed
from dispatch.ladder import PERIODS
from dispatch.plan import AssetPlan, FloatArray, Plan, Situation
from dispatch.registry import forms_of
from dispatch.tariff import Prices

Steps = NDArray[np.bool_]


class Limit(Enum):
    """Each value is what an operator reads."""

    IMPORT = "import limit"
    EXPORT = "export limit"
    MONTH_PEAK = "month's peak"
    LADDER = "step of the ladder"
    CAP = "cap"
    FULL = "upper end of its window"
    EMPTY = "lower end of its window"
    CHARGE = "charging power"
    DISCHARGE = "discharging power"
    POWER = "highest power"
    RATING = "rating"


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A limit that a plan goes up to."""

    limit: Limit
    whose: str
    """The asset's name, or the cap's."""
    value: float
    unit: str
    steps: Steps
    """Where it binds, shape (steps,)."""


def bindings(site: Site, situation: Situation, plan: Plan, prices: Prices) -> tuple[Binding, ...]:
    """All limits that bind somewhere, those of the connection first; over scenarios, in their mean."""
    situation = plan.mean_of(situation)
    found = [*_peaks(site, situation, plan, prices), *_feeders(site, plan), *_sums(site, situation, plan, prices)]
    for name, form in forms_of(site).items():
        found += _of_form(name, form, situation, plan.assets[name])
    return tuple(each for each in found if np.any(each.steps))


def month_peak(site: Site, situation: Situation, plan: Plan, prices: Prices) -> Steps:
    """Where import is at the month's peak, and one more kW would be paid for the whole month; shape (steps,)."""
    steps = np.zeros(plan.steps, dtype=np.bool_)
    for each in _peaks(site, situation, plan, prices):
        steps |= each.steps
    return steps


def _peaks(site: Site, situation: Situation, plan: Plan, prices: Prices) -> Iterator[Binding]:
    name, grid_kw = " + ".join(site.grids), grid_kw_of(forms_of(site), plan.assets)
    for month, before_kw in enumerate(peaks_kw(site, prices, situation)):
        within = prices.month == month
        highest_kw = float(np.max(grid_kw[within], initial=0.0))
        if prices.demand_per_kw[month] > 0.0 and highest_kw > POWER_KW and highest_kw >= before_kw - POWER_KW:
            yield Binding(Limit.MONTH_PEAK, name, highest_kw, "kW", within & (grid_kw >= highest_kw - POWER_KW))


def _feeders(site: Site, plan: Plan) -> Iterator[Binding]:
    for name, spec in site.of_kind(Feeder).items():
        kw = carried_kw(site, spec, plan.assets)
        if kw is not None:
            yield Binding(Limit.IMPORT, name, spec.import_limit_kw, "kW", kw >= spec.import_limit_kw - POWER_KW)
            back = (-kw >= spec.export_limit_kw - POWER_KW) & (kw < 0.0)
            yield Binding(Limit.EXPORT, name, spec.export_limit_kw, "kW", back)


def _sums(site: Site, situation: Situation, plan: Plan, prices: Prices) -> Iterator[Binding]:
    """Ladder and caps, which bind a whole period at once."""
    name, flows = " + ".join(site.grids), counted_flows(site, situation, plan.assets)
    if prices.ladder is not None:
        room_kwh = prices.ladder.room_kwh(situation.used)
        for period in range(PERIODS):
            within = prices.ladder.period == period
            imported_kwh = float(flows[0][within].sum())
            at = (np.abs(room_kwh[period] - imported_kwh) <= CAP_TOLERANCE) & (prices.ladder.rise_per_kwh[period] > 0.0)
            for begins in np.flatnonzero(at & (imported_kwh > CAP_TOLERANCE)):
                yield Binding(Limit.LADDER, name, float(prices.ladder.above_kwh[period, begins]), "kWh", within)
    terms = cap_terms(site)
    for key, numbers in cap_numbers(site, situation, prices).items() if terms else ():
        counted = numbers.counted(*flows)
        for period, left in enumerate(numbers.left.tolist()):
            if counted[period] >= left - CAP_TOLERANCE:
                yield Binding(Limit.CAP, terms[key].name, left, terms[key].unit, numbers.period == period)


def _of_form(name: str, form: Form, situation: Situation, asset: AssetPlan) -> Iterator[Binding]:
    power_kw, on = asset.power_kw, situation.on(name)

    def reached(limit: Limit, values: FloatArray, most: FloatArray | float, shown: float | None = None) -> Binding:
        shown = float(np.max(most)) if shown is None else shown
        return Binding(limit, name, shown, "kW", (values >= most - POWER_KW) & (np.asarray(most) > POWER_KW))

    match form:
        case Connection():
            yield reached(Limit.IMPORT, power_kw, form.import_limit_kw)
            exporting = (power_kw <= POWER_KW - form.export_limit_kw) & (power_kw < 0.0)
            yield Binding(Limit.EXPORT, name, form.export_limit_kw, "kW", exporting)
        case Storage() if on:
            yield reached(Limit.CHARGE, -power_kw, form.max_charge_kw)
            yield reached(Limit.DISCHARGE, power_kw, form.max_discharge_kw)
            if asset.stored_kwh is not None:
                floor, ceiling = form.soc_min * form.capacity_kwh, form.soc_max * form.capacity_kwh
                yield Binding(Limit.FULL, name, ceiling, "kWh", asset.stored_kwh[1:] >= ceiling - ENERGY_KWH)
                yield Binding(Limit.EMPTY, name, floor, "kWh", asset.stored_kwh[1:] <= floor + ENERGY_KWH)
        case Converter() if on:
            yield reached(Limit.POWER, power_kw, np.abs(form.curve(name, situation)[-1].flows_kw[form.bus]))
        case Network() if on:
            yield reached(Limit.POWER, power_kw, form.spec.import_limit_kw)
        case Windowed() if on:
            yield reached(Limit.POWER, power_kw, form.limit_kw)
        case Source() if on:
            above = situation.available_kw[name] > form.rated_kw + POWER_KW
            yield Binding(Limit.RATING, name, form.rated_kw, "kW", above & (power_kw >= form.rated_kw - POWER_KW))
        case Link():
            yield reached(Limit.RATING, np.abs(asset.flows_kw[form.bus]), form.rated_kw)
        case _:
            return
