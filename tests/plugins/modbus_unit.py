"""A Modbus unit written out by hand, for tests that look at each request."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

ILLEGAL_ADDRESS = 2
READS = (3, 4)


@dataclass
class Unit:
    """Its registers are a dict; what is not in it is refused, and so is what is in `locked`."""

    registers: dict[int, int] = field(default_factory=dict)
    locked: set[int] = field(default_factory=set)
    written: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    """Function, address and words of each write that was taken, in the order of the requests."""
    read: list[tuple[int, int]] = field(default_factory=list)
    """Address and count of each read."""
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                answer = self._answer(await reader.readexactly(length - 1))
                writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        function, address, count = struct.unpack(">BHH", request[:5])
        if function in READS:
            self.read.append((address, count))
            wanted = range(address, address + count)
            if not self.registers.keys() >= set(wanted):
                return bytes([function | 0x80, ILLEGAL_ADDRESS])
            return struct.pack(f">BB{count}H", function, 2 * count, *(self.registers[at] for at in wanted))
        words = (count,) if function == 6 else struct.unpack(f">{count}H", request[6:])
        wanted = range(address, address + len(words))
        if not self.registers.keys() >= set(wanted) or self.locked & set(wanted):
            return bytes([function | 0x80, ILLEGAL_ADDRESS])
        self.written.append((function, address, words))
        self.registers.update(zip(wanted, words, strict=True))
        return request[:5]


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[Unit]:
    one = Unit()
    async with await asyncio.start_server(one.serve, "127.0.0.1", 0) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one
