"""The fuel cell: better at part load, until its own pumps and fans take more than that.

hydrogen = P / (eta * f(x)),   f(x) = (1 + DROP * (1 - x)) * x * (1 + OWN) / (x + OWN),   x = P / P_max
heat     = min(eta_heat * hydrogen, hydrogen - P), which need not be used

f is 1 at full load.
"""

from __future__ import annotations

from config.hydrogen_assets import FuelCell
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.kinds.loads_of_curve import loads
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY

DROP = 0.15
OWN = 0.03
"""Pumps and fans, as a share of full load."""
PIECES = 3
"""The lines between them take 1.6 % more hydrogen at most, 0.5 % for a least load of a third."""


def fuel_cell(spec: FuelCell, levels: Levels) -> Converter:
    def at(power_kw: float) -> OperatingPoint:
        load = power_kw / spec.max_power_kw
        efficiency = spec.rated_efficiency * (1.0 + DROP * (1.0 - load)) * load * (1.0 + OWN) / (load + OWN)
        hydrogen_kw = power_kw / efficiency
        heat_kw = min(spec.heat_efficiency * hydrogen_kw, hydrogen_kw - power_kw)
        heat = {spec.heat_bus: heat_kw} if spec.heat_efficiency > 0 else {}
        return OperatingPoint(flows_kw={ELECTRICITY: power_kw, "hydrogen": -hydrogen_kw, **heat})

    return Converter(
        bus=ELECTRICITY,
        gives=1,
        points=tuple(at(power_kw) for power_kw in loads(spec.min_power_kw, spec.max_power_kw, PIECES)),
        makes=ELECTRICITY,
        thrown_away=frozenset({spec.heat_bus}) if spec.heat_efficiency > 0 else frozenset(),
        ramp_kw_per_h=spec.ramp_kw_per_s * 3600.0,
    )
