"""What every driver promises, and the words it speaks in: readings, setpoints and their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol

from config.point import Point


class DriverError(Exception):
    """The family of what drivers raise."""


class LinkDown(DriverError):
    """The device or its connection does not answer. The message says which, and why."""


class TurnedAway(LinkDown):
    """Somebody is there and does not let us in: trying again soon would be a nuisance, and may lock us out."""


class Quality(Enum):
    GOOD = "good"
    UNCERTAIN = "uncertain"
    """Believable but old, frozen or flagged by the device."""
    BAD = "bad"


class Reading(NamedTuple):
    """One value of one point, in the point's unit and the site's sign.

    A tuple, because a park makes ten thousand of them a second. Only `drivers.quality` does.
    """

    point: str
    """Key of the point, such as ``battery_pcs.soc``."""
    value: float | None
    """None exactly when `quality` is BAD, so the type checker forces the branch (a nan would compare False)."""
    quality: Quality
    received_s: float
    """Our monotonic clock: ages come from this one, the wall clock may jump."""
    at: datetime
    """Our wall clock, UTC."""
    source_at: datetime | None = None
    """The device's claim: recorded, never trusted."""
    reason: str = ""
    """Why the quality is not GOOD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setpoint:
    """A value to write, in the point's unit and the site's sign."""

    point: Point
    value: float

    def __post_init__(self) -> None:
        if self.point.setpoint is None:
            raise ValueError(f"{self.point.key} cannot be written")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The device was written to and shows the value."""

    read_back: float
    reason: str = ""
    """Why it is another value than the one that was wanted, such as a limit of the installer."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The device, or the codec before it, refused the value."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The write went out but the device does not show the value; `read_back` is what it shows, if anything."""

    read_back: float | None
    reason: str


WriteResult = Accepted | Rejected | Unconfirmed


class Driver(Protocol):
    """Speaks to one device. Does not retry, schedule or clamp: that is the caller's business."""

    async def connect(self) -> None: ...  # raises LinkDown, never returns False

    async def read(self, points: Sequence[Point]) -> list[Reading]: ...  # one per point, same order; raises LinkDown

    async def write(self, setpoints: Sequence[Setpoint]) -> list[WriteResult]: ...  # one each; raises LinkDown

    async def preview(self, setpoint: Setpoint) -> list[str] | Rejected: ...  # what would be sent; raises LinkDown

    async def release(self, point: Point) -> WriteResult: ...  # to the device's own control; raises LinkDown

    async def identity(self) -> dict[str, str]: ...  # what the device says of itself, by what it is; raises LinkDown

    async def beat(self) -> list[Rejected]: ...  # writes the heartbeats that are due; those not taken; raises LinkDown

    async def close(self) -> None: ...  # idempotent
