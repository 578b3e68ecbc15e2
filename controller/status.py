"""What the controller shows of itself: the last cycle for displays, and totals for a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.alarming.alarm import Alarm
from controller.decision import Decision
from controller.demand_guard import Demand
from controller.image import Snapshot
from controller.modes import Mode
from controller.tariff_now import EnergyPrices
from controller.writes import Written
from dispatch.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long the last cycle took, in real milliseconds."""

    acquire_ms: float = 0.0
    decide_ms: float = 0.0
    apply_ms: float = 0.0
    cycle_ms: float = 0.0
    late_ms: float = 0.0
    """How far behind the grid it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The controller after one cycle."""

    snapshot: Snapshot
    mode: Mode
    decision: Decision
    written: Mapping[str, Written]
    plan: Plan | None
    alarms: tuple[Alarm, ...]
    """All that are not normal, also those that have gone unseen or are put aside."""
    prices: EnergyPrices | None
    """None when no tariff covers the day."""
    month_peak_kw: float
    demand: Demand | None
    """None where no peak is to be kept."""
    timings: Timings
    cycles: int
    overruns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the controller did since it started."""

    cycles: int
    overruns: int
    plans: Mapping[str, int]
    """Answers of the planner by what became of them."""
    reads: Mapping[str, Mapping[str, int]]
    """By protocol: good and bad readings."""
    writes: Mapping[str, int]
    """Confirmed, rejected, unconfirmed."""
    telemetry_points: int
    alarms: int
    """Alarms raised."""
    energy_kwh: Mapping[str, float]
    """By asset, signed as its power."""
    largest_residual_kw: float
    """Largest power that the measured electric balance left unexplained in a cycle."""
