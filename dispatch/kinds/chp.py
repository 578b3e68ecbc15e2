"""Combined heat and power, with heat that need not be used.

gas = P / eta_el(x),   heat = gas * eta_th(x),   x = P / P_max
eta_el(x) = eta_el * (1 - EL_FALL * (1 - x)),   eta_th(x) = min(eta_th * (1 + TH_RISE * (1 - x)), 1 - eta_el(x))

Electric power is planned.
"""

from __future__ import annotations

from config.thermal_assets import Chp
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.kinds.loads_of_curve import loads
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY

EL_FALL = 0.16
"""Share of the electric efficiency that is gone towards no load: 8 % less at half load, as data sheets show."""
TH_RISE = 0.1
"""What more of the gas turns up as heat then."""
PIECES = 2
"""The lines between them take 1 % more gas at most, 0.4 % for a least load of half."""


def chp(spec: Chp, levels: Levels) -> Converter:
    def at(power_kw: float) -> OperatingPoint:
        off = 1.0 - power_kw / spec.max_power_kw
        electric = spec.electric_efficiency * (1.0 - EL_FALL * off)
        thermal = min(spec.heat_efficiency * (1.0 + TH_RISE * off), 1.0 - electric)
        gas_kw = power_kw / electric
        return OperatingPoint(flows_kw={ELECTRICITY: power_kw, spec.heat_bus: gas_kw * thermal}, gas_kw=gas_kw)

    return Converter(
        bus=ELECTRICITY,
        gives=1,
        points=tuple(at(power_kw) for power_kw in loads(spec.min_power_kw, spec.max_power_kw, PIECES)),
        makes=spec.heat_bus,
        thrown_away=frozenset({spec.heat_bus}),
        ramp_kw_per_h=spec.ramp_kw_per_s * 3600.0,
    )
