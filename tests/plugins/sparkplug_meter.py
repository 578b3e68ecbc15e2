"""A meter behind a Sparkplug edge node, as its profile describes it and as the node announces it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from mqtt_brokers import Broker, OffsetClock, session_with
from sparkplug_peer import SparkplugPeer

from config.point import Point, points_of
from config.profile import SparkplugProfile
from drivers.driver import Quality, Reading
from drivers.sparkplug import SparkplugDriver

METER = {
    "meter": [
        {"name": "Power/Active", "alias": 11, "type": "INT16", "value": -2500},
        {"name": "Energy", "alias": 12, "type": "UINT64", "value": 4711},
        {"name": "Frequency", "alias": 13, "type": "FLOAT", "value": 50.0},
        {"name": "Serial", "alias": 14, "type": "STRING", "value": "0815"},
    ],
    "other": [{"name": "Temperature", "alias": 21, "type": "DOUBLE", "value": 21.5}],
}
METRICS = {
    "active_power_kw": {"metric": "Power/Active", "scale": 0.1, "turn": True, "valid": [-1000, 1000]},
    "energy_kwh": {"metric": "Energy", "valid": [0, 1e9]},
    "frequency_hz": {"metric": "Frequency", "valid": [40, 60]},
    "serial": {"metric": "Serial", "valid": [0, 1e9]},
    "phantom_kw": {"metric": "Phantom", "valid": [0, 1]},
}


def sparkplug_points(device: str | None = "meter", metrics: dict[str, Any] = METRICS, **keys: Any) -> list[Point]:
    profile = {
        "protocol": "mqtt",
        "format": "sparkplug_b",
        "description": "made up",
        "verified": True,
        "source": "this file",
        "parameters": {"hall": "which hall"},
        "group": "park",
        "edge_node": "{hall}",
        "points": metrics,
        **({} if device is None else {"device": device}),
        **keys,
    }
    return list(points_of("meter", SparkplugProfile.model_validate(profile), {"hall": "hall"}))


POWER, ENERGY, FREQUENCY, SERIAL, PHANTOM = sparkplug_points()

Start = Callable[..., Any]


@pytest.fixture(name="start")
async def start_node(broker: Broker) -> AsyncIterator[Start]:
    """Starts edge nodes; they are gone in the end."""
    nodes: list[SparkplugPeer] = []

    async def node(**spec: Any) -> SparkplugPeer:
        nodes.append(SparkplugPeer(broker.port, **{"devices": METER, **spec}))
        await nodes[-1].start()
        return nodes[-1]

    yield node
    for each in nodes:
        await each.kill()


@pytest.fixture(name="clock")
def offset_clock() -> OffsetClock:
    return OffsetClock()


@pytest.fixture
async def sparkplug_driver(broker: Broker, clock: OffsetClock) -> AsyncIterator[SparkplugDriver]:
    """Connected, before anybody has said anything."""
    driver = SparkplugDriver(session_with(broker.port, clock), sparkplug_points(), clock)
    await driver.connect()
    yield driver
    await driver.close()


def good(value: float) -> Callable[[Reading], bool]:
    return lambda reading: reading.value == pytest.approx(value) and reading.quality is Quality.GOOD


def because(words: str) -> Callable[[Reading], bool]:
    return lambda reading: reading.value is None and words in reading.reason
