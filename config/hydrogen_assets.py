"""Hydrogen from electricity, its store, and what uses it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.asset import HEAT_BUS, KWH_PER_KG_HYDROGEN, AssetBase, HeatBus, Ramped, load_range
from config.base import Efficiency, Share


class Electrolyser(Ramped):
    kind: Literal["electrolyser"]
    rated_kwh_per_kg: Annotated[float, Field(gt=KWH_PER_KG_HYDROGEN)]
    """Electricity per hydrogen at full load, with all auxiliaries."""
    standby_kw: NonNegativeFloat
    """Electricity that keeps it warm and under pressure while it makes nothing."""
    cold_start_s: NonNegativeFloat
    hot_start_s: NonNegativeFloat
    """From standby to the least load."""
    cools_after_s: PositiveFloat
    """How long it may stand without power until the next start is a cold one."""
    heat_recovery: Share
    """Share of its losses that reaches the heat bus at full load; 0 without heat recovery."""
    supply_degc: float
    heat_bus: HeatBus = HEAT_BUS

    @property
    def ready_kw(self) -> float:
        return self.standby_kw


class HydrogenTank(AssetBase):
    """Pressure vessels; the mass in them follows from the balance of the hydrogen bus."""

    kind: Literal["hydrogen_tank"]
    capacity_kg: PositiveFloat
    """Between empty and full pressure."""
    empty_bar: NonNegativeFloat
    """Absolute pressure at which nothing more can be taken, as `full_bar`."""
    full_bar: PositiveFloat
    max_charge_kg_per_h: PositiveFloat
    max_discharge_kg_per_h: PositiveFloat
    soc_min: Share
    soc_max: Share

    @model_validator(mode="after")
    def _window_is_open(self) -> HydrogenTank:
        load_range(self.soc_min, self.soc_max, "soc_min", "soc_max")
        load_range(self.empty_bar, self.full_bar, "empty_bar", "full_bar")
        return self


class FuelCell(Ramped):
    kind: Literal["fuel_cell"]
    rated_efficiency: Efficiency
    """Electricity per lower heating value at full load."""
    heat_efficiency: Share
    """Recovered heat per lower heating value at full load."""
    start_s: NonNegativeFloat
    supply_degc: float
    heat_bus: HeatBus = HEAT_BUS

    @model_validator(mode="after")
    def _makes_no_energy(self) -> FuelCell:
        if self.rated_efficiency + self.heat_efficiency > 1.0:
            raise ValueError("rated_efficiency and heat_efficiency are more than 1 together")
        return self


class HydrogenLoad(AssetBase):
    """A filling station or a process that uses hydrogen."""

    kind: Literal["hydrogen_load"]
    peak_kg_per_h: PositiveFloat
