"""The line between a server and its clients: a relay on the port that clients know.

Without a fault it hands on what comes, as it comes. The device's port behind it is known to nobody else.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from simulators.faults.kinds import BlackHole, LinkDown, Reset, Slow
from simulators.faults.standing import Standing
from simulators.noise import uniform

PIECE = 2**16
"""Bytes that are handed on at a time."""

WAITING = 256
"""Pieces that may wait on a slow line; the sender is held up then, as by a full network buffer."""

_AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing sends a reset."""


@dataclass(eq=False, slots=True)
class _Connection:
    """One client's connection and the one to the device that belongs to it."""

    number: int
    client: asyncio.StreamWriter
    answers: int = 0
    cheated: bool = False
    """Something of it was swallowed: what comes after would make no sense."""


class Line:
    """Relays one port of the loopback interface to another one."""

    def __init__(self, host: str, port: int) -> None:
        """`port` 0 takes a free one."""
        self._host = host
        self.port = port
        self._target: int | None = None
        self._wanted = False
        self._listener: asyncio.Server | None = None
        self._standing: tuple[Standing, ...] = ()
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self._count = 0
        self._bound: socket.socket | None = None

    def bind(self) -> None:
        """Take the port without listening yet: clients are refused. Raises OSError."""
        if self._bound is not None:
            return
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._host, self.port))
        except OSError as error:
            bound.close()
            raise OSError(f"cannot listen on {self._host}:{self.port}") from error
        bound.setblocking(False)
        self._bound = bound
        self.port = bound.getsockname()[1]

    async def open(self, target: int) -> None:
        """Listen, and lead to a port of the device. Raises OSError."""
        self._target = target
        self._wanted = True
        await self._listen()

    async def bring(self, standing: Sequence[Standing]) -> None:
        """Take the faults that stand now on this line."""
        before, self._standing = self._standing, tuple(standing)
        if not self._wanted:
            return
        if self._has(LinkDown):
            await self._hang_up()
        elif self._listener is None:
            # another program may have taken the port meanwhile: the link stays down until it can be had again
            with suppress(OSError):
                await self._listen()
        if any(isinstance(one.fault, BlackHole) for one in before) and not self._has(BlackHole):
            for connection in self._connections.values():
                if connection.cheated:
                    _reset(connection.client)

    async def close(self) -> None:
        """Refuse and end every connection. Idempotent."""
        self._wanted = False
        await self._hang_up()
        if self._bound is not None:
            self._bound.close()
            self._bound = None

    def _has(self, kind: type[LinkDown | BlackHole]) -> bool:
        return any(isinstance(one.fault, kind) for one in self._standing)

    async def _listen(self) -> None:
        if self._listener is not None or self._has(LinkDown):
            return
        self.bind()
        bound, self._bound = self._bound, None
        assert bound is not None
        self._listener = await asyncio.start_server(self._accept, sock=bound, limit=PIECE)

    async def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        ending = dict(self._connections)
        for task, connection in ending.items():
            task.cancel()
            # a task that has not begun yet is never run, and would leave its connection open
            connection.client.transport.abort()
        await asyncio.gather(*ending, return_exceptions=True)
        # the transports close in the loop's next turn
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listener is None:
            # it was on its way when the line went down
            writer.transport.abort()
            return
        self._count += 1
        connection = _Connection(self._count, writer)
        task = asyncio.create_task(self._relay(reader, connection), name=f"line {self.port}")
        self._connections[task] = connection
        task.add_done_callback(lambda done: self._connections.pop(done, None))

    async def _relay(self, requests: asyncio.StreamReader, connection: _Connection) -> None:
        writers = [connection.client]
        ways: list[asyncio.Task[None]] = []
        try:
            answers, device = await asyncio.open_connection(self._host, self._target, limit=PIECE)
            writers.append(device)
            queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)
            asking = asyncio.create_task(self._ask(requests, device, connection))
            answering = asyncio.create_task(self._answer(queue, connection))
            ways = [asking, answering, asyncio.create_task(self._take(answers, queue, connection))]
            # as soon as either side has ended, the other one ends too
            await asyncio.wait([asking, answering], return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        except asyncio.CancelledError:
            for writer in writers:
                writer.transport.abort()
            raise
        finally:
            # before anything is awaited: the end may be interrupted by the line's own
            for writer in writers:
                writer.close()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _ask(self, requests: asyncio.StreamReader, device: asyncio.StreamWriter, connection: _Connection) -> None:
        with suppress(OSError):
            while piece := await requests.read(PIECE):
                if self._has(BlackHole):
                    connection.cheated = True
                    continue
                device.write(piece)
                await device.drain()

    async def _take(
        self, answers: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]], connection: _Connection
    ) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while piece := await answers.read(PIECE):
                if self._has(BlackHole):
                    connection.cheated = True
                    continue
                connection.answers += 1
                await queue.put((loop.time() + self._delay_s(connection), piece))
        # what is still under way arrives before the end does
        await queue.put((loop.time(), b""))

    async def _answer(self, queue: asyncio.Queue[tuple[float, bytes]], connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        number = 0
        with suppress(OSError):
            while True:
                due_s, piece = await queue.get()
                if not piece:
                    return
                number += 1
                if (wait_s := due_s - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                if self._resets(number):
                    connection.client.write(piece[: len(piece) // 2])
                    await connection.client.drain()
                    _reset(connection.client)
                    return
                connection.client.write(piece)
                await connection.client.drain()

    def _delay_s(self, connection: _Connection) -> float:
        """How late the answer comes: the same for the same answer of the same connection in every run."""
        delay_s = 0.0
        for one in self._standing:
            if isinstance(one.fault, Slow):
                stream = f"{one.id}.{connection.number}"
                share = float(uniform(one.seed, stream, np.array([connection.answers]))[0])
                delay_s += one.fault.latency_s + share * one.fault.jitter_s
        return delay_s

    def _resets(self, number: int) -> bool:
        return any(isinstance(one.fault, Reset) and number % one.fault.every == 0 for one in self._standing)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that its peer sees a reset."""
    opened = writer.get_extra_info("socket")
    if opened is not None and opened.fileno() >= 0:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
