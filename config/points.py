"""The standard point names and which of them each kind of asset needs.

A profile that uses these names binds to an asset by itself. ``docs/points.md`` is the same table for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from config.asset import Carrier
from config.grid_operator import CONTACTS, VALUES

STANDARD_POINTS: dict[str, str] = {
    "active_power_kw": "active power; two-way assets count + towards the park, one-way assets are never negative",
    "reactive_power_kvar": "reactive power, + when the park takes it from the asset",
    "voltage_v": "line-to-neutral voltage, mean of the phases",
    "frequency_hz": "grid frequency",
    "breaker_closed": "1 while the connection point's breaker is closed, 0 while the park is an island",
    "reconnection_permitted": "1 while the grid is there and its operator lets an island come back",
    "reconnection_release": "1 lets the coupling relay close an open breaker, 0 does not; it never opens one",
    "energy_import_kwh": "counter of the energy that came into the park",
    "energy_export_kwh": "counter of the energy that left the park",
    "energy_kwh": "counter of the energy that a one-way asset made or used, in its own carrier",
    "gas_energy_kwh": "counter of the gas burnt, lower heating value",
    "soc": "stored energy as a share of the capacity",
    "soh": "capacity that is left, as a share of the new one",
    "power_setpoint_kw": "wanted active power, signed as active_power_kw",
    "feed_in_limit_share": "what the grid operator allows to be fed, as a share of the installed power",
    "feed_in_limit_kw": "what the grid operator allows to be fed",
    "import_limit_kw": "what the grid operator allows to be taken",
    "feed_in_contact_0": "1 while the contact is closed that allows no feed-in",
    "feed_in_contact_30": "1 while the contact is closed that allows 30 % of the installed power",
    "feed_in_contact_60": "1 while the contact is closed that allows 60 % of the installed power",
    "feed_in_contact_100": "1 while the contact is closed that allows all of the installed power",
    "power_limit_kw": "upper limit of the active power of a generator",
    "reactive_setpoint_kvar": "wanted reactive power, signed as reactive_power_kvar",
    "max_charge_kw": "what the battery's own management allows for charging now",
    "max_discharge_kw": "what the battery's own management allows for discharging now",
    "tripped": "1 after the device switched itself off for its own protection, until it is reset",
    "reset": "1 resets a device that tripped",
    "heat_power_kw": "heat delivered or used; of steam the same; at a connection to a network + towards the park",
    "heat_setpoint_kw": "wanted heat",
    "heat_energy_kwh": "counter of the heat of an asset that makes or uses heat beside its own carrier",
    "cooling_power_kw": "cooling delivered or used",
    "cooling_setpoint_kw": "wanted cooling",
    "supply_degc": "temperature of the water or steam that the asset supplies",
    "return_degc": "temperature of the water that comes back",
    "source_degc": "temperature of the heat that the asset uses",
    "outdoor_degc": "outdoor air temperature",
    "cell_degc": "temperature of the battery's cells",
    "hydrogen_kg_per_h": "hydrogen made or used; of a tank + towards the park",
    "hydrogen_kg": "counter of the hydrogen made or used",
    "stored_kg": "hydrogen in a tank above its empty pressure",
    "pressure_bar": "absolute pressure",
    "flow_kg_per_s": "mass flow",
    "wind_speed_m_per_s": "wind speed at the hub",
    "irradiance_w_per_m2": "irradiance in the plane of the modules",
    "vehicles": "vehicles that are plugged in",
    "energy_needed_kwh": "energy that the vehicles plugged in still want",
    "load_share": "apparent power as a share of the rating",
    "available": "1 when the asset may be used, 0 when it reports a fault or is switched to local",
    "status": "the device's own state number",
}


REACTIVE_SETPOINT = "reactive_setpoint_kvar"
"""What is told beside the setpoint proper, where an inverter lets itself be told."""
RECONNECTION_PERMITTED = "reconnection_permitted"
"""The grid operator's word on it."""
RECONNECTION_RELEASE = "reconnection_release"
"""What the relay at the connection point is told, where it waits for a word."""


class Flow(NamedTuple):
    """What one point of an asset shows of its flows."""

    point: str
    carrier: Carrier
    """Of hydrogen the point counts kg/h, of all else kW."""
    direction: Literal[-1, 1]
    """+1: it gives what the point shows to the bus; -1: it takes it from there."""


