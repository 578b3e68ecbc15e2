"""The last door before a device: what may be written, within which bounds, and how often.

Allow-list, then range, then resolution, then the pace of changes. Nothing is encoded that has not come through here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from config.point import Point, SetpointRange
from drivers.driver import Accepted, Reading, Rejected, Setpoint, WriteResult
from drivers.found import Found, FoundInMemory
from drivers.quality import read_back_points

_DECIMALS: Final = 9
"""A multiple of 0.1 is written as such and not with the digits that only the multiplication made."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What goes out to the device."""

    setpoint: Setpoint
    reason: str = ""
    """Why it is another value than the one that was wanted; empty for what rounding makes of it."""


@dataclass(frozen=True, slots=True)
class _Sent:
    value: float
    changed_s: float


class WriteGate:
    """The writes of one device. Without points that it allows, nothing passes."""

    def __init__(self, points: Sequence[Point] = (), allowed: Collection[str] = (), found: Found | None = None) -> None:
        """`points` are all points of the device, `allowed` the names of those that the site file lets us write."""
        self._allowed = frozenset(allowed)
        self._shown_by = read_back_points(points)
        self._found = FoundInMemory() if found is None else found
        self._sent: dict[str, _Sent] = {}

    def must_be_seen(self, point: Point) -> Point | None:
        """The point that must be read before this one is written for the first time; None when nothing must."""
        limits = _limits(point)
        needed = limits.installer_limit or limits.on_stop == "restore"
        if not needed or point.name not in self._allowed or self._found.get(point.key) is not None:
            return None
        # a limit is what its own register says, not what the device makes of it
        return point if limits.installer_limit else self._shown_by[point.name]

    def saw(self, point: Point, shown: Reading) -> Rejected | None:
        """Keep what is in force, for good, before anything else is. A value that cannot be read keeps its place."""
        if shown.value is None:
            return Rejected(f"{point.key}: what is in force cannot be read, so it stays: {shown.reason}")
        try:
            self._found.keep(point.key, shown.value)
        except OSError as error:
            return Rejected(f"{point.key}: what is in force cannot be kept, so it stays: {error}")
        return None

    def checked(self, setpoint: Setpoint, now_s: float) -> Passed | Rejected:
        """What of a setpoint goes out at this time of the monotonic clock."""
        point, limits = setpoint.point, _limits(setpoint.point)
        if point.name not in self._allowed:
            return Rejected(f"{point.key}: may not be written, it is not in the device's write list")
        if not math.isfinite(setpoint.value):
            return Rejected(f"{point.key}: {setpoint.value} is not a number that can be written")
        low, high, reason = limits.low, limits.high, ""
        if limits.installer_limit:
            installed = self._found.get(point.key)
            if installed is None:
                return Rejected(f"{point.key}: the installer's limit is not known, so it stays")
            if setpoint.value > installed:
                reason = f"kept at the installer's limit of {installed:g}"
            low, high = min(low, installed), min(high, installed)
        inside = min(max(setpoint.value, low), high)
        if not reason and not math.isclose(setpoint.value, inside, abs_tol=10.0**-_DECIMALS):
            reason = f"{setpoint.value:g} is outside {low:g}..{high:g}"
        value = on_grid(setpoint.value, low, high, limits.resolution)
        if why := self._too_soon(point, value, now_s):
            return Rejected(f"{point.key}: {why}")
        return Passed(Setpoint(point=point, value=value), reason)

    def told(self, setpoint: Setpoint, result: WriteResult, now_s: float) -> None:
        """What became of a setpoint that has passed."""
        if isinstance(result, Rejected):
            return
        before = self._sent.get(setpoint.point.name)
        same = before is not None and _same(setpoint.point, before.value, setpoint.value)
        changed_s = before.changed_s if before is not None and same else now_s
        self._sent[setpoint.point.name] = _Sent(setpoint.value, changed_s)

    def found(self, point: Point) -> float | None:
        """What the point was set to before our first write, None when it was never looked at or is given back."""
        return self._found.get(point.key)

    def given_back(self, point: Point, result: WriteResult) -> None:
        """A limit of the installer is kept all the same: it was there before us and stays. Raises OSError."""
        if isinstance(result, Accepted) and not _limits(point).installer_limit:
            self._found.forget(point.key)
        self._sent.pop(point.name, None)

    def _too_soon(self, point: Point, value: float, now_s: float) -> str:
        """Why a change must wait; a repetition and the way to the safe value never do."""
        limits, before = _limits(point), self._sent.get(point.name)
        if limits.change_s is None or before is None or _same(point, before.value, value):
            return ""
        left_s = before.changed_s + limits.change_s - now_s
        if left_s <= 0 or _same(point, limits.safe, value):
            return ""
        return f"may change every {limits.change_s:g} s, and not for another {left_s:.0f} s"


def on_grid(value: float, low: float, high: float, resolution: float) -> float:
    """The multiple of the resolution nearest to a value and within the range; the range's end where there is none."""
    value = min(max(value, low), high)
    if resolution <= 0:
        return value
    steps = round(value / resolution)
    for number in (steps, steps - 1, steps + 1):
        rounded = round(number * resolution, _DECIMALS)
        if low <= rounded <= high:
            return rounded
    return value


def _limits(point: Point) -> SetpointRange:
    assert point.setpoint is not None  # a Setpoint has checked it
    return point.setpoint


def _same(point: Point, one: float, other: float) -> bool:
    return abs(one - other) < _limits(point).resolution / 2 or one == other
