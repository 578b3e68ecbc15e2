"""A Modbus TCP gateway with several units behind it, and a field of devices on such gateways.

A gateway serves one request at a time, as one with a serial line behind it does, and keeps a log of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.clock import Clock, SystemClock
from config.point import points_of
from config.profile import ModbusProfile, MqttProfile
from config.register import Heartbeat
from config.site import Site, SiteFile
from controller.field import Field
from controller.image import ProcessImage
from controller.supervisor import supervise
from drivers.site import links_of

POWER, ENERGY, LIMIT, HEARTBEAT = 0, 100, 200, 300
"""Registers of every unit: a fast one, a slow one, a setpoint and a heartbeat."""

DESCRIBED = {"description": "made up", "verified": True, "source": "gateway.py"}
SETPOINT = {"range": [0, 1000], "resolution": 1, "tolerance": 0, "safe": 0}
METER = ModbusProfile.model_validate(
    {
        **DESCRIBED,
        "protocol": "modbus",
        "points": {
            "active_power_kw": {"address": POWER, "type": "u16", "valid": [0, 65535]},
            "energy_import_kwh": {"address": ENERGY, "type": "u16", "valid": [0, 65535], "read": "slow"},
            "power_limit_kw": {
                "address": LIMIT,
                "type": "u16",
                "valid": [0, 1000],
                "read": "slow",
                "setpoint": SETPOINT,
            },
        },
    }
)


@dataclass(frozen=True)
class Request:
    unit: int
    function: int
    address: int

    @property
    def writes(self) -> bool:
        return self.function in (6, 16)


@dataclass
class Gateway:
    """Each unit shows its number in its power register."""

    delays_s: Mapping[int, float] = field(default_factory=dict)
    """How long a unit takes for an answer; at once when not named."""
    dead: set[int] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    """Open ones."""
    registers: dict[tuple[int, int], int] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                request = await reader.readexactly(length - 1)
                function, address, count = struct.unpack(">BHH", request[:5])
                self.requests.append(Request(unit, function, address))
                if unit in self.dead:
                    continue
                await asyncio.sleep(self.delays_s.get(unit, 0.0))
                answer = self._answer(unit, function, address, count, request)
                writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    def _answer(self, unit: int, function: int, address: int, count: int, request: bytes) -> bytes:
        if function == 6:
            self.registers[unit, address] = count
            return request
        words = (unit if at == POWER else self.registers.get((unit, at), 0) for at in range(address, address + count))
        return struct.pack(f">BB{count}H", function, 2 * count, *words)

    def reads(self, address: int = POWER) -> list[int]:
        """The units whose register was read, in order."""
        return [each.unit for each in self.requests if not each.writes and each.address == address]

    def count(self, address: int = POWER) -> Counter[int]:
        return Counter(self.reads(address))

    def written(self, unit: int, address: int = LIMIT) -> int | None:
        """What a register holds that was written; None for one that never was."""
        return self.registers.get((unit, address))


@contextlib.asynccontextmanager
async def gateway(delays_s: Mapping[int, float] | None = None, dead: set[int] | None = None) -> AsyncIterator[Gateway]:
    one = Gateway(delays_s or {}, dead or set())
    async with await asyncio.start_server(one.serve, "127.0.0.1", 0) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one


def site_of(
    connections: Mapping[str, Mapping[str, Any]],
    devices: Mapping[str, Mapping[str, Any]],
    *,
    profile: ModbusProfile | MqttProfile = METER,
    heartbeats: Mapping[str, tuple[Heartbeat, ...]] | None = None,
    cycle_s: float = 1.0,
) -> Site:
    """A site of such devices, without a park; whatever their profile lets be set may be written."""
    write = [name for name, point in profile.points.items() if point.setpoint is not None]
    file = SiteFile.model_validate(
        {
            "site": "gateways",
            "location": {"latitude": 30, "longitude": 120, "time_zone": "UTC"},
            "control": {"cycle_s": cycle_s},
            "tariffs": ("none",),
            "connections": connections,
            "devices": {name: {"profile": "meter", "write": write, **device} for name, device in devices.items()},
            "assets": {},
        }
    )
    parameters = {name: {"device": name} for name in devices}
    points = {name: points_of(name, profile, parameters[name]) for name in devices}
    modbus = {}
    if isinstance(profile, ModbusProfile):
        beats = heartbeats or {}
        modbus = {name: profile.model_copy(update={"heartbeats": beats.get(name, ())}) for name in devices}
    return Site(path=Path("gateways.yaml"), file=file, points=points, tariffs=(), modbus=modbus)


def modbus(gateway: Gateway, timeout_s: float = 2.0) -> dict[str, Any]:
    return {"protocol": "modbus", "host": "127.0.0.1", "port": gateway.port, "timeout_s": timeout_s}


@dataclass
class Running:
    """A field whose workers run."""

    field: Field
    image: ProcessImage
    failures: list[tuple[str, Exception]]


@contextlib.asynccontextmanager
async def running(site: Site, clock: Clock | None = None) -> AsyncIterator[Running]:
    clock = clock or SystemClock()
    image = ProcessImage(site)
    field = Field(site, links_of(site, clock), image, clock)
    one = Running(field, image, [])

    def failed(part: str, error: Exception) -> None:
        one.failures.append((part, error))

    parts = [asyncio.create_task(supervise(name, work, failed), name=name) for name, work in field.parts()]
    try:
        yield one
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await field.close()
