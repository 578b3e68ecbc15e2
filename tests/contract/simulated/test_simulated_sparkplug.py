"""A simulated Sparkplug B edge node: heard by our driver, and decoded by pysparkplug."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from sparkplug_peer import PYTHON

from config.clock import SystemClock
from config.connection import Mqtt
from config.point import Point, points_of
from config.profile import SparkplugProfile
from drivers.driver import Accepted, Quality, Setpoint
from drivers.mqtt_session import MqttSession
from drivers.sparkplug import SparkplugDriver
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.faults.present import Present
from simulators.servers import mqtt_session
from simulators.servers.sparkplug import SparkplugNode
from simulators.servers.sparkplug_encoding import Metric, commands_in, packed
from simulators.watchdog import Watchdog

READER = Path(__file__).parents[2] / "peers" / "sparkplug_reader.py"
SETPOINT = {"range": [-100, 100], "resolution": 1, "tolerance": 1, "safe": 0, "revert_s": 60, "refresh_s": 20}


def points_behind(name: str, device: str | None, metrics: dict[str, Any]) -> tuple[Point, ...]:
    keys = {"group": "park", "edge_node": "hall", **({} if device is None else {"device": device})}
    head = {"description": "made up", "verified": False, "source": "this file", "protocol": "mqtt"}
    profile = {**head, "format": "sparkplug_b", **keys, "points": metrics}
    return points_of(name, SparkplugProfile.model_validate(profile), {})


POINTS = {
    "hall": points_behind("hall", None, {"outdoor_degc": {"metric": "Outdoor", "valid": [-50, 60]}}),
    "meter": points_behind(
        "meter", "meter", {"active_power_kw": {"metric": "Power/Active", "scale": 0.001, "valid": [-1000, 1000]}}
    ),
    "battery": points_behind(
        "battery",
        "bess",
        {
            "soc": {"metric": "SoC", "scale": 0.01, "valid": [0, 1]},
            "power_setpoint_kw": {
                "metric": "Setpoint",
                "scale": 0.001,
                "turn": True,
                "valid": [-100, 100],
                "setpoint": SETPOINT,
            },
        },
    ),
}


class Hall:
    """A plant of three devices behind one edge node."""

    now = datetime(2026, 6, 14, 4, 0, tzinfo=UTC)

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, float]] = {
            "hall": {"outdoor_degc": 21.5},
            "meter": {"active_power_kw": -12.5},
            "battery": {"soc": 0.625, "power_setpoint_kw": 0.0},
        }
        self.commands: list[tuple[str, str, float | None]] = []

    def values(self, device: str) -> Mapping[str, float]:
        return self.shown[device]

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append((device, point, value))


@pytest.fixture
async def broker() -> AsyncIterator[Mqtt]:
    own = OwnBroker(mosquitto=installed_mosquitto())
    await own.start()
    yield Mqtt(protocol="mqtt", host="127.0.0.1", port=own.port)
    await own.stop()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_session, "PUBLISH_S", 0.05)


async def until_shown(driver: SparkplugDriver, points: tuple[Point, ...], value: float) -> None:
    async with asyncio.timeout(10):
        while True:
            first = (await driver.read(points))[0]
            if first.quality is Quality.GOOD and first.value == pytest.approx(value):
                return
            await asyncio.sleep(0.05)


async def until_dead(driver: SparkplugDriver, points: tuple[Point, ...]) -> None:
    async with asyncio.timeout(10):
        while True:
            if (await driver.read(points))[0].quality is Quality.BAD:
                return
            await asyncio.sleep(0.05)


async def test_our_driver_reads_and_writes_what_is_behind_a_node(broker: Mqtt) -> None:
    hall = Hall()
    watchdog = Watchdog(hall)
    node = SparkplugNode(POINTS, broker, hall, watchdog, Present({}))
    await node.start()
    session = MqttSession(broker, None, SystemClock(), None)
    drivers = {name: SparkplugDriver(session, points, SystemClock()) for name, points in POINTS.items()}
    for driver in drivers.values():
        await driver.connect()
    # whoever comes later than the birth asks for another
    for name, value in (("hall", 21.5), ("meter", -12.5), ("battery", 0.625)):
        await until_shown(drivers[name], POINTS[name], value)
    hall.shown["meter"]["active_power_kw"] = 33.25
    await until_shown(drivers["meter"], POINTS["meter"], 33.25)
    setpoint = POINTS["battery"][1]
    assert await drivers["battery"].write([Setpoint(point=setpoint, value=40)]) == [Accepted(pytest.approx(40.0))]
    assert hall.commands == [("battery", "power_setpoint_kw", pytest.approx(40.0))]
    assert watchdog.held("battery", "power_setpoint_kw") == pytest.approx(40.0)
    # it dies, and what it said last is no value any more
    await node.stop()
    await until_dead(drivers["meter"], POINTS["meter"])
    for driver in drivers.values():
        await driver.close()


async def decoded(messages: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        str(PYTHON), str(READER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    lines = [json.dumps({"kind": kind, "payload": payload.hex()}) for kind, payload in messages]
    out, _ = await process.communicate("\n".join(lines).encode() + b"\n")
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.skipif(not PYTHON.exists(), reason="needs pysparkplug in a Python of its own, which is not installed")
async def test_another_makers_decoder_reads_births_data_and_death(broker: Mqtt) -> None:
    hall = Hall()
    node = SparkplugNode(POINTS, broker, hall, Watchdog(hall), Present({}))
    got: list[tuple[str, bytes]] = []
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("spBv1.0/park/#")
        await node.start()
        said = aiter(client.messages)
        async with asyncio.timeout(10):
            while len(got) < 3:
                message = await anext(said)
                got.append((str(message.topic).split("/")[2], message.payload))
            hall.shown["meter"]["active_power_kw"] = 33.25
            message = await anext(said)
            got.append((str(message.topic).split("/")[2], message.payload))
            await node.stop()
            message = await anext(said)
            got.append((str(message.topic).split("/")[2], message.payload))
    assert [kind for kind, _ in got] == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA", "NDEATH"]
    birth, meter, battery, data, death = await decoded(got)
    assert [each["seq"] for each in (birth, meter, battery, data)] == [0, 1, 2, 3]
    named = {each["name"]: (each["type"], each["value"]) for each in birth["metrics"]}
    assert named["Outdoor"] == ("DOUBLE", 21.5)
    assert named["Node Control/Rebirth"] == ("BOOLEAN", False)
    assert meter["metrics"] == [{"name": "Power/Active", "alias": 2, "type": "DOUBLE", "value": -12_500.0}]
    assert [each["value"] for each in battery["metrics"]] == [62.5, 0.0]
    assert [(each["alias"], each["value"]) for each in data["metrics"]] == [(2, 33_250.0)]
    assert death["bd_seq"] == 0


def test_commands_of_any_number_type_are_understood() -> None:
    def field(tag: int, rest: bytes) -> bytes:
        return bytes([tag]) + rest

    # by hand: field 2 of the payload, in it name "P" (1), datatype (4), and the value in its own field
    int32 = b"\x0a\x01P\x20\x03" + field(0x50, b"\xfe\xff\xff\xff\x0f")
    single = b"\x0a\x01P\x20\x09" + field(0x65, b"\x00\x00\x20\x41")
    truth = b"\x0a\x01P\x20\x0b" + field(0x70, b"\x01")
    for metric, value in ((int32, -2.0), (single, 10.0), (truth, 1.0)):
        (command,) = commands_in(bytes([0x12, len(metric)]) + metric)
        assert (command.name, command.value) == ("P", value)
    (own,) = commands_in(packed([Metric("P", 7, 10, 2.5)], 1_000, 3))
    assert (own.name, own.alias, own.value) == ("P", 7, 2.5)
    with pytest.raises(ValueError, match="ends before its end"):
        commands_in(b"\x12\x7f")
