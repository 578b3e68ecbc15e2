"""What nobody well-behaved sends over Sparkplug B, and what is not written; over mosquitto."""

from __future__ import annotations

import asyncio

import pytest
from mqtt_brokers import Broker, OffsetClock, session_with, until
from sparkplug_meter import (
    METRICS,
    POWER,
    Start,
    because,
    good,
    sparkplug_points,
)

from drivers.driver import Quality, Setpoint, Unconfirmed
from drivers.mqtt_inbox import Message
from drivers.quality import Stamp
from drivers.sparkplug import SparkplugDriver
from drivers.sparkplug_node import LATE_BIRTH_S, REBIRTH_S, EdgeNode

pytestmark = [pytest.mark.server("mosquitto"), pytest.mark.server("pysparkplug")]


@pytest.fixture
def driver(sparkplug_driver: SparkplugDriver) -> SparkplugDriver:
    return sparkplug_driver


@pytest.mark.parametrize("payload", [b"\xff" * 40, b"\x12\xff\xff\xff\xff\x0f", b"\x00", b"{}"])
async def test_a_message_that_cannot_be_read_is_doubted(
    driver: SparkplugDriver, start: Start, broker: Broker, clock: OffsetClock, payload: bytes
) -> None:
    node = await start()
    await until(driver, POWER, good(250.0))
    await broker.peer.publish("spBv1.0/park/DDATA/hall/other", payload)
    await until(driver, POWER, lambda reading: "a DDATA cannot be read" in reading.reason)
    clock.ahead_s = REBIRTH_S + 1
    await driver.read([POWER])
    assert (await node.was_told())["metrics"] == {"Node Control/Rebirth": True}
    await until(driver, POWER, good(250.0))


@pytest.mark.parametrize(
    "topic", ["spBv1.0/park/NBIRTH/hall/x", "spBv1.0/park/NDATA/hall/meter", "spBv1.0/park/X/hall"]
)
async def test_topics_that_are_none_are_left_out(driver: SparkplugDriver, start: Start, topic: str) -> None:
    await start()
    await until(driver, POWER, good(250.0))
    node = driver._connection.follower("spBv1.0/park//hall", EdgeNode)
    node.take(topic, Message(b"", False, Stamp.of(OffsetClock())))
    assert (await driver.read([POWER]))[0].quality is Quality.GOOD


async def test_a_birth_right_after_the_death_is_asked_for_again(
    driver: SparkplugDriver, start: Start, clock: OffsetClock
) -> None:
    """A broker of several machines may let a birth arrive after the death that came later."""
    node = await start(answers=False, bd_seq=7)
    await until(driver, POWER, good(250.0))
    clock.ahead_s = REBIRTH_S + 1
    await node.tell("node_death", bd_seq=7)
    await node.tell("birth")
    await until(driver, POWER, because("the edge node has gone"))
    told = asyncio.create_task(node.was_told())
    while not told.done():
        assert (await driver.read([POWER]))[0].value is None
        await asyncio.sleep(0.01)
    assert (await told)["metrics"] == {"Node Control/Rebirth": True}
    await asyncio.sleep(2 * LATE_BIRTH_S)
    await node.tell("birth")
    await until(driver, POWER, good(250.0))


async def test_nothing_is_written_to_what_has_not_been_announced(broker: Broker, clock: OffsetClock) -> None:
    limits = {"range": [-1000, 1000], "resolution": 0.1, "tolerance": 0.2, "safe": 0}
    (point,) = sparkplug_points(metrics={"power_setpoint_kw": {**METRICS["active_power_kw"], "setpoint": limits}})
    driver = SparkplugDriver(session_with(broker.port, clock), [point], clock)
    await driver.connect()
    await broker.peer.subscribe("spBv1.0/park/DCMD/#", qos=1)
    assert await driver.write([Setpoint(point=point, value=5.0)]) == [
        Unconfirmed(None, "meter.power_setpoint_kw was not written: the edge node has not announced itself")
    ]
    await asyncio.sleep(0.1)
    assert len(broker.peer.messages) == 0
    await driver.close()
