"""Why each asset does what it does in each interval: one of a closed set of phrases, from the plan's own numbers.

The solver knows no reasons, it knows prices. What is said here is what a person would say who sees the plan, its limits
and its prices beside each other; where two things are true at once, the one that would change the plan first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from config.site import Site
from dispatch.findings import ENERGY_KWH, POWER_KW
from dispatch.forms.batch import Batch
from dispatch.forms.connection import Connection
from dispatch.forms.converter import Converter
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.link import Link
from dispatch.forms.network import Network
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.forms.windowed import Windowed
from dispatch.plan import ELECTRICITY, Plan, Situation
from dispatch.reason import Reason
from dispatch.reason_view import View, view_of
from dispatch.reasons_converter import converter_reasons
from dispatch.reasons_store import store_reasons


def with_reasons(site: Site, situation: Situation, plan: Plan) -> Plan:
    """The plan with a reason for each asset and interval. Raises NoTariff."""
    view = view_of(site, situation, plan)
    reasons = {}
    for name, form in view.forms.items():
        if situation.on(name):
            reasons[name] = REASONS.get(type(form), _plain)(view, name, form)
        else:
            reasons[name] = (Reason.UNAVAILABLE,) * plan.steps
    return replace(plan, reasons=reasons)


def _plain(view: View, name: str, form: Form) -> tuple[Reason, ...]:
    """Of a form that nobody has found better words for."""
    return tuple(
        Reason.FOLLOWS_DEMAND if abs(kw) > POWER_KW else Reason.IDLE for kw in view.asset(name).power_kw.tolist()
    )


def _connection(view: View, name: str, form: Connection) -> tuple[Reason, ...]:
    def reason(step: int, kw: float) -> Reason:
        if kw > form.import_limit_kw + POWER_KW:
            return Reason.OVER_IMPORT_LIMIT
        if kw > POWER_KW:
            if kw >= form.import_limit_kw - POWER_KW:
                return Reason.AT_IMPORT_LIMIT
            if view.at_month_peak[step]:
                return Reason.AT_MONTH_PEAK
            return Reason.IMPORTS_TO_STORE if view.charging(ELECTRICITY, step) else Reason.IMPORTS
        if kw < -POWER_KW:
            if kw <= POWER_KW - form.export_limit_kw:
                return Reason.AT_EXPORT_LIMIT
            return Reason.EXPORTS_FROM_STORE if view.discharging(ELECTRICITY, step) else Reason.EXPORTS
        return Reason.BALANCED

    return _by_step(view, name, reason)


def _source(view: View, name: str, form: Source) -> tuple[Reason, ...]:
    offered_kw = form.offered(name, view.situation)

    def reason(step: int, kw: float) -> Reason:
        if offered_kw[step] <= POWER_KW:
            return Reason.NOTHING_THERE
        if kw >= offered_kw[step] - POWER_KW:
            return Reason.FEEDS
        if not form.free:
            return Reason.LEFT_OVER
        if form.bus != ELECTRICITY:
            return Reason.NOT_NEEDED
        if view.at_export_limit[step]:
            return Reason.CURTAILED_EXPORT
        if view.at_export_share[step]:
            return Reason.CURTAILED_CAP
        return Reason.CURTAILED_PRICE if view.prices.export_per_kwh[step] < 0.0 else Reason.NOT_NEEDED

    return _by_step(view, name, reason)


def _demand(view: View, name: str, form: Demand) -> tuple[Reason, ...]:
    wanted_kw = view.situation.load_kw[name]

    def reason(step: int, kw: float) -> Reason:
        if wanted_kw[step] <= POWER_KW:
            return Reason.NO_DEMAND
        if kw >= wanted_kw[step] - POWER_KW:
            return Reason.FOLLOWS_DEMAND
        return Reason.NOT_SERVED if form.price_per_kwh is None else Reason.SHED

    return _by_step(view, name, reason)


def _windowed(view: View, name: str, form: Windowed) -> tuple[Reason, ...]:
    bounds = form.envelope(name, view.situation)
    taken_kwh = np.concatenate(([0.0], np.cumsum(view.asset(name).power_kw * view.situation.step_h)))
    missed_kwh = np.maximum.accumulate(np.maximum(bounds.least_kwh - taken_kwh, 0.0))

    def reason(step: int, kw: float) -> Reason:
        now = taken_kwh[step + 1] + missed_kwh[step + 1]
        if missed_kwh[step + 1] > missed_kwh[step] + ENERGY_KWH:
            return Reason.LATE
        if kw > POWER_KW:
            if view.surplus[ELECTRICITY][step]:
                return Reason.TAKES_SURPLUS
            due = bounds.least_kwh[step + 1] > bounds.least_kwh[step] + ENERGY_KWH
            return Reason.TAKES_NOW if due and now <= bounds.least_kwh[step + 1] + ENERGY_KWH else Reason.TAKES_CHEAP
        open_now = bounds.most_kw[step] > POWER_KW and now < bounds.most_kwh[-1] - ENERGY_KWH
        return Reason.WAITS if open_now else Reason.NOTHING_WANTED

    return _by_step(view, name, reason)


def _network(view: View, name: str, form: Network) -> tuple[Reason, ...]:
    def reason(step: int, kw: float) -> Reason:
        if kw > POWER_KW:
            return Reason.AT_BUYING_LIMIT if kw >= form.spec.import_limit_kw - POWER_KW else Reason.BUYS
        return Reason.SELLS if kw < -POWER_KW else Reason.IDLE

    return _by_step(view, name, reason)


def _batch(view: View, name: str, form: Batch) -> tuple[Reason, ...]:
    runs, (started, _) = form.runs(name, view.situation), form.starts_of(name, view.situation, view.asset(name))
    begun = np.cumsum(started)

    def reason(step: int, kw: float) -> Reason:
        if kw > POWER_KW:
            return Reason.TAKES_SURPLUS if view.surplus[ELECTRICITY][step] else Reason.TAKES_CHEAP
        if runs.least[step + 1] > begun[step]:
            return Reason.LATE
        return Reason.WAITS if runs.most[step + 1] > begun[step] else Reason.NOTHING_WANTED

    return _by_step(view, name, reason)


def _link(view: View, name: str, form: Link) -> tuple[Reason, ...]:
    through_kw = view.asset(name).flows_kw[form.bus]

    def reason(step: int, _: float) -> Reason:
        if abs(through_kw[step]) > form.rated_kw + POWER_KW:
            return Reason.OVER_RATING
        if abs(through_kw[step]) <= POWER_KW:
            return Reason.BALANCED
        return Reason.PASSES_IN if through_kw[step] > 0.0 else Reason.PASSES_OUT

    return _by_step(view, name, reason)


def _by_step(view: View, name: str, reason: Callable[[int, float], Reason]) -> tuple[Reason, ...]:
    return tuple(reason(step, kw) for step, kw in enumerate(view.asset(name).power_kw.tolist()))


REASONS: Mapping[type[Form], Callable[[View, str, Any], tuple[Reason, ...]]] = {
    Connection: _connection,
    Source: _source,
    Demand: _demand,
    Windowed: _windowed,
    Network: _network,
    Batch: _batch,
    Link: _link,
    Storage: store_reasons,
    Converter: converter_reasons,
}
"""By form; one that is not here gets plain words."""
