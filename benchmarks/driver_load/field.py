"""The controller's own field around a park, and what a process uses while it works."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.clock import SystemClock
from config.site import Site
from controller.field import Field
from controller.image import ProcessImage, Snapshot
from drivers.site import links_of


@dataclass
class Running:
    field: Field
    image: ProcessImage

    def snapshot(self) -> Snapshot:
        return self.image.freeze(at=datetime.now(UTC), site_s=0.0, monotonic_s=time.monotonic())


@contextlib.asynccontextmanager
async def running(site: Site) -> AsyncIterator[Running]:
    """A field whose workers run, as under the controller. A worker that fails ends the measurement."""
    clock = SystemClock()
    image = ProcessImage(site)
    field = Field(site, links_of(site, clock), image, clock)
    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(_run(work), name=name) for name, work in field.parts()]
        try:
            yield Running(field, image)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.wait(parts)
            await field.close()


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()


class Usage:
    """Processor time of this process since it was made."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._used_s = time.process_time()

    def cpu_share(self) -> float:
        """Of one core."""
        return (time.process_time() - self._used_s) / (time.monotonic() - self._began_s)


def rss_mb() -> float:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def percentile(values: list[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
