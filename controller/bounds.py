"""Who may say what about a setpoint: ordered bounds, resolved to a value and the owner that bound it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Lower numbers win. A lower rule never relaxes a higher one."""

    DEVICE = 0
    """What the device can and may do: rating, state of charge, temperature."""
    GRID_OPERATOR = 1
    """What the grid operator orders now."""
    CONTRACT = 2
    """What contract and transformer allow at the connection point."""
    OPERATOR = 3
    """A person's override, until it expires."""
    SUPPLY = 4
    """What the park's processes must have, such as heat."""
    DEMAND = 5
    """The month's peak, which costs money but breaks nothing."""
    PLAN = 6
    LOCAL = 7
    """What is done when nobody else asks for anything."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One owner's range for a setpoint, in kW."""

    owner: str
    priority: Priority
    low: float
    high: float
    reason: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"bound of {self.owner}: low {self.low} is above high {self.high}")


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the bounds leave: a value, and whose word it is."""

    value: float
    owner: str
    reason: str
    low: float
    """Lowest value that everyone above the owner would have allowed."""
    high: float


def exactly(owner: str, priority: Priority, value: float, reason: str) -> Bound:
    return Bound(owner, priority, value, value, reason)


def resolve(bounds: Iterable[Bound]) -> Resolved:
    """Intersect the bounds in order of priority; a bound outside what is left is clamped to the nearest edge.

    Bounds of the same priority count in the order given. Raises ValueError when nobody pins the value: the
    caller always ends with a local default.
    """
    low, high = -math.inf, math.inf
    low_by: Bound | None = None
    high_by: Bound | None = None
    allowed = (low, high)
    ordered = sorted(bounds, key=lambda bound: bound.priority)
    for bound in ordered:
        allowed = (low, high)
        if bound.low > high:
            low, low_by = high, high_by
        elif bound.low > low:
            low, low_by = bound.low, bound
        if bound.high < low:
            high, high_by = low, low_by
        elif bound.high < high:
            high, high_by = bound.high, bound
        if low == high:
            break
    if low != high or low_by is None or high_by is None:
        raise ValueError(f"bounds leave a range from {low} to {high}: a local default is missing")
    # Where two owners met on one value, the one that came last asked for it and the other agreed.
    owner = max(low_by, high_by, key=ordered.index)
    return Resolved(low, owner.owner, owner.reason, *allowed)
