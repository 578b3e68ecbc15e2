"""Simulated vendors' devices, word by word as the golden frames have them, seen by pymodbus, mbpoll and mosquitto_sub.

A frame's words were written by hand from a register table. A simulated device that shows the frame's values must say
the same words.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from ruamel.yaml import YAML

import config
from config.connection import Mqtt
from config.loader import load_profile
from config.point import Point, points_of
from config.point_spec import ModbusPoint, MqttPoint
from config.profile import ModbusProfile
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.encoding import width
from simulators.faults.present import Present
from simulators.servers.modbus import ModbusServer
from simulators.servers.mqtt import MqttServer
from simulators.servers.register_parts import Exponents
from simulators.servers.registers import ProfileRegisters
from simulators.watchdog import Watchdog

PROFILES = Path(config.__file__).parent / "profiles"
GOLDEN: dict[str, Any] = YAML(typ="safe").load(Path(__file__).parents[2] / "unit" / "golden_frames.yaml")
LOADED = {name: load_profile(PROFILES / f"{name}.yaml") for name in GOLDEN}


class Shown:
    """A device that shows a frame's values; what the frame does not know has no value."""

    now = datetime(2026, 6, 14, 4, 0, tzinfo=UTC)

    def __init__(self, values: dict[str, float | None]) -> None:
        self._values = {name: math.nan if value is None else float(value) for name, value in values.items()}
        self.commands: list[tuple[str, float | None]] = []

    def values(self, device: str) -> dict[str, float]:
        return self._values

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append((point, value))


def one_number(point: Point) -> ModbusPoint | None:
    """The source of a point that is one number in one place: for it there is one way only to be said."""
    source = point.source
    assert isinstance(source, ModbusPoint)
    is_plain = not (source.plus or source.minus or source.direction or source.bits or source.scale_factor)
    return source if is_plain and point.setpoint is None else None


def addresses_of(point: Point) -> tuple[int, ...]:
    assert isinstance(point.source, ModbusPoint)
    return (point.source.address, *point.source.plus)


FRAMES = [
    (name, number)
    for name, golden in GOLDEN.items()
    if isinstance(LOADED[name], ModbusProfile)
    for number in range(len(golden["frames"]))
]


def device_of(name: str, values: dict[str, float | None]) -> tuple[tuple[Point, ...], Shown]:
    return points_of("device", LOADED[name], GOLDEN[name].get("parameters", {})), Shown(values)


@pytest.mark.parametrize(("name", "number"), FRAMES)
async def test_a_device_says_the_words_of_its_register_table(name: str, number: int) -> None:
    frame = GOLDEN[name]["frames"][number]
    points, shown = device_of(name, frame["points"])
    profile = LOADED[name]
    assert isinstance(profile, ModbusProfile)
    server = ModbusServer([ProfileRegisters("device", 1, points, shown, Watchdog(shown), profile)], "127.0.0.1", 0)
    await server.start()
    client = AsyncModbusTcpClient("127.0.0.1", port=server.address["port"], timeout=5, retries=0)
    assert await client.connect()
    for point in points:
        source, value = one_number(point), frame["points"].get(point.name)
        if source is None or value is None or source.address not in frame.get(source.table, {}):
            continue
        others = [of for of in points if of is not point]
        if any(
            source.address in (of.source.address, *of.source.plus) for of in others if of.source.table == source.table
        ):
            continue
        ask = client.read_input_registers if source.table == "input" else client.read_holding_registers
        answer = await ask(source.address, count=width(source.type), device_id=1)
        assert not answer.isError(), point.name
        wanted = frame[source.table][source.address]
        words = list(answer.registers)
        if source.type.startswith("f"):
            # a float's last bit may be another: the frame's number has fewer digits
            last = 0 if source.low_word_first else -1
            assert abs(words[last] - wanted[last]) <= 2, (point.name, words, wanted)
            words[last] = wanted[last]
        assert words == wanted, point.name
    client.close()
    await server.stop()


def means_the_same(name: str, write: dict[str, Any]) -> bool:
    """Whether a written frame is for a device with the scale factors of ours."""
    points, _ = device_of(name, {})
    (source,) = [of.source for of in points if of.name == write["point"]]
    assert isinstance(source, ModbusPoint)
    return bool(write.get("exponent", 0) == Exponents(points)[source.scale_factor])


