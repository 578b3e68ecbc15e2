"""A device in a process of its own, so that it can be killed like a real one.

The park writes to its standard input: first what to serve, then the plant's values, one JSON line per tick.
The device writes to its standard output: first where it listens, then what it is commanded, one JSON line each.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import signal
import struct
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.connection import Mqtt
from config.site import Site
from simulators.faults.present import FaultyWatchdog, Present
from simulators.faults.standing import Standing
from simulators.seats import Seat, lined_server
from simulators.servers import quiet

LENGTH = struct.Struct(">I")

LINE_LIMIT = 2**20
"""Longest line on the pipe, far above what a few hundred values take."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a process has to serve, and the plant's values to begin with."""

    site: Site
    seat: Seat
    port: int
    broker: Mqtt | None
    tick: str

    def packed(self) -> bytes:
        """For the pipe: the site was checked once and goes over as it is."""
        body = pickle.dumps(self)
        return LENGTH.pack(len(body)) + body


def tick_line(now: datetime, values: Mapping[str, Mapping[str, float]], faults: Iterable[Standing]) -> str:
    """The plant at one time, as the park tells it to a device that runs apart, and the faults that it has."""
    return json.dumps(
        {
            "now": now.isoformat(),
            "values": {device: dict(of) for device, of in values.items()},
            "faults": [one.packed() for one in faults],
        }
    )


class Mirror:
    """The plant as seen from a device's own process."""

    def __init__(self, tick: str, present: Present) -> None:
        self.now: datetime
        self._values: dict[str, dict[str, float]]
        self._present = present
        self._faults: list[dict[str, Any]] = []
        self.update(tick)

    def update(self, tick: str) -> None:
        told = json.loads(tick)
        self.now = datetime.fromisoformat(told["now"])
        self._values = told["values"]
        if told["faults"] != self._faults:
            self._faults = told["faults"]
            self._present.bring([Standing.unpacked(one) for one in self._faults])

    def values(self, device: str) -> Mapping[str, float]:
        return self._values[device]

    def command(self, device: str, point: str, value: float | None) -> None:
        _say({"device": device, "point": point, "value": value})


def _say(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)


async def _serve() -> None:
    orders = asyncio.StreamReader(limit=LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    (length,) = LENGTH.unpack(await orders.readexactly(LENGTH.size))
    order: Order = pickle.loads(await orders.readexactly(length))
    present = Present(order.site.points)
    mirror = Mirror(order.tick, present)
    watchdog = FaultyWatchdog(mirror, present)
    server = lined_server(order.site, order.seat, order.port, order.broker, mirror, watchdog, present)
    await server.start()
    _say({"listening": dict(server.address)})
    # a tick comes every tenth of a second; the end of the pipe is the end of the park
    while line := await orders.readline():
        mirror.update(line.decode())
        watchdog.check()
        await server.refresh()
    await server.stop()


def main() -> None:
    # Ctrl-C is for the park, which ends its devices in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet()
    with suppress(BrokenPipeError, asyncio.IncompleteReadError):
        asyncio.run(_serve())


if __name__ == "__main__":
    main()
