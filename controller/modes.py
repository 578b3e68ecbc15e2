"""The controller's mode as an explicit state machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    STARTING = "starting"
    """Reads only; adopts what the devices are doing."""
    OPTIMAL = "optimal"
    """Follows a plan of the optimiser."""
    FALLBACK = "fallback"
    """Follows an older or simpler plan, or local rules, with every limit kept."""
    ISLANDED = "islanded"
    """The breaker is open and a battery forms the grid: the park lives by its state, and money does not count."""
    SAFE = "safe"
    """The grid meter cannot be read, or an island has nothing that forms it: every device gets its safe value."""
    STOPPED = "stopped"
    """Every device was given its safe value; nothing is written any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides the mode."""

    grid_metered: bool
    """The grid power was read within its max age."""
    settled: bool
    """Every device was read once, or had its time to answer."""
    optimal_plan: bool
    """A fresh plan of the optimiser covers the present interval."""
    stop: bool
    breaker_open: bool = False
    """The park has parted from the grid."""
    formed: bool = False
    """A battery can hold the park without the grid."""


def next_mode(mode: Mode, facts: Facts) -> Mode:
    """The mode that follows from the present one and the facts. STOPPED is final."""
    if mode is Mode.STOPPED or facts.stop:
        return Mode.STOPPED
    if mode is Mode.STARTING and not facts.settled:
        return Mode.STARTING
    if facts.breaker_open:
        return Mode.ISLANDED if facts.formed else Mode.SAFE
    if not facts.grid_metered:
        return Mode.SAFE
    return Mode.OPTIMAL if facts.optimal_plan else Mode.FALLBACK
