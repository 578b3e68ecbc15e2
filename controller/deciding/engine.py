"""Generators that somebody starts: CHP, ORC and fuel cell. They follow the plan inside the export limit.

They ramp slowly, so nothing is expected of them within a cycle: what exceeds a limit meanwhile others take up.
"""

from __future__ import annotations

from config.asset import Ramped
from config.hydrogen_assets import FuelCell
from config.thermal_assets import Chp, Orc
from controller.bounds import Bound, Priority, exactly, resolve
from controller.deciding.load_range import in_load_range
from controller.deciding.standing import Standing, decision_of
from controller.deciding.thermostat import FIRST_ON_BELOW, thermostat
from controller.decision import AssetDecision
from controller.island import ISLAND

ENOUGH_SOC = 0.5
"""Of what forms an island: above it fuel and hydrogen are kept for later."""


def decide_chp(park: Standing, name: str, unit: Chp) -> AssetDecision:
    """Led by heat without a plan; heat beyond that is thrown away when the plan wants the power."""
    running = park.measured_kw(name) > 0
    level = park.level(unit.heat_bus)
    local = thermostat(level, unit.heat_bus, unit.max_power_kw, on_below=FIRST_ON_BELOW, running=running)
    return _decided(park, name, unit, [local])


def decide_fuel_cell(park: Standing, name: str, unit: FuelCell) -> AssetDecision:
    """Hydrogen is dear: it runs by plan only, and leaves what is left in a nearly empty tank to its other users."""
    bounds = [exactly("local default", Priority.LOCAL, 0.0, "no plan: the hydrogen is kept")]
    level = park.level("hydrogen")
    if level is not None and level.soc is not None and level.nearly_empty:
        bounds.append(exactly("hydrogen supply", Priority.SUPPLY, 0.0, f"tank nearly empty: {level.soc:.0%}"))
    return _decided(park, name, unit, bounds)


def decide_orc(park: Standing, name: str, unit: Orc) -> AssetDecision:
    """Its setpoint is a limit. A plan says whether it runs; it takes what heat the source gives, which may be more
    than was expected and costs nothing."""
    bounds = [exactly("local default", Priority.LOCAL, unit.max_power_kw, "not limited: it takes what heat there is")]
    planned_kw = park.planned(name)
    if planned_kw is not None and in_load_range(planned_kw, unit) > 0:
        bounds.append(exactly("plan", Priority.PLAN, unit.max_power_kw, f"plan {planned_kw:.0f} kW, as heat allows"))
    return _decided(park, name, unit, bounds)


def _for_the_island(park: Standing, name: str, unit: Ramped) -> list[Bound]:
    """What spares the battery of an island that is not full: all that it gives, as far as the unit can."""
    if park.island is None or park.island.soc >= ENOUGH_SOC:
        return []
    asked_kw = min(unit.max_power_kw, max(0.0, park.measured_kw(name) + park.expected_grid_kw))
    reason = f"spares the battery of the island, which is at SOC {park.island.soc:.0%}"
    return [Bound(ISLAND, Priority.SUPPLY, asked_kw, unit.max_power_kw, reason)]


def _decided(park: Standing, name: str, unit: Ramped, more: list[Bound]) -> AssetDecision:
    feed_kw = max(0.0, park.measured_kw(name) + park.export_room_kw)
    bounds = [
        Bound("rating", Priority.DEVICE, 0.0, unit.max_power_kw, "rated power"),
        park.export_bound(0.0, feed_kw),
        *park.line_giving(name),
        *park.override(name),
        *_for_the_island(park, name, unit),
        *more,
    ]
    planned_kw = park.planned(name)
    if planned_kw is not None:
        bounds.append(exactly("plan", Priority.PLAN, in_load_range(planned_kw, unit), f"plan {planned_kw:.0f} kW"))
    return decision_of(name, resolve(bounds), planned_kw)
