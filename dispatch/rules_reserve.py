"""What rules leave a battery in an interval, so that the reserve stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.forms.storage import Storage
from dispatch.reserve import batteries
from dispatch.rules_walk import Walk


@dataclass(frozen=True, slots=True)
class Spare:
    """Beyond the reserve of all batteries together, those that are planned already with what they do."""

    give_kw: float
    take_kw: float
    short: bool
    """Whether there is less energy than must be kept."""


def spare(walk: Walk, step: int) -> Spare:
    """What the next battery may do in an interval."""
    if walk.need is None:
        return Spare(np.inf, np.inf, short=False)
    hours = float(walk.situation.step_h[step])
    energy_kwh = room_kwh = up_kw = down_kw = 0.0
    for name, form in batteries(walk.forms).items():
        if name in walk.situation.unavailable:
            continue
        power_kw = float(walk.power_kw[name][step])
        stored_kwh = _after(walk, name, form, step)
        energy_kwh += form.discharge_efficiency * (stored_kwh - form.soc_min * form.capacity_kwh)
        room_kwh += (form.soc_max * form.capacity_kwh - stored_kwh) / form.charge_efficiency
        up_kw += form.max_discharge_kw - power_kw
        down_kw += form.max_charge_kw + power_kw
    need = walk.need
    spare_kwh, spare_room_kwh = energy_kwh - float(need.energy_kwh[step]), room_kwh - float(need.room_kwh[step])
    return Spare(
        give_kw=max(0.0, min(spare_kwh / hours, up_kw - float(need.up_kw[step]))),
        take_kw=max(0.0, min(spare_room_kwh / hours, down_kw - float(need.down_kw[step]))),
        short=spare_kwh < 0.0,
    )


def _after(walk: Walk, name: str, form: Storage, step: int) -> float:
    change_kwh = form.change_kwh(walk.power_kw[name][step : step + 1], walk.situation.step_h[step : step + 1])
    return float(walk.keep[name][step] * walk.stored_kwh[name][step] + change_kwh[0])
