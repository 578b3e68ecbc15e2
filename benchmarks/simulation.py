"""What the simulated park carries: 60 devices with 50 points each, all asked every second, on one core.

    python benchmarks/simulation.py [--seconds 10] [--json]

40 devices speak Modbus, 10 OPC UA and 10 MQTT; park and client are processes of their own. As many Modbus registers
are then served by pymodbus alone, to the same client: what our registers cost beside it is the ratio of the two. Ends
with 1 when a promise does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asyncua import Client
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from ruamel.yaml import YAML

from config.loader import load_site
from simulators.park import Park
from simulators.plant import Plant

MODBUS, OPCUA, MQTT = 40, 10, 10
POINTS = 50
REGISTERS = 2 * POINTS
TICK_S = 0.1
"""As in the park's own process."""
SETTLING_S = 2.0
"""Connections are made and first values encoded before it counts."""

MOST_SHARE = 0.5
"""Of one core: the other half is for the physics of a large park."""

HEAD = {"description": "of the benchmark", "verified": False, "source": "this file"}


def profiles() -> dict[str, dict[str, Any]]:
    names = [f"value_{number}_kw" for number in range(POINTS)]
    modbus = {name: {"address": 2 * at, "type": "f32", "valid": [-1000, 1000]} for at, name in enumerate(names)}
    opcua = {name: {"node": f"nsu=urn:bench;s={{instance}}.{name}", "valid": [-1000, 1000]} for name in names}
    mqtt = {name: {"topic": "bench/{instance}", "path": name, "valid": [-1000, 1000]} for name in names}
    return {
        "bench_modbus": {**HEAD, "protocol": "modbus", "points": modbus},
        "bench_opcua": {**HEAD, "protocol": "opcua", "parameters": {"instance": "which"}, "points": opcua},
        "bench_mqtt": {**HEAD, "protocol": "mqtt", "parameters": {"instance": "which"}, "points": mqtt},
    }


def write_site(folder: Path) -> Path:
    (folder / "profiles").mkdir()
    for name, profile in profiles().items():
        YAML(typ="safe").dump(profile, folder / "profiles" / f"{name}.yaml")
    connections: dict[str, Any] = {"broker": {"protocol": "mqtt", "host": "127.0.0.1"}}
    devices: dict[str, Any] = {"grid_meter": {"connection": "grid", "profile": "sunspec_meter_203"}}
    connections["grid"] = {"protocol": "modbus", "host": "127.0.0.1"}
    for number in range(MODBUS):
        connections[f"modbus_{number}"] = {"protocol": "modbus", "host": "127.0.0.1"}
        devices[f"modbus_{number}"] = {"connection": f"modbus_{number}", "profile": "bench_modbus"}
    for number in range(OPCUA):
        line = {"protocol": "opcua", "endpoint": f"opc.tcp://127.0.0.1:{4840 + number}/bench", "security": "none"}
        connections[f"opcua_{number}"] = line
        keys = {"profile": "bench_opcua", "parameters": {"instance": f"o{number}"}}
        devices[f"opcua_{number}"] = {"connection": f"opcua_{number}", **keys}
    for number in range(MQTT):
        keys = {"profile": "bench_mqtt", "parameters": {"instance": f"m{number}"}}
        devices[f"mqtt_{number}"] = {"connection": "broker", **keys}
    data = {
        "site": "bench",
        "location": {"latitude": 30.25, "longitude": 120.17, "time_zone": "UTC"},
        "tariffs": ["zhejiang_industry_2026"],
        "connections": connections,
        "devices": devices,
        "assets": {
            "grid": {"kind": "grid_connection", "device": "grid_meter", "import_limit_kw": 300, "export_limit_kw": 300}
        },
        "simulation": {"start": "2026-06-14T04:00:00+00:00", "series": {}},
    }
    path = folder / "bench.yaml"
    YAML(typ="safe").dump(data, path)
    return path


# -- what is measured, in a process of its own -----------------------------------------------------


async def share_of(seconds: float, tick: Any) -> float:
    """The share of one core that this process takes, from when everything has settled."""
    await ticking(SETTLING_S, tick)
    spent_s, begun_s = time.process_time(), time.monotonic()
    await ticking(seconds, tick)
    return (time.process_time() - spent_s) / (time.monotonic() - begun_s)


async def ticking(seconds: float, tick: Any) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        await tick()
        await asyncio.sleep(TICK_S)


async def serve_park(site_path: Path, seconds: float) -> None:
    site = load_site(site_path)
    assert site.file.simulation is not None
    plant = Plant(site, start=site.file.simulation.start, seed=1)
    park = Park(site, plant)
    await park.start()

    async def tick() -> None:
        plant.advance(TICK_S)
        await park.tick()

    from config.clock import ScaledClock

    clock = ScaledClock(start=plant.now, origin_s=time.monotonic(), speed=1)
    addresses = park.announcement(clock).connections
    say(
        {
            "modbus": [addresses[f"modbus_{number}"]["port"] for number in range(MODBUS)],
            "opcua": [addresses[f"opcua_{number}"]["endpoint"] for number in range(OPCUA)],
        }
    )
    say({"share": await share_of(seconds, tick)})
    await park.stop()


