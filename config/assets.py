"""What the park has. No nameplate has a default: a wrong guess of a rating is worse than a refusal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.asset import HEAT_BUS, AssetBase, Comfort, Demand, HeatBus, OnOff, Ramped, load_range, require_within
from config.base import Efficiency, Frozen, Share
from config.battery_curves import (
    EfficiencyPoint,
    TaperPoint,
    WearPiece,
    require_efficiencies,
    require_taper,
    require_wear,
)
from config.feeder import Feeder
from config.flexible_assets import EvChargers, SheddableLoad, ShiftableJob, Transformer
from config.grid_operator import OperatorLimit
from config.heat_network import HeatConnection, SteamConnection
from config.hydrogen_assets import Electrolyser, FuelCell, HydrogenLoad, HydrogenTank
from config.thermal_assets import (
    AbsorptionChiller,
    Chiller,
    Chp,
    ColdStore,
    CoolingLoad,
    ElectricBoiler,
    HeatExchanger,
    Orc,
    PressureTurbine,
    SteamBoiler,
    SteamLoad,
    WasteHeatBoiler,
    WasteHeatSource,
)


class GridConnection(AssetBase):
    """The connection point; grid power is + for import."""

    kind: Literal["grid_connection"]
    import_limit_kw: PositiveFloat
    export_limit_kw: NonNegativeFloat
    power_factor_target: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    """What the month's power factor is kept at by inverters that may be told; without it, what the tariff rewards."""


class PvPlant(AssetBase):
    """A PV plant behind one inverter or one plant controller."""

    kind: Literal["pv_plant"]
    peak_kw: PositiveFloat
    """DC peak power at standard test conditions."""
    rated_kw: PositiveFloat
    """AC rating of the inverter."""
    tilt_deg: Annotated[float, Field(ge=0, le=90)]
    azimuth_deg: Annotated[float, Field(ge=0, lt=360)]
    """Direction the modules face: 90 east, 180 south, 270 west."""
    rated_kva: PositiveFloat | None = None
    """Apparent power of the inverter; without it, its rated power."""


class WindTurbine(AssetBase):
    kind: Literal["wind_turbine"]
    rated_kw: PositiveFloat
    hub_height_m: PositiveFloat
    cut_in_m_per_s: PositiveFloat
    rated_m_per_s: PositiveFloat
    cut_out_m_per_s: PositiveFloat

    @model_validator(mode="after")
    def _speeds_rise(self) -> WindTurbine:
        if not self.cut_in_m_per_s < self.rated_m_per_s < self.cut_out_m_per_s:
            raise ValueError("wind speeds must rise: cut_in_m_per_s < rated_m_per_s < cut_out_m_per_s")
        return self


class BatteryCells(Frozen):
    """What a battery's data sheet says of its inside; the simulated park uses it, dispatch does not."""

    no_load_loss_kw: NonNegativeFloat
    """Loss of the converter while it runs at little power; the rest of the losses grows with the power squared."""
    heat_capacity_kwh_per_k: PositiveFloat
    """Of all cells together, a quarter of a watt-hour per kg and kelvin."""
    cooling_kw_per_k: PositiveFloat
    """Heat that the air conditioning takes per kelvin above the air around."""
    max_degc: float
    """Cell temperature at which no power is left; it falls from 10 K below on."""
    trip_degc: float
    """Cell temperature at which the battery switches itself off, until it is reset."""
    cycle_life: PositiveFloat
    """Full cycles until 80 % of the capacity are left."""
    calendar_life_years: PositiveFloat
    """Years at 25 degC until 80 % of the capacity are left, without any cycle."""

    @model_validator(mode="after")
    def _trips_above_its_limit(self) -> BatteryCells:
        if self.trip_degc <= self.max_degc:
            raise ValueError("trip_degc must be above max_degc")
        return self


class Battery(AssetBase):
    """A battery with its power conversion; power is + for discharge, measured at the AC side."""

    kind: Literal["battery"]
    capacity_kwh: PositiveFloat
    max_charge_kw: PositiveFloat
    max_discharge_kw: PositiveFloat
    charge_efficiency: Efficiency
    discharge_efficiency: Efficiency
    soc_min: Share
    soc_max: Share
    ramp_kw_per_s: PositiveFloat
    wear_cny_per_kwh: NonNegativeFloat
    """Cost of ageing per kWh discharged."""
    rated_kva: PositiveFloat | None = None
    """Apparent power of the converter; without it, the larger of its powers."""
    grid_forming: bool = False
    """Whether it can hold voltage and frequency of the park alone, as an island."""
    charge_efficiency_curve: tuple[EfficiencyPoint, ...] = ()
    """By share of `max_charge_kw`; without it the efficiency is the same at any power."""
    discharge_efficiency_curve: tuple[EfficiencyPoint, ...] = ()
    charge_taper: tuple[TaperPoint, ...] = ()
    """What is left of `max_charge_kw` near full, straight between the points."""
    discharge_taper: tuple[TaperPoint, ...] = ()
    """What is left of `max_discharge_kw` near empty."""
    wear_by_depth: tuple[WearPiece, ...] = ()
    """On top of `wear_cny_per_kwh`, by the depth of the cycle."""
    max_cycles_per_day: PositiveFloat | None = None
    """What may be discharged in a local day, in capacities."""
    cells: BatteryCells | None = None

    @model_validator(mode="after")
    def _window_is_open(self) -> Battery:
        if self.soc_min >= self.soc_max:
            raise ValueError(f"soc_min ({self.soc_min:g}) must be below soc_max ({self.soc_max:g})")
        return self

    @model_validator(mode="after")
    def _curves_are_straight_lines_in_order(self) -> Battery:
        require_efficiencies(self.charge_efficiency_curve, "charge_efficiency", self.charge_efficiency)
        require_efficiencies(self.discharge_efficiency_curve, "discharge_efficiency", self.discharge_efficiency)
        require_taper(self.charge_taper, "charge_taper")
        require_taper(self.discharge_taper, "discharge_taper")
        require_wear(self.wear_by_depth)
        return self


