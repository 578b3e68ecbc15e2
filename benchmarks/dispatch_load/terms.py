"""The problems E, ED and EHD as plain numbers, for tools that have their own words for a park.

What slack pays for is left out: none of these parks ever needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from config.assets import Battery, GasBoiler, HeatPump, HotWaterTank, PvPlant
from config.site import Site
from dispatch.block import Inputs
from dispatch.plan import FloatArray
from dispatch.worth import TIE, TIE_CURTAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTerms:
    """Each price is per kWh; the energy at the end is worth what it is less or more than the target."""

    name: str
    capacity_kwh: float
    least: float
    """As `most` and `start`, a share of the capacity."""
    most: float
    start: float
    target_kwh: float
    loss_per_h: float
    keep_per_kwh: float
    spare_per_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    charge_per_kwh: FloatArray
    discharge_per_kwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    load_kw: FloatArray
    pump_kw: float
    """Electric."""
    cop: FloatArray
    boiler_kw: float
    boiler_per_kwh: FloatArray
    """Of heat."""
    tank: StoreTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    inputs: Inputs
    load_kw: FloatArray
    sun_kw: FloatArray
    sun_per_kwh: FloatArray
    import_limit_kw: float
    import_per_kwh: FloatArray
    export_limit_kw: float
    export_per_kwh: FloatArray
    """What it costs, hence below 0 where it pays."""
    peak_kw: FloatArray
    """By interval, what its month has had."""
    month: FloatArray
    demand_per_kw: FloatArray
    battery: StoreTerms
    heat: Heat | None

    @property
    def steps(self) -> int:
        return len(self.load_kw)

    @property
    def step_h(self) -> float:
        return float(self.inputs.situation.step_h[0])

    @property
    def minutes(self) -> int:
        return round(60 * self.step_h)


def terms_of(site: Site, inputs: Inputs) -> Terms:
    situation, prices = inputs.situation, inputs.prices
    _, grid = site.grid
    progress = np.arange(situation.steps) / situation.steps
    # where export pays more than import costs, one of them has the other's price, as in `dispatch.blocks.grid`
    gap = np.maximum(prices.export_per_kwh - prices.import_cost_per_kwh, 0.0)
    (name, battery), *_ = site.dispatched_of(Battery).items()
    (plant,) = site.dispatched_of(PvPlant).values()
    heat: Heat | None = None
    if site.dispatched_of(HeatPump):
        (pump_name, pump), *_ = site.dispatched_of(HeatPump).items()
        (boiler,) = site.dispatched_of(GasBoiler).values()
        (tank_name, tank), *_ = site.dispatched_of(HotWaterTank).items()
        nothing = np.zeros(situation.steps)
        heat = Heat(
            load_kw=situation.load_kw["heat"],
            pump_kw=pump.max_power_kw,
            cop=situation.cop[pump_name],
            boiler_kw=boiler.max_heat_kw,
            boiler_per_kwh=(prices.gas_per_kwh + prices.gas_carbon_per_kwh) / boiler.efficiency,
            tank=_store(tank_name, tank, inputs, "heat", nothing, nothing),
        )
    return Terms(
        inputs=inputs,
        load_kw=situation.load_kw["load"],
        sun_kw=np.minimum(situation.available_kw["pv"], plant.rated_kw),
        sun_per_kwh=-TIE_CURTAIL * (1.0 - 0.5 * progress),
        import_limit_kw=grid.import_limit_kw,
        import_per_kwh=prices.import_cost_per_kwh + np.where(inputs.exporting, gap, 0.0),
        export_limit_kw=grid.export_limit_kw,
        export_per_kwh=TIE - prices.export_per_kwh + np.where(inputs.exporting, 0.0, gap),
        peak_kw=inputs.peaks_kw[prices.month],
        month=prices.month,
        demand_per_kw=prices.demand_per_kw,
        battery=_store(
            name,
            battery,
            inputs,
            "electricity",
            TIE * (1.0 + 0.1 * progress),
            np.full(situation.steps, battery.wear_cny_per_kwh + TIE),
        ),
        heat=heat,
    )


def _store(
    name: str, spec: Any, inputs: Inputs, bus: str, charge_per_kwh: FloatArray, discharge_per_kwh: FloatArray
) -> StoreTerms:
    start_kwh, value = inputs.situation.stored_kwh[name], inputs.end_value[bus]
    return StoreTerms(
        name=name,
        capacity_kwh=spec.capacity_kwh,
        least=spec.soc_min,
        most=spec.soc_max,
        start=start_kwh / spec.capacity_kwh,
        target_kwh=float(np.clip(start_kwh, spec.soc_min * spec.capacity_kwh, spec.soc_max * spec.capacity_kwh)),
        loss_per_h=getattr(spec, "loss_per_h", 0.0),
        keep_per_kwh=value.keep_per_kwh,
        spare_per_kwh=value.spare_per_kwh,
        charge_kw=spec.max_charge_kw,
        discharge_kw=spec.max_discharge_kw,
        charge_efficiency=getattr(spec, "charge_efficiency", 1.0),
        discharge_efficiency=getattr(spec, "discharge_efficiency", 1.0),
        charge_per_kwh=charge_per_kwh,
        discharge_per_kwh=discharge_per_kwh,
    )
