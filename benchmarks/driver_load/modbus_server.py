"""A Modbus TCP server that is in nobody's way: any unit, any register, answers made before anybody asks.

    python -m driver_load.modbus_server

Prints its port once it listens.
"""

from __future__ import annotations

import asyncio
import struct

READS = (3, 4)


class _Device(asyncio.Protocol):
    _transport: asyncio.Transport
    _data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= 12:
            transaction, _, length, unit, function, address, count = struct.unpack_from(">HHHBBHH", self._data)
            if function not in READS:
                self._transport.abort()
                return
            self._data = self._data[6 + length :]
            # each value is its own address, so that a value in the wrong place is seen
            words = b"".join(struct.pack(">f", float(at)) for at in range(address, address + count, 2))
            words = words[: 2 * count]
            answer = struct.pack(">HHHBBB", transaction, 0, 3 + len(words), unit, function, len(words)) + words
            self._transport.write(answer)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Device, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
