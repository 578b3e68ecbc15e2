"""Between which loads a unit runs, in what its setpoint counts."""

from __future__ import annotations

import math

from config.asset import AssetBase, Ramped
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


def in_load_range(wanted_kw: float, unit: AssetBase) -> float:
    """Off, or within the load range: below half of the least load off is nearer than on."""
    least_kw, _ = load_range_kw(unit)
    return 0.0 if wanted_kw < least_kw / 2 else max(wanted_kw, least_kw)
