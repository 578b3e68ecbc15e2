"""Every kind of asset that dispatch can plan: one line each, with what makes its form from its nameplate.

A new kind is a file in `dispatch.kinds` and a line here. Problem, checker, rules, soundness, bill and forecasts know
forms only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from config.asset import AssetBase, OnOff
from config.assets import (
    Battery,
    ElectricLoad,
    GasBoiler,
    GridConnection,
    HeatLoad,
    HeatPump,
    HotWaterTank,
    PvPlant,
    WindTurbine,
)
from config.flexible_assets import EvChargers, SheddableLoad, ShiftableJob, Transformer
from config.heat_network import HeatConnection, SteamConnection
from config.hydrogen_assets import Electrolyser, FuelCell, HydrogenLoad, HydrogenTank
from config.per_site import per_site
from config.site import Site
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
from dispatch.forms.batch import Batch
from dispatch.forms.commitment import Commitment
from dispatch.forms.converter import Converter
from dispatch.forms.form import Form
from dispatch.kinds.boilers import electric_boiler, gas_boiler, steam_boiler
from dispatch.kinds.chillers import absorption_chiller, chiller
from dispatch.kinds.chp import chp
from dispatch.kinds.electrolyser import electrolyser
from dispatch.kinds.flexible import ev_chargers, shiftable_job
from dispatch.kinds.fuel_cell import fuel_cell
from dispatch.kinds.grid_connection import grid_connection
from dispatch.kinds.heat_pump import heat_pump
from dispatch.kinds.loads import cooling_load, electric_load, heat_load, hydrogen_load, sheddable_load, steam_load
from dispatch.kinds.networks import heat_connection, steam_connection
from dispatch.kinds.sources import generator, pressure_turbine, waste_heat_source
from dispatch.kinds.stores import battery, cold_store, hot_water_tank, hydrogen_tank
from dispatch.kinds.transformer import transformer
from dispatch.kinds.waste_heat import heat_exchanger, orc, waste_heat_boiler
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY, BusId

KINDS: Mapping[type[AssetBase], Callable[[Any, Levels], Form]] = {
    GridConnection: grid_connection,
    PvPlant: generator,
    WindTurbine: generator,
    WasteHeatSource: waste_heat_source,
    PressureTurbine: pressure_turbine,
    Battery: battery,
    HotWaterTank: hot_water_tank,
    ColdStore: cold_store,
    HydrogenTank: hydrogen_tank,
    HeatPump: heat_pump,
    ElectricBoiler: electric_boiler,
    GasBoiler: gas_boiler,
    SteamBoiler: steam_boiler,
    Chp: chp,
    HeatExchanger: heat_exchanger,
    WasteHeatBoiler: waste_heat_boiler,
    Orc: orc,
    Chiller: chiller,
    AbsorptionChiller: absorption_chiller,
    Electrolyser: electrolyser,
    FuelCell: fuel_cell,
    ElectricLoad: electric_load,
    SheddableLoad: sheddable_load,
    HeatLoad: heat_load,
    SteamLoad: steam_load,
    CoolingLoad: cooling_load,
    HydrogenLoad: hydrogen_load,
    EvChargers: ev_chargers,
    ShiftableJob: shiftable_job,
    Transformer: transformer,
    HeatConnection: heat_connection,
    SteamConnection: steam_connection,
}


@per_site
def forms_of(site: Site) -> dict[str, Form]:
    """The assets that dispatch plans, by name, in the file's order."""
    levels = Levels(site)
    forms = {name: KINDS[type(asset)](asset, levels) for name, asset in site.dispatched.items()}
    return (
        {name: _committed(form, site.dispatched[name]) for name, form in forms.items()}
        if site.control.commitment
        else forms
    )


def _committed(form: Form, asset: AssetBase) -> Form:
    if isinstance(form, Converter) and isinstance(asset, OnOff):
        return form.as_unit(Commitment.of(asset))
    return form


def units_of(site: Site) -> dict[str, Commitment]:
    """The assets for which a plan says when they run, by name, in the file's order."""
    forms = forms_of(site).items()
    return {name: form.unit for name, form in forms if isinstance(form, Converter) and form.unit is not None}


def has_choices(site: Site) -> bool:
    """Whether plans of a site have a yes or no, so that they are the cheapest within a gap only."""
    return bool(units_of(site)) or any(isinstance(form, Batch) for form in forms_of(site).values())


def forecast_for(site: Site) -> tuple[str, ...]:
    """The assets that have a series of demand, or of what is available, in a situation; in the file's order."""
    return tuple(name for name, form in forms_of(site).items() if form.need in ("load_kw", "available_kw"))


def buses_of(forms: Mapping[str, Form]) -> tuple[BusId, ...]:
    """The buses that must balance, electricity first."""
    found = dict.fromkeys(bus for form in forms.values() for bus in form.buses)
    return tuple(sorted(found, key=lambda bus: bus != ELECTRICITY))
