"""What a simulated period cost, from what really happened in it: the same bill for a park with and without control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from config.assets import Battery, GasBoiler, HeatPump, HotWaterTank
from config.heat_network import HeatConnection, NetworkConnection
from config.site import Site
from dispatch.battery_curves import DepthWear
from dispatch.demand_charge import DemandCharge
from dispatch.tariff import calendar_of
from dispatch.traded_heat import TradedHeat, no_heat, traded_in

TERMS = ("import", "export", "demand", "contract", "ladder", "gas", "heat", "carbon", "wear", "stored energy")
"""The terms of a settled bill, in the order in which people read them."""

HALF_FULL = 0.5
"""How stores of a simulated park begin where the site file says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Cost by term in the site's currency; what lowers the bill is negative."""

    terms: Mapping[str, float]
    co2_kg: float

    @property
    def total(self) -> float:
        return sum(self.terms.values())


def settle(site: Site, truth: Mapping[str, Any], which: str) -> Bill:
    """The bill of one book of the simulated park's truth (`simulators.truth`): ``park`` or ``without_control``.

    The demand charge is that on the highest complete interval of each month above the site's floor, or above what the
    contracted demand allows; the contracted demand itself is paid by the hour, as its share of the month. A ladder
    begins with the period, as if the month (or the year) did. Energy
    that stores hold more, or less, at the end than at the start is settled at what it costs to put it there:
    electricity at the cheapest import price of the day that follows, with the charging loss, and heat from that
    electricity, from gas or from a network, whichever is cheaper.
    """
    book: Mapping[str, Any] = truth[which]
    calendar = calendar_of(site)
    intervals: Sequence[Mapping[str, Any]] = book["intervals"]
    terms = dict.fromkeys(TERMS, 0.0)
    peaks_kw: dict[str, float] = {}
    charges: dict[str, DemandCharge] = {}
    climbed_kwh: dict[str, float] = {}
    co2_kg = 0.0
    for interval in intervals:
        start = datetime.fromisoformat(interval["start"])
        tariff = calendar.tariff_at(start)
        price = calendar.import_price_at(start, site.spot)
        terms["import"] += interval["import_kwh"] * price
        terms["export"] -= interval["export_kwh"] * calendar.export_price_at(start, site.spot)
        terms["gas"] += interval["gas_kwh"] * tariff.gas_per_kwh
        heat = _heat_of(site, interval, start)
        terms["heat"] += float(heat.cost.sum())
        emitted_kg = float(heat.co2_kg.sum())
        emitted_kg += interval["import_kwh"] * tariff.grid_co2_kg_per_kwh
        emitted_kg += interval["gas_kwh"] * tariff.gas_co2_kg_per_kwh
        terms["carbon"] += emitted_kg / 1000 * tariff.carbon_price_per_t
        co2_kg += emitted_kg
        local = start.astimezone(ZoneInfo(tariff.time_zone))
        month = local.strftime("%Y-%m")
        charges[month] = calendar.demand_charge_at(start)
        terms["contract"] += charges[month].agreed_per_h * interval["seconds"] / 3600
        if (ladder := tariff.ladder) is not None:
            period = month if ladder.over == "month" else local.strftime("%Y")
            before_kwh = climbed_kwh.get(period, 0.0)
            climbed_kwh[period] = before_kwh + interval["import_kwh"]
            terms["ladder"] += ladder.surcharge_of(interval["import_kwh"], before_kwh)
        if interval["seconds"] >= site.control.interval_min * 60:
            peaks_kw[month] = max(peaks_kw.get(month, 0.0), interval["demand_kw"])
    for month, peak_kw in peaks_kw.items():
        charge = charges[month]
        terms["demand"] += charge.per_kw * max(0.0, peak_kw - max(site.file.month_peak_floor_kw, charge.free_kw))
    accounts: Mapping[str, Mapping[str, float]] = book["total"]["assets"]
    stored = stored_prices(site, truth)
    for name, battery in site.of_kind(Battery).items():
        terms["wear"] += accounts[name]["electricity_fed_kwh"] * battery.wear_cny_per_kwh
        terms["wear"] += _wear_by_depth(site, name, battery, intervals)
        terms["stored energy"] -= accounts[name]["stored_kwh"] * stored.electricity / battery.charge_efficiency
    for name in site.of_kind(HotWaterTank):
        terms["stored energy"] -= accounts[name]["stored_kwh"] * stored.heat
    return Bill(terms=terms, co2_kg=co2_kg)


@dataclass(frozen=True, slots=True)
class StoredPrices:
    """What it costs to put a kWh where one is missing at the end."""

    electricity: float
    """At the connection: a battery takes more than it keeps."""
    heat: float


def stored_prices(site: Site, truth: Mapping[str, Any]) -> StoredPrices:
    """By the day that follows the period; see `settle`."""
    calendar = calendar_of(site)
    total = truth["park"]["total"]
    end = datetime.fromisoformat(total["start"]) + timedelta(seconds=total["seconds"])
    day = [end + timedelta(minutes=15 * step) for step in range(96)]
    cheapest = min(calendar.import_price_at(when, site.spot) for when in day)
    return StoredPrices(cheapest, _heat_price(site, truth, cheapest, calendar.tariff_at(end).gas_per_kwh))


def _wear_by_depth(site: Site, name: str, battery: Battery, intervals: Sequence[Mapping[str, Any]]) -> float:
    """What the battery's cycles cost by their depth, from its stored energy at the bounds of the intervals."""
    if not battery.wear_by_depth:
        return 0.0
    simulation = site.file.simulation
    soc = simulation.initial_soc.get(name, HALF_FULL) if simulation is not None else HALF_FULL
    changes_kwh = [interval["assets"][name]["stored_kwh"] for interval in intervals]
    stored_kwh = np.cumsum([soc * battery.capacity_kwh, *changes_kwh])
    return DepthWear.of(battery.wear_by_depth, battery.capacity_kwh).cost(stored_kwh)


def _heat_of(site: Site, interval: Mapping[str, Any], start: datetime) -> TradedHeat:
    """What networks sold to the park in an interval, and took from it, as heat or as steam."""
    networks = site.of_kind(NetworkConnection)
    if not networks or interval["seconds"] == 0:
        return no_heat(1)
    accounts = {name: interval["assets"][name] for name in networks}
    return traded_in(
        networks,
        ZoneInfo(site.location.time_zone),
        start,
        interval["seconds"] / 3600,
        {name: account["heat_fed_kwh"] + account["steam_fed_kwh"] for name, account in accounts.items()},
        {name: account["heat_used_kwh"] + account["steam_used_kwh"] for name, account in accounts.items()},
    )


def _heat_price(site: Site, truth: Mapping[str, Any], import_price: float, gas_price: float) -> float:
    """The cheapest kWh of heat, with the heat pumps as efficient as they were in either book."""
    prices = [gas_price / boiler.efficiency for boiler in site.of_kind(GasBoiler).values()]
    sellers = [network for network in site.of_kind(HeatConnection).values() if network.import_limit_kw > 0.0]
    prices += [min(network.import_price_per_kwh.values()) for network in sellers]
    for name in site.of_kind(HeatPump):
        accounts = [truth[which]["total"]["assets"][name] for which in ("park", "without_control")]
        used_kwh = sum(account["electricity_used_kwh"] for account in accounts)
        if used_kwh > 0:
            prices.append(import_price * used_kwh / sum(account["heat_fed_kwh"] for account in accounts))
    return min(prices, default=import_price)
