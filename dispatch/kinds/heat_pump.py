"""The electric heat pump: heat[t] = COP[t] * power[t],  0 <= power <= P_max."""

from __future__ import annotations

from config.assets import HeatPump
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY


def heat_pump(spec: HeatPump, levels: Levels) -> Converter:
    """COP follows the outdoor temperature and not the load. power_kw is the electricity used."""
    full = OperatingPoint(flows_kw={ELECTRICITY: -spec.max_power_kw, spec.heat_bus: spec.max_power_kw})
    return Converter(bus=ELECTRICITY, gives=-1, points=(full,), makes=spec.heat_bus, by_cop={spec.heat_bus: 1})
