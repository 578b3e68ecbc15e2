"""What the simulated campus carries: 60 devices with about 3,000 points, all asked every second, on one core.

    python benchmarks/simulation.py [--seconds 20] [--json]

The park and who asks are processes of their own. Every point is asked for once a second, as a controller does it without a slow
read class, over Modbus TCP, RTU over TCP, OPC UA, MQTT and Sparkplug. Then the campus's Modbus devices alone are asked, and after
that as many registers that pymodbus serves by itself, to the same client: what ours cost beside it is the ratio of the two.
Ends with 1 when a promise does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.clock import ScaledClock, SystemClock
from config.connection import Connection, ModbusRtuOverTcp, ModbusTcp
from config.loader import example_site, load_site
from config.site import Site
from drivers.driver import Quality
from drivers.link import Link
from drivers.site import links_of

SITE = "campus"
TICK_S = 0.1
"""As in the park's own process."""
SETTLING_S = 5.0
"""Connections are made, subscriptions begin and first values are encoded before it counts."""

MOST_SHARE = 1.0
"""Of one core: a campus in real time must not need a second one."""

Addresses = Mapping[str, Mapping[str, Any]]
"""By connection, the keys of the site file that say where it listens."""


# -- what is measured, in a process of its own -----------------------------------------------------


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
    from simulators.park import Park
    from simulators.plant import Plant

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
    from simulators.furnished import Furnished
    from simulators.plant import Plant
    from simulators.seats import seats_of, server_for
    from simulators.watchdog import Watchdog

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


# -- who asks --------------------------------------------------------------------------------------


async def ask(addresses: Addresses, seconds: float) -> tuple[int, int]:
    """Ask for every point of the devices at these addresses once a second: how many were good in the end, and not."""
    site = load_site(example_site(SITE), addresses)
    links = {name: link for name, link in links_of(site, SystemClock()).items() if connection_of(site, name) in addresses}
    behind: dict[str, list[str]] = {}
    for name in links:
        behind.setdefault(connection_of(site, name), []).append(name)
    settled_s = time.monotonic() + SETTLING_S
    until_s, next_s = settled_s + seconds, time.monotonic()
    good = bad = 0
    while next_s < until_s:
        rounds = await asyncio.gather(*(in_turn(site, links, devices) for devices in behind.values()))
        if next_s >= settled_s:
            good += sum(right for right, _ in rounds)
            bad += sum(wrong for _, wrong in rounds)
        next_s += 1
        await asyncio.sleep(max(next_s - time.monotonic(), 0))
    for link in links.values():
        await link.close()
    return good, bad


async def in_turn(site: Site, links: Mapping[str, Link], devices: list[str]) -> tuple[int, int]:
    """All devices behind one connection; good readings and others."""
    good = bad = 0
    for device in devices:
        for reading in await links[device].read(site.points[device]):
            good, bad = (good + 1, bad) if reading.quality is Quality.GOOD else (good, bad + 1)
    return good, bad


def connection_of(site: Site, device: str) -> str:
    return site.devices[device].connection


def measured(what: str, seconds: float) -> tuple[float, int, int]:
    """The share of a core that the server of this name takes, and the good and other readings that came of it."""
    command = [sys.executable, __file__, "--serve", what, "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        good, bad = asyncio.run(ask(json.loads(server.stdout.readline()), seconds - 1))
        share: float = json.loads(server.stdout.readline())["share"]
    return share, good, bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", choices=SERVE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    site = load_site(example_site(SITE))
    if options.serve is not None:
        asyncio.run(SERVE[options.serve](site, options.seconds))
        return 0
    park, good, bad = measured("park", options.seconds)
    modbus, _, modbus_bad = measured("modbus", options.seconds)
    bare, _, _ = measured("bare", options.seconds)
    found = {
        "devices": len(site.devices),
        "points": sum(len(points) for points in site.points.values()),
        "cpu_share": park,
        "modbus_share": modbus,
        "bare_modbus_share": bare,
        "to_bare": modbus / bare,
        "good": good,
        "bad": bad + modbus_bad,
    }
    holds = park <= MOST_SHARE and good > 0 and found["bad"] == 0
    if options.json:
        print(json.dumps({**found, "holds": holds}))
    else:
        print(f"{found['devices']} devices, {found['points']} points every second: {park:.1%} of one core")
        print(f"its Modbus devices alone: {modbus:.1%}, pymodbus alone {bare:.1%}: {modbus / bare:.2f} times")
        print(f"{good} good readings, {found['bad']} others; {'as promised' if holds else 'NOT as promised'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
