"""The campus, its Modbus devices alone, and pymodbus in their place: each a process that says its share of a core.

    python -m simulation_load.serving park|modbus|bare SITE SECONDS

The first line on standard output says what listens where, the second the share.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.clock import ScaledClock
from config.connection import Connection, ModbusRtuOverTcp, ModbusTcp
from config.loader import example_site, load_site
from config.site import Site
from simulation_load.asking import SETTLING_S
from simulators.furnished import Furnished
from simulators.park import Park
from simulators.plant import Plant
from simulators.seats import seats_of, server_for
from simulators.watchdog import Watchdog

TICK_S = 0.1
"""As in the park's own process."""


async def share_of(seconds: float, tick: Callable[[], Awaitable[None]]) -> float:
    """The share of one core that this process takes, from when everything has settled."""
    await ticking(SETTLING_S, tick)
    spent_s, begun_s = time.process_time(), time.monotonic()
    await ticking(seconds, tick)
    return (time.process_time() - spent_s) / (time.monotonic() - begun_s)


async def ticking(seconds: float, tick: Callable[[], Awaitable[None]]) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        await tick()
        await asyncio.sleep(TICK_S)


async def serve_park(site: Site, seconds: float) -> None:
    """The whole campus, with its physics."""
    assert site.file.simulation is not None
    plant = Plant(site, start=site.file.simulation.start, seed=site.file.simulation.seed)
    park = Park(site, plant)
    await park.start()

    async def tick() -> None:
        plant.advance(TICK_S)
        await park.tick()

    clock = ScaledClock(start=plant.now, origin_s=time.monotonic(), speed=1)
    say(park.announcement(clock).connections)
    say({"share": await share_of(seconds, tick)})
    await park.stop()


async def serve_modbus(site: Site, seconds: float) -> None:
    """Only its Modbus devices, in front of a plant that stands still."""
    assert site.file.simulation is not None
    plant = Furnished(site, Plant(site, start=site.file.simulation.start, seed=1))
    seats = [seat for seat in seats_of(site) if is_modbus(site.connections[seat.connection])]
    servers = {seat.connection: server_for(site, seat, 0, None, plant, Watchdog(plant)) for seat in seats}
    for server in servers.values():
        await server.start()
    say({name: server.address for name, server in servers.items()})
    say({"share": await share_of(seconds, nothing)})
    for server in servers.values():
        await server.stop()


async def serve_bare(site: Site, seconds: float) -> None:
    """The same units from pymodbus alone, whose registers are all 0."""
    servers = {}
    for name, connection in site.connections.items():
        if is_modbus(connection):
            units = [device.unit for device in site.devices.values() if device.connection == name]
            memories = [SimData(0, count=0x10000, values=0, datatype=DataType.REGISTERS) for _ in units]
            framer = FramerType.RTU if isinstance(connection, ModbusRtuOverTcp) else FramerType.SOCKET
            devices = [SimDevice(unit, [memory]) for unit, memory in zip(units, memories, strict=True)]
            servers[name] = ModbusTcpServer(devices, framer=framer, address=("127.0.0.1", 0))
            await servers[name].serve_forever(background=True)
    say(
        {
            name: {"port": cast("asyncio.Server", of.transport).sockets[0].getsockname()[1]}
            for name, of in servers.items()
        }
    )
    say({"share": await share_of(seconds, nothing)})
    for server in servers.values():
        await server.shutdown()  # type: ignore[no-untyped-call]


async def nothing() -> None:
    pass


def is_modbus(connection: Connection) -> bool:
    return isinstance(connection, ModbusTcp | ModbusRtuOverTcp)


def say(what: Mapping[str, Any]) -> None:
    print(json.dumps(what), flush=True)


SERVE = {"park": serve_park, "modbus": serve_modbus, "bare": serve_bare}


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    which, name, for_s = sys.argv[1:]
    asyncio.run(SERVE[which](load_site(example_site(name)), float(for_s)))
