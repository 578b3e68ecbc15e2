"""Boilers: heat = eta * gas, or eta * electricity, up to full load.

Heat may be hot water or steam.
"""

from __future__ import annotations

from config.assets import GasBoiler
from config.thermal_assets import ElectricBoiler, SteamBoiler
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY, BusId


def gas_boiler(spec: GasBoiler, levels: Levels) -> Converter:
    return _burner(spec, spec.heat_bus)


def steam_boiler(spec: SteamBoiler, levels: Levels) -> Converter:
    return _burner(spec, "steam")


def _burner(spec: GasBoiler | SteamBoiler, bus: BusId) -> Converter:
    full = OperatingPoint(flows_kw={bus: spec.max_heat_kw}, gas_kw=spec.max_heat_kw / spec.efficiency)
    return Converter(bus=bus, gives=1, points=(full,), makes=bus)


def electric_boiler(spec: ElectricBoiler, levels: Levels) -> Converter:
    """power_kw is the electricity used."""
    made_kw = spec.efficiency * spec.max_power_kw
    full = OperatingPoint(flows_kw={ELECTRICITY: -spec.max_power_kw, spec.heat_bus: made_kw})
    return Converter(
        bus=ELECTRICITY,
        gives=-1,
        points=(full,),
        makes=spec.heat_bus,
        ramp_kw_per_h=spec.ramp_kw_per_s * 3600.0,
    )
