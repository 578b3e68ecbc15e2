"""Caps on carbon, energy and export: what is counted, what is left, and by how much a plan exceeds it.

sum over the intervals t of a period of (a[t] * import[t] + b[t] * export[t] + c[t] * gas[t] + heat[t]) * dt[t] <= left

with heat in units of the cap, bought less sold
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from config.caps import KGCE_PER_KWH, CarbonCap, EnergyBudget, ExportShare
from config.heat_network import NetworkConnection
from config.site import Site
from dispatch.forms.connection import grid_kw_of
from dispatch.forms.network import heat_of
from dispatch.forms.source import Source
from dispatch.ladder import PERIODS
from dispatch.plan import ELECTRICITY, AssetPlan, FloatArray, Situation
from dispatch.registry import forms_of
from dispatch.tariff import Prices
from dispatch.traded_heat import TradedHeat

AnyCap = CarbonCap | EnergyBudget | ExportShare

CAP_TOLERANCE = 0.05
"""Of the cap's unit, as for energy in a plan: kWh, kg and kgce are of one size, and rounding adds up over the steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapTerms:
    """What is constant about a cap."""

    name: str
    unit: str
    price: float | None
    """Of one unit above the cap; None for a hard one."""
    least_per_kwh: float
    """The fewest units that one kWh counts, to rank a hard cap above whatever else a kWh may be worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapNumbers:
    """A cap in one situation."""

    import_per_kwh: FloatArray
    """Units that one imported kWh counts, shape (steps,)."""
    export_per_kwh: FloatArray
    gas_per_kwh: FloatArray
    heat: Literal["co2_kg", "kgce", None]
    """What of bought and sold heat counts, in units of the cap (`dispatch.traded_heat`)."""
    period: NDArray[np.int64]
    """Shape (steps,)."""
    left: FloatArray
    """What each period still allows, never negative, shape (PERIODS,): what is exceeded already is nobody's choice."""

    def counted(
        self, import_kwh: FloatArray, export_kwh: FloatArray, gas_kwh: FloatArray, heat: TradedHeat
    ) -> FloatArray:
        """What flows count towards the cap, by period, shape (PERIODS,)."""
        counted = self.import_per_kwh * import_kwh + self.export_per_kwh * export_kwh + self.gas_per_kwh * gas_kwh
        if self.heat is not None:
            counted = counted + getattr(heat, self.heat)
        return np.array([counted[self.period == period].sum() for period in range(PERIODS)])

    def excess(
        self, import_kwh: FloatArray, export_kwh: FloatArray, gas_kwh: FloatArray, heat: TradedHeat
    ) -> FloatArray:
        """By how much flows exceed the cap, by period, shape (PERIODS,)."""
        excess: FloatArray = np.maximum(self.counted(import_kwh, export_kwh, gas_kwh, heat) - self.left, 0.0)
        return excess


def cap_terms(site: Site) -> dict[str, CapTerms]:
    """The caps of a site, by the key that the site file has for them."""
    caps = site.file.caps
    found = {}
    if caps.carbon is not None:
        factors = [
            factor for tariff in site.tariffs for factor in (tariff.grid_co2_kg_per_kwh, tariff.gas_co2_kg_per_kwh)
        ]
        factors += [network.co2_kg_per_kwh for network in site.dispatched_of(NetworkConnection).values()]
        least = min((factor for factor in factors if factor > 0.0), default=1.0)
        found["carbon"] = CapTerms(
            name="carbon cap", unit="kg CO2", price=caps.carbon.price_per_kg, least_per_kwh=least
        )
    if caps.energy_budget is not None:
        per_tce = caps.energy_budget.price_per_tce
        coal = [network.kgce_per_kwh for network in site.dispatched_of(NetworkConnection).values()]
        found["energy_budget"] = CapTerms(
            name="energy budget",
            unit="kgce",
            price=None if per_tce is None else per_tce / 1000.0,
            least_per_kwh=min([KGCE_PER_KWH, *(factor for factor in coal if factor > 0.0)]),
        )
    if caps.export_share is not None:
        found["export_share"] = CapTerms(
            name="export share", unit="kWh", price=caps.export_share.price_per_kwh, least_per_kwh=1.0
        )
    return found


