"""Points of made-up OPC UA devices, and drivers for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from config.clock import SystemClock
from config.connection import OpcUa
from config.point import Point, points_of
from config.profile import OpcuaProfile
from drivers.certificates import Certificates
from drivers.driver import Reading
from drivers.opcua import OpcuaDriver
from drivers.opcua_session import OpcuaSession

URI = "urn:parkgrid:simulated-park"
"""The namespace of the demo park's own devices."""

LIMITS = {"range": [0, 1000], "resolution": 1, "tolerance": 0.5, "safe": 0}


def profile_points(device: str = "plc", **points: dict[str, object]) -> dict[str, Point]:
    profile = OpcuaProfile.model_validate(
        {
            "protocol": "opcua",
            "description": "made up",
            "verified": True,
            "source": "this file",
            "points": {name: {"valid": [-1e6, 1e6], **point} for name, point in points.items()},
        }
    )
    return {point.name: point for point in points_of(device, profile, {})}


def at(name: str, kind: str = "double", space: str = URI, **more: object) -> dict[str, object]:
    return {"node": f"nsu={space};s={name}", "type": kind, **more}


def driver_of(
    points: Mapping[str, Point],
    endpoint: str,
    certificates: Path = Path("certificates"),
    password: str | None = None,
    **spec: Any,
) -> OpcuaDriver:
    """A driver for a server that answers within seconds, without security where nothing else is said."""
    data = {"protocol": "opcua", "endpoint": endpoint, "security": "none", "timeout_s": 3.0, **spec}
    session = OpcuaSession(OpcUa.model_validate(data), Certificates(certificates), password)
    return OpcuaDriver(session, list(points.values()), SystemClock())


async def readings_of(driver: OpcuaDriver, points: Mapping[str, Point]) -> dict[str, Reading]:
    return dict(zip(points, await driver.read(list(points.values())), strict=True))


async def until(
    driver: OpcuaDriver,
    points: Mapping[str, Point],
    holds: Callable[[dict[str, Reading]], bool],
    within_s: float = 30.0,
) -> dict[str, Reading]:
    """The readings once they are as expected."""
    deadline_s = time.monotonic() + within_s
    while not holds(readings := await readings_of(driver, points)):
        assert time.monotonic() < deadline_s, readings
        await asyncio.sleep(0.05)
    return readings
