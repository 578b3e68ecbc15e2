"""The simulated park in operation: broker, servers and device processes around a plant."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

from config.announcement import Announcement
from config.clock import ScaledClock
from config.connection import Mqtt
from config.site import Site
from simulators.broker import HOST, BrokerDown, OwnBroker, installed_mosquitto
from simulators.device_process import DeviceProcess
from simulators.furnished import Furnished
from simulators.revival import Revival
from simulators.seats import Seat, port_of, seats_of, server_for
from simulators.served import Plant, Server
from simulators.watchdog import Watchdog

_IN_THE_OPEN = dict.fromkeys(("ca_file", "certificate_file", "key_file", "key_password_env"))
"""Keys of a broker's connection that a simulated park does without: it has no certificates."""


class Park:
    """Everything that listens, and what has to be looked after while it does."""

    def __init__(
        self,
        site: Site,
        plant: Plant,
        *,
        free_ports: bool = True,
        apart: Sequence[str] = (),
        restart_after_s: float = 10.0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`apart` names devices with a process of their own; `changed` is called when one has been started again."""
        self._site = site
        self._plant = Furnished(site, plant)
        self._free_ports = free_ports
        self._apart = frozenset(apart)
        self._restart_after_s = restart_after_s
        self._changed = changed
        self._watchdog = Watchdog(self._plant)
        self._broker: OwnBroker | None = None
        self._session: Mqtt | None = None
        self._servers: dict[Seat, Server] = {}
        self._processes: dict[Seat, DeviceProcess] = {}
        self._revivals: list[Revival] = []

    async def start(self, broker: tuple[str, int] | None = None) -> None:
        """Start everything; it listens when this returns. Without `broker` the park brings its own.

        Raises OSError for an address that cannot be had, BrokerDown.
        """
        await self._find_broker(broker)
        for seat in seats_of(self._site):
            port = 0 if self._free_ports else port_of(self._site, seat)
            if self._apart.isdisjoint(seat.devices):
                server = server_for(self._site, seat, port, self._session, self._plant, self._watchdog)
            else:
                server = self._processes[seat] = DeviceProcess(self._site, seat, port, self._session, self._plant)
            self._servers[seat] = server
        outcomes = await asyncio.gather(*(server.start() for server in self._servers.values()), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        if self._broker is not None:
            self._revivals.append(
                Revival(self._broker, self._restart_after_s, lambda: None, self._changed, (BrokerDown,))
            )
        self._revivals += [self._revival(seat, process) for seat, process in self._processes.items()]

    async def _find_broker(self, broker: tuple[str, int] | None) -> None:
        wanted = next((of for of in self._site.connections.values() if isinstance(of, Mqtt)), None)
        if wanted is None:
            return
        if broker is None:
            self._broker = OwnBroker(0 if self._free_ports else wanted.port, installed_mosquitto())
            await self._broker.start()
            broker = (HOST, self._broker.port)
        self._session = wanted.model_copy(update={"host": broker[0], "port": broker[1]} | _IN_THE_OPEN)

    def _revival(self, seat: Seat, process: DeviceProcess) -> Revival:
        def died() -> None:
            for device in seat.devices:
                self._plant.set_running(device, False)

        def back() -> None:
            for device in seat.devices:
                self._plant.set_running(device, True)
            self._changed()

        return Revival(process, self._restart_after_s, died, back, (OSError,))

    def announcement(self, clock: ScaledClock) -> Announcement:
        """Where everything listens, and which processes there are now."""
        connections: dict[str, dict[str, Any]] = {}
        for seat, server in self._servers.items():
            if isinstance(self._site.connections[seat.connection], Mqtt):
                assert self._session is not None
                connections[seat.connection] = {"host": self._session.host, "port": self._session.port} | _IN_THE_OPEN
            else:
                connections[seat.connection] = dict(server.address)
        processes = {"park": os.getpid()}
        if self._broker is not None and self._broker.pid is not None:
            processes["broker"] = self._broker.pid
        for seat, process in self._processes.items():
            if process.pid is not None:
                processes |= dict.fromkeys(self._apart.intersection(seat.devices), process.pid)
        return Announcement(
            connections=connections, start=clock.start, origin_s=clock.origin_s, speed=clock.speed, processes=processes
        )

    async def tick(self) -> None:
        """Show the plant's present values, let late setpoints fall, look after the processes."""
        for revival in self._revivals:
            revival.check()
        self._watchdog.check()
        for server in self._servers.values():
            await server.refresh()

    async def stop(self) -> None:
        """Stop everything, whatever of it runs."""
        for revival in self._revivals:
            await revival.stop()
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        if self._broker is not None:
            await self._broker.stop()
