"""Between which loads a unit runs, in what its setpoint counts."""

from __future__ import annotations

import math

from config.asset import AssetBase, OnOff, Ramped
from config.assets import GasBoiler
from config.thermal_assets import AbsorptionChiller, Chiller, SteamBoiler


def load_range_kw(unit: AssetBase) -> tuple[float, float]:
    """Least and full load; from 0 on where it can take any, and without end where no nameplate says it."""
    match unit:
        case Ramped():
            return unit.min_power_kw, unit.max_power_kw
        case GasBoiler() | SteamBoiler():
            return unit.min_heat_kw, unit.max_heat_kw
        case Chiller() | AbsorptionChiller():
            return unit.min_cooling_kw, unit.max_cooling_kw
        case _:
            return 0.0, math.inf


def ready_kw(unit: AssetBase) -> float:
    """At which power a unit stands by; 0 where it cannot."""
    return unit.ready_kw if isinstance(unit, OnOff) else 0.0


def runs(kw: float, unit: AssetBase) -> bool:
    """Whether it runs at this power, and does not just stand by."""
    standing_by_kw = ready_kw(unit)
    return kw > ((standing_by_kw + load_range_kw(unit)[0]) / 2 if standing_by_kw else 0.0)


def in_load_range(wanted_kw: float, unit: AssetBase) -> float:
    """Off, standing by, or within the load range, whichever is nearest."""
    least_kw, _ = load_range_kw(unit)
    standing_by_kw = ready_kw(unit)
    if wanted_kw >= (standing_by_kw + least_kw) / 2:
        return max(wanted_kw, least_kw)
    return standing_by_kw if wanted_kw >= standing_by_kw / 2 else 0.0
