"""The electrolyser: best between a third and half of its load, in straight pieces.

hydrogen = (P - P_aux) / (e * (1 - OVER + OVER * x)),   P_aux = AUX * P_max,   x = (P - P_aux) / (P_max - P_aux)
heat     = recovery * (P - hydrogen * LHV), which need not be used

e        energy of the stack per kg at full load, so that the whole unit needs its rated kWh/kg there

power_kw is the electricity used.
"""

from __future__ import annotations

from config.asset import KWH_PER_KG_HYDROGEN
from config.hydrogen_assets import Electrolyser
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.kinds.loads_of_curve import loads
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY

AUX = 0.04
"""Pumps, purification, control and cooling: what runs whatever the load."""
OVER = 0.15
"""Share of the stack's energy that overvoltage takes and that falls with the load."""
PIECES = 3
"""The lines between them give away 1.6 % of the hydrogen at most, 0.5 % for a least load of a third."""


def electrolyser(spec: Electrolyser, levels: Levels) -> Converter:
    aux_kw = AUX * spec.max_power_kw
    most_kw = spec.max_power_kw - aux_kw
    stack_kwh_per_kg = spec.rated_kwh_per_kg * most_kw / spec.max_power_kw

    def at(power_kw: float) -> OperatingPoint:
        stack_kw = max(power_kw - aux_kw, 0.0)
        kg_per_h = stack_kw / (stack_kwh_per_kg * (1.0 - OVER + OVER * stack_kw / most_kw))
        hydrogen_kw = kg_per_h * KWH_PER_KG_HYDROGEN
        heat = {spec.heat_bus: spec.heat_recovery * (power_kw - hydrogen_kw)} if spec.heat_recovery > 0 else {}
        return OperatingPoint(flows_kw={ELECTRICITY: -power_kw, "hydrogen": hydrogen_kw, **heat})

    return Converter(
        bus=ELECTRICITY,
        gives=-1,
        points=tuple(at(power_kw) for power_kw in loads(spec.min_power_kw, spec.max_power_kw, PIECES)),
        makes="hydrogen",
        thrown_away=frozenset({spec.heat_bus}) if spec.heat_recovery > 0 else frozenset(),
        ramp_kw_per_h=spec.ramp_kw_per_s * 3600.0,
    )