async def serve_modbus(devices: int, seconds: float) -> None:
    """The same registers from pymodbus alone."""
    servers = []
    for _ in range(devices):
        memory = SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)
        server = ModbusTcpServer([SimDevice(1, [memory])], address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        servers.append(server)
    say({"modbus": [server.transport.sockets[0].getsockname()[1] for server in servers], "opcua": []})

    async def tick() -> None:
        pass

    say({"share": await share_of(seconds, tick)})
    for server in servers:
        await server.shutdown()


async def serve_ours(devices: int, seconds: float, site_path: Path) -> None:
    """Only the Modbus devices of the park."""
    from simulators.furnished import Furnished
    from simulators.seats import seats_of, server_for
    from simulators.watchdog import Watchdog

    site = load_site(site_path)
    assert site.file.simulation is not None
    plant = Furnished(site, Plant(site, start=site.file.simulation.start, seed=1))
    seats = [seat for seat in seats_of(site) if seat.name.startswith("modbus_")][:devices]
    servers = [server_for(site, seat, 0, None, plant, Watchdog(plant)) for seat in seats]
    for server in servers:
        await server.start()
    say({"modbus": [server.address["port"] for server in servers], "opcua": []})

    async def tick() -> None:
        pass

    say({"share": await share_of(seconds, tick)})
    for server in servers:
        await server.stop()


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


# -- who asks --------------------------------------------------------------------------------------


async def ask(modbus: Sequence[int], opcua: Sequence[str], seconds: float) -> int:
    """Every point of every device once a second; how many were not answered."""
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port, timeout=2, retries=0) for port in modbus]
    for client in clients:
        await client.connect()
    sessions = [Client(endpoint, timeout=5) for endpoint in opcua]
    for session in sessions:
        await session.connect()
    nodes = []
    for number, session in enumerate(sessions):
        index = await session.get_namespace_index("urn:bench")
        names = [f"ns={index};s=o{number}.value_{point}_kw" for point in range(POINTS)]
        nodes.append([session.get_node(name) for name in names])

    async def one(client: AsyncModbusTcpClient) -> int:
        answer = await client.read_holding_registers(0, count=REGISTERS, device_id=1)
        return 0 if not answer.isError() and len(answer.registers) == REGISTERS else 1

    async def other(session: Client, listed: Any) -> int:
        return 0 if len(await session.read_values(listed)) == POINTS else 1

    missed, until_s = 0, time.monotonic() + seconds
    next_s = time.monotonic()
    while next_s < until_s:
        answers = [one(client) for client in clients]
        answers += [other(*pair) for pair in zip(sessions, nodes, strict=True)]
        missed += sum(await asyncio.gather(*answers))
        next_s += 1
        await asyncio.sleep(max(next_s - time.monotonic(), 0))
    for session in sessions:
        await session.disconnect()
    for client in clients:
        client.close()
    return missed


def measured(what: str, site: Path, seconds: float) -> tuple[float, int]:
    """The share of a core that the server of this name takes, and how many questions it did not answer."""
    command = [sys.executable, __file__, "--serve", what, "--site", str(site), "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        listening = json.loads(server.stdout.readline())
        missed = asyncio.run(ask(listening["modbus"], listening["opcua"], seconds + SETTLING_S - 0.5))
        share: float = json.loads(server.stdout.readline())["share"]
    return share, missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", choices=("park", "ours", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--site", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve == "park":
        asyncio.run(serve_park(options.site, options.seconds))
    elif options.serve == "ours":
        asyncio.run(serve_ours(MODBUS, options.seconds, options.site))
    elif options.serve == "bare":
        asyncio.run(serve_modbus(MODBUS, options.seconds))
    if options.serve is not None:
        return 0
    with tempfile.TemporaryDirectory(prefix="parkgrid-bench-") as folder:
        site = write_site(Path(folder))
        park, missed = measured("park", site, options.seconds)
        ours, ours_missed = measured("ours", site, options.seconds)
        bare, _ = measured("bare", site, options.seconds)
    found = {
        "devices": MODBUS + OPCUA + MQTT,
        "points": POINTS * (MODBUS + OPCUA + MQTT),
        "cpu_share": park,
        "modbus_share": ours,
        "bare_modbus_share": bare,
        "to_bare": ours / bare,
        "missed": missed + ours_missed,
    }
    holds = park <= MOST_SHARE and found["missed"] == 0
    if options.json:
        print(json.dumps({**found, "holds": holds}))
    else:
        print(f"{found['devices']} devices, {found['points']} points every second: {park:.1%} of one core")
        print(f"{MODBUS} Modbus devices: {ours:.1%}, pymodbus alone {bare:.1%}: {ours / bare:.2f} times")
        print(f"{found['missed']} questions not answered; {'as promised' if holds else 'NOT as promised'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
