"""Waste heat in cascade: direct use by temperature, steam, and power from what is left.

Exchanger        heat[t] taken from the hotter bus = heat[t] given to the cooler one
Boiler           steam = eta * heat
ORC              P = eta(x) * heat
                 eta(x) = eta * (1 - T_cold / T) / (1 - T_cold / T_rated) * (1 - PART_LOAD * (1 - x)^2)

Exchanger and boiler work only while the hotter bus is at least `approach_k` above what they supply. Temperatures
in the Carnot factors in kelvin; T is that of the ORC's source. Nobody commands exchanger and boiler, so they take what
they can use before the ORC does (`dispatch.direct_use`).
"""

from __future__ import annotations

import numpy as np

from config.thermal_assets import HeatExchanger, Orc, WasteHeatBoiler
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.kinds.loads_of_curve import loads
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY, BusId

PART_LOAD = 0.3
"""Share of the efficiency that an ORC loses towards no load."""
SAMPLES = 50
"""Loads at which the curve is looked at."""
ZERO_DEGC_K = 273.15


def heat_exchanger(spec: HeatExchanger, levels: Levels) -> Converter:
    return _transfer(spec, spec.heat_bus, 1.0, levels)


def waste_heat_boiler(spec: WasteHeatBoiler, levels: Levels) -> Converter:
    return _transfer(spec, "steam", spec.efficiency, levels)


def _transfer(spec: HeatExchanger | WasteHeatBoiler, bus: BusId, efficiency: float, levels: Levels) -> Converter:
    warm = levels.reaches(spec.source_bus, spec.supply_degc + spec.approach_k)
    heat_kw = spec.max_heat_kw if warm else 0.0
    full = OperatingPoint(flows_kw={spec.source_bus: -heat_kw / efficiency, bus: heat_kw})
    return Converter(bus=bus, gives=1, points=(full,), makes=bus, takes_first=True)


def orc(spec: Orc, levels: Levels) -> Converter:
    """One straight line from full load to the least load, the nearest to the curve that is right at full load: the
    curve bends the way that no mix of points follows, and the heat of a process does not wait for a mix."""
    found = levels.degc(spec.source_bus)
    source_k = (spec.rated_source_degc if found is None else found) + ZERO_DEGC_K
    cold_k = spec.cooling_degc + ZERO_DEGC_K
    carnot, rated = 1.0 - cold_k / source_k, 1.0 - cold_k / (spec.rated_source_degc + ZERO_DEGC_K)

    def at(power_kw: float, heat_kw: float) -> OperatingPoint:
        return OperatingPoint(flows_kw={ELECTRICITY: power_kw, spec.source_bus: -heat_kw})

    best = spec.efficiency * carnot / rated
    first, *_, last = loads(spec.min_power_kw, spec.max_power_kw, 1)
    if best <= 0.0:
        points = (at(0.0, 0.0), at(0.0, 0.0))
    else:
        power_kw = np.linspace(first, last, SAMPLES)
        off = 1.0 - power_kw / spec.max_power_kw
        less_kw, full_kw = power_kw - last, last / best
        less_heat_kw = power_kw / (best * (1.0 - PART_LOAD * off * off)) - full_kw
        slope = float(less_kw @ less_heat_kw / (less_kw @ less_kw))
        points = (at(first, full_kw + slope * (first - last)), at(last, full_kw))
    return Converter(
        bus=ELECTRICITY,
        gives=1,
        points=points,
        makes=ELECTRICITY,
        ramp_kw_per_h=spec.ramp_kw_per_s * 3600.0,
    )
