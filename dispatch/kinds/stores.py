"""Stores: E[t+1] = keep[t] * E[t] + (eta_c * charge[t] - discharge[t] / eta_d) * dt[t]."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from config.asset import KWH_PER_KG_HYDROGEN
from config.assets import Battery, HotWaterTank
from config.battery_curves import EfficiencyPoint
from config.hydrogen_assets import HydrogenTank
from config.thermal_assets import ColdStore
from dispatch.battery_curves import DepthWear, PowerCurve, Taper
from dispatch.forms.storage import DailyLimit, Storage
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY


def battery(spec: Battery, levels: Levels) -> Storage:
    """Losses both ways at the AC side, wear per kWh discharged, no loss while it waits."""
    return Storage(
        bus=ELECTRICITY,
        gives=1,
        capacity_kwh=spec.capacity_kwh,
        soc_min=spec.soc_min,
        soc_max=spec.soc_max,
        max_charge_kw=spec.max_charge_kw,
        max_discharge_kw=spec.max_discharge_kw,
        charge_efficiency=spec.charge_efficiency,
        discharge_efficiency=spec.discharge_efficiency,
        charge_curve=_curve(PowerCurve.of_charge, spec.charge_efficiency_curve, spec.max_charge_kw),
        discharge_curve=_curve(PowerCurve.of_discharge, spec.discharge_efficiency_curve, spec.max_discharge_kw),
        charge_taper=Taper.of(spec.charge_taper) if spec.charge_taper else None,
        discharge_taper=Taper.of(spec.discharge_taper) if spec.discharge_taper else None,
        wear_per_kwh=spec.wear_cny_per_kwh,
        depth_wear=DepthWear.of(spec.wear_by_depth, spec.capacity_kwh) if spec.wear_by_depth else None,
        daily=_daily(spec, levels),
    )


def _curve(
    of: Callable[[Sequence[EfficiencyPoint], float], PowerCurve], points: Sequence[EfficiencyPoint], most_kw: float
) -> PowerCurve | None:
    return of(points, most_kw) if points else None


def _daily(spec: Battery, levels: Levels) -> DailyLimit | None:
    if spec.max_cycles_per_day is None:
        return None
    return DailyLimit(most_kwh=spec.max_cycles_per_day * spec.capacity_kwh, zone=levels.zone)


def hot_water_tank(spec: HotWaterTank, levels: Levels) -> Storage:
    return _tank(spec, spec.heat_bus)


def cold_store(spec: ColdStore, levels: Levels) -> Storage:
    """Full is cold: what comes in from outside is its loss."""
    return _tank(spec, "cooling")


def _tank(spec: HotWaterTank | ColdStore, bus: str) -> Storage:
    return Storage(
        bus=bus,
        gives=1,
        capacity_kwh=spec.capacity_kwh,
        soc_min=spec.soc_min,
        soc_max=spec.soc_max,
        max_charge_kw=spec.max_charge_kw,
        max_discharge_kw=spec.max_discharge_kw,
        loss_per_h=spec.loss_per_h,
        comfort_kwh=spec.comfort.soc * spec.capacity_kwh if spec.comfort is not None else 0.0,
        comfort_per_kwh_h=spec.comfort.price_per_kwh_h if spec.comfort is not None else 0.0,
        signed=True,
    )


def hydrogen_tank(spec: HydrogenTank, levels: Levels) -> Storage:
    """E = m * LHV: kg count as kWh of the lower heating value. The work of a compressor is not in its parameters."""
    return Storage(
        bus="hydrogen",
        gives=1,
        capacity_kwh=spec.capacity_kg * KWH_PER_KG_HYDROGEN,
        soc_min=spec.soc_min,
        soc_max=spec.soc_max,
        max_charge_kw=spec.max_charge_kg_per_h * KWH_PER_KG_HYDROGEN,
        max_discharge_kw=spec.max_discharge_kg_per_h * KWH_PER_KG_HYDROGEN,
        signed=True,
    )
