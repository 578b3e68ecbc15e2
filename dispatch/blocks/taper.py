"""A battery's power near full and near empty."""

from __future__ import annotations

import cvxpy as cp

from dispatch.forms.storage import Storage


def taper(form: Storage, charge: cp.Variable, discharge: cp.Variable, stored_kwh: cp.Expression) -> list[cp.Constraint]:
    """charge[t] <= P_max * (offset + slope * E[t+1] / capacity)   for each line, discharge likewise

    with the state at the end of the interval, where least power is left: the mean of the interval is one that the
    battery can hold throughout. None for a battery that has no taper.
    """
    after = stored_kwh[1:] / form.capacity_kwh
    found: list[cp.Constraint] = []
    if form.charge_taper is not None:
        found += [charge <= form.max_charge_kw * (line.offset + line.slope * after) for line in form.charge_taper.lines]
    if form.discharge_taper is not None:
        found += [
            discharge <= form.max_discharge_kw * (line.offset + line.slope * after)
            for line in form.discharge_taper.lines
        ]
    return found
