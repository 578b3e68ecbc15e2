"""Chillers: cold from electricity, and cold from heat.

Compression      P = Q_max / COP[t] * (NO_LOAD + LINEAR x + SQUARE x^2),   x = Q / Q_max
                 COP at full load by the outdoor temperature
Absorption       heat = Q / (COP * g),   Q <= Q_max * g,   pumps run whenever it does
                 g = (T - T_least) / (T_rated - T_least), at most 1;   T that of its heat bus

power_kw is the cooling.
"""

from __future__ import annotations

from config.thermal_assets import AbsorptionChiller, Chiller
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.kinds.loads_of_curve import loads
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY

NO_LOAD, LINEAR, SQUARE = 0.06, 0.88, 0.06
"""Power over load of a screw chiller."""
PIECES = 2
"""The lines between them take 0.7 % more electricity at most."""


def chiller(spec: Chiller, levels: Levels) -> Converter:
    def at(cooling_kw: float) -> OperatingPoint:
        load = cooling_kw / spec.max_cooling_kw
        used_kw = spec.max_cooling_kw * (NO_LOAD + load * (LINEAR + load * SQUARE))
        return OperatingPoint(flows_kw={"cooling": cooling_kw, ELECTRICITY: -used_kw})

    return Converter(
        bus="cooling",
        gives=1,
        points=tuple(at(cooling_kw) for cooling_kw in loads(spec.min_cooling_kw, spec.max_cooling_kw, PIECES)),
        makes="cooling",
        by_cop={ELECTRICITY: -1},
    )


def absorption_chiller(spec: AbsorptionChiller, levels: Levels) -> Converter:
    found = levels.degc(spec.source_bus)
    source_degc = spec.rated_source_degc if found is None else found
    span_k = spec.rated_source_degc - spec.least_source_degc
    strength = min(max((source_degc - spec.least_source_degc) / span_k, 0.0), 1.0)
    able_kw = spec.max_cooling_kw * strength
    most_kw = able_kw if able_kw >= spec.min_cooling_kw else 0.0  # what is not enough for the least load is no use

    def at(cooling_kw: float) -> OperatingPoint:
        if cooling_kw <= 0.0:
            return OperatingPoint(flows_kw={"cooling": 0.0, spec.source_bus: 0.0, ELECTRICITY: 0.0})
        heat_kw = cooling_kw / (spec.rated_cop * strength)
        return OperatingPoint(flows_kw={"cooling": cooling_kw, spec.source_bus: -heat_kw, ELECTRICITY: -spec.pump_kw})

    least_kw = min(spec.min_cooling_kw, most_kw)
    return Converter(
        bus="cooling", gives=1, points=tuple(at(load) for load in loads(least_kw, most_kw, 1)), makes="cooling"
    )
