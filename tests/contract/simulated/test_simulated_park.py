"""The simulated park as a whole: its processes, what it announces, and what happens when something dies."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from pymodbus.client import AsyncModbusTcpClient

from config.clock import ScaledClock
from config.loader import load_site
from config.site import Site
from simulators.command_log import CommandLog
from simulators.park import Park
from simulators.process import BadOptions, ParkOptions
from simulators.servers import mqtt_session

BEGUN = datetime(2026, 10, 14, tzinfo=UTC)

PATIENCE_S = 20.0
"""For what takes about a second on an idle machine."""


class Driven:
    """A park that is started, ticked and stopped by the test."""

    def __init__(self, site: Site, plant: Any, **options: Any) -> None:
        self.changes = 0
        self.park = Park(site, plant, changed=self._changed, **options)

    def _changed(self) -> None:
        self.changes += 1

    @property
    def announced(self) -> Any:
        return self.park.announcement(ScaledClock(start=BEGUN, origin_s=5.0, speed=144.0))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await self.park.tick()
                await asyncio.sleep(0.01)

    async def client(self, connection: str) -> AsyncModbusTcpClient:
        address = self.announced.connections[connection]
        client = AsyncModbusTcpClient(address["host"], port=address["port"], timeout=2, retries=0)
        assert await client.connect()
        return client


@pytest.fixture
async def drive(demo_site: Site, plant: Any) -> AsyncIterator[Any]:
    driven: list[Driven] = []

    async def start(broker: tuple[str, int] | None = None, site: Site = demo_site, **options: Any) -> Driven:
        one = Driven(site, plant, **options)
        driven.append(one)
        await one.park.start(broker)
        return one

    yield start
    for one in driven:
        await one.park.stop()


def with_revert(site: Site, device: str, revert_s: float) -> Site:
    """The site with another time to revert for all setpoints of a device."""
    points = tuple(
        point
        if point.setpoint is None
        else dataclasses.replace(point, setpoint=dataclasses.replace(point.setpoint, revert_s=revert_s))
        for point in site.points[device]
    )
    return dataclasses.replace(site, points={**site.points, device: points})


async def test_the_announcement_makes_a_site_that_can_be_spoken_to(drive: Any, demo_site: Site) -> None:
    park = await drive()
    announced = park.announced
    site = load_site(demo_site.path, announced.connections)
    assert set(announced.connections) == set(demo_site.connections)
    assert site.connections["wind_opcua"].endpoint.endswith("/parkgrid")
    assert set(announced.processes) == {"park", "broker"}
    assert announced.processes["park"] == os.getpid()
    client = await park.client("battery_tcp")
    assert (await client.read_holding_registers(102, count=1, device_id=1)).registers == [4321]
    client.close()


async def test_a_device_process_that_is_killed_starts_again_on_its_port(drive: Any, plant: Any) -> None:
    park = await drive(apart=["battery_pcs"], restart_after_s=0.1)
    before = park.announced
    client = await park.client("battery_tcp")
    await client.write_registers(200, [0, 1000], device_id=1)
    await park.until(lambda: plant.commands == [("battery_pcs", "power_setpoint_kw", -100.0)])
    client.close()

    os.kill(before.processes["battery_pcs"], signal.SIGKILL)
    await park.until(lambda: plant.dead == {"battery_pcs"})
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", before.connections["battery_tcp"]["port"])
    await park.until(lambda: not plant.dead)

    assert park.changes == 1
    after = park.announced
    assert after.connections == before.connections
    assert after.processes["battery_pcs"] != before.processes["battery_pcs"]
    plant.shown["battery_pcs"] |= {"soc": 0.5, "power_setpoint_kw": 0.0}
    await park.park.tick()
    client = await park.client("battery_tcp")
    async with asyncio.timeout(PATIENCE_S):
        while (await client.read_holding_registers(102, count=1, device_id=1)).registers != [5000]:
            await park.park.tick()
    assert (await client.read_holding_registers(200, count=2, device_id=1)).registers == [0, 0]
    client.close()


async def test_a_device_process_has_its_own_watchdog(drive: Any, plant: Any, demo_site: Site) -> None:
    park = await drive(apart=["battery_pcs"], site=with_revert(demo_site, "battery_pcs", 0.2))
    client = await park.client("battery_tcp")
    await client.write_registers(200, [0, 1000], device_id=1)
    client.close()
    await park.until(lambda: len(plant.commands) == 2)
    assert plant.commands == [("battery_pcs", "power_setpoint_kw", -100.0), ("battery_pcs", "power_setpoint_kw", None)]


async def test_all_devices_of_a_connection_die_together(drive: Any, plant: Any) -> None:
    park = await drive(apart=["tank_sensors"], restart_after_s=0)
    os.kill(park.announced.processes["tank_sensors"], signal.SIGKILL)
    await park.until(lambda: plant.dead == {"tank_sensors", "heat_pump_controller"})
    for _ in range(5):
        await park.park.tick()
    assert plant.dead
    assert park.changes == 0


async def test_the_broker_starts_again_and_the_meters_come_back(drive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_session, "PUBLISH_S", 0.05)
    monkeypatch.setattr(mqtt_session, "RETRY_S", 0.05)
    park = await drive(restart_after_s=0.1)
    before = park.announced
    os.kill(before.processes["broker"], signal.SIGKILL)
    await park.until(lambda: park.changes == 1)
    assert park.announced.connections == before.connections
    async with aiomqtt.Client("127.0.0.1", before.connections["broker"]["port"], timeout=2) as client:
        await client.subscribe("park/hall_1/meter")
        message = await asyncio.wait_for(anext(aiter(client.messages)), PATIENCE_S)
        assert json.loads(message.payload)["power"]["active_w"] == 876_543.0


async def test_a_broker_that_is_given_is_used(drive: Any, broker: Any) -> None:
    park = await drive(broker=("127.0.0.1", broker.port))
    announced = park.announced.connections["broker"]
    assert (announced["host"], announced["port"]) == ("127.0.0.1", broker.port)
    assert set(park.announced.processes) == {"park"}
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("park/heating/meter")
        await asyncio.wait_for(anext(aiter(client.messages)), PATIENCE_S)


async def test_the_ports_of_the_site_file(drive: Any, demo_site: Site) -> None:
    """On ports of this test, as the demo park's own may be in use."""
    free = await drive()
    await free.park.stop()
    connections = {
        name: of.model_copy(update=free.announced.connections[name]) for name, of in demo_site.connections.items()
    }
    site = dataclasses.replace(demo_site, file=demo_site.file.model_copy(update={"connections": connections}))
    park = await drive(site=site, free_ports=False)
    assert park.announced.connections == free.announced.connections
    with pytest.raises(OSError, match=str(connections["pv_a_tcp"].port)):
        await drive(site=site, free_ports=False, broker=("127.0.0.1", connections["broker"].port))


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"apart": ("bess",)}, "no device bess to run apart; known are grid_meter"),
        ({"speed": 0.0}, "speed must be above 0, not 0"),
        ({"speed": float("nan")}, "speed must be above 0"),
        ({"restart_after_s": -1.0}, "not -1"),
    ],
)
def test_what_cannot_run_is_refused_at_once(demo_site: Site, wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(BadOptions, match=word):
        ParkOptions(site=demo_site, **wrong)


def test_a_site_without_a_simulation_cannot_run(demo_site: Site) -> None:
    file = demo_site.file.model_copy(update={"simulation": None})
    with pytest.raises(BadOptions, match="demo_park has no 'simulation'"):
        ParkOptions(site=dataclasses.replace(demo_site, file=file))


def test_every_command_is_written_down(plant: Any, tmp_path: Path) -> None:
    path = tmp_path / "truth.json.commands.jsonl"
    log = CommandLog(plant, path)
    began_s = time.monotonic()
    log.command("battery_pcs", "power_setpoint_kw", 120.5)
    log.command("boiler_gateway", "heat_setpoint_kw", None)
    log.set_running("battery_pcs", False)
    log.set_running("battery_pcs", True)
    log.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["device"], line["point"], line["value"]) for line in lines] == [
        ("battery_pcs", "power_setpoint_kw", 120.5),
        ("boiler_gateway", "heat_setpoint_kw", None),
        ("battery_pcs", "power_setpoint_kw", None),
    ]
    assert {line["at"] for line in lines} == {"2026-10-14T04:00:00+00:00"}
    assert all(began_s - 0.01 <= line["monotonic_s"] <= time.monotonic() + 0.01 for line in lines)
    # the truth is the same each time, and real time is not
    del lines[2]["monotonic_s"]
    assert log.last["battery_pcs.power_setpoint_kw"] == lines[2]
