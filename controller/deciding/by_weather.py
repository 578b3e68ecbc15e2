"""Generators that sun or wind run: free, unless the plan curtails them or the export limit holds them back."""

from __future__ import annotations

from config.assets import PvPlant, WindTurbine
from controller.bounds import Bound, Priority, exactly, resolve
from controller.deciding.standing import Standing, decision_of
from controller.decision import AssetDecision

EXPORT_LIMIT = "export limit"
"""Owner of the bound that keeps the export limit: a generator follows it down at once, without a ramp."""
CURTAILED_BELOW = 0.98
"""A generator planned below this share of what it could feed is meant to be curtailed, above it is free."""
LIMITING_HEADROOM = 0.2
"""Generators are limited ahead of the export limit once the room left falls below this share of their rating,
which is about what clouds can add within a cycle."""


def decide_by_weather(park: Standing, name: str, generator: PvPlant | WindTurbine) -> AssetDecision:
    rated_kw = generator.rated_kw
    bounds = [
        Bound("rating", Priority.DEVICE, 0.0, rated_kw, "rated power"),
        Bound(EXPORT_LIMIT, Priority.CONTRACT, 0.0, _feed_limit_kw(park, name, rated_kw), "keeps the export limit"),
        *park.override(name),
    ]
    planned_kw = park.planned(name)
    if planned_kw is not None and _curtailed(park, name, planned_kw):
        bounds.append(exactly("plan", Priority.PLAN, planned_kw, f"plan curtails to {planned_kw:.0f} kW"))
    bounds.append(exactly("local default", Priority.LOCAL, rated_kw, "not limited"))
    return decision_of(name, resolve(bounds), planned_kw)


def _curtailed(park: Standing, name: str, planned_kw: float) -> bool:
    available_kw = park.foreseen_kw(name)
    return available_kw is not None and planned_kw < CURTAILED_BELOW * available_kw - 1.0


def _feed_limit_kw(park: Standing, name: str, rated_kw: float) -> float:
    """What a generator may feed so that all of them together keep the export limit."""
    rated_all_kw = sum(park.rated_by_weather_kw.values())
    headroom_kw = park.export_room_kw
    measured_kw = park.snapshot.power_kw(name) or 0.0
    if headroom_kw >= LIMITING_HEADROOM * rated_all_kw:
        return rated_kw
    if headroom_kw >= 0:
        return min(rated_kw, measured_kw + headroom_kw * rated_kw / rated_all_kw)
    # those that cannot be told anything keep what they feed: the others make up for them
    told = [generator for generator in park.rated_by_weather_kw if park.site.setpoint(generator) is not None]
    feeding_kw = sum(park.snapshot.power_kw(g) or 0.0 for g in told if park.snapshot.available(g))
    kept = max(0.0, 1 + headroom_kw / feeding_kw) if feeding_kw > 0 else 0.0
    return min(rated_kw, measured_kw * kept)
