"""A plan as the search for reasons sees it: where there is surplus, what is held, who else could do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from config.site import Site
from dispatch.binding import Limit, Steps, bindings, month_peak
from dispatch.findings import ENERGY_KWH, POWER_KW
from dispatch.forms.connection import grid_kw_of
from dispatch.forms.converter import Converter
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.plan import ELECTRICITY, AssetPlan, BusId, FloatArray, Plan, Situation
from dispatch.registry import buses_of, forms_of
from dispatch.reserve import kept, reserve_need
from dispatch.tariff import Prices, calendar_of


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All masks and series have shape (steps,)."""

    situation: Situation
    plan: Plan
    prices: Prices
    forms: Mapping[str, Form]
    at_import_limit: Steps
    at_export_limit: Steps
    at_month_peak: Steps
    at_export_share: Steps
    at_reserve: Steps
    """Where no more may be exported for the cap on its share."""
    importing: Steps
    surplus: Mapping[BusId, Steps]
    """By bus, where sources feed and, of electricity, nothing is imported or taken from a store."""
    value_per_kwh: Mapping[BusId, FloatArray]
    """By bus: what a kWh is worth there; of a plan without duals the tariff's price, at every bus."""

    def asset(self, name: str) -> AssetPlan:
        return self.plan.assets[name]

    def rivals(self, name: str, makes: BusId) -> dict[str, Converter]:
        """The other converters that can make the same."""
        return {
            other: form
            for other, form in self.forms.items()
            if other != name and isinstance(form, Converter) and form.makes == makes and self.situation.on(other)
        }

    def stores(self, bus: BusId) -> list[str]:
        return [name for name, form in self.forms.items() if isinstance(form, Storage) and form.bus == bus]

    def charging(self, bus: BusId, step: int) -> bool:
        return any(self.asset(name).power_kw[step] < -POWER_KW for name in self.stores(bus))

    def discharging(self, bus: BusId, step: int) -> bool:
        return any(self.asset(name).power_kw[step] > POWER_KW for name in self.stores(bus))

    def demand_kw(self, bus: BusId, step: int) -> float:
        """What loads and what is under local control want of a bus."""
        wanted = sum(
            float(self.situation.load_kw[name][step])
            for name, form in self.forms.items()
            if isinstance(form, Demand) and form.bus == bus
        )
        return wanted + float(self.situation.local(bus)[step])

    def short(self, bus: BusId, step: int) -> bool:
        """Whether a load on a bus gets less than it wants."""
        return any(
            self.situation.load_kw[name][step] - self.asset(name).power_kw[step] > POWER_KW
            for name, form in self.forms.items()
            if isinstance(form, Demand) and form.bus == bus
        )

    def fed_by_sources(self, bus: BusId) -> bool:
        """Whether a bus is one of waste heat, or of another source that costs nothing."""
        return any(isinstance(form, Source) and form.bus == bus for form in self.forms.values())


def view_of(site: Site, situation: Situation, plan: Plan) -> View:
    """Raises NoTariff."""
    prices = calendar_of(site).over(plan.start, plan.step_h, situation.spot)
    forms = forms_of(site)
    grid_kw = grid_kw_of(forms, plan.assets)
    held: dict[Limit, Steps] = {}
    none = np.zeros(plan.steps, dtype=np.bool_)
    for each in bindings(site, situation, plan, prices):
        if each.limit is not Limit.CAP or each.whose == "export share":
            held[each.limit] = held.get(each.limit, none) | each.steps
    importing = np.asarray(grid_kw > POWER_KW)
    value = dict.fromkeys(buses_of(forms), prices.import_cost_per_kwh) | dict(plan.marginal_per_kwh)
    return View(
        situation=situation,
        plan=plan,
        prices=prices,
        forms=forms,
        at_import_limit=held.get(Limit.IMPORT, none),
        at_export_limit=held.get(Limit.EXPORT, none),
        at_month_peak=month_peak(site, situation, plan, prices),
        at_reserve=_at_reserve(site, situation, plan),
        at_export_share=held.get(Limit.CAP, none),
        importing=importing,
        surplus=_surplus(forms, plan, importing),
        value_per_kwh=value,
    )


def _at_reserve(site: Site, situation: Situation, plan: Plan) -> Steps:
    """Where batteries hold no more energy than they must keep at the end of an interval."""
    need = reserve_need(site, situation)
    if need is None:
        return np.zeros(plan.steps, dtype=np.bool_)
    has_kwh = kept(forms_of(site), situation, plan.assets).energy_kwh
    return np.asarray((need.energy_kwh > 0.0) & (has_kwh <= need.energy_kwh + ENERGY_KWH))


def _surplus(forms: Mapping[str, Form], plan: Plan, importing: Steps) -> dict[BusId, Steps]:
    """Sources that feed, and of other buses also what is made there from surplus power."""
    found = {bus: np.zeros(plan.steps, dtype=np.bool_) for bus in buses_of(forms)}
    bought = importing
    for name, form in forms.items():
        if isinstance(form, Source):
            found[form.bus] = found[form.bus] | (plan.assets[name].power_kw > POWER_KW)
        if isinstance(form, Storage) and form.bus == ELECTRICITY:
            bought = bought | (plan.assets[name].power_kw > POWER_KW)
    found[ELECTRICITY] = found[ELECTRICITY] & ~bought
    for name, form in forms.items():
        if isinstance(form, Converter) and form.makes != ELECTRICITY and ELECTRICITY in form.buses:
            runs_on_power = plan.assets[name].flows_kw[ELECTRICITY] < -POWER_KW
            found[form.makes] = found[form.makes] | (runs_on_power & found[ELECTRICITY])
    return found
