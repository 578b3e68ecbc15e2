"""What a device answers to a command: its no at once, its yes with the read-back, and never that of another command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mqtt_brokers import Broker, OffsetClock, profile_points, session_with, until

from config.point import Point
from drivers.driver import Accepted, Rejected, Setpoint, Unconfirmed, WriteResult
from drivers.mqtt import MqttDriver
from drivers.mqtt_acknowledgement import FORGOTTEN_S

pytestmark = pytest.mark.server("mosquitto")

WORDS = {
    "topic": "inverter/answer",
    "accepted": {"path": "result", "words": ["ok"]},
    "rejected": {"path": "result", "words": ["denied", "busy"]},
    "reason_path": "why",
}
RPC = {
    "topic": "inverter/answer",
    "id_path": "id",
    "accepted": {"path": "result"},
    "rejected": {"path": "error"},
    "reason_path": "error.message",
}
RPC_PAYLOAD = '{"id": {id}, "src": "inverter", "method": "Limit.Set", "params": {"w": {value}}}'


def commanded(acknowledge: dict[str, Any], payload: str = '{"w": {value}}', **keys: Any) -> Point:
    spec = {"range": [0, 1000], "resolution": 1, "tolerance": 0.5, "safe": 0, "command_topic": "inverter/set"}
    setpoint = {**spec, "payload": payload, "acknowledge": acknowledge}
    (point,) = profile_points("inverter", limit_kw={"topic": "inverter/limit", "setpoint": setpoint, **keys})
    return point


class Device:
    """Hears commands and answers as it is told."""

    def __init__(self, broker: Broker, clock: OffsetClock) -> None:
        self._broker = broker
        self._clock = clock
        self._drivers: list[MqttDriver] = []

    async def driver(self, point: Point) -> MqttDriver:
        driver = MqttDriver(session_with(self._broker.port, self._clock, timeout_s=1.0), [point], self._clock)
        await driver.connect()
        self._drivers.append(driver)
        await self._broker.peer.subscribe("inverter/set", qos=1)
        return driver

    async def command(self) -> Any:
        message = await asyncio.wait_for(anext(aiter(self._broker.peer.messages)), 5.0)
        assert isinstance(message.payload, bytes)
        return json.loads(message.payload)

    async def answer(self, **document: Any) -> None:
        await self._broker.peer.publish("inverter/answer", json.dumps(document), qos=1)

    async def show(self, value: float) -> None:
        await self._broker.peer.publish("inverter/limit", str(value), qos=1)

    async def close(self) -> None:
        for driver in self._drivers:
            await driver.close()


@pytest.fixture
async def device(broker: Broker) -> AsyncIterator[Device]:
    device = Device(broker, OffsetClock())
    yield device
    await device.close()


def writing(driver: MqttDriver, point: Point, value: float = 70.0) -> asyncio.Task[list[WriteResult]]:
    return asyncio.create_task(driver.write([Setpoint(point=point, value=value)]))


async def test_a_no_is_a_rejection_with_the_devices_words(device: Device) -> None:
    point = commanded(WORDS)
    result = writing(await device.driver(point), point)
    assert await device.command() == {"w": 70}
    await device.answer(result="denied", why="remote control is locked")
    assert await result == [
        Rejected("inverter.limit_kw: the device refuses 70: remote control is locked"),
    ]


async def test_a_no_without_a_reason_is_told_by_its_word(device: Device) -> None:
    point = commanded(WORDS)
    result = writing(await device.driver(point), point)
    await device.command()
    await device.answer(result="busy")
    assert await result == [Rejected("inverter.limit_kw: the device refuses 70: busy")]


async def test_a_yes_needs_the_read_back(device: Device) -> None:
    point = commanded(WORDS)
    driver = await device.driver(point)
    result = writing(driver, point)
    await device.command()
    await device.answer(result="ok")
    await asyncio.sleep(0.05)
    assert not result.done()
    await device.show(70)
    assert await result == [Accepted(70.0)]

    result = writing(driver, point, 80.0)
    await device.command()
    await device.answer(result="ok")
    (unconfirmed,) = await result
    assert unconfirmed == Unconfirmed(70.0, "inverter.limit_kw shows 70, not 80 within 0.5")


async def test_an_answer_that_is_neither_says_nothing(device: Device) -> None:
    point = commanded(WORDS)
    result = writing(await device.driver(point), point)
    await device.command()
    await device.answer(result="thinking")
    await device.answer(other=1)
    await device.show(70)
    assert await result == [Accepted(70.0)]


async def test_a_yes_is_enough_where_nothing_is_shown(device: Device) -> None:
    point = commanded({**WORDS, "enough": True})
    driver = await device.driver(point)
    result = writing(driver, point)
    await device.command()
    await device.answer(result="ok")
    assert await result == [Accepted(70.0)]
    # what it shows does not stand for an answer
    result = writing(driver, point)
    await device.command()
    await device.show(70)
    assert await result == [Unconfirmed(None, "inverter.limit_kw: the device has not answered the command")]


@pytest.mark.parametrize("enough", [False, True])
async def test_a_late_answer_belongs_to_its_own_command_by_its_id(device: Device, enough: bool) -> None:
    point = commanded({**RPC, "enough": enough}, RPC_PAYLOAD)
    driver = await device.driver(point)
    first = writing(driver, point)
    late = await device.command()
    assert isinstance((await first)[0], Unconfirmed)
    second = writing(driver, point)
    now = await device.command()
    assert now == {"id": now["id"], "src": "inverter", "method": "Limit.Set", "params": {"w": 70}}
    assert now["id"] != late["id"]
    await device.answer(id=late["id"], error={"code": -103, "message": "late"})
    await device.answer(id=str(now["id"]) + "0", error={"code": -103, "message": "of somebody else"})
    await asyncio.sleep(0.05)
    assert not second.done()
    await device.answer(id=now["id"], error={"code": -114, "message": "out of range"})
    assert await second == [Rejected("inverter.limit_kw: the device refuses 70: out of range")]


async def test_a_result_that_is_there_is_a_yes(device: Device) -> None:
    point = commanded({**RPC, "enough": True}, RPC_PAYLOAD)
    result = writing(await device.driver(point), point)
    told = await device.command()
    await device.answer(id=told["id"], result={"was": 3})
    assert await result == [Accepted(70.0)]


async def test_without_an_id_answers_count_in_the_order_of_commands(broker: Broker) -> None:
    clock = OffsetClock()
    device = Device(broker, clock)
    point = commanded({**WORDS, "enough": True})
    driver = await device.driver(point)
    first = writing(driver, point)
    await device.command()
    assert isinstance((await first)[0], Unconfirmed)
    second = writing(driver, point)
    await device.command()
    await device.answer(result="denied", why="that was the first")
    await device.answer(result="ok")
    assert await second == [Accepted(70.0)]

    third = writing(driver, point)
    await device.command()
    assert isinstance((await third)[0], Unconfirmed)
    # nobody waits for ever for an answer that has been lost
    clock.ahead_s = FORGOTTEN_S + 1
    fourth = writing(driver, point)
    await device.command()
    await device.answer(result="denied", why="that is the fourth")
    assert await fourth == [Rejected("inverter.limit_kw: the device refuses 70: that is the fourth")]
    await device.close()


async def test_an_answer_that_the_broker_has_kept_is_none(device: Device, broker: Broker) -> None:
    await broker.peer.publish("inverter/answer", '{"result": "denied"}', qos=1, retain=True)
    point = commanded(WORDS)
    driver = await device.driver(point)
    result = writing(driver, point)
    await device.command()
    await device.show(70)
    assert await result == [Accepted(70.0)]


async def test_answers_in_plain_text(device: Device, broker: Broker) -> None:
    point = commanded({"topic": "inverter/answer", "accepted": {"words": ["OK"]}, "rejected": {"words": ["NOK"]}})
    result = writing(await device.driver(point), point)
    await device.command()
    await broker.peer.publish("inverter/answer", b"NOK\r\n", qos=1)
    assert await result == [Rejected("inverter.limit_kw: the device refuses 70: NOK")]


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"[" * 100_000, b"", b'{"result": {"result": "denied"}}', b"null"])
async def test_odd_answers_say_nothing(device: Device, broker: Broker, payload: bytes) -> None:
    point = commanded(WORDS)
    result = writing(await device.driver(point), point)
    await device.command()
    await broker.peer.publish("inverter/answer", payload, qos=1)
    await device.show(70)
    assert await result == [Accepted(70.0)]


async def test_a_command_is_kept_only_where_the_profile_says_so(broker: Broker) -> None:
    clock = OffsetClock()
    setpoint = {"range": [0, 1], "resolution": 1, "tolerance": 0.1, "safe": 0, "command_topic": "pump/set"}
    (point,) = profile_points(
        "pump",
        available={
            "topic": "pump/state",
            "values": {"ON": 1, "OFF": 0},
            "setpoint": {**setpoint, "payload": '{"state": "{value}"}', "retain": True},
        },
    )
    driver = MqttDriver(session_with(broker.port, clock), [point], clock)
    await driver.connect()
    (result,) = await driver.write([Setpoint(point=point, value=1.0)])
    assert result == Unconfirmed(None, "pump.available cannot be read back: nothing received")
    await broker.peer.subscribe("pump/set", qos=1)
    kept = await asyncio.wait_for(anext(aiter(broker.peer.messages)), 5.0)
    assert (kept.payload, kept.retain) == (b'{"state": "ON"}', True)
    await broker.peer.publish("pump/state", "ON", qos=1)
    await until(driver, point, lambda reading: reading.value == 1.0)
    assert await driver.write([Setpoint(point=point, value=1.0)]) == [Accepted(1.0)]
    assert await driver.write([Setpoint(point=point, value=0.4)]) == [
        Rejected("pump.available: no text stands for 0.4; there are some for 1, 0")
    ]
    await driver.close()
