"""The faults that the hydrogen park gets, one at a time and two at once, and what must stand then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that goes wrong, or that the grid operator orders."""

    name: str
    alarm: str = ""
    """The one that must stand, as people name it; none for what only must be survived."""
    fault: Mapping[str, Any] = field(default_factory=dict)
    """As the park's socket takes it; empty for what is done otherwise."""
    clock_s: float = 0.0
    """How far the controller's calendar jumps, and back at the end."""
    planner: bool = False
    """The planner's process is killed."""
    influxdb: bool = False
    """The database is gone."""
    passes: bool = False
    """Whether it is over by itself, with its alarm."""
    also: tuple[str, ...] = ()
    """Further alarms that are true, and may stand."""


def _fault(name: str, alarm: str, kind: str, target: str, *, also: tuple[str, ...] = (), **keys: Any) -> Trouble:
    return Trouble(name=name, alarm=alarm, fault={"kind": kind, "target": target, **keys}, also=also)


TROUBLES = (
    _fault("grid meter without values", "grid_meter_lost:grid", "no_value", "grid_meter"),
    _fault(
        "switchgear line silent",
        "connection_lost:switchgear",
        "black_hole",
        "switchgear",
        also=("grid_meter_lost:grid",),
    ),
    _fault("battery lost", "asset_unavailable:battery", "link_down", "battery_tcp"),
    _fault("battery ignores writes", "setpoint_not_followed:battery", "writes_ignored", "battery_pcs"),
    _fault("solar inverter silent", "asset_unavailable:solar", "black_hole", "solar_field"),
    _fault("solar rejects writes", "setpoint_not_followed:solar", "writes_rejected", "solar_inverter"),
    _fault("turbine says NaN", "asset_unavailable:wind", "no_value", "wind_controller"),
    _fault("electrolyser lies", "asset_unavailable:electrolyser", "wrong_value", "electrolyser_plc", value=9e5),
    _fault("fuel cell frozen", "", "frozen", "fuel_cell_plc"),
    _fault("hydrogen line slow", "", "slow", "hydrogen_plant", latency_s=0.2, jitter_s=0.1),
    _fault("broker killed", "asset_unavailable:halls", "broker_restart", "broker"),
    _fault(
        "order cannot be read",
        "operator_limit_lost:grid_operator",
        "link_down",
        "grid_gateway",
        also=("import_limit_exceeded:grid",),
    ),
    _fault("order to feed nothing", "", "wrong_value", "operator_gateway", points=["feed_in_limit_kw"], value=0.0),
    _fault("breaker open", "islanded:grid", "breaker_open", "grid_meter"),
    Trouble(name="planner killed", alarm="planner_lost", planner=True, passes=True),
    Trouble(name="InfluxDB gone", alarm="influxdb_down", influxdb=True),
    Trouble(name="clock an hour ahead", alarm="clock_jumped", clock_s=3600.0, passes=True),
    Trouble(name="clock an hour back", alarm="clock_jumped", clock_s=-3600.0, passes=True),
)
BY_NAME = {trouble.name: trouble for trouble in TROUBLES}

HIDES: Mapping[str, tuple[str, ...]] = {
    # what cannot be seen any more; with safe values a battery is told nothing that it would not do
    "grid meter without values": ("breaker open", "battery ignores writes"),
    "switchgear line silent": ("breaker open", "battery ignores writes"),
    "battery lost": ("battery ignores writes", "breaker open"),
    "solar inverter silent": ("solar rejects writes",),
    # the forming battery and what is curtailed are told nothing that they could ignore or reject
    "breaker open": ("battery ignores writes", "solar rejects writes"),
}
"""By trouble, those whose alarm need not stand beside it."""


def expected(*troubles: Trouble) -> set[str]:
    """The alarms that must stand while these troubles do."""
    hidden = {name for trouble in troubles for name in HIDES.get(trouble.name, ())}
    return {trouble.alarm for trouble in troubles if trouble.alarm and trouble.name not in hidden}


def pairs() -> list[tuple[Trouble, Trouble]]:
    """Every two that can be at once: a clock cannot be ahead and behind."""
    return [(one, other) for one, other in combinations(TROUBLES, 2) if not (one.clock_s and other.clock_s)]
