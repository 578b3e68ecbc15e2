"""What a month's peak will probably be at least: what the batteries could have made of the last four weeks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from config.assets import Battery
from dispatch.plan import FloatArray

HALVINGS = 16
"""Of a megawatt to some watts."""


def usual_peak_kw(net_kw: FloatArray, step_h: float, batteries: Sequence[Battery]) -> float:
    """The lowest import that all intervals could have been held to, with the load less generation known.

    Batteries are taken as one, half full at first: it charges whenever the park is below that import, and gives what
    is above it.
    """
    highest = max(float(net_kw.max(initial=0.0)), 0.0)
    low, high = 0.0, highest
    if not batteries:
        return highest
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if _holds(net_kw, step_h, batteries, middle):
            high = middle
        else:
            low = middle
    return high


def _holds(net_kw: FloatArray, step_h: float, batteries: Sequence[Battery], peak_kw: float) -> bool:
    usable_kwh = sum((each.soc_max - each.soc_min) * each.capacity_kwh for each in batteries)
    charge_kw = sum(each.max_charge_kw for each in batteries)
    discharge_kw = sum(each.max_discharge_kw for each in batteries)
    into = min(each.charge_efficiency for each in batteries)
    out = min(each.discharge_efficiency for each in batteries)
    stored_kwh = usable_kwh / 2.0
    for room_kw in (peak_kw - net_kw).tolist():
        if room_kw >= 0.0:
            stored_kwh = min(usable_kwh, stored_kwh + min(room_kw, charge_kw) * into * step_h)
            continue
        stored_kwh += room_kw / out * step_h
        if -room_kw > discharge_kw or stored_kwh < 0.0:
            return False
    return True
