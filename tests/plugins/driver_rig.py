"""A device behind a real server, the same one for every protocol: what the promises of a driver are tried on.

It counts charging positive, in 0.1 kW; its state of charge is in per cent.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from config.clock import SystemClock
from config.point import Point
from drivers.driver import Driver

CLOCK = SystemClock()
TIMEOUT_S = 1.0

PROFILE = {
    "description": "the contract's device",
    "verified": True,
    "source": "driver_rig.py",
}
LIMITS = {"range": [-1000, 1000], "resolution": 0.1, "tolerance": 0.2, "safe": 0}
POWER = {"scale": 0.1, "turn": True, "valid": [-1100, 1100]}
SOC = {"scale": 0.01, "valid": [0, 1]}
SUPPLY = {"scale": 0.1, "valid": [0, 130]}


class Rig(Protocol):
    """A real server with the device behind it. Raw numbers are as the device counts."""

    points: dict[str, Point]

    def driver(self) -> Driver: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def freeze(self) -> None: ...

    async def thaw(self) -> None: ...

    async def show(self, name: str, raw: float | None) -> None: ...  # None: the protocol's own "no value"

    async def taken(self) -> float: ...  # the raw setpoint in force

    deaf: bool
    """Takes commands and does not follow them."""


class RefusingRig(Rig, Protocol):
    """A server whose protocol can say no."""

    async def refuse(self) -> None: ...


class Valve:
    """A TCP relay that can stop passing anything on, as a frozen server does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._target = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, target: int) -> None:
        self._target = target
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._port)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers, ways = [writer], list[asyncio.Task[None]]()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(far_writer)
            ways += [asyncio.create_task(self._pump(*way)) for way in ((reader, far_writer), (far_reader, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # the rig is stopping; the task ends as asyncio's streams expect it
        finally:
            # closed before anything is awaited: the rig may stop while the relay is already ending
            for way in ways:
                way.cancel()
            for each in writers:
                each.close()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in writers:
                with contextlib.suppress(OSError):
                    await each.wait_closed()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            await self._flows.wait()
            writer.write(data)
