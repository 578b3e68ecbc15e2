"""Who takes electricity and can wait or do without: chargers, jobs and loads that may be shed.

What they give up counts at once, so that the next in line keeps what it has.
"""

from __future__ import annotations

from config.flexible_assets import EvChargers, SheddableLoad, ShiftableJob
from controller.bounds import Bound, Priority, exactly, resolve
from controller.deciding.standing import Standing, decision_of
from controller.decision import AssetDecision
from controller.demand_guard import WINDOW_S, Demand

SHED_BELOW = 0.98
"""A load planned below this share of what it wants is meant to be shed, above it is free."""


def decide_chargers(park: Standing, name: str, chargers: EvChargers) -> AssetDecision:
    """The setpoint is a limit; without a plan vehicles take what they want."""
    most_kw = min(chargers.limit_kw, chargers.stations * chargers.station_kw)
    local = exactly("local default", Priority.LOCAL, most_kw, "not limited")
    planned_kw = park.planned(name)
    spare_kw = max(0.0, park.measured_kw(name) + park.spare_room_kw)
    bounds = [local, park.import_bound(0.0, spare_kw), *park.demand_bounds(0.0, _demand_most_kw(park, name))]
    if planned_kw is not None:
        bounds.append(exactly("plan", Priority.PLAN, planned_kw, f"plan {planned_kw:.0f} kW"))
    return _decided(park, name, most_kw, bounds)


def decide_sheddable(park: Standing, name: str, load: SheddableLoad) -> AssetDecision:
    """Free, unless the plan sheds it or the import limit leaves less; those with a higher order are asked later."""
    most_kw = park.told_most_kw(name)
    bounds = [exactly("local default", Priority.LOCAL, most_kw, "not limited")]
    if park.demand is not None and cheaper_than_a_peak(park.demand, load):
        bounds += park.demand_bounds(0.0, _demand_most_kw(park, name))
    planned_kw = park.planned(name)
    if planned_kw is not None:
        wanted_kw = park.foreseen_kw(name)
        if wanted_kw is not None and planned_kw < SHED_BELOW * wanted_kw - 1.0:
            bounds.append(exactly("plan", Priority.PLAN, planned_kw, f"plan sheds to {planned_kw:.0f} kW"))
    return _decided(park, name, most_kw, bounds)


def decide_job(park: Standing, name: str, job: ShiftableJob) -> AssetDecision:
    """On or off; the device itself keeps its window, and starts in time even where nobody calls it."""
    bounds = [exactly("local default", Priority.LOCAL, job.power_kw, "no plan: it runs as soon as it may")]
    if not job.interruptible and park.measured_kw(name) > 0:
        bounds.append(exactly("job", Priority.DEVICE, job.power_kw, "has begun, and runs to its end"))
    planned_kw = park.planned(name)
    if planned_kw is not None:
        runs_kw = job.power_kw if planned_kw >= job.power_kw / 2 else 0.0
        bounds.append(exactly("plan", Priority.PLAN, runs_kw, f"plan {planned_kw:.0f} kW"))
    if park.measured_kw(name) + park.demand_room_kw < job.power_kw:
        bounds += park.demand_bounds(0.0, 0.0)
    if park.measured_kw(name) + park.spare_room_kw < job.power_kw:
        bounds.append(park.import_bound(0.0, 0.0))
    return _decided(park, name, job.power_kw, bounds)


def _demand_most_kw(park: Standing, name: str) -> float:
    return max(0.0, park.measured_kw(name) + park.demand_room_kw)


def cheaper_than_a_peak(demand: Demand, load: SheddableLoad) -> bool:
    """Whether a kW that is left out for as long as a peak counts costs less than a kW of the month's peak."""
    price = load.lost_load_cny_per_kwh
    return price is not None and price * WINDOW_S / 3600.0 < demand.per_kw


def _decided(park: Standing, name: str, most_kw: float, more: list[Bound]) -> AssetDecision:
    measured_kw = park.measured_kw(name)
    room_kw = max(0.0, measured_kw + park.import_room_kw)
    bounds = [
        Bound("rating", Priority.DEVICE, 0.0, most_kw, "rated power"),
        park.import_bound(0.0, room_kw),
        *park.line_taking(name),
        *park.override(name),
        *more,
    ]
    resolved = resolve(bounds)
    park.takes_kw(name, resolved.value - measured_kw)
    return decision_of(name, resolved, park.planned(name))
