"""Simple rules for batteries, which a controller has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import numpy as np

from config.assets import Battery
from config.site import Site
from dispatch.tariff import calendar_of
from simulators.plant import Plant

Rule = Callable[[Site, Plant], Iterator[tuple[str, str, float]]]
"""Gives each device's point and value for the interval that begins."""


def self_consumption(site: Site, plant: Plant) -> Iterator[tuple[str, str, float]]:
    """Takes what the park has too much, and gives it back as soon as it imports."""
    net_kw = _net_kw(site, plant)
    for name, battery in _told(site).items():
        kw = min(max(net_kw, -_room_kw(site, plant, battery)), _left_kw(site, plant, battery))
        net_kw -= kw
        yield _setpoint(site, name, kw)


def time_of_use(site: Site, plant: Plant) -> Iterator[tuple[str, str, float]]:
    """Fills the battery in the cheapest hours of the next day, and empties it into the load in the dearest ones.

    As many hours as it takes to fill or empty it at full power, and only where the dear ones pay for the losses.
    """
    net_kw = _net_kw(site, plant)
    prices = _day_ahead(site, plant.now)
    now = prices[plant.now]
    ordered = sorted(prices.values())
    for name, battery in _told(site).items():
        usable_kwh = (battery.soc_max - battery.soc_min) * battery.capacity_kwh
        step_h = site.control.interval_min / 60.0
        fills = max(1, round(usable_kwh / battery.charge_efficiency / battery.max_charge_kw / step_h))
        empties = max(1, round(usable_kwh * battery.discharge_efficiency / battery.max_discharge_kw / step_h))
        cheap, dear = ordered[fills - 1], ordered[-empties]
        pays = dear * battery.charge_efficiency * battery.discharge_efficiency - battery.wear_cny_per_kwh > cheap
        kw = 0.0
        if pays and now <= cheap:
            kw = -_room_kw(site, plant, battery)
        elif pays and now >= dear:
            kw = min(max(net_kw, 0.0), _left_kw(site, plant, battery))
        else:  # a surplus is taken at any time
            kw = -min(max(-net_kw, 0.0), _room_kw(site, plant, battery))
        net_kw -= kw
        yield _setpoint(site, name, kw)


RULES: Mapping[str, Rule] = {"self-consumption": self_consumption, "time of use": time_of_use}


def _told(site: Site) -> dict[str, Battery]:
    return {name: unit for name, unit in site.dispatched_of(Battery).items() if site.setpoint(name) is not None}


def _setpoint(site: Site, name: str, kw: float) -> tuple[str, str, float]:
    point = site.setpoint(name)
    assert point is not None
    return point.device, point.name, kw


def _net_kw(site: Site, plant: Plant) -> float:
    """What the grid would have to give without the batteries."""
    own_kw = sum(plant.values(battery.device)["active_power_kw"] for battery in _told(site).values())
    return plant.values(site.grid[1].device)["active_power_kw"] + own_kw


def _room_kw(site: Site, plant: Plant, battery: Battery) -> float:
    """The charging power that fills it in an interval, or its rating."""
    room_kwh = max(0.0, battery.soc_max - plant.values(battery.device)["soc"]) * battery.capacity_kwh
    return min(battery.max_charge_kw, room_kwh / battery.charge_efficiency * 60.0 / site.control.interval_min)


def _left_kw(site: Site, plant: Plant, battery: Battery) -> float:
    left_kwh = max(0.0, plant.values(battery.device)["soc"] - battery.soc_min) * battery.capacity_kwh
    return min(battery.max_discharge_kw, left_kwh * battery.discharge_efficiency * 60.0 / site.control.interval_min)


def _day_ahead(site: Site, now: datetime) -> dict[datetime, float]:
    """Import prices of the intervals from now on over a day."""
    calendar = calendar_of(site)
    step = timedelta(minutes=site.control.interval_min)
    count = round(timedelta(days=1) / step)
    prices = calendar.over(now, np.full(count, step / timedelta(hours=1)), site.spot).import_per_kwh.tolist()
    return {now + place * step: price for place, price in enumerate(prices)}
