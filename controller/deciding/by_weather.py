"""Generators that sun or wind run: free, unless the plan curtails them or the export limit holds them back."""

from __future__ import annotations

from config.assets import PvPlant, WindTurbine
from controller.bounds import Bound, Priority, exactly, resolve
from controller.deciding.standing import Standing, decision_of
from controller.decision import AssetDecision
from controller.island import ISLAND

EXPORT_LIMIT = "export limit"
"""Owner of the bound that keeps the export limit: a generator follows it down at once, without a ramp."""
CURTAILED_BELOW = 0.98
"""A generator planned below this share of what it could feed is meant to be curtailed, above it is free."""
HIGH_HZ, MOST_HZ = 50.5, 51.5
"""Between these a generator in an island goes from all to nothing. A forming battery with a droop of 1 %, as usual,
reaches the first when it takes all that it can; at the second generators must switch themselves off (EN 50549)."""
LIMITING_HEADROOM = 0.2
"""Generators are limited ahead of the export limit once the room left falls below this share of their rating,
which is about what clouds can add within a cycle."""


def decide_by_weather(park: Standing, name: str, generator: PvPlant | WindTurbine) -> AssetDecision:
    """A plan that curtails says to which grid power: what the park takes more than expected is fed as well, and what it
    takes less is held back. Where import is paid for, it says how much."""
    rated_kw = generator.rated_kw
    limit_kw = _share_kw(park, name, rated_kw, park.export_room_kw, list(park.rated_by_weather_kw))
    bounds = [
        Bound("rating", Priority.DEVICE, 0.0, rated_kw, "rated power"),
        park.export_bound(0.0, limit_kw, EXPORT_LIMIT),
        *_on_its_line(park, name, rated_kw),
        *_at_high_frequency(park, rated_kw),
        *park.override(name),
    ]
    planned_kw = park.planned(name)
    if planned_kw is not None and _curtailed(park, name):
        if park.grid_target_kw is None or park.import_pays:
            bounds.append(exactly("plan", Priority.PLAN, planned_kw, f"plan curtails to {planned_kw:.0f} kW"))
        else:
            curtailed = [each for each in park.rated_by_weather_kw if _curtailed(park, each)]
            room_kw = park.expected_grid_kw - park.grid_target_kw
            held_kw = _share_kw(park, name, rated_kw, room_kw, curtailed)
            reason = f"plan curtails to {planned_kw:.0f} kW: holds the grid at {park.grid_target_kw:.0f} kW"
            bounds.append(Bound("plan", Priority.PLAN, 0.0, held_kw, reason))
    bounds.append(exactly("local default", Priority.LOCAL, rated_kw, "not limited"))
    return decision_of(name, resolve(bounds), planned_kw)


def _on_its_line(park: Standing, name: str, rated_kw: float) -> list[Bound]:
    """All generators on a feeder share what may flow back."""
    line = park.line(name)
    if line is None:
        return []
    most_kw = 0.0
    if line.expected_kw is not None:
        beside = [each for each in park.rated_by_weather_kw if park.line(each) is line]
        most_kw = _share_kw(park, name, rated_kw, line.export_room_kw, beside)
    return line.sharing(most_kw, park.safe_kw(name))


def _at_high_frequency(park: Standing, rated_kw: float) -> list[Bound]:
    """As an island: the battery is asked to take more than it can."""
    if park.island is None or (hz := park.snapshot.value(park.site.grid[0], "frequency_hz")) is None or hz <= HIGH_HZ:
        return []
    share = max(0.0, (MOST_HZ - hz) / (MOST_HZ - HIGH_HZ))
    return [
        Bound(ISLAND, Priority.DEVICE, 0.0, share * rated_kw, f"{hz:.2f} Hz in the island: {share:.0%} of its rating")
    ]


def _curtailed(park: Standing, name: str) -> bool:
    planned_kw, available_kw = park.planned(name), park.foreseen_kw(name)
    return planned_kw is not None and available_kw is not None and planned_kw < CURTAILED_BELOW * available_kw - 1.0


def _share_kw(park: Standing, name: str, rated_kw: float, room_kw: float, among: list[str]) -> float:
    """What a generator may feed so that all `among` together keep to what there is room for beyond what they feed."""
    rated_all_kw = sum(park.rated_by_weather_kw[each] for each in among)
    measured_kw = park.snapshot.power_kw(name) or 0.0
    if room_kw >= LIMITING_HEADROOM * rated_all_kw:
        return rated_kw
    if room_kw >= 0:
        return min(rated_kw, measured_kw + room_kw * rated_kw / rated_all_kw)
    # those that cannot be told anything keep what they feed: the others make up for them
    told = [each for each in among if park.site.setpoint(each) is not None and park.snapshot.available(each)]
    feeding_kw = sum(park.snapshot.power_kw(each) or 0.0 for each in told)
    kept = max(0.0, 1 + room_kw / feeding_kw) if feeding_kw > 0 else 0.0
    return min(rated_kw, measured_kw * kept)
