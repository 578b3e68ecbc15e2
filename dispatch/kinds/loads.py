"""Loads: used[t] = demand[t] - unserved[t], and which of them is left out first."""

from __future__ import annotations

from config.assets import ElectricLoad, HeatLoad
from config.flexible_assets import SheddableLoad
from config.hydrogen_assets import HydrogenLoad
from config.thermal_assets import CoolingLoad, SteamLoad
from dispatch.forms.demand import Demand
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY
from dispatch.worth import (
    UNSERVED_COOLING_TIMES,
    UNSERVED_HEAT_TIMES,
    UNSERVED_HYDROGEN_TIMES,
    UNSERVED_LOAD_TIMES,
    UNSERVED_STEAM_TIMES,
    shed_times,
)


def electric_load(spec: ElectricLoad, levels: Levels) -> Demand:
    """What is not served costs more than anything else in the problem."""
    return Demand(bus=ELECTRICITY, gives=-1, times=UNSERVED_LOAD_TIMES)


def sheddable_load(spec: SheddableLoad, levels: Levels) -> Demand:
    """Switched off before the import limit is broken, in their order, or where power costs more than it is worth."""
    return Demand(
        bus=ELECTRICITY,
        gives=-1,
        times=shed_times(spec.shed_order),
        price_per_kwh=spec.lost_load_cny_per_kwh,
        unserved="load is shed",
    )


def heat_load(spec: HeatLoad, levels: Levels) -> Demand:
    return Demand(bus=spec.heat_bus, gives=-1, times=UNSERVED_HEAT_TIMES, unserved="heat demand not served")


def cooling_load(spec: CoolingLoad, levels: Levels) -> Demand:
    return Demand(bus="cooling", gives=-1, times=UNSERVED_COOLING_TIMES, unserved="cooling demand not served")


def steam_load(spec: SteamLoad, levels: Levels) -> Demand:
    return Demand(bus="steam", gives=-1, times=UNSERVED_STEAM_TIMES, unserved="steam demand not served")


def hydrogen_load(spec: HydrogenLoad, levels: Levels) -> Demand:
    """In kW of the lower heating value."""
    return Demand(bus="hydrogen", gives=-1, times=UNSERVED_HYDROGEN_TIMES, unserved="hydrogen demand not served")
