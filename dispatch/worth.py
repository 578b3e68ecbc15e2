"""What is on no bill but steers a plan: prices of what must not happen, and the value of stores at the end.

Prices of slack are multiples of the dearest that the site's tariffs can ask for one kWh, so that they hold in
any currency, and they are ranked: a park that cannot have everything first leaves cooling and heat unserved (buildings
and baths are slow), then hydrogen, steam and vehicles, then sheds the loads that may be shed, then imports beyond
its limit, and cuts off electric loads; a hard cap it exceeds last of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from config.asset import Carrier
from config.heat_network import NetworkConnection
from config.site import Site
from config.tariff import Tariff
from dispatch.demand_charge import dearest_demand
from dispatch.forms.connection import Connection
from dispatch.forms.converter import Converter, PointSeries
from dispatch.forms.form import Form
from dispatch.forms.network import Network
from dispatch.forms.source import Source
from dispatch.plan import ELECTRICITY, BusId, FloatArray, Situation
from dispatch.tariff import Prices

OVER_CYCLES_TIMES = 1.5
"""Discharged beyond the cycles that a battery may have in a day: above any saving of money, below all that is left
unserved, for which a warranty may suffer."""
RESERVE_TIMES, RESERVE_LASTING_TIMES = 1.2, 1.0
"""A kWh of reserve that is not kept: the worst of it, above any saving of money, and on top what it costs for the whole
horizon, so that a battery that begins empty is filled soon. Together below all that is left unserved."""
UNSERVED_HEAT_TIMES = 3.0
"""Unserved heat costs this many times the dearest kWh: more than any saving on the bill, and more than the
2.2 that a store outside its window and short at the end may cost, so that no tank is filled by leaving people cold."""
UNSERVED_COOLING_TIMES = 2.5
"""Below heat and above those 2.2: times 12, more than a chiller's COP on any day, it stays below the import limit."""
UNSERVED_HYDROGEN_TIMES = 6.0
"""Above heat and cooling: lorries wait. An electrolyser gives less than a kWh for each, so it never breaks the
import limit."""
UNSERVED_STEAM_TIMES = 9.0
"""Above the others: a process stops."""
UNSERVED_WINDOW_TIMES = 10.0
"""A vehicle that leaves with less than it wanted, a job that is not done."""
SHED_FIRST_TIMES, SHED_STEP_TIMES = 20.0, 0.1
"""A load that may be shed, above heat by more than the COP of a usual day, and the step from one place in the order
to the next: 99 of them end below the import limit."""
OVER_LIMIT_TIMES = 30.0
"""Above heat by 10, more than any heat pump's COP: it stops before it breaks the import limit."""
UNSERVED_LOAD_TIMES = 90.0
"""Above the limit's: the rank needs only a clear factor, and 3 keeps costs within what solvers like."""
UNSERVED_TIMES: Mapping[Carrier, float] = {
    "electricity": UNSERVED_LOAD_TIMES,
    "heat": UNSERVED_HEAT_TIMES,
    "steam": UNSERVED_STEAM_TIMES,
    "cooling": UNSERVED_COOLING_TIMES,
    "hydrogen": UNSERVED_HYDROGEN_TIMES,
}
"""By carrier, for what is taken under local control, and not by a load that has a rank of its own."""
HARD_CAP_TIMES = 180.0
"""Exceeding a hard cap, per kWh that counts least towards it: twice the loads, so that it is relaxed last."""
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

    dearest_per_kwh: float
    """What `*_TIMES` counts in: the dearest kWh of energy, with a new peak for its sake."""
    over_limit_per_kwh: float
    over_cycles_per_kwh: float
    reserve_per_kwh: float
    reserve_per_kwh_h: float
    outside_per_kwh_h: float
    left_over_per_kwh: float
    hard_cap_per_kwh: float
    prices_below_zero: bool
    """Whether more import may be paid for, or export may cost something."""

    def unserved_per_kwh(self, times: float) -> float:
        return times * self.dearest_per_kwh


def shed_times(order: int) -> float:
    """The rank of a load that may be shed, by its place in the order; the first is the cheapest."""
    return SHED_FIRST_TIMES + SHED_STEP_TIMES * order


def worth_of(site: Site, step_h: FloatArray) -> Worth:
    """Slack prices from all tariffs of the site; `step_h` turns a demand charge into a price of one kWh."""
    spot = site.file.spot_prices
    energy = max(_dearest_per_kwh(tariff, None if spot is None else spot.most_per_kwh) for tariff in site.tariffs)
    energy = max(energy, _dearest_heat(site))
    demand = max(dearest_demand(tariff) for tariff in site.tariffs) / float(np.min(step_h))
    dearest = energy + demand
    return Worth(
        dearest_per_kwh=dearest,
        reserve_per_kwh=RESERVE_TIMES * dearest,
        reserve_per_kwh_h=RESERVE_LASTING_TIMES * dearest / float(np.sum(step_h)),
        over_cycles_per_kwh=OVER_CYCLES_TIMES * dearest,
        over_limit_per_kwh=OVER_LIMIT_TIMES * dearest,
        left_over_per_kwh=LEFT_OVER_TIMES * energy,
        hard_cap_per_kwh=HARD_CAP_TIMES * dearest,
        prices_below_zero=(spot is not None and spot.least_per_kwh < 0.0)
        or any(tariff.export_per_kwh < 0.0 for tariff in site.tariffs),
        outside_per_kwh_h=OUTSIDE_TIMES * energy / float(np.sum(step_h)),
    )


