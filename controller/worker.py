"""The worker of one connection: setpoints and heartbeats go out before the next device is read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from controller.image import ProcessImage
from controller.read_schedule import ReadSchedule
from drivers.driver import Setpoint, WriteResult
from drivers.link import Link, LinkState


class Countdown:
    """Over when everything that was added to it has ended."""

    def __init__(self) -> None:
        self._left = 0
        self._over = asyncio.Event()

    def add(self) -> None:
        self._left += 1

    def one_less(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._over.set()

    async def wait(self, within_s: float) -> None:
        """Returns when it is over, or the time is."""
        if self._left > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._over.wait()


@dataclass(eq=False, slots=True)
class Wish:
    """A setpoint that is to be written, and who wants to know."""

    setpoint: Setpoint
    written: Callable[[Setpoint, WriteResult], None]
    """Told the result, however late it comes; never when the wish was withdrawn before it went out."""
    waiting: list[Countdown] = field(default_factory=list)

    @property
    def device(self) -> str:
        return self.setpoint.point.device

    def end(self) -> None:
        for countdown in self.waiting:
            countdown.one_less()


class Worker:
    """Does what is wanted of one connection, one thing after the other, and rests when there is nothing.

    Before each device is read, also in the middle of a long round, everything that is to be written goes out.
    """

    def __init__(
        self,
        schedule: ReadSchedule,
        links: Mapping[str, Link],
        image: ProcessImage,
        *,
        beating: Collection[str] = (),
        beside: bool = False,
    ) -> None:
        """`links` are those of the connection, by device; `beating` are the devices that want heartbeats.

        With `beside`, what is written to a device that is there does not keep the others waiting.
        """
        self._schedule = schedule
        self._links = links
        self._image = image
        self._beating = beating
        self._beside = beside
        self._wishes: list[Wish] = []
        self._writing: dict[str, Wish] = {}
        """What is on its way, by device."""
        self._beats: dict[str, None] = {}
        """The devices that are to hear a heartbeat, if it is time for one."""
        self._resting: list[Countdown] = []
        """Those that wait until there is nothing left to do."""
        self._busy = False
        self._wake = asyncio.Event()

    def tick(self, now_s: float, countdown: Countdown) -> None:
        """A cycle begins: read what has become due. The countdown waits for that, unless the worker is still busy."""
        if not self._schedule.tick(now_s) and not self._beating:
            return
        self._beats |= dict.fromkeys(self._beating)
        if not self._busy:
            countdown.add()
            self._resting.append(countdown)
        self._wake.set()

    def want(self, wishes: Sequence[Wish]) -> None:
        """Write this and nothing else: earlier wishes that have not gone out yet are withdrawn."""
        for withdrawn in self._wishes:
            withdrawn.end()
        self._wishes = []
        for wish in wishes:
            on_its_way = self._writing.get(wish.device)
            if on_its_way is not None and on_its_way.setpoint == wish.setpoint:
                on_its_way.waiting += wish.waiting
            else:
                self._wishes.append(wish)
                self._wake.set()

    async def run(self) -> None:
        """Work until cancelled. What a driver must not raise ends it, and is raised."""
        self._busy = True
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._step(group)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _step(self, group: asyncio.TaskGroup) -> None:
        wish = next((wish for wish in self._wishes if wish.device not in self._writing), None)
        if wish is not None:
            self._wishes.remove(wish)
            self._writing[wish.device] = wish
            if self._beside and self._links[wish.device].state is LinkState.UP:
                group.create_task(self._write(wish), name=f"write {wish.setpoint.point.key}")
            else:
                await self._write(wish)
        elif self._beats:
            device = next(iter(self._beats))
            del self._beats[device]
            await self._links[device].beat()
        elif (due := self._schedule.take(but_not=self._writing)) is not None:
            device, points = due
            self._image.update(await self._links[device].read(points))
            # a link that answers from memory never waits: the other connections must have their turn
            await asyncio.sleep(0)
        else:
            await self._rest()

    async def _write(self, wish: Wish) -> None:
        try:
            for result in await self._links[wish.device].write([wish.setpoint]):
                wish.written(wish.setpoint, result)
        finally:
            del self._writing[wish.device]
            wish.end()
            self._wake.set()

    async def _rest(self) -> None:
        """Until something is wanted. A worker that failed counts as busy until it comes here again."""
        self._busy = False
        resting, self._resting = self._resting, []
        for countdown in resting:
            countdown.one_less()
        self._wake.clear()
        await self._wake.wait()
        self._busy = True
