"""Why a converter runs or stands still, against whoever else could make the same."""

from __future__ import annotations

import numpy as np

from dispatch.findings import POWER_KW
from dispatch.forms.converter import Converter
from dispatch.plan import ELECTRICITY, BusId, FloatArray
from dispatch.reason import Reason
from dispatch.reason_view import View


def converter_reasons(view: View, name: str, form: Converter) -> tuple[Reason, ...]:
    full_kw = np.abs(form.curve(name, view.situation)[-1].flows_kw[form.bus])
    running = view.asset(name).power_kw > POWER_KW
    must, may = np.zeros_like(running), np.ones_like(running)
    if form.unit is not None:
        must, may = form.unit.settled(name, view.situation)

    def reason(step: int) -> Reason:
        if running[step]:
            return Reason.HELD_ON if must[step] else _runs(view, name, form, full_kw, step)
        return _stands(view, name, form, step) if may[step] else Reason.HELD_OFF

    return tuple(reason(step) for step in range(view.plan.steps))


def _runs(view: View, name: str, form: Converter, full_kw: FloatArray, step: int) -> Reason:
    makes, rivals = form.makes, view.rivals(name, form.makes)
    at_full = view.asset(name).power_kw[step] >= full_kw[step] - POWER_KW
    if at_full and view.short(makes, step):
        return Reason.RUNS_FULL
    if any(view.fed_by_sources(bus) for bus in _takes(form) if bus != ELECTRICITY):
        return Reason.RUNS_WASTE_HEAT
    if makes == ELECTRICITY:
        return Reason.CHEAPER_THAN_POWER
    on_power = ELECTRICITY in _takes(form)
    if on_power and view.surplus[ELECTRICITY][step]:
        return Reason.RUNS_SURPLUS
    others = {other: rival for other, rival in rivals.items() if rival.burns == on_power}
    if others:
        if on_power and not at_full and view.at_month_peak[step]:
            return Reason.RUNS_BELOW_PEAK
        if not at_full and any(view.asset(other).power_kw[step] > POWER_KW for other in others):
            return Reason.RUNS_BESIDE
        return Reason.CHEAPER_THAN_GAS if on_power else Reason.CHEAPER_THAN_POWER
    if view.charging(makes, step):
        return Reason.RUNS_INTO_STORE
    return Reason.RUNS_BESIDE if rivals else Reason.RUNS_ALONE


def _stands(view: View, name: str, form: Converter, step: int) -> Reason:
    makes = form.makes
    if makes == ELECTRICITY:
        return Reason.POWER_CHEAPER
    running = [
        rival for other, rival in view.rivals(name, makes).items() if view.asset(other).power_kw[step] > POWER_KW
    ]
    if any(rival.burns for rival in running) and not form.burns:
        return Reason.GAS_CHEAPER
    if form.burns and any(ELECTRICITY in _takes(rival) for rival in running):
        return Reason.POWER_CHEAPER
    if running:
        return Reason.OFF
    if view.discharging(makes, step):
        return Reason.STORE_GIVES
    return Reason.OFF if view.demand_kw(makes, step) > POWER_KW else Reason.NOT_WANTED


def _takes(form: Converter) -> list[BusId]:
    return [bus for bus, kw in form.points[-1].flows_kw.items() if kw < 0.0]