@dataclass(frozen=True, slots=True)
class PointNeeds:
    """The points that a kind of asset takes from its device, and which way they count."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    """Of these it needs at least one, and takes all that there are."""
    setpoint: str | None = None
    """What the controller writes; None for an asset that is only measured."""
    power: str | None = "active_power_kw"
    """The point that is the asset's power; None for one without, such as a tank."""
    flows: tuple[Flow, ...] = ()
    """At every bus that it has to do with and whose flow it can show."""
    two_way: bool = False
    """Whether its power may be negative."""

    @property
    def steered(self) -> str | None:
        """The point that shows what the setpoint asks for, which for a chiller is cold and not its power."""
        if self.setpoint is None:
            return self.power
        return {"heat_setpoint_kw": "heat_power_kw", "cooling_setpoint_kw": "cooling_power_kw"}.get(
            self.setpoint, "active_power_kw"
        )

    def direction(self, carrier: Carrier) -> int:
        """Whether such an asset gives a carrier (1), takes it (-1) or shows nothing of it (0)."""
        return next((flow.direction for flow in self.flows if flow.carrier == carrier), 0)


_GIVES_POWER = Flow("active_power_kw", "electricity", 1)
_TAKES_POWER = Flow("active_power_kw", "electricity", -1)
_GIVES_HEAT = Flow("heat_power_kw", "heat", 1)
_TAKES_HEAT = Flow("heat_power_kw", "heat", -1)
_GIVES_STEAM = Flow("heat_power_kw", "steam", 1)
_TAKES_STEAM = Flow("heat_power_kw", "steam", -1)
_GIVES_COLD = Flow("cooling_power_kw", "cooling", 1)
_TAKES_COLD = Flow("cooling_power_kw", "cooling", -1)
_GIVES_HYDROGEN = Flow("hydrogen_kg_per_h", "hydrogen", 1)
_TAKES_HYDROGEN = Flow("hydrogen_kg_per_h", "hydrogen", -1)

_UNIT = ("available", "status")

