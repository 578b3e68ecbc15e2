"""What is decided: the setpoint of every asset this second, with the reason for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from config.point import Point
from config.points import REACTIVE_SETPOINT, RECONNECTION_RELEASE
from config.site import Site
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
class ReactiveDecision:
    """What the inverter of an asset is told of its reactive power."""

    asset: str
    setpoint_kvar: float | None
    """+ when it supplies it; None when nothing can be said, and `reason` says why."""
    owner: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDecision:
    """Whether the breaker of the connection may close again."""

    released: bool
    owner: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One cycle's decision."""

    at: datetime
    mode: Mode
    assets: Mapping[str, AssetDecision]
    """By asset, those that have a setpoint."""
    grid_target_kw: float | None
    """The grid power that the decision steers to, + import; None when it does not follow a plan."""
    reactive: Mapping[str, ReactiveDecision] = field(default_factory=dict)
    """By asset, those whose reactive power may be told."""
    release: ReleaseDecision | None = None
    """None where the breaker does not wait for a word."""

    def points(self, site: Site) -> Iterator[tuple[str, Point, float | None]]:
        """Every asset and point that is told something, with its value; None where nothing can be said."""
        for name, asset in self.assets.items():
            if (point := site.setpoint(name)) is not None:
                yield name, point, asset.setpoint_kw
        for name, reactive in self.reactive.items():
            if (point := site.reactive_setpoint(name)) is not None:
                yield name, point, reactive.setpoint_kvar
        if self.release is not None and site.release is not None:
            yield site.grid[0], site.release, float(self.release.released)

    def why(self, asset: str, point: Point) -> tuple[str, str]:
        """Owner and reason of what a point of an asset is told."""
        told: AssetDecision | ReactiveDecision | ReleaseDecision | None = self.assets.get(asset)
        if point.name == REACTIVE_SETPOINT:
            told = self.reactive[asset]
        elif point.name == RECONNECTION_RELEASE:
            told = self.release
        assert told is not None, f"{point.key} is one of the points of this decision"
        return told.owner, told.reason
