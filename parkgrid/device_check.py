"""Reading every point of a site once, to see which devices answer and how fast."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.clock import Clock, SystemClock
from config.point import Point
from config.site import Site
from drivers.driver import Quality, Reading
from drivers.link import Link, LinkState
from drivers.site import links_of

# Meters that publish by themselves do so every second or every few; after this time without a value one is silent.
PATIENCE_S = 5.0
AGAIN_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCheck:
    """What one device answered."""

    name: str
    readings: tuple[Reading, ...]
    """One per point, in the profile's order."""
    units: tuple[str, ...]
    round_trip_ms: float | None
    """How long reading all points took; None for a device that publishes by itself."""
    answers: bool
    reason: str
    """Why it does not answer."""
    identity: Mapping[str, str]
    """What it says of itself."""

    def as_data(self) -> dict[str, Any]:
        return {
            "device": self.name,
            "answers": self.answers,
            "reason": self.reason,
            "identity": dict(self.identity),
            "round_trip_ms": self.round_trip_ms,
            "points": [
                {"point": reading.point, "value": reading.value, "unit": unit, "quality": reading.quality.value}
                | ({"reason": reading.reason} if reading.reason else {})
                for reading, unit in zip(self.readings, self.units, strict=True)
            ],
        }


async def check_devices(site: Site) -> list[DeviceCheck]:
    """Read every point of every device, all devices at the same time. Raises DriverError for a missing password."""
    clock = SystemClock()
    links = links_of(site, clock)
    try:
        return list(await asyncio.gather(*(_check(site, name, link, clock) for name, link in links.items())))
    finally:
        for link in links.values():
            await link.close()


async def _check(site: Site, name: str, link: Link, clock: Clock) -> DeviceCheck:
    points = site.points[name]
    readings, took_s = await readings_of(site, name, link, clock)
    silent = [reading for reading in readings if reading.quality is Quality.BAD]
    answers = len(silent) < len(readings)
    published = site.connections[site.devices[name].connection].protocol == "mqtt"
    return DeviceCheck(
        name=name,
        readings=tuple(readings),
        units=tuple(unit_of(point) for point in points),
        round_trip_ms=None if published or not answers else round(took_s * 1000, 2),
        answers=answers,
        reason="" if answers else link.reason or _reasons(silent),
        identity=await link.identity() if answers else {},
    )


async def readings_of(site: Site, name: str, link: Link, clock: Clock) -> tuple[list[Reading], float]:
    """One per point of a device, and how long reading them took; a device that publishes is waited for."""
    points = site.points[name]
    published = site.connections[site.devices[name].connection].protocol == "mqtt"
    deadline_s = clock.monotonic_s() + PATIENCE_S
    await link.read(points)  # connects; the time of this one says nothing
    while True:
        begun_s = clock.monotonic_s()
        readings = await link.read(points)
        took_s = clock.monotonic_s() - begun_s
        silent = [reading for reading in readings if reading.quality is Quality.BAD]
        waits = published and link.state is LinkState.UP
        if not silent or not waits or clock.monotonic_s() + AGAIN_S > deadline_s:
            return readings, took_s
        await asyncio.sleep(AGAIN_S)


def _reasons(readings: Sequence[Reading]) -> str:
    return "; ".join(sorted({reading.reason for reading in readings}))


_UNITS = {
    "_m_per_s": "m/s",
    "_w_per_m2": "W/m²",
    "_kvar": "kvar",
    "_kwh": "kWh",
    "_kw": "kW",
    "_degc": "°C",
    "_hz": "Hz",
    "_v": "V",
    "_a": "A",
    "_kg": "kg",
    "_s": "s",
}


def unit_of(point: Point) -> str:
    """The unit that the point's name ends with; empty for shares and states."""
    return next((unit for suffix, unit in _UNITS.items() if point.name.endswith(suffix)), "")
