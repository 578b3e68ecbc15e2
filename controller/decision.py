"""What is decided: the setpoint of every asset this second, with the reason for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.modes import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDecision:
    """What one asset is told, and whose word it is."""

    asset: str
    setpoint_kw: float | None
    """In the setpoint's own sign; None when nothing can or may be said, and `reason` says why."""
    owner: str
    reason: str
    planned_kw: float | None = None
    """What the plan wants in this interval."""
    correction_kw: float = 0.0
    """What was added to the plan because of the measured grid power."""
    low_kw: float | None = None
    high_kw: float | None = None
    """What everyone above the owner would have allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One cycle's decision."""

    at: datetime
    mode: Mode
    assets: Mapping[str, AssetDecision]
    """By asset, those that have a setpoint."""
    grid_target_kw: float | None
    """The grid power that the decision steers to, + import; None when it does not follow a plan."""
