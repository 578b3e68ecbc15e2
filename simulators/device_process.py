"""The park's side of a device that runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from config.connection import Mqtt
from config.site import Site
from simulators.apart import LINE_LIMIT, Order, tick_line
from simulators.child import end
from simulators.faults.present import Present
from simulators.seats import Seat
from simulators.served import Served

START_S = 15.0
"""How long a device's process may take to serve; it takes about one second on an idle machine."""

BACKLOG_LIMIT = 2**20
"""Bytes that may wait for a process that does not read (a stopped one); what comes then is left out."""


class DeviceProcess:
    """A server (see `simulators.served.Server`) whose process may die, and start again on the same port."""

    def __init__(
        self, site: Site, seat: Seat, port: int, broker: Mqtt | None, served: Served, present: Present
    ) -> None:
        self._site = site
        self._seat = seat
        self._port = port
        self._broker = broker
        self._served = served
        self._present = present
        self._process: Process | None = None
        self._stops = 0
        self._listening: asyncio.Task[None] | None = None
        self._address: dict[str, Any] = {}

    @property
    def devices(self) -> tuple[str, ...]:
        return self._seat.devices

    @property
    def address(self) -> Mapping[str, Any]:
        return self._address

    @property
    def name(self) -> str:
        return self._seat.name

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start, or start again where it listened before. Raises OSError, also when it is stopped meanwhile."""
        stops = self._stops
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators.apart"),
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        if stops != self._stops:
            await end(process)
            raise OSError(f"the process of {self._seat.name} was stopped while it started")
        self._process = process
        process.stdin.write(Order(self._site, self._seat, self._port, self._broker, self._tick()).packed())
        line = b""
        with suppress(TimeoutError):
            line = await asyncio.wait_for(process.stdout.readline(), START_S)
        if not line:
            await end(process)
            raise OSError(f"the process of {self._seat.name} does not serve")
        self._address = json.loads(line)["listening"]
        self._port = _port_in(self._address)
        self._listening = asyncio.create_task(self._listen(process.stdout), name=f"device {self._seat.name}")

    @property
    def port(self) -> int:
        return self._port

    async def refresh(self) -> None:
        if not self.running:
            return
        assert self._process is not None
        assert self._process.stdin is not None
        pipe = self._process.stdin
        if pipe.transport.get_write_buffer_size() < BACKLOG_LIMIT and not pipe.is_closing():
            pipe.write(f"{self._tick()}\n".encode())

    async def stop(self) -> None:
        self._stops += 1
        if self._process is not None:
            await end(self._process)
            self._process = None
        if self._listening is not None:
            await self._listening
            self._listening = None

    def _tick(self) -> str:
        values = {device: self._served.values(device) for device in self._seat.devices}
        return tick_line(self._served.now, values, self._present.at(self._seat.connection, *self._seat.devices))

    async def _listen(self, commands: asyncio.StreamReader) -> None:
        # a line without an end is what a killed process did not get to say
        while (line := await commands.readline()).endswith(b"\n"):
            told = json.loads(line)
            self._served.command(told["device"], told["point"], told["value"])


def _port_in(address: Mapping[str, Any]) -> int:
    """The port of a connection's keys, 0 for a device that listens nowhere."""
    if "endpoint" in address:
        return int(str(address["endpoint"]).rpartition(":")[2].partition("/")[0])
    return int(address.get("port", 0))
