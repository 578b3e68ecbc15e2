"""Units that make heat, cold or hydrogen: they follow the plan within their load range, and their stores' state.

A full store stops them; one that is nearly empty starts them, whatever the plan says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.asset import bus_of, carrier_of
from config.assets import GasBoiler
from config.hydrogen_assets import Electrolyser
from config.thermal_assets import AbsorptionChiller, Chiller
from controller.bounds import Bound, Priority, exactly, resolve
from controller.deciding.load_range import in_load_range, load_range_kw, runs
from controller.deciding.standing import Level, Standing, decision_of
from controller.deciding.thermostat import store_word, thermostat
from controller.decision import AssetDecision

MAKES_COLD = (Chiller, AbsorptionChiller)


@dataclass(frozen=True, slots=True)
class Maker:
    """The role of a kind of maker."""

    on_below: float
    """State of the stores at which it starts without a plan."""

    def __call__(self, park: Standing, name: str, unit: Any) -> AssetDecision:
        _, most_kw = load_range_kw(unit)
        measured_kw, planned_kw = park.measured_kw(name), park.planned(name)
        bus = made_by(unit)
        level = park.level(bus)
        per_kw = electricity_per_kw(unit)
        rated = "rated heat" if isinstance(unit, GasBoiler) else "rated power"
        bounds = [
            Bound("rating", Priority.DEVICE, 0.0, most_kw, rated),
            *_full(level, bus),
            *park.override(name),
            *_nearly_empty(level, bus, most_kw, waits=_waits(unit, planned_kw)),
        ]
        if per_kw > 0:
            needed = level is not None and level.nearly_empty
            room_kw = park.import_room_kw if needed else park.spare_room_kw
            room_kw = max(0.0, measured_kw + room_kw / per_kw)
            bounds.append(park.import_bound(0.0, room_kw))
            bounds += park.line_taking(name, per_kw)
            bounds += park.demand_bounds(0.0, max(0.0, measured_kw + park.demand_room_kw / per_kw))
        if planned_kw is not None:
            bounds.append(exactly("plan", Priority.PLAN, in_load_range(planned_kw, unit), f"plan {planned_kw:.0f} kW"))
        running = runs(measured_kw, unit)
        bounds.append(thermostat(level, bus, most_kw, on_below=self.on_below, running=running))
        resolved = resolve(bounds)
        # a compressor ramps up slowly: only what it gives up counts at once
        park.takes_kw(name, (resolved.value - measured_kw) * per_kw)
        return decision_of(name, resolved, planned_kw)


def made_by(unit: Any) -> str:
    """The bus that a unit supplies."""
    if isinstance(unit, MAKES_COLD):
        return "cooling"
    return "hydrogen" if isinstance(unit, Electrolyser) else bus_of(unit, "heat", 1)


ELECTRICITY_PER_KW: dict[type, Callable[[Any], float]] = {
    GasBoiler: lambda unit: 0.0,
    Chiller: lambda unit: 1.0 / unit.rated_cop,
    AbsorptionChiller: lambda unit: 0.0,
}


def electricity_per_kw(unit: Any) -> float:
    """Electricity for each kW that its setpoint says; of those that are told their electricity it is 1."""
    return ELECTRICITY_PER_KW.get(type(unit), lambda _: 1.0)(unit)


def _waits(unit: Any, planned_kw: float | None) -> bool:
    """Whether a unit is a backup that the plan leaves off: it comes after the others."""
    return isinstance(unit, GasBoiler) and planned_kw is not None and in_load_range(planned_kw, unit) == 0.0


def _full(level: Level | None, bus: str) -> list[Bound]:
    if level is None or level.soc is None or not level.full:
        return []
    store = store_word(bus)
    return [exactly(store, Priority.DEVICE, 0.0, f"{store} full: {level.soc:.0%}")]


def _nearly_empty(level: Level | None, bus: str, most_kw: float, *, waits: bool) -> list[Bound]:
    if level is None or level.soc is None or not (level.spent if waits else level.nearly_empty):
        return []
    reason = f"{store_word(bus)} nearly empty: {level.soc:.0%}"
    return [exactly(f"{carrier_of(bus)} supply", Priority.SUPPLY, most_kw, reason)]
