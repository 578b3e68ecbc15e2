"""Whether the month's peak can be held: the next minutes, as they will be if the park goes on as now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config.assets import Battery
from config.battery_curves import share_left
from config.flexible_assets import EvChargers, SheddableLoad
from controller.deciding.maker import Maker, electricity_per_kw
from controller.deciding.roles import ROLES
from controller.deciding.taker import cheaper_than_a_peak
from controller.demand_guard import Demand
from controller.image import Snapshot

LOOKS_AHEAD_MIN = 15
"""Long enough for somebody to switch something off at least five minutes before the peak grows."""
DOUBT = 0.15
"""How far loads may rise above what is measured and planned, as a share of the target: within the 15 minutes that are
looked at no plan knows them better, and an empty battery cannot be filled in the five minutes before the peak."""
COUNTS_FROM = 0.005
"""A peak that grows by less than this share is within the meter's class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandRisk:
    """A peak that will grow."""

    in_min: int
    """How soon the mean of 15 minutes passes the target: 0 when it does now."""
    by_kw: float
    """By how much within the time that is looked at."""
    battery_kw: float
    """What batteries give until they are empty."""

    def in_words(self, target_kw: float) -> str:
        when = "now" if self.in_min == 0 else f"in {self.in_min} min"
        return (
            f"the mean of 15 minutes passes {target_kw:.0f} kW {when}, by up to {self.by_kw:.0f} kW; "
            f"batteries give {self.battery_kw:.0f} kW"
        )


@dataclass(slots=True)
class _Reserve:
    """What one battery can still give."""

    most_kw: float
    left_kwh: float


def demand_risk(
    snapshot: Snapshot, demand: Demand, minutes_kw: Sequence[float], rises_kw: Sequence[float]
) -> DemandRisk | None:
    """The risk that the peak grows although all that can give way does; None when there is none.

    `minutes_kw` are the mean imports of the last 14 minutes, oldest first. What loads take less what generators feed
    stays as it is now, but for `rises_kw`, by which the plan expects it to rise in each of the next minutes, and for
    the doubt in both.
    """
    grid_kw = snapshot.power_kw(snapshot.site.grid[0])
    if grid_kw is None:
        return None
    reserves, giving_kw = _batteries(snapshot)
    net_kw = grid_kw + giving_kw - _can_wait_kw(snapshot, demand)
    seen = list(minutes_kw)
    first, worst_kw, battery_kw = None, 0.0, 0.0
    for minute, planned_kw in enumerate(rises_kw):
        rise_kw = planned_kw + DOUBT * demand.target_kw
        allowed_kw = demand.target_kw * 15.0 - sum(seen[-14:])
        given_kw = _give(reserves, max(0.0, net_kw + rise_kw - max(allowed_kw, 0.0)))
        battery_kw = max(battery_kw, given_kw)
        imported_kw = max(0.0, net_kw + rise_kw - given_kw)
        beyond_kw = (imported_kw - allowed_kw) / 15.0
        if beyond_kw > COUNTS_FROM * demand.target_kw:
            first = minute if first is None else first
            worst_kw = max(worst_kw, beyond_kw)
        seen.append(imported_kw)
    return None if first is None else DemandRisk(in_min=first, by_kw=worst_kw, battery_kw=battery_kw)


def _batteries(snapshot: Snapshot) -> tuple[list[_Reserve], float]:
    """What they can give, and what they give now."""
    reserves, giving_kw = [], 0.0
    for name, battery in snapshot.site.dispatched_of(Battery).items():
        soc, power_kw = snapshot.value(name, "soc"), snapshot.power_kw(name)
        if soc is None or power_kw is None or not snapshot.available(name) or snapshot.site.setpoint(name) is None:
            continue
        left_kwh = max(0.0, soc - battery.soc_min) * battery.capacity_kwh * battery.discharge_efficiency
        most_kw = share_left(battery.discharge_taper, soc) * battery.max_discharge_kw
        reserves.append(_Reserve(most_kw, left_kwh))
        giving_kw += power_kw
    return reserves, giving_kw


def _give(reserves: list[_Reserve], wanted_kw: float) -> float:
    """Takes a minute's power from the batteries; what they give."""
    given_kw = 0.0
    for reserve in reserves:
        kw = min(wanted_kw - given_kw, reserve.most_kw, reserve.left_kwh * 60.0)
        reserve.left_kwh -= kw / 60.0
        given_kw += kw
    return given_kw


def _can_wait_kw(snapshot: Snapshot, demand: Demand) -> float:
    """Electricity of what the demand guard makes wait: chargers, makers of heat and cold, loads cheap to shed."""
    total_kw = 0.0
    for name, asset in snapshot.site.dispatched.items():
        power_kw = snapshot.steered_kw(name)
        if power_kw is None or snapshot.site.setpoint(name) is None or not snapshot.available(name):
            continue
        cheap = isinstance(asset, SheddableLoad) and cheaper_than_a_peak(demand, asset)
        if cheap or isinstance(asset, EvChargers):
            total_kw += power_kw
        elif isinstance(ROLES.get(type(asset)), Maker):
            total_kw += power_kw * electricity_per_kw(asset)
    return total_kw
