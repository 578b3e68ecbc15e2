"""What exchangers and waste-heat boilers take by themselves: nobody commands them, so no plan can hold heat back.

made[t] = min(full load, what the cooler bus wants, what is left of the waste heat)
wanted  = demand + what its tanks can take, until they are full

one after the other, steam first, then in the file's order. A plan gives them at least that, and what follows a
command, such as an ORC, gets the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from dispatch.findings import POWER_KW
from dispatch.forms.converter import Converter
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.plan import AssetPlan, BusId, FloatArray, Situation

FULL_SOC = 0.95
"""Their own control stops filling a tank here: the last layer would only cool what is left of the source."""


def taken_first(forms: Mapping[str, Form], situation: Situation) -> dict[str, FloatArray]:
    """By converter that takes no command, its share of full load in each interval, shape (steps,)."""
    takers = {
        name: form
        for name, form in forms.items()
        if isinstance(form, Converter) and form.takes_first and name not in situation.unavailable
    }
    if not takers:
        return {}
    share = {name: np.zeros(situation.steps) for name in takers}
    order = sorted(takers, key=lambda name: takers[name].makes != "steam")
    wanted = {form.makes: _wanted_kw(form.makes, forms, situation) for form in takers.values()}
    left = {bus: _offered_kw(bus, forms, situation) for form in takers.values() for bus in form.sources}
    tanks = {bus: _Tanks(bus, forms, situation) for bus in wanted}
    for step, hours in enumerate(situation.step_h.tolist()):
        missing_kw = {bus: float(kw[step]) + tanks[bus].room_kw(hours) for bus, kw in wanted.items()}
        for name in order:
            form = takers[name]
            full = form.points[-1].flows_kw
            if full[form.makes] <= 0.0:
                continue
            part = min(1.0, max(0.0, missing_kw[form.makes]) / full[form.makes])
            part = min([part, *(max(0.0, float(left[bus][step])) / -full[bus] for bus in form.sources)])
            share[name][step] = part
            missing_kw[form.makes] -= part * full[form.makes]
            for bus in form.sources:
                left[bus][step] += part * full[bus]
        for bus, tank in tanks.items():
            # what is missing at the end was demand, or room that nobody filled
            tank.step(tank.room_kw(hours) - max(0.0, missing_kw[bus]), hours)
    return share


def held_back(forms: Mapping[str, Form], situation: Situation, assets: Mapping[str, AssetPlan]) -> Iterator[str]:
    """Where a plan has them take less than they will."""
    for name, share in taken_first(forms, situation).items():
        form = forms[name]
        assert isinstance(form, Converter)
        least_kw = share * form.points[-1].flows_kw[form.makes]
        made_kw = assets[name].flows_kw[form.makes]
        for step in np.flatnonzero(made_kw < least_kw - POWER_KW):
            yield f"{name}, step {step}: makes {made_kw[step]:.2f} kW, it will take {least_kw[step]:.2f} by itself"


class _Tanks:
    """The tanks of a bus together, as they fill."""

    def __init__(self, bus: BusId, forms: Mapping[str, Form], situation: Situation) -> None:
        self._tanks = [
            form
            for name, form in forms.items()
            if isinstance(form, Storage) and form.bus == bus and name not in situation.unavailable
        ]
        self._full_kwh = sum(min(FULL_SOC, tank.soc_max) * tank.capacity_kwh for tank in self._tanks)
        self._empty_kwh = sum(tank.soc_min * tank.capacity_kwh for tank in self._tanks)
        self._stored_kwh = sum(
            situation.stored_kwh[name] for name, form in forms.items() if any(form is tank for tank in self._tanks)
        )

    def room_kw(self, hours: float) -> float:
        """What they take in an interval until they are full."""
        most_kw = sum(tank.max_charge_kw for tank in self._tanks)
        return min(most_kw, max(0.0, self._full_kwh - self._stored_kwh) / hours)

    def step(self, power_kw: float, hours: float) -> None:
        """Go an interval on with a power, below 0 when they give, within what they can."""
        able_kw = sum(tank.max_discharge_kw for tank in self._tanks)
        able_kw = min(able_kw, max(0.0, self._stored_kwh - self._empty_kwh) / hours)
        # the tank that loses least counts for all, or there would be less room than seems
        kept = max((float(tank.kept(np.array([hours]))[0]) for tank in self._tanks), default=1.0)
        self._stored_kwh = kept * self._stored_kwh + max(power_kw, -able_kw) * hours


def _wanted_kw(bus: BusId, forms: Mapping[str, Form], situation: Situation) -> FloatArray:
    """What loads of a bus want, and what assets under local control take from it."""
    wanted_kw = np.array(situation.local(bus), dtype=np.float64)
    for name, form in forms.items():
        if isinstance(form, Demand) and form.bus == bus:
            wanted_kw = wanted_kw + situation.load_kw[name]
    return wanted_kw


def _offered_kw(bus: BusId, forms: Mapping[str, Form], situation: Situation) -> FloatArray:
    """Waste heat of a bus beyond what its own loads want."""
    offered_kw = -_wanted_kw(bus, forms, situation)
    for name, form in forms.items():
        if isinstance(form, Source) and form.bus == bus:
            offered_kw = offered_kw + form.offered(name, situation)
    return offered_kw
