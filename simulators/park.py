"""The simulated park in operation: broker, servers and device processes around a plant."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from config.announcement import Announcement
from config.clock import ScaledClock
from config.connection import Mqtt
from config.site import Site
from config.terms import Terms
from simulators.broker import HOST, BrokerDown, OwnBroker, installed_mosquitto
from simulators.device_process import DeviceProcess
from simulators.faults.book import FaultBook
from simulators.faults.line import Line
from simulators.faults.lined import Lined
from simulators.faults.outages import Outages, PhysicalFaults, Stopped, Switchgear
from simulators.faults.present import FaultyWatchdog, Present
from simulators.furnished import Furnished
from simulators.revival import Revival
from simulators.seats import Seat, lined_server, port_of, seats_of
from simulators.served import Plant

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
        faults: FaultBook | None = None,
        switchgear: Switchgear | None = None,
        alongside: PhysicalFaults | None = None,
        timer_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`apart` names devices with a process of their own; `changed` is called when one has been started again.

        `faults` are those that the park gets, none when not given; `switchgear` is the plant's breaker, if it has one;
        `alongside` is a park that has trips and outages of the grid as this one has.
        The devices' watchdogs count the seconds of `timer_s`.
        """
        self._site = site
        self._plant = Furnished(site, plant)
        self._free_ports = free_ports
        self._apart = frozenset(apart)
        self._restart_after_s = restart_after_s
        self._changed = changed
        self._faults = faults
        self._switchgear = switchgear
        self._alongside = alongside
        self._present = Present(site.points)
        self._watchdog = FaultyWatchdog(self._plant, self._present, timer_s)
        self._broker: OwnBroker | None = None
        self._broker_line: Line | None = None
        self._session: Mqtt | None = None
        self._servers: dict[Seat, Lined | DeviceProcess] = {}
        self._revivals: list[Revival] = []
        self._outages: Outages | None = None

    async def start(self, broker: tuple[str, int] | None = None) -> None:
        """Start everything; it listens when this returns. Without `broker` the park brings its own.

        Raises OSError for an address that cannot be had, BrokerDown.
        """
        await self._find_broker(broker)
        for seat in seats_of(self._site):
            port = 0 if self._free_ports else port_of(self._site, seat)
            if self._apart.isdisjoint(seat.devices):
                self._servers[seat] = lined_server(
                    self._site, seat, port, self._session, self._plant, self._watchdog, self._present
                )
            else:
                self._servers[seat] = DeviceProcess(self._site, seat, port, self._session, self._plant, self._present)
        outcomes = await asyncio.gather(*(server.start() for server in self._servers.values()), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        stopped = Stopped(self._plant)
        seats = [(server, self._revival(seat, server, stopped)) for seat, server in self._servers.items()]
        self._revivals = [revival for _, revival in seats]
        broker_revival = None
        if self._broker is not None:
            revival = Revival(self._broker, self._restart_after_s, lambda: None, self._changed, (BrokerDown,))
            broker_revival = (self._broker, revival)
            self._revivals.append(revival)
        self._outages = Outages(self._present, stopped, seats, broker_revival, self._switchgear, self._alongside)

    async def _find_broker(self, broker: tuple[str, int] | None) -> None:
        wanted = next((of for of in self._site.connections.values() if isinstance(of, Mqtt)), None)
        if wanted is None:
            return
        if broker is None:
            # the devices speak to it directly; everybody else does over the line
            self._broker_line = Line(HOST, 0 if self._free_ports else wanted.port)
            self._broker_line.bind()
            self._broker = OwnBroker(0, installed_mosquitto())
            await self._broker.start()
            await self._broker_line.open(self._broker.port)
            broker = (HOST, self._broker.port)
        self._session = wanted.model_copy(update={"host": broker[0], "port": broker[1]} | _IN_THE_OPEN)

    def _revival(self, seat: Seat, server: Lined | DeviceProcess, stopped: Stopped) -> Revival:
        def died() -> None:
            for device in seat.devices:
                stopped.set(device, "dead", True)
                self._watchdog.forget(device)

        def back() -> None:
            for device in seat.devices:
                stopped.set(device, "dead", False)
            self._changed()

        return Revival(server, self._restart_after_s, died, back, (OSError,))

    def announcement(self, clock: ScaledClock, control: Path | None = None, terms: Terms | None = None) -> Announcement:
        """Where everything listens, and which processes there are now; `control` is where faults are commanded,
        `terms` what a scenario changes for the controller."""
        connections: dict[str, dict[str, Any]] = {}
        for seat, server in self._servers.items():
            if isinstance(self._site.connections[seat.connection], Mqtt):
                assert self._session is not None
                port = self._session.port if self._broker_line is None else self._broker_line.port
                connections[seat.connection] = {"host": self._session.host, "port": port} | _IN_THE_OPEN
            else:
                connections[seat.connection] = dict(server.address)
        processes = {"park": os.getpid()}
        if self._broker is not None and self._broker.pid is not None:
            processes["broker"] = self._broker.pid
        for seat, server in self._servers.items():
            if isinstance(server, DeviceProcess) and server.pid is not None:
                processes |= dict.fromkeys(self._apart.intersection(seat.devices), server.pid)
        return Announcement(
            connections=connections,
            start=clock.start,
            origin_s=clock.origin_s,
            speed=clock.speed,
            processes=processes,
            control=control,
            terms=terms,
        )

    async def tick(self) -> None:
        """What is due at each tick of a park whose time goes by itself."""
        await self.live()
        await self.show()

    async def live(self, *, patient: bool = False) -> None:
        """Let faults come and go and late setpoints fall, look after the processes; `patient` waits for what starts."""
        if self._faults is not None:
            self._present.bring(self._faults.advance(self._plant.now, self._plant.values))
        assert self._outages is not None
        await self._outages.act()
        for revival in self._revivals:
            revival.check()
            if patient:
                await revival.settle()
        self._watchdog.check()

    async def tend(self) -> None:
        """Look after the processes only: time stands still."""
        for revival in self._revivals:
            revival.check()
        await self._tend_broker_line()

    async def show(self, *, at_once: bool = False) -> None:
        """Show the plant's present values on every protocol; `at_once` also where devices publish in a rhythm."""
        for server in self._servers.values():
            if at_once and isinstance(server, Lined):
                server.hurry()
            await server.refresh()
        await self._tend_broker_line()

    async def _tend_broker_line(self) -> None:
        """A broker that is dead refuses its clients, and so does its line."""
        if self._broker is None or self._broker_line is None:
            return
        if self._broker.listens:
            await self._broker_line.open(self._broker.port)
        else:
            await self._broker_line.close()
        brokers = [name for name, of in self._site.connections.items() if isinstance(of, Mqtt)]
        await self._broker_line.bring(self._present.at(*brokers))

    async def stop(self) -> None:
        """Stop everything, whatever of it runs."""
        for revival in self._revivals:
            await revival.stop()
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        if self._broker_line is not None:
            await self._broker_line.close()
        if self._broker is not None:
            await self._broker.stop()