WRITES = [
    (name, number)
    for name, golden in GOLDEN.items()
    if isinstance(LOADED[name], ModbusProfile)
    for number, write in enumerate(golden.get("writes", ()))
    if "sends" in write and means_the_same(name, write)
]


@pytest.mark.parametrize(("name", "number"), WRITES)
async def test_a_device_does_what_the_words_of_its_register_table_say(name: str, number: int) -> None:
    write = GOLDEN[name]["writes"][number]
    points, shown = device_of(name, {})
    profile = LOADED[name]
    assert isinstance(profile, ModbusProfile)
    device = ProfileRegisters("device", 1, points, shown, Watchdog(shown), profile)
    (known,) = [of for of in points if of.name == write["point"]]
    assert known.setpoint is not None
    server = ModbusServer([device], "127.0.0.1", 0)
    await server.start()
    client = AsyncModbusTcpClient("127.0.0.1", port=server.address["port"], timeout=5, retries=0)
    assert await client.connect()
    for address, words in write["sends"].items():
        answer = await client.write_registers(address, words, device_id=1)
        assert not answer.isError(), address
    client.close()
    await server.stop()
    point, value = shown.commands[-1]
    assert point == write["point"]
    assert value == pytest.approx(write["value"], abs=max(known.setpoint.resolution, 1e-6))


@pytest.mark.parametrize("name", [name for name in GOLDEN if LOADED[name].protocol == "mqtt"])
@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs mosquitto_sub, which is not installed")
async def test_mosquitto_sub_hears_a_device_on_its_topics(name: str) -> None:
    frame = GOLDEN[name]["frames"][0]
    points, shown = device_of(name, frame["points"])
    own = OwnBroker(mosquitto=installed_mosquitto())
    await own.start()
    topics = {of.source.topic for of in points if isinstance(of.source, MqttPoint) and of.name in frame["points"]}
    listener = await asyncio.create_subprocess_exec(
        *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(own.port), "-F", "%t %p", "-W", "10", "-C", str(len(topics))),
        *(part for topic in sorted(topics) for part in ("-t", topic)),
        stdout=asyncio.subprocess.PIPE,
    )
    connection = Mqtt(protocol="mqtt", host="127.0.0.1", port=own.port)
    shown_points = [of for of in points if of.name in frame["points"]]
    server = MqttServer("device", shown_points, connection, shown, Watchdog(shown), Present({}))
    await server.start()
    out, _ = await listener.communicate()
    await server.stop()
    await own.stop()
    heard = dict(line.split(" ", 1) for line in out.decode().splitlines())
    assert heard.keys() == topics
    for point in shown_points:
        source, wanted = point.source, frame["points"][point.name]
        assert isinstance(source, MqttPoint)
        said = heard[source.topic]
        if source.path is not None:
            found: Any = json.loads(said)
            for key in source.path.split("."):
                found = found[int(key)] if isinstance(found, list) else found[key]
            said = str(found)
        if wanted is not None and source.values is None:
            assert point.sign * (float(said) * point.scale + point.offset) == pytest.approx(wanted, abs=point.scale), (
                said
            )


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="needs the program mbpoll, which is not installed")
async def test_mbpoll_reads_a_meter_with_floats() -> None:
    points, shown = device_of("eastron_sdm630", {"active_power_kw": -12.25})
    profile = LOADED["eastron_sdm630"]
    assert isinstance(profile, ModbusProfile)
    server = ModbusServer([ProfileRegisters("device", 1, points, shown, Watchdog(shown), profile)], "127.0.0.1", 0)
    await server.start()
    process = await asyncio.create_subprocess_exec(
        *("mbpoll", "-m", "tcp", "-p", str(server.address["port"]), "-a", "1", "-0", "-1", "-q", "-B"),
        *("-t", "3:float", "-r", str(0x34), "-c", "1", "127.0.0.1"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    await server.stop()
    lines = [line.split()[-1] for line in out.decode().splitlines() if line.startswith("[52]")]
    # in W, counted as the device does
    assert [float(shown) for shown in lines] == [-12_250]
