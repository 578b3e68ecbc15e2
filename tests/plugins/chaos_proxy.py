"""A TCP relay between a client and a server that does to both what networks do, by chance that can be repeated."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

SEED_VARIABLE = "PARKGRID_CHAOS_SEED"
"""Set to the number that a failed test has printed, it draws the same once more; what comes first may still differ."""

_SEED = int(os.environ.get(SEED_VARIABLE) or random.randrange(1 << 32))

Spoil = Callable[[bytes, random.Random], bytes]
"""What becomes of one piece of data."""


def chance_of_this_run() -> random.Random:
    print(f"{SEED_VARIABLE}={_SEED}")
    return random.Random(_SEED)


def flipped_bits(share: float) -> Spoil:
    """Flips one bit anywhere in this share of the pieces."""
    return flipped_bits_within(share, 0, None)


def flipped_bits_within(share: float, begin: int, end: int | None) -> Spoil:
    """Flips one bit of the bytes `begin` to `end` in this share of the pieces."""

    def spoil(data: bytes, chance: random.Random) -> bytes:
        part = range(len(data))[begin:end]
        if not part or chance.random() >= share:
            return data
        spoilt = bytearray(data)
        spoilt[chance.choice(part)] ^= 1 << chance.randrange(8)
        return bytes(spoilt)

    return spoil


class End(Enum):
    CLIENT = "client"
    SERVER = "server"


@dataclass
class Way:
    """What happens to data in one direction. Faults may be set and taken back at any time."""

    hole: bool = False
    """Data vanish."""
    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Up to so much more delay, by chance; the order stays, as TCP keeps it."""
    spoil: Spoil | None = None
    twice: bool = False
    """Each piece comes a second time, in the same segment or in the next, by chance."""
    slice_bytes: int | None = None
    """Pieces of 1 to so many bytes, by chance."""
    slice_pause_s: float = 0.0
    """Between two pieces; also without one they are segments of their own."""
    bytes_per_s: float | None = None
    cut_after: int | None = None
    """After so many bytes more in this direction the connection is reset at both ends."""


@dataclass(eq=False)
class _Call:
    """One connection of a client and the one to the server that belongs to it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    ways: list[asyncio.Task[None]] = field(default_factory=list)
    half_open: bool = False
    """Closed at one end; the other stays until whoever is there leaves."""

    def end(self, end: End) -> asyncio.StreamWriter:
        return self.client if end is End.CLIENT else self.server


class ChaosProxy:
    def __init__(self, port: int = 0) -> None:
        """Listens on the loopback interface; on a free port when none is given."""
        self.port = port
        self.to_server = Way()
        self.to_client = Way()
        self.accepted = 0
        self._chance = chance_of_this_run()
        self._target = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._calls: set[_Call] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: list[socket.socket] = []

    # -- being there -----------------------------------------------------------------------------

    async def open(self, target: int) -> None:
        """Relay to a port of the loopback interface from now on."""
        self._target = target
        await self.listen()

    async def listen(self) -> None:
        """Be reachable again after `refuse` or `vanish`."""
        self._leave_queue()
        if self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Reset what there is, and refuse whoever wants to connect."""
        await self._stop_listening()
        self._leave_queue()
        self.reset()

    async def vanish(self) -> None:
        """Fall silent, as a host does that is switched off: whoever wants to connect hears nothing at all."""
        await self._stop_listening()
        self.to_client.hole = self.to_server.hole = True
        self._leave_queue()
        # a queue that is full drops whatever else wants to connect
        silent = socket.create_server(("127.0.0.1", self.port), backlog=0)
        self._queue = [silent]
        for _ in range(2):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(silent.getsockname())
            self._queue.append(caller)

    async def shut(self) -> None:
        """End everything; what stands is closed."""
        await self._stop_listening()
        self._leave_queue()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- what is done to all connections at once -------------------------------------------------

    def freeze(self) -> None:
        """Pass nothing on, and keep it for later, as a server does that stands still."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def reset(self) -> None:
        """Reset every connection at both ends."""
        for call in list(self._calls):
            for end in End:
                _reset(call.end(end))

    def close(self, end: End) -> None:
        """Close every connection at one end only; the other hears nothing of it."""
        for call in list(self._calls):
            call.half_open = True
            call.end(end).close()

    def heal(self) -> None:
        """Take back all faults but `refuse` and `vanish`."""
        self.to_server, self.to_client = Way(), Way()
        self.thaw()

    # -- the relay -------------------------------------------------------------------------------

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        writers, call = [writer], None
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(far_writer)
            call = _Call(client=writer, server=far_writer)
            call.ways += [
                asyncio.create_task(self._pump(reader, call, End.SERVER)),
                asyncio.create_task(self._pump(far_reader, call, End.CLIENT)),
            ]
            self._calls.add(call)
            await asyncio.wait(call.ways, return_when=asyncio.FIRST_COMPLETED)
            if call.half_open:
                await asyncio.wait(call.ways)
        except (asyncio.CancelledError, OSError):
            pass  # all is being shut, or the server is away; the task ends as asyncio's streams expect it
        finally:
            # closed before anything is awaited: all may be shut while the relay is already ending
            ways = [] if call is None else call.ways
            for way in ways:
                way.cancel()
            for each in writers:
                each.close()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in writers:
                with contextlib.suppress(OSError):
                    await each.wait_closed()
            if call is not None:
                self._calls.discard(call)
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, call: _Call, towards: End) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                way = self.to_server if towards is End.SERVER else self.to_client
                if not call.half_open:
                    await self._pass(data, way, call, call.end(towards))

    async def _pass(self, data: bytes, way: Way, call: _Call, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        if way.hole:
            return
        if way.delay_s or way.jitter_s:
            await asyncio.sleep(way.delay_s + way.jitter_s * self._chance.random())
        if way.spoil is not None:
            data = way.spoil(data, self._chance)
        if way.twice and self._chance.random() < 0.5:
            await self._send(data, way, call, writer)
        elif way.twice:
            data += data
        await self._send(data, way, call, writer)

    async def _send(self, data: bytes, way: Way, call: _Call, writer: asyncio.StreamWriter) -> None:
        while data:
            size = len(data) if way.slice_bytes is None else self._chance.randint(1, way.slice_bytes)
            piece, data = data[:size], data[size:]
            if way.cut_after is not None:
                piece, way.cut_after = piece[: way.cut_after], max(0, way.cut_after - len(piece))
            writer.write(piece)
            await writer.drain()
            if way.cut_after == 0:
                way.cut_after = None
                for end in End:
                    _reset(call.end(end))
                return
            if way.bytes_per_s is not None:
                await asyncio.sleep(len(piece) / way.bytes_per_s)
            if data:
                await asyncio.sleep(way.slice_pause_s)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            # asyncio closes the socket in the loop's next round
            await asyncio.sleep(0)

    def _leave_queue(self) -> None:
        for each in self._queue:
            each.close()
        self._queue.clear()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
