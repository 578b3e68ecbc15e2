"""What a simulated park did, from its truth file: means of each interval by bus, and what the stores held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, get_args

import numpy as np

from config.asset import KWH_PER_KG_HYDROGEN, Carrier, carrier_of, heat_bus_of
from config.assets import Asset, Battery, HeatLoad, HotWaterTank
from config.hydrogen_assets import HydrogenLoad, HydrogenTank
from config.site import Site
from config.thermal_assets import ColdStore, CoolingLoad, SteamLoad
from dispatch.plan import FloatArray
from dispatch.tariff import calendar_of

SHOWN_FROM_KW = 0.05
"""A flow that never exceeds this is no area that one could see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The mean power of one asset on one bus in each interval, shape (n,)."""

    asset: str
    towards_kw: FloatArray
    """+ feeds the bus, - takes from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusCourse:
    """One bus over the intervals, each array of shape (n,)."""

    flows: Sequence[Flow]
    """Only assets that one would see, in the site's order."""
    surplus_kw: FloatArray
    """What nobody took."""
    unserved_kw: FloatArray
    """What loads wanted and did not get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something out of the ordinary that was given to the park."""

    what: str
    begin: datetime
    end: datetime
    is_fault: bool
    """A fault or an outage of the grid; else a part of a scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A run of a simulated park on its intervals of 15 minutes."""

    edges: Sequence[datetime]
    """Bounds of the intervals, aware, n + 1 of them; the first and the last interval may be shorter."""
    buses: Mapping[str, BusCourse]
    """Electricity, the heat buses and so on, as far as anything flowed."""
    stored_kwh: Mapping[str, FloatArray]
    """By store: what it held at each bound, shape (n + 1,)."""
    curtailed_kw: FloatArray
    import_price_per_kwh: FloatArray
    """At the middle of each interval."""
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The energies of a whole run on one bus in kWh: supplied = used + surplus + gap."""

    bus: str
    supplied_kwh: float
    used_kwh: float
    surplus_kwh: float

    @property
    def gap_kwh(self) -> float:
        return self.supplied_kwh - self.used_kwh - self.surplus_kwh


def course_of(site: Site, truth: Mapping[str, Any]) -> Course:
    """Raises ValueError for a run that did not last, NoTariff for a time that no tariff covers."""
    intervals: Sequence[Mapping[str, Any]] = truth["park"]["intervals"]
    if not intervals:
        raise ValueError("the run was over before anything happened")
    edges = [datetime.fromisoformat(truth["start"])]
    for interval in intervals:
        edges.append(edges[-1] + timedelta(seconds=interval["seconds"]))
    hours = np.array([interval["seconds"] / 3600 for interval in intervals])
    calendar = calendar_of(site)
    middles = [edge + (after - edge) / 2 for edge, after in pairwise(edges)]
    return Course(
        edges=edges,
        buses={balance.bus: _bus_course(site, intervals, balance.bus, hours) for balance in balances(site, truth)},
        stored_kwh=_stored(site, truth, intervals),
        curtailed_kw=np.array([interval["curtailed_kwh"] for interval in intervals]) / hours,
        import_price_per_kwh=np.array([calendar.import_price_at(middle, site.spot) for middle in middles]),
        marks=_marks(truth, edges[-1]),
    )


def balances(site: Site, truth: Mapping[str, Any]) -> list[Balance]:
    """Every bus on which anything flowed: electricity first, then the heat buses, steam, cold and hydrogen."""
    total: Mapping[str, Any] = truth["park"]["total"]
    heat = {heat_bus_of(asset, way): None for asset in site.assets.values() for way in (1, -1)}
    found = []
    for carrier in get_args(Carrier):
        for bus in heat if carrier == "heat" else (carrier,):
            pairs = [exchanged_kwh(site.assets[name], of, bus) for name, of in total["assets"].items()]
            fed_kwh, used_kwh = sum(fed for fed, _ in pairs), sum(used for _, used in pairs)
            if fed_kwh or used_kwh:
                surplus_kwh = total["surplus_kwh"].get(bus, 0.0)
                found.append(Balance(bus=bus, supplied_kwh=fed_kwh, used_kwh=used_kwh, surplus_kwh=surplus_kwh))
    return found


def exchanged_kwh(asset: Asset, account: Mapping[str, float], bus: str) -> tuple[float, float]:
    """What an asset gave to a bus, and what it took from it. Some take heat from one bus and give it to another."""
    carrier = carrier_of(bus)
    gives, takes = (carrier != "heat" or heat_bus_of(asset, way) == bus for way in (1, -1))
    fed_kwh, used_kwh = account[f"{carrier}_fed_kwh"], account[f"{carrier}_used_kwh"]
    return fed_kwh if gives else 0.0, used_kwh if takes else 0.0


def capacity_kwh(asset: Asset) -> float | None:
    """The most that a store holds, None for what is no store. Hydrogen counts with its lower heating value."""
    match asset:
        case Battery() | HotWaterTank() | ColdStore():
            return asset.capacity_kwh
        case HydrogenTank():
            return asset.capacity_kg * KWH_PER_KG_HYDROGEN
        case _:
            return None


def _bus_course(site: Site, intervals: Sequence[Mapping[str, Any]], bus: str, hours: FloatArray) -> BusCourse:
    flows = []
    unserved_kwh = np.zeros(len(intervals))
    for name in intervals[0]["assets"]:
        asset = site.assets[name]
        pairs = [exchanged_kwh(asset, interval["assets"][name], bus) for interval in intervals]
        towards_kw: FloatArray = np.array([fed - used for fed, used in pairs]) / hours
        if float(np.abs(towards_kw).max()) > SHOWN_FROM_KW:
            flows.append(Flow(asset=name, towards_kw=towards_kw))
        if _served_by(asset) == bus:
            unserved_kwh += np.array([interval["assets"][name]["unserved_kwh"] for interval in intervals])
    surplus_kwh = np.array([interval["surplus_kwh"].get(bus, 0.0) for interval in intervals])
    return BusCourse(flows=flows, surplus_kw=surplus_kwh / hours, unserved_kw=unserved_kwh / hours)


def _served_by(load: Asset) -> str:
    """The bus that a load wants something of; electricity for whatever else."""
    match load:
        case HeatLoad():
            return heat_bus_of(load, -1)
        case SteamLoad():
            return "steam"
        case CoolingLoad():
            return "cooling"
        case HydrogenLoad():
            return "hydrogen"
        case _:
            return "electricity"


def _stored(site: Site, truth: Mapping[str, Any], intervals: Sequence[Mapping[str, Any]]) -> dict[str, FloatArray]:
    """Reckoned back from what is there at the end."""
    found: dict[str, FloatArray] = {}
    for name, at_end_kwh in truth["stored_kwh"].items():
        if capacity_kwh(site.assets[name]) is None:
            continue
        changes = np.array([interval["assets"][name]["stored_kwh"] for interval in intervals])
        found[name] = at_end_kwh - np.concatenate((np.cumsum(changes[::-1])[::-1], [0.0]))
    return found


def _marks(truth: Mapping[str, Any], ended: datetime) -> list[Mark]:
    given = [(False, entry["what"], entry) for entry in truth.get("scenario", {}).get("marks", ())]
    given += [(True, _fault_words(entry), entry) for entry in truth["faults"]]
    found = []
    for is_fault, what, entry in given:
        begin = datetime.fromisoformat(entry["begin"])
        end = ended if entry["end"] is None else min(datetime.fromisoformat(entry["end"]), ended)
        if begin < ended:
            found.append(Mark(what=what, begin=begin, end=end, is_fault=is_fault))
    return sorted(found, key=lambda mark: mark.begin)


def _fault_words(entry: Mapping[str, Any]) -> str:
    if entry["kind"] == "breaker_open":
        return "grid outage: the breaker is open"
    return f"fault: {entry['kind'].replace('_', ' ')}, {entry['target']}"
