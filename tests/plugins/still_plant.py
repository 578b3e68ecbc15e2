"""A plant that stands still, to see what the servers make of known values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from config.site import Site

NOW = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)


class StillPlant:
    """Shows what it is told to, and does what it is commanded at once."""

    def __init__(self, site: Site, shown: Mapping[str, Mapping[str, float]]) -> None:
        self.now = NOW
        self.shown = {device: dict(values) for device, values in shown.items()}
        self.commands: list[tuple[str, str, float | None]] = []
        self.dead: set[str] = set()
        self._safe = {
            (point.device, point.name): point.setpoint.safe for point in site.all_points() if point.setpoint is not None
        }

    def advance(self, dt_s: float) -> None:
        self.now += timedelta(seconds=dt_s)

    def set_running(self, device: str, running: bool) -> None:
        (self.dead.discard if running else self.dead.add)(device)

    def permit(self, device: str, point: str, safe: float) -> None:
        """Make a point that the site only measures one that takes commands."""
        self._safe[device, point] = safe

    def values(self, device: str) -> Mapping[str, float]:
        return self.shown[device]

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append((device, point, value))
        self.shown[device][point] = self._safe[device, point] if value is None else value