class HeatPump(Ramped):
    """An electric heat pump: heat = COP(source, supply) * electric power."""

    kind: Literal["heat_pump"]
    source: Literal["air", "ground", "water"]
    source_degc: Annotated[float, Field(ge=-10, le=60)] | None = None
    """What plans expect of the ground or the water; 10 degrees without it. Air is forecast."""
    supply_degc: Annotated[float, Field(ge=25, le=95)]
    min_on_s: NonNegativeFloat
    min_off_s: NonNegativeFloat
    start_s: NonNegativeFloat = 0.0
    """From the call for heat to the compressor's start: pumps and valves first."""
    heat_bus: HeatBus = HEAT_BUS

    @model_validator(mode="after")
    def _air_is_forecast(self) -> HeatPump:
        if self.source == "air" and self.source_degc is not None:
            raise ValueError("source_degc is for ground and water; the temperature of air is forecast")
        return self


class HotWaterTank(AssetBase):
    """A hot-water store; its heat power follows from the balance of the heat bus."""

    kind: Literal["hot_water_tank"]
    capacity_kwh: PositiveFloat
    """Heat between the lowest and the highest useful temperature."""
    loss_per_h: Share
    """Share of the stored heat that is lost each hour."""
    max_charge_kw: PositiveFloat
    max_discharge_kw: PositiveFloat
    soc_min: Share
    soc_max: Share
    low_degc: float
    """Supply temperature at SOC 0."""
    high_degc: float
    """Supply temperature at SOC 1."""
    layers: Annotated[int, Field(ge=1, le=20)] = 1
    """Into how many layers the simulated tank is divided; 1 is a mixed tank, with 5 or more hot water stays on top."""
    heat_bus: HeatBus = HEAT_BUS
    comfort: Comfort | None = None

    @model_validator(mode="after")
    def _comfort_is_within_the_window(self) -> HotWaterTank:
        require_within(self.comfort, self.soc_min, self.soc_max)
        return self

    @model_validator(mode="after")
    def _window_is_open(self) -> HotWaterTank:
        if self.soc_min >= self.soc_max:
            raise ValueError(f"soc_min ({self.soc_min:g}) must be below soc_max ({self.soc_max:g})")
        if self.low_degc >= self.high_degc:
            raise ValueError("low_degc must be below high_degc")
        return self


class GasBoiler(OnOff):
    kind: Literal["gas_boiler"]
    max_heat_kw: PositiveFloat
    min_heat_kw: NonNegativeFloat
    efficiency: Annotated[float, Field(gt=0, le=1.1)]
    """Heat per gas energy at the lower heating value; condensing boilers pass 1."""
    min_on_s: NonNegativeFloat
    min_off_s: NonNegativeFloat
    heat_bus: HeatBus = HEAT_BUS

    @model_validator(mode="after")
    def _has_a_load_range(self) -> GasBoiler:
        load_range(self.min_heat_kw, self.max_heat_kw, "min_heat_kw", "max_heat_kw")
        return self

    @property
    def least_load(self) -> float:
        return self.min_heat_kw / self.max_heat_kw


class ElectricLoad(Demand):
    kind: Literal["electric_load"]


class HeatLoad(Demand):
    kind: Literal["heat_load"]
    heat_bus: HeatBus = HEAT_BUS


Asset = Annotated[
    GridConnection
    | PvPlant
    | WindTurbine
    | Battery
    | HeatPump
    | ElectricBoiler
    | HotWaterTank
    | GasBoiler
    | ElectricLoad
    | HeatLoad
    | HeatConnection
    | Chp
    | WasteHeatSource
    | HeatExchanger
    | WasteHeatBoiler
    | SteamBoiler
    | Orc
    | PressureTurbine
    | Chiller
    | AbsorptionChiller
    | ColdStore
    | CoolingLoad
    | SteamLoad
    | Electrolyser
    | HydrogenTank
    | FuelCell
    | HydrogenLoad
    | EvChargers
    | ShiftableJob
    | SheddableLoad
    | Transformer
    | OperatorLimit
    | Feeder
    | SteamConnection,
    Field(discriminator="kind"),
]

SERIES_KINDS = (
    "electric_load",
    "heat_load",
    "sheddable_load",
    "cooling_load",
    "steam_load",
    "hydrogen_load",
    "waste_heat_source",
    "pressure_turbine",
)
"""Kinds that follow a recorded series in the simulated park: kW, kg/h of hydrogen, kg/s through a turbine."""

STORE_KINDS = ("battery", "hot_water_tank", "cold_store", "hydrogen_tank")
