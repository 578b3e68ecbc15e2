"""Nameplates with round numbers, one for each kind beside those of `tiny_park`."""

from __future__ import annotations

from typing import Any

UNIT: dict[str, Any] = {"device": "d", "min_power_kw": 0, "ramp_kw_per_s": 10}

ELECTRIC_BOILER = {**UNIT, "kind": "electric_boiler", "max_power_kw": 100, "efficiency": 0.9}
CHP = {
    **UNIT,
    "kind": "chp",
    "max_power_kw": 100,
    "min_power_kw": 50,
    "electric_efficiency": 0.4,
    "heat_efficiency": 0.5,
    "start_s": 60,
    "supply_degc": 85,
}
HOT = {"kind": "waste_heat_source", "device": "d", "max_heat_kw": 500, "supply_degc": 200, "heat_bus": "hot"}
EXCHANGER = {
    "kind": "heat_exchanger",
    "device": "d",
    "max_heat_kw": 60,
    "supply_degc": 85,
    "approach_k": 20,
    "source_bus": "hot",
}
WASTE_BOILER = {
    "kind": "waste_heat_boiler",
    "device": "d",
    "max_heat_kw": 100,
    "efficiency": 0.9,
    "supply_degc": 150,
    "approach_k": 20,
    "source_bus": "hot",
}
STEAM_BOILER = {
    "kind": "steam_boiler",
    "device": "d",
    "max_heat_kw": 100,
    "min_heat_kw": 0,
    "efficiency": 0.8,
    "supply_degc": 150,
}
ORC = {
    **UNIT,
    "kind": "orc",
    "max_power_kw": 10,
    "efficiency": 0.2,
    "rated_source_degc": 200,
    "cooling_degc": 30,
    "start_s": 0,
    "source_bus": "hot",
}
TURBINE = {
    "kind": "pressure_turbine",
    "device": "d",
    "rated_kw": 100,
    "inlet_bar": 3,
    "outlet_bar": 1,
    "inlet_degc": 150,
    "gas": "steam",
    "isentropic_efficiency": 0.8,
    "generator_efficiency": 0.95,
    "min_flow_kg_per_s": 0,
}
CHILLER = {
    "kind": "chiller",
    "device": "d",
    "max_cooling_kw": 100,
    "min_cooling_kw": 0,
    "rated_cop": 4,
    "supply_degc": 6,
    "min_on_s": 0,
    "min_off_s": 0,
}
ABSORBER = {
    "kind": "absorption_chiller",
    "device": "d",
    "max_cooling_kw": 70,
    "min_cooling_kw": 0,
    "rated_cop": 0.7,
    "rated_source_degc": 200,
    "least_source_degc": 100,
    "pump_kw": 2,
    "supply_degc": 7,
    "source_bus": "hot",
}
COLD_STORE = {
    "kind": "cold_store",
    "device": "d",
    "capacity_kwh": 200,
    "loss_per_h": 0,
    "max_charge_kw": 200,
    "max_discharge_kw": 200,
    "soc_min": 0,
    "soc_max": 1,
    "full_degc": 6,
    "empty_degc": 14,
}
ELECTROLYSER = {
    **UNIT,
    "kind": "electrolyser",
    "max_power_kw": 1000,
    "rated_kwh_per_kg": 50,
    "standby_kw": 10,
    "cold_start_s": 600,
    "hot_start_s": 30,
    "cools_after_s": 3600,
    "heat_recovery": 0,
    "supply_degc": 65,
}
HYDROGEN_TANK = {
    "kind": "hydrogen_tank",
    "device": "d",
    "capacity_kg": 100,
    "empty_bar": 20,
    "full_bar": 350,
    "max_charge_kg_per_h": 50,
    "max_discharge_kg_per_h": 50,
    "soc_min": 0,
    "soc_max": 1,
}
FUEL_CELL = {
    **UNIT,
    "kind": "fuel_cell",
    "max_power_kw": 100,
    "rated_efficiency": 0.5,
    "heat_efficiency": 0.3,
    "start_s": 0,
    "supply_degc": 65,
}
STEAM = {"kind": "steam_load", "device": "d", "peak_kw": 100}
COOLING = {"kind": "cooling_load", "device": "d", "peak_kw": 100}
HYDROGEN = {"kind": "hydrogen_load", "device": "d", "peak_kg_per_h": 20}
SHEDDABLE = {"kind": "sheddable_load", "device": "d", "peak_kw": 50, "shed_order": 1}
CHARGERS = {
    "kind": "ev_chargers",
    "device": "d",
    "stations": 4,
    "station_kw": 22,
    "limit_kw": 50,
    "efficiency": 0.9,
}
JOB = {
    "kind": "shiftable_job",
    "device": "d",
    "power_kw": 50,
    "duration_min": 120,
    "earliest_h": 1,
    "latest_end_h": 5,
    "interruptible": True,
}
DISTRICT_HEAT = {
    "kind": "heat_connection",
    "device": "d",
    "import_limit_kw": 100,
    "export_limit_kw": 50,
    "import_price_per_kwh": 0.4,
    "export_price_per_kwh": 0.1,
    "supply_degc": 90,
    "co2_kg_per_kwh": 0.25,
}
NEIGHBOURS_STEAM = {
    **DISTRICT_HEAT,
    "kind": "steam_connection",
    "import_price_per_kwh": {"00:00-02:00": 0.5, "02:00-24:00": 0.3},
    "supply_degc": 180,
}
TRANSFORMER = {"kind": "transformer", "device": "d", "rated_kva": 100, "no_load_kw": 2, "load_kw": 10}