def cap_numbers(site: Site, situation: Situation, prices: Prices) -> dict[str, CapNumbers]:
    """The numbers of each cap of a site, by its key."""
    caps, used, steps = site.file.caps, situation.used, situation.steps
    none, one = np.zeros(steps), np.ones(steps)
    found: dict[str, CapNumbers] = {}
    if (carbon := caps.carbon) is not None:
        found["carbon"] = CapNumbers(
            import_per_kwh=prices.import_co2_kg_per_kwh,
            export_per_kwh=none,
            gas_per_kwh=prices.gas_co2_kg_per_kwh,
            heat="co2_kg",
            period=_period(carbon, prices),
            left=_left(carbon, carbon.most_kg, used.month_co2_kg),
        )
    if (budget := caps.energy_budget) is not None:
        found["energy_budget"] = CapNumbers(
            import_per_kwh=KGCE_PER_KWH * one,
            export_per_kwh=-KGCE_PER_KWH * one,
            gas_per_kwh=KGCE_PER_KWH * one,
            heat="kgce",
            period=_period(budget, prices),
            left=_left(budget, 1000.0 * budget.most_tce, used.month_kgce),
        )
    if (share := caps.export_share) is not None:
        period = _period(share, prices)
        could_kwh = _generation_kw(site, situation) * situation.step_h
        could = np.array([could_kwh[period == each].sum() for each in range(PERIODS)])
        if share.over == "month":
            could[0] += used.month_available_kwh
        found["export_share"] = CapNumbers(
            import_per_kwh=none,
            export_per_kwh=one,
            gas_per_kwh=none,
            heat=None,
            period=period,
            left=_left(share, share.most * could, used.month_export_kwh),
        )
    return found


def exceeded(
    site: Site, situation: Situation, prices: Prices, assets: Mapping[str, AssetPlan], *, priced: bool = True
) -> Iterator[str]:
    """The caps that a plan exceeds, one sentence each, added up from its numbers; without `priced` only hard ones."""
    terms = cap_terms(site)
    if not terms:
        return
    flows = counted_flows(site, situation, assets)
    for key, numbers in cap_numbers(site, situation, prices).items():
        if terms[key].price is not None and not priced:
            continue
        excess = numbers.excess(*flows)
        for period in np.flatnonzero(excess > CAP_TOLERANCE):
            yield excess_in_words(terms[key], float(excess[period]), float(numbers.left[period]), int(period))


def counted_flows(
    site: Site, situation: Situation, assets: Mapping[str, AssetPlan]
) -> tuple[FloatArray, FloatArray, FloatArray, TradedHeat]:
    """What a plan imports, exports and burns in each interval, in kWh, each of shape (steps,), and its heat."""
    forms = forms_of(site)
    grid_kw, step_h = grid_kw_of(forms, assets), situation.step_h
    gas_kwh = np.zeros(situation.steps)
    for asset in assets.values():
        if asset.gas_kw is not None:
            gas_kwh = gas_kwh + asset.gas_kw * step_h
    heat = heat_of(forms, situation, assets)
    return np.maximum(grid_kw, 0.0) * step_h, np.maximum(-grid_kw, 0.0) * step_h, gas_kwh, heat


def excess_in_words(terms: CapTerms, excess: float, left: float, period: int) -> str:
    where = ", next month" if period else ""
    return f"{terms.name}{where}: {excess:.1f} {terms.unit} more than the {left:.1f} that are left"


def _period(cap: AnyCap, prices: Prices) -> NDArray[np.int64]:
    return prices.month if cap.over == "month" else np.zeros_like(prices.month)


def _left(cap: AnyCap, most: float | FloatArray, used: float) -> FloatArray:
    left = np.broadcast_to(np.asarray(most, dtype=np.float64), (PERIODS,)).copy()
    if cap.over == "month":
        left[0] -= used
    return np.maximum(left, 0.0)


def _generation_kw(site: Site, situation: Situation) -> FloatArray:
    """What sun and wind could feed; other sources cannot be held back, and do not count."""
    total_kw = np.zeros(situation.steps)
    for name, form in forms_of(site).items():
        if isinstance(form, Source) and form.bus == ELECTRICITY and form.free:
            total_kw = total_kw + form.offered(name, situation)
    return total_kw


def counted_late(site: Site, situation: Situation) -> list[str]:
    """What must be known of a plan whose ladder or caps rest on an incomplete count, in words."""
    caps, used = site.file.caps, situation.used
    periods: set[str] = {cap.over for cap in (caps.carbon, caps.energy_budget, caps.export_share) if cap is not None}
    periods |= {tariff.ladder.over for tariff in site.tariffs if tariff.ladder is not None}
    found = []
    for period, since in (("month", used.month_since), ("year", used.year_since)):
        if period in periods and since is not None:
            found.append(f"what the {period} has used is counted only from {since.isoformat()} on")
    return found
