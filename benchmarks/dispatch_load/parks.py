"""The parks that planning is measured on, and a day of theirs: 96 intervals, each with new forecasts and states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from config.asset import OnOff
from config.assets import Battery, ElectricLoad, HeatLoad, HeatPump, HotWaterTank, PvPlant, WindTurbine
from config.loader import example_site, load_site
from config.site import Site, SiteFile
from dispatch.plan import FloatArray, Situation

START = datetime(2026, 10, 13, 16, tzinfo=UTC)
"""Midnight in Hangzhou, a weekday in a month with four bands that the demo park's tariff covers."""
INTERVALS = 96

Keys = dict[str, Any]

GRID: Keys = {"kind": "grid_connection", "import_limit_kw": 3000, "export_limit_kw": 1000}
PV: Keys = {"kind": "pv_plant", "peak_kw": 1500, "rated_kw": 1500, "tilt_deg": 10, "azimuth_deg": 180}
WIND: Keys = {
    "kind": "wind_turbine",
    "rated_kw": 800,
    "hub_height_m": 80,
    "cut_in_m_per_s": 3,
    "rated_m_per_s": 12,
    "cut_out_m_per_s": 25,
}
LOAD: Keys = {"kind": "electric_load", "peak_kw": 1800}
BATTERY: Keys = {
    "kind": "battery",
    "capacity_kwh": 2000,
    "max_charge_kw": 1000,
    "max_discharge_kw": 1000,
    "charge_efficiency": 0.95,
    "discharge_efficiency": 0.95,
    "soc_min": 0.1,
    "soc_max": 0.9,
    "ramp_kw_per_s": 100,
    "wear_cny_per_kwh": 0.05,
}
HEAT_PUMP: Keys = {
    "kind": "heat_pump",
    "max_power_kw": 400,
    "min_power_kw": 100,
    "source": "air",
    "supply_degc": 55,
    "min_on_s": 900,
    "min_off_s": 600,
    "ramp_kw_per_s": 10,
}
TANK: Keys = {
    "kind": "hot_water_tank",
    "capacity_kwh": 6000,
    "loss_per_h": 0.003,
    "max_charge_kw": 3000,
    "max_discharge_kw": 3000,
    "soc_min": 0.05,
    "soc_max": 0.95,
    "low_degc": 40,
    "high_degc": 75,
}
BOILER: Keys = {
    "kind": "gas_boiler",
    "max_heat_kw": 1500,
    "min_heat_kw": 150,
    "efficiency": 0.94,
    "min_on_s": 600,
    "min_off_s": 600,
}
HEAT: Keys = {"kind": "heat_load", "peak_kw": 2000}

ELECTRIC = {"grid": GRID, "pv": PV, "load": LOAD, "battery": BATTERY}
HEATED = {"heat": HEAT, "heat_pump": HEAT_PUMP, "tank": TANK, "boiler": BOILER}


def _many(name: str, keys: Keys, count: int, *scaled: str) -> Mapping[str, Keys]:
    """`count` of one kind, each a size of its own."""
    return {
        f"{name}_{number}": {**keys, **{key: keys[key] * (0.3 + 0.1 * number) for key in scaled}}
        for number in range(count)
    }


FACTORY = {
    "grid": {**GRID, "import_limit_kw": 12000, "export_limit_kw": 4000},
    **_many("pv", PV, 6, "peak_kw", "rated_kw"),
    **_many("wind", WIND, 2, "rated_kw"),
    **_many("load", LOAD, 8, "peak_kw"),
    **_many("battery", BATTERY, 2, "capacity_kwh", "max_charge_kw", "max_discharge_kw"),
    **_many("heat", HEAT, 3, "peak_kw"),
    **_many("heat_pump", HEAT_PUMP, 4, "max_power_kw"),
    **_many("boiler", BOILER, 2, "max_heat_kw"),
    "tank": TANK,
}


def park(name: str) -> Site:
    """One of `PARKS`, as a linear problem; E has neither demand charge nor carbon price, ED no carbon price."""
    demo = load_site(example_site("demo_park"))
    if name == "demo_park":
        return _with_control(demo, commitment=False)
    assets, changes = {
        "E": (ELECTRIC, {"demand_charge_per_kw_month": 0.0, "carbon_price_per_t": 0.0}),
        "ED": (ELECTRIC, {"carbon_price_per_t": 0.0}),
        "EHD": ({**ELECTRIC, **HEATED}, {"carbon_price_per_t": 80.0}),
        "factory": (FACTORY, {"carbon_price_per_t": 80.0}),
    }[name]
    file = SiteFile.model_validate(
        {
            "site": name.lower(),
            "location": demo.location.model_dump(),
            "control": {"horizon_h": 48},
            "tariffs": demo.file.tariffs,
            "connections": {},
            "devices": {},
            "assets": {name: {"device": "none", **keys} for name, keys in assets.items()},
        }
    )
    tariffs = tuple(tariff.model_copy(update=changes) for tariff in demo.tariffs)
    return Site(path=Path(f"{name}.yaml"), file=file, points={}, tariffs=tariffs)


