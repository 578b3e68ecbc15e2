"""What a plan costs by term, added up from its numbers and the tariff."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from config.site import Site
from dispatch.forms.connection import grid_kw_of
from dispatch.forms.network import heat_of
from dispatch.plan import AssetPlan, FloatArray, Situation
from dispatch.registry import forms_of
from dispatch.tariff import Prices

TERMS = ("energy_import", "export_revenue", "demand", "gas", "heat", "carbon", "wear", "ladder", "starts")
"""The terms of `Plan.cost`, in the order in which people read them; export revenue is negative, and heat is what is
paid for heat and steam less what is earned with them."""


def peaks_kw(site: Site, prices: Prices, situation: Situation) -> FloatArray:
    """The peak that each month of the horizon has before the plan starts, shape (months,).

    The running month has that so far; one that begins within the horizon starts from the site's floor. It is no less
    than a usual month's, or than what a contracted demand allows.
    """
    peaks = np.full(len(prices.demand_per_kw), site.file.month_peak_floor_kw)
    peaks[0] = situation.month_peak_kw
    highest: FloatArray = np.maximum(np.maximum(peaks, prices.free_kw), situation.usual_peak_kw)
    return highest


def bill(site: Site, prices: Prices, situation: Situation, assets: Mapping[str, AssetPlan]) -> dict[str, float]:
    """Cost by term over the horizon, in the site's currency.

    The demand charge is that on the excess of each month's highest interval over its peak so far; the contracted
    demand itself is paid whatever the plan does. The ladder's surcharge is what the plan adds to that so far.
    """
    step_h = situation.step_h
    forms = forms_of(site)
    grid_kw = grid_kw_of(forms, assets)
    import_kwh = np.maximum(grid_kw, 0.0) * step_h
    export_kwh = np.maximum(-grid_kw, 0.0) * step_h
    gas_kwh = np.zeros(len(step_h))
    for asset in assets.values():
        if asset.gas_kw is not None:
            gas_kwh = gas_kwh + asset.gas_kw * step_h
    heat = heat_of(forms, situation, assets)
    wear = sum(form.wear(assets[name], step_h) for name, form in forms.items())
    starts = sum(form.starting(name, situation, assets[name]) for name, form in forms.items())
    demand = 0.0
    for month, peak_kw in enumerate(peaks_kw(site, prices, situation)):
        highest_kw = float(np.max(grid_kw[prices.month == month], initial=0.0))
        demand += float(prices.demand_per_kw[month]) * max(0.0, highest_kw - float(peak_kw))
    return {
        "energy_import": float(prices.import_per_kwh @ import_kwh),
        "export_revenue": -float(prices.export_per_kwh @ export_kwh),
        "demand": demand,
        "gas": float(prices.gas_per_kwh @ gas_kwh),
        "heat": float(heat.cost.sum()),
        "carbon": float(
            prices.import_carbon_per_kwh @ import_kwh
            + prices.gas_carbon_per_kwh @ gas_kwh
            + prices.carbon_per_kg @ heat.co2_kg
        ),
        "wear": float(wear),
        "ladder": 0.0 if prices.ladder is None else prices.ladder.cost(situation.used, import_kwh),
        "starts": float(starts),
    }
