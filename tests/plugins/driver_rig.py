"""A device behind a real server, the same one for every protocol: what the promises of a driver are tried on.

It counts charging positive, in 0.1 kW; its state of charge is in per cent.
"""

from __future__ import annotations

from typing import Protocol

from chaos_proxy import ChaosProxy

from config.clock import SystemClock
from config.point import Point
from drivers.driver import Driver

CLOCK = SystemClock()
TIMEOUT_S = 1.0

PROFILE = {
    "description": "the contract's device",
    "verified": True,
    "source": "driver_rig.py",
}
LIMITS = {"range": [-1000, 1000], "resolution": 0.1, "tolerance": 0.2, "safe": 0}
POWER = {"scale": 0.1, "turn": True, "valid": [-1100, 1100]}
SOC = {"scale": 0.01, "valid": [0, 1]}
SUPPLY = {"scale": 0.1, "valid": [0, 130]}


class Rig(Protocol):
    """A real server with the device behind it. Raw numbers are as the device counts."""

    points: dict[str, Point]
    timeout_s: float
    """Of the drivers that it makes."""

    def driver(self) -> Driver: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def freeze(self) -> None: ...

    async def thaw(self) -> None: ...

    async def show(self, name: str, raw: float | None) -> None: ...  # None: the protocol's own "no value"

    async def taken(self) -> float: ...  # the raw setpoint in force

    deaf: bool
    """Takes commands and does not follow them."""


class ProxiedRig(Rig, Protocol):
    """A rig whose driver reaches the server through a proxy."""

    line: ChaosProxy


class RefusingRig(Rig, Protocol):
    """A server whose protocol can say no."""

    async def refuse(self) -> None: ...
