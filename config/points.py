"""The standard point names and which of them each kind of asset needs.

A profile that uses these names binds to an asset by itself. ``docs/points.md`` is the same table for people.
"""

from __future__ import annotations

from dataclasses import dataclass

STANDARD_POINTS: dict[str, str] = {
    "active_power_kw": "active power; two-way assets count + towards the park, one-way assets are never negative",
    "reactive_power_kvar": "reactive power, + when the park takes it from the asset",
    "voltage_v": "line-to-neutral voltage, mean of the phases",
    "frequency_hz": "grid frequency",
    "energy_import_kwh": "counter of the energy that came into the park",
    "energy_export_kwh": "counter of the energy that left the park",
    "energy_kwh": "counter of the energy that a one-way asset made or used, in its own carrier",
    "gas_energy_kwh": "counter of the gas burnt, lower heating value",
    "soc": "stored energy as a share of the capacity",
    "power_setpoint_kw": "wanted active power, signed as active_power_kw",
    "power_limit_kw": "upper limit of the active power of a generator",
    "heat_power_kw": "heat delivered or used",
    "heat_setpoint_kw": "wanted heat",
    "supply_degc": "temperature of the water that the asset supplies",
    "return_degc": "temperature of the water that comes back",
    "outdoor_degc": "outdoor air temperature",
    "wind_speed_m_per_s": "wind speed at the hub",
    "irradiance_w_per_m2": "irradiance in the plane of the modules",
    "available": "1 when the asset may be used, 0 when it reports a fault or is switched to local",
    "status": "the device's own state number",
}


@dataclass(frozen=True, slots=True)
class PointNeeds:
    """The points that a kind of asset takes from its device."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    setpoint: str | None = None
    """What the controller writes; None for an asset that is only measured."""


NEEDS: dict[str, PointNeeds] = {
    "grid_connection": PointNeeds(
        required=("active_power_kw", "energy_import_kwh", "energy_export_kwh"),
        optional=("reactive_power_kvar", "voltage_v", "frequency_hz"),
    ),
    "pv_plant": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "irradiance_w_per_m2", "reactive_power_kvar", "status"),
        setpoint="power_limit_kw",
    ),
    "wind_turbine": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "wind_speed_m_per_s", "available", "status"),
        setpoint="power_limit_kw",
    ),
    "battery": PointNeeds(
        required=("active_power_kw", "soc"),
        optional=("energy_import_kwh", "energy_export_kwh", "available", "status"),
        setpoint="power_setpoint_kw",
    ),
    "heat_pump": PointNeeds(
        required=("active_power_kw", "heat_power_kw"),
        optional=("energy_kwh", "supply_degc", "outdoor_degc", "available", "status"),
        setpoint="power_setpoint_kw",
    ),
    "hot_water_tank": PointNeeds(required=("soc",), optional=("supply_degc", "return_degc")),
    "gas_boiler": PointNeeds(
        required=("heat_power_kw",),
        optional=("gas_energy_kwh", "supply_degc", "available", "status"),
        setpoint="heat_setpoint_kw",
    ),
    "electric_load": PointNeeds(required=("active_power_kw",), optional=("energy_kwh", "reactive_power_kvar")),
    "heat_load": PointNeeds(required=("heat_power_kw",), optional=("energy_kwh", "supply_degc", "return_degc")),
}
