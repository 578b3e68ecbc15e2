"""Stores: E[t+1] = keep[t] * E[t] + (eta_c * charge[t] - discharge[t] / eta_d) * dt[t]."""

from __future__ import annotations

from config.asset import KWH_PER_KG_HYDROGEN
from config.assets import Battery, HotWaterTank
from config.hydrogen_assets import HydrogenTank
from config.thermal_assets import ColdStore
from dispatch.forms.storage import Storage
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
        wear_per_kwh=spec.wear_cny_per_kwh,
    )


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
