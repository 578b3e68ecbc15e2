"""What the park has. No nameplate has a default: a wrong guess of a rating is worse than a refusal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.base import Efficiency, Frozen, Identifier, Share


class _Asset(Frozen):
    device: Identifier
    """The device whose standard points are this asset's."""
    label: str | None = None
    """The name that operators use."""


class GridConnection(_Asset):
    """The connection point; grid power is + for import."""

    kind: Literal["grid_connection"]
    import_limit_kw: PositiveFloat
    export_limit_kw: NonNegativeFloat


class PvPlant(_Asset):
    """A PV plant behind one inverter or one plant controller."""

    kind: Literal["pv_plant"]
    peak_kw: PositiveFloat
    """DC peak power at standard test conditions."""
    rated_kw: PositiveFloat
    """AC rating of the inverter."""
    tilt_deg: Annotated[float, Field(ge=0, le=90)]
    azimuth_deg: Annotated[float, Field(ge=0, lt=360)]
    """Direction the modules face: 90 east, 180 south, 270 west."""


class WindTurbine(_Asset):
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


class Battery(_Asset):
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

    @model_validator(mode="after")
    def _window_is_open(self) -> Battery:
        if self.soc_min >= self.soc_max:
            raise ValueError(f"soc_min ({self.soc_min:g}) must be below soc_max ({self.soc_max:g})")
        return self


class HeatPump(_Asset):
    """An electric heat pump: heat = COP(source, supply) * electric power."""

    kind: Literal["heat_pump"]
    max_power_kw: PositiveFloat
    """Electric power at full load."""
    min_power_kw: NonNegativeFloat
    """Electric power below which the compressor cannot run."""
    source: Literal["air", "ground", "water"]
    supply_degc: Annotated[float, Field(ge=25, le=95)]
    min_on_s: NonNegativeFloat
    min_off_s: NonNegativeFloat
    ramp_kw_per_s: PositiveFloat

    @model_validator(mode="after")
    def _has_a_load_range(self) -> HeatPump:
        if self.min_power_kw >= self.max_power_kw:
            raise ValueError("min_power_kw must be below max_power_kw")
        return self


class HotWaterTank(_Asset):
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

    @model_validator(mode="after")
    def _window_is_open(self) -> HotWaterTank:
        if self.soc_min >= self.soc_max:
            raise ValueError(f"soc_min ({self.soc_min:g}) must be below soc_max ({self.soc_max:g})")
        if self.low_degc >= self.high_degc:
            raise ValueError("low_degc must be below high_degc")
        return self


class GasBoiler(_Asset):
    kind: Literal["gas_boiler"]
    max_heat_kw: PositiveFloat
    min_heat_kw: NonNegativeFloat
    efficiency: Annotated[float, Field(gt=0, le=1.1)]
    """Heat per gas energy at the lower heating value; condensing boilers pass 1."""
    min_on_s: NonNegativeFloat
    min_off_s: NonNegativeFloat


class ElectricLoad(_Asset):
    kind: Literal["electric_load"]
    peak_kw: PositiveFloat
    """Highest expected demand: what a forecast without history starts from."""


class HeatLoad(_Asset):
    kind: Literal["heat_load"]
    peak_kw: PositiveFloat


Asset = Annotated[
    GridConnection | PvPlant | WindTurbine | Battery | HeatPump | HotWaterTank | GasBoiler | ElectricLoad | HeatLoad,
    Field(discriminator="kind"),
]
