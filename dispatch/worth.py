"""What is on no bill but steers a plan: prices of what must not happen, and the value of stores at the end.

Prices of slack are multiples of the dearest that the site's tariffs can ask for one kWh, so that they hold in
any currency, and they are ranked: a park that cannot have everything first leaves heat unserved (buildings and
baths are slow), then imports beyond its limit, and cuts off electric loads last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.assets import GasBoiler, HeatPump
from config.site import Site
from config.tariff import Tariff
from dispatch.plan import FloatArray, Situation
from dispatch.tariff import Prices

UNSERVED_HEAT_TIMES = 3.0
"""Unserved heat costs this many times the dearest kWh: more than any saving on the bill, and more than the
2.2 that a store outside its window and short at the end may cost, so that no tank is filled by leaving people cold."""
OVER_LIMIT_TIMES = 30.0
"""Above heat by 10, more than any heat pump's COP: it stops before it breaks the import limit."""
UNSERVED_LOAD_TIMES = 90.0
"""Above the limit's: the rank needs only a clear factor, and 3 keeps costs within what solvers like."""
OUTSIDE_TIMES = 1.0
"""Outside the SOC window, per kWh for the whole horizon, in dearest energy prices: the way back is taken at once
where energy costs the same all day, in the next cheap hours where it does not, and never at the price of a new
monthly peak or of the import limit. Going further out is not priced but impossible."""

LEFT_OVER_TIMES = 0.4
"""Electricity that nobody can take, in dearest energy prices: above what it costs to be rid of it by a negative export
price, and below the wear of a battery that burns it in its losses, which takes ten times as much through it."""

KEEP_TIMES = 1.2
"""A kWh that is missing at the end, in dearest prices of the horizon: above what any hour could pay for it."""
SPARE_TIMES = 0.9
"""A kWh more than at the start, in cheapest prices: below what buying it costs, so that it is only worth to
store what would be lost otherwise."""

TIE = 1e-4
"""Currency per kWh for breaking ties: a few thousandths of any real price difference, and well above what the
solver's tolerance of 1e-7 blurs. The battery's throughput and export carry it."""
TIE_CURTAIL = 1e-5
"""Worth of generated power on top of everything, a tenth of `TIE`: otherwise a battery would burn surplus in
its losses to save it. It falls over the horizon, so that what must be curtailed is curtailed late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Slack prices of a site, per kWh; constant, because all tariffs that may ever apply are known."""

    over_limit_per_kwh: float
    unserved_heat_per_kwh: float
    unserved_load_per_kwh: float
    outside_per_kwh_h: float
    left_over_per_kwh: float


def worth_of(site: Site, step_h: FloatArray) -> Worth:
    """Slack prices from all tariffs of the site; `step_h` turns a demand charge into a price of one kWh."""
    energy = max(_dearest_per_kwh(tariff) for tariff in site.tariffs)
    demand = max(tariff.demand_charge_per_kw_month for tariff in site.tariffs) / float(np.min(step_h))
    dearest = energy + demand
    return Worth(
        over_limit_per_kwh=OVER_LIMIT_TIMES * dearest,
        unserved_heat_per_kwh=UNSERVED_HEAT_TIMES * dearest,
        unserved_load_per_kwh=UNSERVED_LOAD_TIMES * dearest,
        left_over_per_kwh=LEFT_OVER_TIMES * energy,
        outside_per_kwh_h=OUTSIDE_TIMES * energy / float(np.sum(step_h)),
    )


def _dearest_per_kwh(tariff: Tariff) -> float:
    power = tariff.fixed_per_kwh + max(tariff.base_per_kwh.values()) * max(tariff.ratios.values())
    power += tariff.carbon_price_per_t * tariff.grid_co2_kg_per_kwh / 1000.0
    gas = tariff.gas_per_kwh + tariff.carbon_price_per_t * tariff.gas_co2_kg_per_kwh / 1000.0
    return max(power, gas, tariff.export_per_kwh, 10.0 * TIE)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndValue:
    """What a stored kWh is worth at the end of the horizon, in one carrier."""

    keep_per_kwh: float
    """For each kWh that is there less than at the start."""
    spare_per_kwh: float
    """For each kWh more than at the start."""


def electricity_end_value(prices: Prices) -> EndValue:
    """From the dearest and the cheapest import of the horizon: what a stored kWh can replace, and what it costs."""
    cost = prices.import_cost_per_kwh
    return EndValue(keep_per_kwh=KEEP_TIMES * float(cost.max()), spare_per_kwh=SPARE_TIMES * float(cost.min()))


def heat_end_value(site: Site, situation: Situation, prices: Prices) -> EndValue:
    """From the dearest and the cheapest way to make one kWh of heat within the horizon.

    Without a source of heat, a kWh is worth as much as one of electricity.
    """
    costs = [
        (prices.gas_per_kwh + prices.gas_carbon_per_kwh) / boiler.efficiency
        for name, boiler in site.dispatched_of(GasBoiler).items()
        if name not in situation.unavailable
    ] + [
        prices.import_cost_per_kwh / situation.cop[name]
        for name in site.dispatched_of(HeatPump)
        if name not in situation.unavailable
    ]
    cost = np.concatenate(costs) if costs else prices.import_cost_per_kwh
    return EndValue(keep_per_kwh=KEEP_TIMES * float(cost.max()), spare_per_kwh=SPARE_TIMES * float(cost.min()))
