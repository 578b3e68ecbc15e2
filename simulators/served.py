"""What the protocol servers see of the plant, and what the park sees of the servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


class Served(Protocol):
    """What a server needs: values to show and someone to hand commands to."""

    @property
    def now(self) -> datetime: ...  # the site's calendar, UTC and aware

    def values(self, device: str) -> Mapping[str, float]: ...  # by point name, in the point's unit and the site's sign

    def command(self, device: str, point: str, value: float | None) -> None: ...  # None: nobody commands any more


class Plant(Served, Protocol):
    """The physics behind the devices."""

    def advance(self, dt_s: float) -> None: ...  # seconds of the site's physics

    def set_running(self, device: str, running: bool) -> None: ...  # False: the device itself is dead


class Server(Protocol):
    """Serves one or more devices on one protocol."""

    @property
    def devices(self) -> tuple[str, ...]: ...

    @property
    def address(
        self,
    ) -> Mapping[str, Any]: ...  # keys of the site file's connection: where it listens; empty if nowhere

    @property
    def port(self) -> int: ...  # where it listens itself; 0 if nowhere

    async def start(self) -> None: ...  # listens when it returns; OSError when the address cannot be had

    async def refresh(self) -> None: ...  # shows the plant's present values where the protocol pushes them

    async def stop(self) -> None: ...  # idempotent


@runtime_checkable
class Rhythmic(Protocol):
    """A server that says values in a rhythm of real time."""

    def hurry(self) -> None: ...  # says all of them at the next refresh
