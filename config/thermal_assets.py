"""Heat, steam and cooling beyond heat pumps and hot water: waste heat and pressure, CHP, chillers and their stores."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.asset import (
    HEAT_BUS,
    AssetBase,
    Comfort,
    Demand,
    HeatBus,
    OnOff,
    Ramped,
    Store,
    load_range,
    require_within,
)
from config.base import Efficiency, Share


class ElectricBoiler(Ramped):
    """Makes hot water from electricity: heat = efficiency * power."""

    kind: Literal["electric_boiler"]
    efficiency: Efficiency
    heat_bus: HeatBus = HEAT_BUS


class Chp(Ramped):
    """A gas engine or turbine with heat recovery."""

    kind: Literal["chp"]
    electric_efficiency: Efficiency
    """At full load, of the gas's lower heating value."""
    heat_efficiency: Efficiency
    """Recovered heat at full load, of the gas's lower heating value."""
    start_s: NonNegativeFloat
    """From the start to the least load."""
    supply_degc: float
    heat_bus: HeatBus = HEAT_BUS

    @model_validator(mode="after")
    def _makes_no_energy(self) -> Chp:
        if self.electric_efficiency + self.heat_efficiency > 1.0:
            raise ValueError("electric_efficiency and heat_efficiency are more than 1 together")
        return self


class WasteHeatSource(AssetBase):
    """Heat that a process gives off, on a bus of its temperature level; what nobody takes goes to the cooling tower."""

    kind: Literal["waste_heat_source"]
    max_heat_kw: PositiveFloat
    supply_degc: float
    heat_bus: HeatBus


class HeatExchanger(AssetBase):
    """Hands heat from a hotter bus to a cooler one: the direct use of waste heat."""

    kind: Literal["heat_exchanger"]
    max_heat_kw: PositiveFloat
    supply_degc: float
    """Temperature on the cooler side."""
    approach_k: PositiveFloat
    """By how much the hotter bus must be above `supply_degc` before any heat flows."""
    source_bus: HeatBus
    heat_bus: HeatBus = HEAT_BUS

    @model_validator(mode="after")
    def _between_two(self) -> HeatExchanger:
        if self.source_bus == self.heat_bus:
            raise ValueError("source_bus and heat_bus must be two buses")
        return self


class WasteHeatBoiler(AssetBase):
    """Makes steam from a hot heat bus."""

    kind: Literal["waste_heat_boiler"]
    max_heat_kw: PositiveFloat
    efficiency: Efficiency
    supply_degc: float
    """Temperature of the steam."""
    approach_k: PositiveFloat
    source_bus: HeatBus


class SteamBoiler(OnOff):
    """Makes steam from gas."""

    kind: Literal["steam_boiler"]
    max_heat_kw: PositiveFloat
    min_heat_kw: NonNegativeFloat
    efficiency: Efficiency
    """Heat per gas energy at the lower heating value."""
    supply_degc: float

    @model_validator(mode="after")
    def _has_a_load_range(self) -> SteamBoiler:
        load_range(self.min_heat_kw, self.max_heat_kw, "min_heat_kw", "max_heat_kw")
        return self

    @property
    def least_load(self) -> float:
        return self.min_heat_kw / self.max_heat_kw


class Orc(Ramped):
    """An organic Rankine cycle: electricity from a heat bus."""

    kind: Literal["orc"]
    efficiency: Efficiency
    """Electricity per heat at full load, with the source at `rated_source_degc`."""
    rated_source_degc: float
    cooling_degc: float
    """Temperature that it gives the rest of the heat off at."""
    start_s: NonNegativeFloat
    """From cold; warm, its loop and its expander are ready at once."""
    cools_after_s: NonNegativeFloat = 0.0
    """How long it may be without heat until its next start is one from cold."""
    source_bus: HeatBus

    @model_validator(mode="after")
    def _has_a_lift(self) -> Orc:
        if self.cooling_degc >= self.rated_source_degc:
            raise ValueError("cooling_degc must be below rated_source_degc")
        return self


class PressureTurbine(AssetBase):
    """Expands gas or steam that a process lets down: a top-gas turbine, a letdown turbine."""

    kind: Literal["pressure_turbine"]
    rated_kw: PositiveFloat
    inlet_bar: PositiveFloat
    """Absolute, as `outlet_bar`."""
    outlet_bar: PositiveFloat
    inlet_degc: float
    gas: Literal["blast_furnace_gas", "natural_gas", "steam", "air"]
    isentropic_efficiency: Efficiency
    generator_efficiency: Efficiency
    min_flow_kg_per_s: NonNegativeFloat
    """Below this flow the turbine is bypassed."""

    @model_validator(mode="after")
    def _pressure_falls(self) -> PressureTurbine:
        if self.outlet_bar >= self.inlet_bar:
            raise ValueError("outlet_bar must be below inlet_bar")
        return self


class Chiller(OnOff):
    """A compression chiller."""

    kind: Literal["chiller"]
    max_cooling_kw: PositiveFloat
    min_cooling_kw: NonNegativeFloat
    rated_cop: PositiveFloat
    """Cooling per electric power at full load and 35 degC outdoors."""
    supply_degc: float
    min_on_s: NonNegativeFloat
    min_off_s: NonNegativeFloat

    @model_validator(mode="after")
    def _has_a_load_range(self) -> Chiller:
        load_range(self.min_cooling_kw, self.max_cooling_kw, "min_cooling_kw", "max_cooling_kw")
        return self

    @property
    def least_load(self) -> float:
        return self.min_cooling_kw / self.max_cooling_kw


class AbsorptionChiller(OnOff):
    """Makes cold from heat."""

    kind: Literal["absorption_chiller"]
    max_cooling_kw: PositiveFloat
    min_cooling_kw: NonNegativeFloat
    rated_cop: Annotated[float, Field(gt=0, le=2)]
    """Cooling per heat at full load, with the heat at `rated_source_degc` or above."""
    rated_source_degc: float
    least_source_degc: float
    """Below this temperature of the heat there is no cooling."""
    pump_kw: NonNegativeFloat
    """Electricity of pumps and fans while it runs."""
    supply_degc: float
    source_bus: HeatBus = HEAT_BUS

    @model_validator(mode="after")
    def _has_a_range(self) -> AbsorptionChiller:
        load_range(self.min_cooling_kw, self.max_cooling_kw, "min_cooling_kw", "max_cooling_kw")
        load_range(self.least_source_degc, self.rated_source_degc, "least_source_degc", "rated_source_degc")
        return self

    @property
    def least_load(self) -> float:
        return self.min_cooling_kw / self.max_cooling_kw


class ColdStore(Store):
    """A chilled-water or ice store; full is cold."""

    kind: Literal["cold_store"]
    soc_min: Share
    soc_max: Share
    full_degc: float
    """Supply temperature at SOC 1."""
    empty_degc: float
    """Supply temperature at SOC 0."""
    comfort: Comfort | None = None

    @model_validator(mode="after")
    def _comfort_is_within_the_window(self) -> ColdStore:
        require_within(self.comfort, self.soc_min, self.soc_max)
        return self

    @model_validator(mode="after")
    def _window_is_open(self) -> ColdStore:
        load_range(self.soc_min, self.soc_max, "soc_min", "soc_max")
        load_range(self.full_degc, self.empty_degc, "full_degc", "empty_degc")
        return self


class CoolingLoad(Demand):
    kind: Literal["cooling_load"]


class SteamLoad(Demand):
    kind: Literal["steam_load"]
