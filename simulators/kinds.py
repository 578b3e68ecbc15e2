"""Every kind of asset that can be simulated, in the order in which they take part in a step.

A new kind is a model in a file of its own and one line here. Demand comes first, then what a process gives, then the
converters, each after those that feed the bus it draws on: steam and hot water from waste heat before burners, and
networks after these, cold from heat after all heat is made, power from heat with what is left then. Stores and the grid
take the rest, so their place does not matter; a battery comes late because its own control looks at the grid, and
after it the meters of feeders, which only add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.battery import wire_battery
from simulators.boiler import wire_electric_boiler, wire_gas_boiler, wire_steam_boiler
from simulators.chp import wire_chp
from simulators.cooling import wire_absorption_chiller, wire_chiller, wire_cold_store
from simulators.electrolyser import wire_electrolyser
from simulators.ev_chargers import wire_ev_chargers
from simulators.feeder_meter import wire_feeder
from simulators.heat_network import wire_heat_connection, wire_steam_connection
from simulators.heat_pump import wire_heat_pump
from simulators.hydrogen import wire_fuel_cell, wire_hydrogen_tank
from simulators.load import (
    wire_cooling_load,
    wire_electric_load,
    wire_heat_load,
    wire_hydrogen_load,
    wire_sheddable_load,
    wire_steam_load,
)
from simulators.model import Seat, Wired
from simulators.operator_limit import wire_operator_limit
from simulators.pressure_turbine import wire_pressure_turbine
from simulators.pv import wire_pv_plant
from simulators.shiftable_job import wire_shiftable_job
from simulators.tank import wire_hot_water_tank
from simulators.transformer import wire_transformer
from simulators.waste_heat import wire_heat_exchanger, wire_orc, wire_waste_heat_boiler, wire_waste_heat_source
from simulators.wind import wire_wind_turbine

Wire = Callable[[Any, Seat], Wired]
"""Makes the model of an asset, given its nameplate, and hangs it on its buses."""

KINDS: Mapping[str, Wire] = {
    "electric_load": wire_electric_load,
    "sheddable_load": wire_sheddable_load,
    "shiftable_job": wire_shiftable_job,
    "ev_chargers": wire_ev_chargers,
    "heat_load": wire_heat_load,
    "steam_load": wire_steam_load,
    "cooling_load": wire_cooling_load,
    "hydrogen_load": wire_hydrogen_load,
    "pv_plant": wire_pv_plant,
    "wind_turbine": wire_wind_turbine,
    "pressure_turbine": wire_pressure_turbine,
    "waste_heat_source": wire_waste_heat_source,
    "hot_water_tank": wire_hot_water_tank,
    "cold_store": wire_cold_store,
    "hydrogen_tank": wire_hydrogen_tank,
    "waste_heat_boiler": wire_waste_heat_boiler,
    "steam_boiler": wire_steam_boiler,
    "heat_exchanger": wire_heat_exchanger,
    "electrolyser": wire_electrolyser,
    "fuel_cell": wire_fuel_cell,
    "chp": wire_chp,
    "heat_pump": wire_heat_pump,
    "electric_boiler": wire_electric_boiler,
    "gas_boiler": wire_gas_boiler,
    "heat_connection": wire_heat_connection,
    "steam_connection": wire_steam_connection,
    "absorption_chiller": wire_absorption_chiller,
    "chiller": wire_chiller,
    "orc": wire_orc,
    "transformer": wire_transformer,
    "operator_limit": wire_operator_limit,
    "battery": wire_battery,
    "feeder": wire_feeder,
}
"""By the asset's kind; the grid connection is the electric bus's own."""
