"""Why a store charges, discharges or waits."""

from __future__ import annotations

import numpy as np

from dispatch.findings import ENERGY_KWH, POWER_KW
from dispatch.forms.storage import Storage
from dispatch.plan import ELECTRICITY, FloatArray
from dispatch.reason import Reason
from dispatch.reason_view import View


def store_reasons(view: View, name: str, form: Storage) -> tuple[Reason, ...]:
    """What a store does now is explained by what it does next: the interval in which it turns."""
    return tuple(_reason(view, name, form, step) for step in range(view.plan.steps))


def _reason(view: View, name: str, form: Storage, step: int) -> Reason:
    power_kw, stored_kwh = view.asset(name).power_kw, view.asset(name).stored_kwh
    held_kwh = None if stored_kwh is None else stored_kwh[step : step + 2]
    if power_kw[step] < -POWER_KW:
        return _charges(view, form, power_kw, held_kwh, step)
    if power_kw[step] > POWER_KW:
        return _discharges(view, form, power_kw, held_kwh, step)
    if held_kwh is None:
        return Reason.IDLE
    if form.bus == ELECTRICITY and view.at_reserve[step]:
        return Reason.KEEPS_RESERVE
    if np.all(held_kwh >= form.soc_max * form.capacity_kwh - ENERGY_KWH):
        return Reason.FULL
    return Reason.EMPTY if np.all(held_kwh <= form.soc_min * form.capacity_kwh + ENERGY_KWH) else Reason.IDLE


def _charges(view: View, form: Storage, power_kw: FloatArray, held_kwh: FloatArray | None, step: int) -> Reason:
    if held_kwh is not None and held_kwh[0] < form.soc_min * form.capacity_kwh - ENERGY_KWH:
        return Reason.CHARGES_BACK
    if view.surplus[form.bus][step]:
        return Reason.CHARGES_SURPLUS
    if form.bus == ELECTRICITY and view.at_reserve[step]:
        return Reason.CHARGES_RESERVE
    later = np.flatnonzero(power_kw[step:] > POWER_KW)
    if not len(later):
        return Reason.CHARGES_END
    first = step + int(later[0])
    return Reason.CHARGES_FOR_PEAK if _for_peak(view, form, first) else Reason.CHARGES_CHEAP


def _discharges(view: View, form: Storage, power_kw: FloatArray, held_kwh: FloatArray | None, step: int) -> Reason:
    if held_kwh is not None and held_kwh[0] > form.soc_max * form.capacity_kwh + ENERGY_KWH:
        return Reason.DISCHARGES_BACK
    if form.bus == ELECTRICITY and view.at_import_limit[step]:
        return Reason.DISCHARGES_LIMIT
    if _for_peak(view, form, step):
        return Reason.DISCHARGES_PEAK
    value = view.value_per_kwh[form.bus]
    later = np.flatnonzero(power_kw[step:] < -POWER_KW)
    if len(later) and view.surplus[form.bus][step + int(later[0])] and value[step] <= float(np.mean(value)):
        return Reason.DISCHARGES_ROOM
    return Reason.DISCHARGES_DEAR


def _for_peak(view: View, form: Storage, step: int) -> bool:
    return form.bus == ELECTRICITY and bool(view.at_month_peak[step])
