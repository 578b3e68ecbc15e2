"""The campus standing still, whose devices are served one by one to programs that are not ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from config.connection import Mqtt
from config.loader import example_site, load_site
from config.point import Point
from config.site import Site
from simulators.furnished import Furnished
from simulators.plant import Plant
from simulators.seats import seats_of, server_for
from simulators.served import Server
from simulators.watchdog import Watchdog

HOST = "127.0.0.1"
PATIENCE_S = 30.0
"""Cores are shared with whatever else runs."""


@dataclass(frozen=True)
class Campus:
    """The campus at half past nine, standing still."""

    site: Site
    plant: Furnished
    watchdog: Watchdog

    def truth(self, device: str) -> Mapping[str, float]:
        return self.plant.values(device)

    def raw(self, point: Point) -> float:
        """What the device itself says for a point: its own unit and sign."""
        value = self.truth(point.device)[point.name]
        return (point.sign * value - point.offset) / point.scale

    def server(self, device: str, broker: Mqtt | None = None) -> Server:
        (seat,) = (seat for seat in seats_of(self.site) if device in seat.devices)
        return server_for(self.site, seat, 0, broker, self.plant, self.watchdog)


def campus_at_rest() -> Campus:
    site = load_site(example_site("campus"))
    assert site.file.simulation is not None
    plant = Furnished(site, Plant(site, start=site.file.simulation.start, seed=1))
    plant.advance(1800)
    return Campus(site, plant, Watchdog(plant))


async def said_by(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate()
    assert process.returncode == 0, out
    return out.decode()
