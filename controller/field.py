"""The field: every device behind its connection, one worker per connection, writes before reads.

A connection that is still busy with a slow device when the next cycle comes is not waited for: nothing piles
up, and the other connections do not notice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

from config.clock import Clock
from config.point import Point
from config.site import Site
from controller.image import ProcessImage
from controller.read_schedule import ReadSchedule
from controller.worker import Countdown, Wish, Worker
from drivers.driver import Setpoint, WriteResult
from drivers.link import Link


class Field:
    """Reads every device into the process image and writes setpoints, a connection at a time."""

    def __init__(self, site: Site, links: Mapping[str, Link], image: ProcessImage, clock: Clock) -> None:
        self._site = site
        self._links = links
        self._clock = clock
        self._workers: dict[str, Worker] = {}
        for connection, spec in site.connections.items():
            behind = [name for name, device in site.devices.items() if device.connection == connection]
            if behind:
                self._workers[connection] = Worker(
                    ReadSchedule(site, behind),
                    {name: links[name] for name in behind},
                    image,
                    beating=[name for name in behind if name in site.modbus and site.modbus[name].heartbeats],
                    # a command over a broker may be answered seconds later, or never
                    beside=spec.protocol == "mqtt",
                )

    def parts(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """The workers, by name. Nothing is read or written while they do not run."""
        return [(f"connection {name}", worker.run) for name, worker in self._workers.items()]

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
        """Read what is due in this cycle; returns when all have answered or time is up.

        A connection that is still busy is not waited for: it reads on, the longest waiting device first.
        """
        countdown = Countdown()
        now_s = self._clock.monotonic_s()
        for worker in self._workers.values():
            worker.tick(now_s, countdown)
        await countdown.wait(within_s)

    async def apply(
        self, setpoints: Sequence[Setpoint], written: Callable[[Setpoint, WriteResult], None], within_s: float
    ) -> None:
        """Write these setpoints; returns when all are written or time is up. `written` is told each result, also late.

        A busy connection writes them before it reads its next device. What was to be written before and has not
        gone out is withdrawn: the caller says anew in each cycle what it wants.
        """
        countdown = Countdown()
        wanted: dict[str, list[Wish]] = {connection: [] for connection in self._workers}
        for setpoint in setpoints:
            countdown.add()
            wish = Wish(setpoint, written, [countdown])
            wanted[self._site.devices[setpoint.point.device].connection].append(wish)
        for connection, wishes in wanted.items():
            self._workers[connection].want(wishes)
        await countdown.wait(within_s)

    async def give_back(self, points: Sequence[Point], within_s: float) -> dict[str, WriteResult]:
        """Leave these points as their profiles want it when the controller goes; what became of it, by point."""
        results: dict[str, WriteResult] = {}

        async def one(point: Point) -> None:
            result = await self._links[point.device].give_back(point)
            if result is not None:
                results[point.key] = result

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(one(point) for point in points))
        return results

    async def close(self) -> None:
        """Give back every link, once the workers have ended."""
        await asyncio.gather(*(link.close() for link in self._links.values()))