def committed(name: str) -> Site:
    """The demo park or the factory with units: there all five cost 10 to start, run for an hour and rest for half."""
    if name == "demo_park":
        return load_site(example_site(name))
    site = _with_control(park(name), commitment=True)
    times = {"min_on_s": 3600.0, "min_off_s": 1800.0, "start_cost_cny": 10.0}
    assets = {
        asset: spec.model_copy(update=times) if isinstance(spec, OnOff) else spec
        for asset, spec in site.assets.items()
        if asset != "boiler_1"
    }
    return replace(site, file=site.file.model_copy(update={"assets": assets}))


def _with_control(site: Site, **changes: Any) -> Site:
    return replace(site, file=site.file.model_copy(update={"control": site.control.model_copy(update=changes)}))


PARKS = ("E", "ED", "EHD", "demo_park", "factory")


def day(site: Site, count: int = INTERVALS) -> list[Situation]:
    """Situations one interval apart. What happens is the same for all; each forecast errs in its own way."""
    random = np.random.default_rng(1)
    control = site.control
    steps, step_h = control.horizon_h * 60 // control.interval_min, control.interval_min / 60.0
    hour = np.arange(count + steps) * step_h
    truth = {name: _truth(asset, hour, random) for name, asset in site.dispatched.items()}
    capacity_kwh = {
        name: spec.capacity_kwh for kind in (Battery, HotWaterTank) for name, spec in site.dispatched_of(kind).items()
    }
    soc = dict.fromkeys(capacity_kwh, 0.5)
    found = []
    for index in range(count):
        seen = {
            name: np.maximum(series[index : index + steps] * (1.0 + _error(steps, random)), 0.0)
            for name, series in truth.items()
            if series is not None
        }
        for name in soc:
            soc[name] = float(np.clip(soc[name] + random.normal(0.0, 0.03), 0.12, 0.88))
        found.append(
            Situation(
                start=START + index * timedelta(hours=step_h),
                step_h=np.full(steps, step_h),
                available_kw={name: seen[name] for kind in (PvPlant, WindTurbine) for name in site.dispatched_of(kind)},
                load_kw={name: seen[name] for kind in (ElectricLoad, HeatLoad) for name in site.dispatched_of(kind)},
                cop={name: np.maximum(seen[name], 1.5) for name in site.dispatched_of(HeatPump)},
                stored_kwh={name: share * capacity_kwh[name] for name, share in soc.items()},
                month_peak_kw=0.5 * site.grid[1].import_limit_kw,
            )
        )
    return found


def _truth(asset: Any, hour: FloatArray, random: np.random.Generator) -> FloatArray | None:
    turn = hour / 24.0 * 2.0 * np.pi
    match asset:
        case PvPlant():
            sun = np.clip(np.sin((hour % 24.0 - 6.0) / 12.0 * np.pi), 0.0, None)
            return np.asarray(0.85 * asset.rated_kw * sun)
        case ElectricLoad():
            return np.asarray(asset.peak_kw * (0.55 - 0.3 * np.cos(turn + random.uniform(-0.5, 0.5))))
        case HeatLoad():
            return np.asarray(asset.peak_kw * (0.55 + 0.25 * np.cos(turn)))
        case HeatPump():
            return np.asarray(3.0 - 0.5 * np.cos(turn))
        case WindTurbine():
            return np.asarray(asset.rated_kw * (0.3 + 0.2 * np.sin(hour / 31.0 * 2.0 * np.pi)))
        case _:
            return None


def _error(steps: int, random: np.random.Generator) -> FloatArray:
    """A relative error that grows to 10 % and changes over hours rather than from step to step."""
    shocks = random.normal(0.0, 1.0, steps)
    smooth = np.convolve(shocks, np.ones(8) / np.sqrt(8.0), mode="same")
    return np.asarray(0.1 * (1.0 - np.exp(-np.arange(steps) / 16.0)) * smooth)
