"""A server behind its line: what a client of the park connects to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.faults.line import Line
from simulators.faults.present import Present
from simulators.served import Rhythmic, Server


class Lined:
    """A server (see `simulators.served.Server`) that is made anew with each start, as a device that boots is."""

    def __init__(
        self,
        devices: tuple[str, ...],
        connection: str,
        make: Callable[[int | None], Server],
        present: Present,
        line: Line | None,
    ) -> None:
        """`make` gets the port that clients know; a device that listens nowhere has no line."""
        self._devices = devices
        self._connection = connection
        self._make = make
        self._present = present
        self._line = line
        self._server: Server | None = None
        self._address: Mapping[str, Any] = {}
        self._stops = 0

    @property
    def devices(self) -> tuple[str, ...]:
        return self._devices

    @property
    def address(self) -> Mapping[str, Any]:
        return self._address

    @property
    def port(self) -> int:
        return 0 if self._line is None else self._line.port

    @property
    def running(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Start, and listen when this returns, unless it was stopped meanwhile."""
        stops = self._stops
        if self._line is not None:
            # clients are refused until the server behind is there
            self._line.bind()
        server = self._make(None if self._line is None else self._line.port)
        await server.start()
        if stops != self._stops:
            await server.stop()
            return
        if self._line is not None:
            await self._line.open(server.port)
        self._server = server
        self._address = dict(server.address) | ({"port": self.port} if "port" in server.address else {})
        await self.refresh()

    async def refresh(self) -> None:
        if self._server is None:
            return
        if self._line is not None:
            await self._line.bring(self._present.at(self._connection))
        await self._server.refresh()

    def hurry(self) -> None:
        """Let a server that has a rhythm say its values at the next refresh."""
        if isinstance(self._server, Rhythmic):
            self._server.hurry()

    async def stop(self) -> None:
        self._stops += 1
        if self._line is not None:
            await self._line.close()
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
