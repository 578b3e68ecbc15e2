"""What faults do to the servers, the broker and the plant themselves: off, tripped, cut from the grid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simulators.faults.kinds import BreakerOpen, BrokerRestart, FaultSpec, Reboot, Trip
from simulators.faults.present import Present
from simulators.faults.standing import Standing
from simulators.revival import Revival


class Switchgear(Protocol):
    """A plant with a breaker at its grid connection."""

    def open_breaker(self) -> None: ...

    def close_breaker(self) -> None: ...


class Halting(Protocol):
    """A plant whose devices may die."""

    def set_running(self, device: str, running: bool) -> None: ...


class Stoppable(Protocol):
    """What a fault switches off, and a revival on again."""

    async def stop(self) -> None: ...  # idempotent; one that is starting does not come up


class StoppableServer(Stoppable, Protocol):
    @property
    def devices(self) -> tuple[str, ...]: ...


class Stopped:
    """Why devices do not run. The plant is told when the first reason comes, and when the last one goes."""

    def __init__(self, plant: Halting) -> None:
        self._plant = plant
        self._reasons: dict[str, set[str]] = {}

    def set(self, device: str, reason: str, stopped: bool) -> None:
        reasons = self._reasons.setdefault(device, set())
        before = bool(reasons)
        (reasons.add if stopped else reasons.discard)(reason)
        if bool(reasons) != before:
            self._plant.set_running(device, not reasons)


class PhysicalFaults:
    """Brings trips and the breaker of a plant in line with the faults that stand."""

    def __init__(self, stopped: Stopped, switchgear: Switchgear | None) -> None:
        self._stopped = stopped
        self._switchgear = switchgear
        self._tripped: set[str] = set()
        self._breaker_open = False

    def act(self, standing: Iterable[Standing]) -> None:
        faults = [one.fault for one in standing]
        self._trip({fault.target for fault in faults if isinstance(fault, Trip)})
        self._switch(any(isinstance(fault, BreakerOpen) for fault in faults))

    def _trip(self, tripped: set[str]) -> None:
        for device in sorted(tripped ^ self._tripped):
            self._stopped.set(device, "tripped", device in tripped)
        self._tripped = tripped

    def _switch(self, breaker_open: bool) -> None:
        if breaker_open == self._breaker_open or self._switchgear is None:
            return
        if breaker_open:
            self._switchgear.open_breaker()
        else:
            self._switchgear.close_breaker()
        self._breaker_open = breaker_open


class Outages:
    """Brings the outages of a park in line with the faults that stand."""

    def __init__(
        self,
        present: Present,
        stopped: Stopped,
        seats: Iterable[tuple[StoppableServer, Revival]],
        broker: tuple[Stoppable, Revival] | None,
        switchgear: Switchgear | None,
        alongside: PhysicalFaults | None = None,
    ) -> None:
        """`alongside` is what else has the plant's own faults: a park that runs beside it, to be compared with."""
        self._present = present
        self._physical = [PhysicalFaults(stopped, switchgear), *([] if alongside is None else [alongside])]
        self._seats = tuple(seats)
        self._broker = broker

    async def act(self) -> None:
        off = self._targets(Reboot)
        for server, revival in self._seats:
            await self._hold(revival, not off.isdisjoint(server.devices), server)
        if self._broker is not None:
            broker, revival = self._broker
            await self._hold(revival, bool(self._targets(BrokerRestart)), broker)
        for physical in self._physical:
            physical.act(self._present.standing)

    def _targets(self, kind: type[FaultSpec]) -> set[str]:
        return {one.fault.target for one in self._present.standing if isinstance(one.fault, kind)}

    async def _hold(self, revival: Revival, off: bool, what: Stoppable) -> None:
        if off and not revival.held:
            revival.hold()
            # also one that does not run: it may just be starting
            await what.stop()
        elif revival.held and not off:
            revival.let_go()