NEEDS: dict[str, PointNeeds] = {
    "grid_connection": PointNeeds(
        required=("active_power_kw", "energy_import_kwh", "energy_export_kwh"),
        optional=(
            "reactive_power_kvar",
            "voltage_v",
            "frequency_hz",
            "breaker_closed",
            "reconnection_permitted",
            "reconnection_release",
        ),
        two_way=True,
        flows=(_GIVES_POWER,),
    ),
    "pv_plant": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "irradiance_w_per_m2", "reactive_power_kvar", "reactive_setpoint_kvar", "status"),
        setpoint="power_limit_kw",
        flows=(_GIVES_POWER,),
    ),
    "wind_turbine": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "wind_speed_m_per_s", *_UNIT),
        setpoint="power_limit_kw",
        flows=(_GIVES_POWER,),
    ),
    "battery": PointNeeds(
        required=("active_power_kw", "soc"),
        optional=(
            "energy_import_kwh",
            "energy_export_kwh",
            "reactive_power_kvar",
            "reactive_setpoint_kvar",
            "max_charge_kw",
            "max_discharge_kw",
            "cell_degc",
            "soh",
            "tripped",
            "reset",
            *_UNIT,
        ),
        setpoint="power_setpoint_kw",
        two_way=True,
        flows=(_GIVES_POWER,),
    ),
    "heat_pump": PointNeeds(
        required=("active_power_kw", "heat_power_kw"),
        optional=("energy_kwh", "heat_energy_kwh", "supply_degc", "outdoor_degc", *_UNIT),
        setpoint="power_setpoint_kw",
        flows=(_TAKES_POWER, _GIVES_HEAT),
    ),
    "hot_water_tank": PointNeeds(required=("soc",), optional=("supply_degc", "return_degc"), power=None),
    "gas_boiler": PointNeeds(
        required=("heat_power_kw",),
        optional=("gas_energy_kwh", "supply_degc", *_UNIT),
        setpoint="heat_setpoint_kw",
        power="heat_power_kw",
        flows=(_GIVES_HEAT,),
    ),
    "electric_load": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "reactive_power_kvar"),
        flows=(_TAKES_POWER,),
    ),
    "heat_load": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_kwh", "supply_degc", "return_degc"),
        power="heat_power_kw",
        flows=(_TAKES_HEAT,),
    ),
    "electric_boiler": PointNeeds(
        required=("active_power_kw", "heat_power_kw"),
        optional=("energy_kwh", "heat_energy_kwh", "supply_degc", *_UNIT),
        setpoint="power_setpoint_kw",
        flows=(_TAKES_POWER, _GIVES_HEAT),
    ),
    "chp": PointNeeds(
        required=("active_power_kw", "heat_power_kw"),
        optional=("energy_kwh", "heat_energy_kwh", "gas_energy_kwh", "supply_degc", *_UNIT),
        setpoint="power_setpoint_kw",
        flows=(_GIVES_POWER, _GIVES_HEAT),
    ),
    "waste_heat_source": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_kwh", "supply_degc"),
        power="heat_power_kw",
        flows=(_GIVES_HEAT,),
    ),
    "heat_exchanger": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_kwh", "supply_degc", "source_degc"),
        power="heat_power_kw",
        flows=(_GIVES_HEAT, _TAKES_HEAT),
    ),
    "waste_heat_boiler": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_kwh", "supply_degc", "source_degc"),
        power="heat_power_kw",
        flows=(_GIVES_STEAM,),
    ),
    "steam_boiler": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_kwh", "gas_energy_kwh", "supply_degc", *_UNIT),
        setpoint="heat_setpoint_kw",
        power="heat_power_kw",
        flows=(_GIVES_STEAM,),
    ),
    "orc": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "heat_power_kw", "source_degc", *_UNIT),
        setpoint="power_limit_kw",
        flows=(_GIVES_POWER, _TAKES_HEAT),
    ),
    "pressure_turbine": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "flow_kg_per_s", "pressure_bar", *_UNIT),
        flows=(_GIVES_POWER,),
    ),
    "chiller": PointNeeds(
        required=("active_power_kw", "cooling_power_kw"),
        optional=("energy_kwh", "supply_degc", "outdoor_degc", *_UNIT),
        setpoint="cooling_setpoint_kw",
        flows=(_TAKES_POWER, _GIVES_COLD),
    ),
    "absorption_chiller": PointNeeds(
        required=("cooling_power_kw", "heat_power_kw"),
        optional=("active_power_kw", "energy_kwh", "supply_degc", "source_degc", *_UNIT),
        setpoint="cooling_setpoint_kw",
        power="cooling_power_kw",
        flows=(_TAKES_POWER, _TAKES_HEAT, _GIVES_COLD),
    ),
    "cold_store": PointNeeds(required=("soc",), optional=("supply_degc",), power=None),
    "cooling_load": PointNeeds(
        required=("cooling_power_kw",),
        optional=("energy_kwh", "supply_degc"),
        power="cooling_power_kw",
        flows=(_TAKES_COLD,),
    ),
    "steam_load": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_kwh",),
        power="heat_power_kw",
        flows=(_TAKES_STEAM,),
    ),
    "electrolyser": PointNeeds(
        required=("active_power_kw", "hydrogen_kg_per_h"),
        optional=("energy_kwh", "hydrogen_kg", "heat_power_kw", "supply_degc", *_UNIT),
        setpoint="power_setpoint_kw",
        flows=(_TAKES_POWER, _GIVES_HEAT, _GIVES_HYDROGEN),
    ),
    "hydrogen_tank": PointNeeds(
        required=("soc",),
        optional=("stored_kg", "pressure_bar", "hydrogen_kg_per_h"),
        power=None,
        two_way=True,
        flows=(_GIVES_HYDROGEN,),
    ),
    "fuel_cell": PointNeeds(
        required=("active_power_kw", "hydrogen_kg_per_h"),
        optional=("energy_kwh", "hydrogen_kg", "heat_power_kw", "supply_degc", *_UNIT),
        setpoint="power_setpoint_kw",
        flows=(_GIVES_POWER, _GIVES_HEAT, _TAKES_HYDROGEN),
    ),
    "hydrogen_load": PointNeeds(
        required=("hydrogen_kg_per_h",),
        optional=("hydrogen_kg",),
        power="hydrogen_kg_per_h",
        flows=(_TAKES_HYDROGEN,),
    ),
    "ev_chargers": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "vehicles", "energy_needed_kwh", "reactive_power_kvar", *_UNIT),
        setpoint="power_limit_kw",
        flows=(_TAKES_POWER,),
    ),
    "shiftable_job": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "energy_needed_kwh", *_UNIT),
        setpoint="power_setpoint_kw",
        flows=(_TAKES_POWER,),
    ),
    "sheddable_load": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "reactive_power_kvar", *_UNIT),
        setpoint="power_limit_kw",
        flows=(_TAKES_POWER,),
    ),
    "operator_limit": PointNeeds(required=(), one_of=(*VALUES, *CONTACTS), power=None),
    "feeder": PointNeeds(
        required=("active_power_kw",),
        optional=("reactive_power_kvar",),
        two_way=True,
    ),
    "transformer": PointNeeds(
        required=("active_power_kw",),
        optional=("energy_kwh", "load_share"),
        flows=(_TAKES_POWER,),
    ),
    "heat_connection": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_import_kwh", "energy_export_kwh", "supply_degc", "return_degc"),
        power="heat_power_kw",
        two_way=True,
        flows=(_GIVES_HEAT,),
    ),
    "steam_connection": PointNeeds(
        required=("heat_power_kw",),
        optional=("energy_import_kwh", "energy_export_kwh", "supply_degc"),
        power="heat_power_kw",
        two_way=True,
        flows=(_GIVES_STEAM,),
    ),
}
