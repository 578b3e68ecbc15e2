"""Modbus peers on node.js: our driver reads theirs, their client reads our simulated devices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from modbus_peers import serial_line
from node_peer import NodePeer
from ports import unused_port

from config.clock import SystemClock
from config.connection import ModbusRtu, ModbusTcp
from config.loader import example_site, load_site
from config.point import Point, points_of
from config.profile import ModbusProfile
from drivers.driver import Accepted, LinkDown, Setpoint
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.registers import Span
from simulators.plant import Plant
from simulators.seats import seats_of, server_for
from simulators.watchdog import Watchdog

UNIT = 3
TIMEOUT_S = 1.0


@contextlib.asynccontextmanager
async def peer(kind: str, folder: Path) -> AsyncIterator[ModbusConnection]:
    """A connection to one of their servers."""
    async with contextlib.AsyncExitStack() as stack:
        if kind == "modbus-serial-rtu":
            ours, theirs = await stack.enter_async_context(serial_line(folder))
            line = {"serial_port": ours, "baud_rate": 115200, "parity": "none", "timeout_s": TIMEOUT_S}
            connection = ModbusConnection(ModbusRtu.model_validate({"protocol": "modbus", "transport": "rtu", **line}))
            node = NodePeer("modbus.js", **{"as": kind, "path": theirs, "unit": UNIT})
        else:
            port = unused_port()
            where = {"host": "127.0.0.1", "port": port, "timeout_s": TIMEOUT_S}
            connection = ModbusConnection(ModbusTcp.model_validate({"protocol": "modbus", **where}))
            node = NodePeer("modbus.js", **{"as": kind, "port": port, "unit": UNIT})
        stack.push_async_callback(node.kill)
        await node.start()
        stack.push_async_callback(connection.shut)
        yield connection


KINDS = [
    pytest.param("modbus-serial", marks=pytest.mark.server("modbus-serial")),
    pytest.param("modbus-serial-rtu", marks=pytest.mark.server("modbus-serial", "socat")),
    pytest.param("jsmodbus", marks=pytest.mark.server("jsmodbus")),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_our_driver_reads_and_writes_their_server(kind: str, tmp_path: Path) -> None:
    limits = {"range": [0, 1000], "resolution": 1, "tolerance": 0, "safe": 0}
    profile = ModbusProfile.model_validate(
        {
            "description": "theirs",
            "verified": True,
            "source": "tests/peers/modbus.js",
            "protocol": "modbus",
            "points": {
                "a": {"address": 10, "type": "u16", "valid": [0, 65535]},
                "wide": {"address": 20, "type": "u32", "valid": [0, 4294967295]},
                "input": {"address": 7, "table": "input", "type": "u16", "valid": [0, 65535]},
                "set": {"address": 50, "type": "u16", "valid": [0, 65535], "setpoint": limits},
            },
        }
    )
    points: tuple[Point, ...] = points_of("device", profile, {})
    async with peer(kind, tmp_path) as connection:
        driver = ModbusDriver(connection, UNIT, points, SystemClock())
        await driver.connect()
        readings = await driver.read(points)
        assert [reading.value for reading in readings] == [30.0, (60 << 16) + 63, 22.0, 150.0]
        assert await driver.write([Setpoint(point=points[3], value=777.0)]) == [Accepted(777.0)]
        await driver.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_registers_that_they_have_not_are_refused(kind: str, tmp_path: Path) -> None:
    async with peer(kind, tmp_path) as connection:
        assert await connection.read(UNIT, Span("holding", 99, 1)) == (297,)
        refusal = await connection.read(UNIT, Span("holding", 150, 4))
        assert isinstance(refusal, Refusal)
        # one says so with an exception, the other with an answer that is empty and no error
        expected = "answered 0 registers instead of 4 from 150" if kind == "jsmodbus" else "the device refuses: "
        assert refusal.reason.startswith(expected)
        assert refusal.of_these
        assert await connection.read(UNIT, Span("holding", 0, 3)) == (0, 3, 6)


@pytest.mark.parametrize("kind", KINDS[:2])
async def test_a_unit_that_is_not_there_is_silence(kind: str, tmp_path: Path) -> None:
    async with peer(kind, tmp_path) as connection:
        assert await connection.read(UNIT, Span("holding", 1, 1)) == (3,)
        with pytest.raises(LinkDown, match="unit 9 does not answer"):
            await connection.read(9, Span("holding", 1, 1))
        assert await connection.read(UNIT, Span("holding", 1, 1)) == (3,)


@pytest.mark.server("modbus-serial")
async def test_their_client_reads_our_simulated_battery() -> None:
    site = load_site(example_site("demo_park"))
    simulation = site.file.simulation
    assert simulation is not None
    plant = Plant(site, start=simulation.start, seed=1)
    seat = next(seat for seat in seats_of(site) if "battery_pcs" in seat.devices)
    server = server_for(site, seat, 0, None, plant, Watchdog(plant))
    await server.start()
    node = NodePeer("modbus.js", **{"as": "client", "port": server.address["port"]})
    try:
        assert await node.start() == {"connected": True}
        for _ in range(3):
            for point in site.points["battery_pcs"]:
                source = point.source
                count = int(source.type[1:]) // 16  # type: ignore[union-attr]
                where = {"table": source.table, "address": source.address, "count": count}  # type: ignore[union-attr]
                answer = await node.tell("read", unit=site.devices["battery_pcs"].unit, **where)
                kind, words = source.type, answer["registers"]  # type: ignore[union-attr]
                raw = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big", signed=kind[0] == "s")
                value = point.sign * (raw * point.scale + point.offset)
                assert value == pytest.approx(plant.values("battery_pcs")[point.name], abs=point.scale)
            plant.command("battery_pcs", "power_setpoint_kw", 300.0)
            plant.advance(60.0)
        refused = await node.tell("read", table="holding", unit=1, address=60000, count=1)
        assert refused["exception"] == 2
    finally:
        await node.kill()
        await server.stop()
        await asyncio.sleep(0)
