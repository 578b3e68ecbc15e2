"""Which role each kind of asset plays that can be told something: one line each.

The order is that of deciding: the battery first, because it takes up what deviates from the plan; then what can
wait, what makes supply, what can be left out; generators last, with what room is left for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from config.asset import AssetBase
from config.assets import Battery, GasBoiler, HeatPump, PvPlant, WindTurbine
from config.flexible_assets import EvChargers, SheddableLoad, ShiftableJob
from config.hydrogen_assets import Electrolyser, FuelCell
from config.per_site import per_site
from config.site import Site
from config.thermal_assets import AbsorptionChiller, Chiller, Chp, ElectricBoiler, Orc
from controller.deciding.battery import decide_battery
from controller.deciding.by_weather import decide_by_weather
from controller.deciding.engine import decide_chp, decide_fuel_cell, decide_orc
from controller.deciding.maker import Maker
from controller.deciding.standing import Standing
from controller.deciding.taker import decide_chargers, decide_job, decide_sheddable
from controller.deciding.thermostat import BACKUP_ON_BELOW, FIRST_ON_BELOW
from controller.decision import AssetDecision

Role = Callable[[Standing, str, Any], AssetDecision]

ROLES: Mapping[type[AssetBase], Role] = {
    Battery: decide_battery,
    Electrolyser: Maker(on_below=BACKUP_ON_BELOW),
    EvChargers: decide_chargers,
    HeatPump: Maker(on_below=FIRST_ON_BELOW),
    ElectricBoiler: Maker(on_below=BACKUP_ON_BELOW),
    GasBoiler: Maker(on_below=BACKUP_ON_BELOW),
    AbsorptionChiller: Maker(on_below=FIRST_ON_BELOW),
    Chiller: Maker(on_below=BACKUP_ON_BELOW),
    ShiftableJob: decide_job,
    SheddableLoad: decide_sheddable,
    Chp: decide_chp,
    FuelCell: decide_fuel_cell,
    Orc: decide_orc,
    PvPlant: decide_by_weather,
    WindTurbine: decide_by_weather,
}


@per_site
def in_turn(site: Site) -> list[tuple[str, AssetBase, Role]]:
    """The assets that have a setpoint, in the order in which they are decided."""
    told = [(name, asset) for name, asset in site.assets.items() if site.setpoint(name) is not None]
    return [
        (name, asset, role)
        for kind, role in ROLES.items()
        for name, asset in sorted(told, key=lambda each: getattr(each[1], "shed_order", 0))
        if isinstance(asset, kind)
    ]