def _dearest_per_kwh(tariff: Tariff, spot_per_kwh: float | None) -> float:
    """`spot_per_kwh` is the most that a spot market may ask."""
    floating = max(tariff.base_per_kwh.values()) * max(tariff.ratios.values())
    power = tariff.fixed_per_kwh + max(floating, spot_per_kwh or 0.0)
    if tariff.ladder is not None:
        power += tariff.ladder.steps[-1].surcharge_per_kwh
    power += tariff.carbon_price_per_t * tariff.grid_co2_kg_per_kwh / 1000.0
    gas = tariff.gas_per_kwh + tariff.carbon_price_per_t * tariff.gas_co2_kg_per_kwh / 1000.0
    return max(power, gas, tariff.export_per_kwh, spot_per_kwh or 0.0, 10.0 * TIE)


def _dearest_heat(site: Site) -> float:
    """The dearest kWh that a network sells, carbon included; 0 without one."""
    carbon_per_kg = max(tariff.carbon_price_per_t for tariff in site.tariffs) / 1000.0
    return max(
        (
            max(network.import_price_per_kwh.values()) + carbon_per_kg * network.co2_kg_per_kwh
            for network in site.dispatched_of(NetworkConnection).values()
        ),
        default=0.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndValue:
    """What a stored kWh is worth at the end of the horizon, in one carrier."""

    keep_per_kwh: float
    """For each kWh that is there less than at the start."""
    spare_per_kwh: float
    """For each kWh more than at the start."""


def end_values(forms: Mapping[str, Form], situation: Situation, prices: Prices) -> dict[BusId, EndValue]:
    """By bus, from the dearest and the cheapest way to make one kWh there within the horizon: what a stored kWh can
    replace, and what it costs.

    Where nothing makes it, a kWh is worth as much as one of electricity.
    """
    buses = {bus for form in forms.values() for bus in form.buses}
    found = {
        bus: EndValue(keep_per_kwh=value, spare_per_kwh=value) for bus, value in situation.end_value_per_kwh.items()
    }
    for bus in buses - found.keys():
        costs = _costs(bus, forms, situation, prices, frozenset())
        cost = np.concatenate(costs) if costs else prices.import_cost_per_kwh
        found[bus] = EndValue(
            # where import is paid for, more in store is worth nothing, and never less than that
            keep_per_kwh=KEEP_TIMES * max(float(cost.max()), 0.0),
            spare_per_kwh=SPARE_TIMES * max(float(cost.min()), 0.0),
        )
    return found


def _costs(
    bus: BusId, forms: Mapping[str, Form], situation: Situation, prices: Prices, above: frozenset[BusId]
) -> list[FloatArray]:
    """What one kWh costs on a bus by each way to make it, each of shape (steps,); so does what it is made from."""
    if bus == ELECTRICITY:
        return [prices.import_cost_per_kwh + surcharge for surcharge in _surcharges(forms, situation, prices)]
    gas_per_kwh = prices.gas_per_kwh + prices.gas_carbon_per_kwh
    found: list[FloatArray] = []
    for name, form in forms.items():
        if name in situation.unavailable:
            continue
        if isinstance(form, Source) and form.bus == bus:
            found.append(np.zeros(situation.steps))
        if isinstance(form, Network) and form.bus == bus and form.spec.import_limit_kw > 0.0:
            found.append(form.import_cost_per_kwh(situation, prices))
        if not isinstance(form, Converter) or form.makes != bus or above & set(form.buses):
            continue
        within = above | {bus}
        ways = {other: _costs(other, forms, situation, prices, within) for other in form.buses if other != bus}
        for point in form.curve(name, situation):
            found += _by_point(point, bus, gas_per_kwh, ways)
    return found


def _surcharges(forms: Mapping[str, Form], situation: Situation, prices: Prices) -> tuple[float, ...]:
    """The lowest and the highest surcharge of a ladder that one more kWh may pay within the horizon."""
    if prices.ladder is None:
        return (0.0,)
    limit_kw = sum(form.import_limit_kw for form in forms.values() if isinstance(form, Connection))
    return prices.ladder.reachable(situation.used, limit_kw * float(situation.step_h.sum()))


def _by_point(
    point: PointSeries, bus: BusId, gas_per_kwh: FloatArray, ways: Mapping[BusId, list[FloatArray]]
) -> list[FloatArray]:
    """What one kWh costs at one operating point, with its other flows bought or sold at their dearest and cheapest."""
    made_kw = point.flows_kw[bus]
    if not np.all(made_kw > 0.0):
        return []
    costs = []
    for pick in (np.min, np.max):
        cost = gas_per_kwh * point.gas_kw
        for other, flow_kw in point.flows_kw.items():
            if other != bus and ways[other]:
                cost = cost - pick(np.array(ways[other]), axis=0) * flow_kw
        costs.append(np.maximum(cost / made_kw, 0.0))
    return costs
