"""What a simulated park tells those who want to use it: where it listens and what time it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, NonNegativeFloat

from config.base import Frozen
from config.clock import ScaledClock
from config.terms import Terms


class SteppedTime(ValueError):
    """A clock of a park that has none; the message says why."""


class Announcement(Frozen):
    """Written as JSON by `parkgrid simulate --announce FILE` once every server listens."""

    connections: dict[str, dict[str, Any]]
    """By connection of the site file: the keys to replace there, such as host and port."""
    start: AwareDatetime
    origin_s: float
    speed: NonNegativeFloat
    """Seconds of the park per real second; 0 for a park that is stepped, whose time goes on only when it is told to."""
    processes: dict[str, int]
    """Process ids: ``park``, ``broker`` where the park brought its own, and devices that run apart, by name."""

    control: Path | None = None
    """The local socket for commands to the park (`simulators.control`)."""

    terms: Terms | None = None
    """Prices and limits of a scenario, which count in place of the site file's; None where it has no others."""

    def clock(self) -> ScaledClock:
        """The park's time. Raises SteppedTime."""
        if not self.speed:
            raise SteppedTime(
                "the park is stepped: its time goes on only when it is told to, and nothing can run by it"
            )
        return ScaledClock(start=self.start, origin_s=self.origin_s, speed=self.speed)

    def write(self, path: Path) -> None:
        """Write in one step: a reader sees the whole announcement or none."""
        partial = path.with_suffix(".partial")
        partial.write_text(self.model_dump_json(), encoding="utf-8")
        partial.replace(path)


def read_announcement(path: Path) -> Announcement:
    return Announcement.model_validate_json(path.read_text(encoding="utf-8"))
