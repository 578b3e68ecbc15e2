"""The field: every device behind its connection, one worker per connection, writes before reads.

A connection that is still busy with a slow device when the next cycle comes is left alone: nothing piles
up, and the other connections do not notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from config.clock import Clock
from config.point import Point
from config.site import Site
from controller.image import SLOW_PERIOD_S, ProcessImage
from drivers.driver import Setpoint, WriteResult
from drivers.link import Link


class Field:
    """Reads every device into the process image and writes setpoints, a connection at a time."""

    def __init__(self, site: Site, links: Mapping[str, Link], image: ProcessImage, clock: Clock) -> None:
        self._site = site
        self._links = links
        self._image = image
        self._clock = clock
        self._devices: dict[str, list[str]] = {}
        for name, device in site.devices.items():
            self._devices.setdefault(device.connection, []).append(name)
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._read_slow_s = {name: float("-inf") for name in site.devices}

    def reads(self) -> dict[str, dict[str, int]]:
        """Good and bad readings since the start, by protocol."""
        counts: dict[str, dict[str, int]] = {}
        for name, link in self._links.items():
            protocol = self._site.connections[self._site.devices[name].connection].protocol
            count = counts.setdefault(protocol, {"good": 0, "bad": 0})
            count["good"] += link.counts.good + link.counts.uncertain
            count["bad"] += link.counts.bad
        return counts

    def writes(self) -> dict[str, int]:
        """Writes since the start, by what became of them."""
        counts = [link.counts for link in self._links.values()]
        return {
            "confirmed": sum(count.confirmed for count in counts),
            "rejected": sum(count.rejected for count in counts),
            "unconfirmed": sum(count.unconfirmed for count in counts),
        }

    async def acquire(self, within_s: float) -> None:
        """Read every device that is not still busy; returns when all have answered or time is up."""
        await self._run(self._read, list(self._devices), within_s)

    async def apply(
        self, setpoints: Sequence[Setpoint], written: Callable[[Setpoint, WriteResult], None], within_s: float
    ) -> None:
        """Write setpoints; `written` is told each result, also of writes that end after the time is up.

        A connection that is busy is not written to in this cycle: the caller still holds the setpoint and
        comes again.
        """
        wanted: dict[str, list[Setpoint]] = {}
        for setpoint in setpoints:
            wanted.setdefault(self._site.devices[setpoint.point.device].connection, []).append(setpoint)

        async def write(connection: str) -> None:
            for setpoint in wanted[connection]:
                for result in await self._links[setpoint.point.device].write([setpoint]):
                    written(setpoint, result)

        await self._run(write, list(wanted), within_s)

    async def close(self) -> None:
        """End every job and every link."""
        for job in self._jobs.values():
            job.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)
        for link in self._links.values():
            await link.close()

    async def _run(
        self, work: Callable[[str], Coroutine[Any, Any, None]], connections: Iterable[str], within_s: float
    ) -> None:
        started = []
        for connection in connections:
            job = self._jobs.get(connection)
            if job is None or job.done():
                if job is not None:
                    job.result()
                self._jobs[connection] = asyncio.create_task(work(connection), name=f"field {connection}")
                started.append(self._jobs[connection])
        if started:
            done, _ = await asyncio.wait(started, timeout=within_s)
            for job in done:
                job.result()

    async def _read(self, connection: str) -> None:
        for device in self._devices[connection]:
            await self._links[device].beat()
            self._image.update(await self._links[device].read(self._due(device)))

    def _due(self, device: str) -> list[Point]:
        """The points to read now: fast ones always, slow ones once their period is over."""
        now_s = self._clock.monotonic_s()
        points = list(self._site.points[device])
        if now_s - self._read_slow_s[device] >= SLOW_PERIOD_S:
            self._read_slow_s[device] = now_s
            return points
        return [point for point in points if point.read == "fast"]
