"""Sources: power[t] <= min(available[t], rated)."""

from __future__ import annotations

from config.assets import PvPlant, WindTurbine
from config.thermal_assets import PressureTurbine, WasteHeatSource
from dispatch.forms.source import Source
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY


def generator(spec: PvPlant | WindTurbine, levels: Levels) -> Source:
    """Sun or wind: what is not wanted is curtailed."""
    return Source(bus=ELECTRICITY, gives=1, rated_kw=spec.rated_kw)


def waste_heat_source(spec: WasteHeatSource, levels: Levels) -> Source:
    """Heat of a process, on the bus of its temperature: what nobody draws goes to the cooling tower."""
    return Source(bus=spec.heat_bus, gives=1, rated_kw=spec.max_heat_kw)


def pressure_turbine(spec: PressureTurbine, levels: Levels) -> Source:
    """Power from gas that a process lets down. It follows its flow and takes no command, so it cannot be held back."""
    return Source(bus=ELECTRICITY, gives=1, rated_kw=spec.rated_kw, free=False)
