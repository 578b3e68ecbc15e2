"""The faults in force, as the servers of one process ask for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from config.point import Point
from simulators.faults.kinds import (
    ClockWrong,
    Exceptional,
    Fault,
    NoPublication,
    StatusOfValue,
    Trip,
    WatchdogOff,
    WritesIgnored,
    WritesRejected,
)
from simulators.faults.standing import Standing
from simulators.faults.values import altered
from simulators.served import Served
from simulators.watchdog import Watchdog


class Present:
    """Holds the faults of the moment; whoever drives the process brings them with every tick."""

    def __init__(self, points: Mapping[str, Sequence[Point]]) -> None:
        """`points` by device."""
        self._valid = {device: {point.name: point.valid for point in of} for device, of in points.items()}
        self.standing: tuple[Standing, ...] = ()

    def bring(self, standing: Sequence[Standing]) -> None:
        self.standing = tuple(standing)

    def of(self, target: str) -> list[Fault]:
        return [one.fault for one in self.standing if one.fault.target == target]

    def at(self, *targets: str) -> list[Standing]:
        return [one for one in self.standing if one.fault.target in targets]

    # -- what the servers ask ------------------------------------------------------------------------

    def values(self, device: str, values: Mapping[str, float], now: datetime) -> Mapping[str, float]:
        return altered(values, self.at(device), now, self._valid[device])

    def exception(self, device: str, *, writing: bool) -> int | None:
        """The Modbus exception with which a device answers, None when it answers well."""
        for fault in self.of(device):
            match fault:
                case Exceptional(code=code):
                    return code
                case WritesRejected(code=code) if writing:
                    return code
                case _:
                    continue
        return None

    def status(self, device: str) -> str | None:
        """The OPC UA status of a device's values, None when they are good."""
        return next((fault.status for fault in self.of(device) if isinstance(fault, StatusOfValue)), None)

    def write_status(self, device: str) -> str | None:
        """The OPC UA status with which a write is refused."""
        return next((fault.status for fault in self.of(device) if isinstance(fault, WritesRejected)), None)

    def publishes(self, device: str) -> bool:
        return not any(isinstance(fault, NoPublication) for fault in self.of(device))

    def ignores(self, device: str) -> bool:
        """Whether a write is accepted and leaves no trace."""
        return any(isinstance(fault, WritesIgnored) and fault.shown == "unchanged" for fault in self.of(device))

    def disobeys(self, device: str) -> bool:
        """Whether a write is shown and not followed."""
        return any(isinstance(fault, WritesIgnored) and fault.shown == "written" for fault in self.of(device))

    def held_for_ever(self, device: str) -> bool:
        return any(isinstance(fault, WatchdogOff) for fault in self.of(device))

    def tripped(self, device: str) -> bool:
        return any(isinstance(fault, Trip) for fault in self.of(device))

    def clock_off(self, devices: Sequence[str]) -> timedelta:
        """By how much the clock of a server of these devices is off."""
        offsets = (fault.offset_s for name in devices for fault in self.of(name) if isinstance(fault, ClockWrong))
        return timedelta(seconds=sum(offsets))


class FaultyServed:
    """A plant (see `simulators.served.Served`) as devices with faults show it."""

    def __init__(self, served: Served, present: Present, devices: Sequence[str]) -> None:
        self._served = served
        self._present = present
        self._devices = tuple(devices)

    @property
    def now(self) -> datetime:
        """The devices' own clock: for their time stamps."""
        return self._served.now + self._present.clock_off(self._devices)

    def values(self, device: str) -> Mapping[str, float]:
        return self._present.values(device, self._served.values(device), self._served.now)

    def command(self, device: str, point: str, value: float | None) -> None:
        self._served.command(device, point, value)


class FaultyWatchdog(Watchdog):
    """A watchdog that may be off, and devices that do not follow what it holds."""

    def __init__(self, served: Served, present: Present, timer_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(served, timer_s)
        self._present = present
        self._idle: set[str] = set()
        """Devices that hold a setpoint and do not follow it, as long as they are tripped or disobey."""

    def check(self) -> None:
        idle = {device for device, _ in self._held if self._present.tripped(device) or self._present.disobeys(device)}
        for device in self._idle - idle:
            self.recall(device)
        self._idle = idle
        super().check()

    def _commands(self, device: str) -> bool:
        return not self._present.disobeys(device)

    def _checks(self, device: str) -> bool:
        return not self._present.held_for_ever(device)
