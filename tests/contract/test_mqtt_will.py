"""The last will, with birth and goodbye, against mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from mqtt_brokers import (
    POWER,
    Make,
    configured_mosquitto,
    until,
)
from mqtt_brokers import SECURED_TIMEOUT_S as TIMEOUT_S

from drivers.driver import LinkDown
from drivers.mqtt import MqttDriver

pytestmark = pytest.mark.server("mosquitto")


WILL = {"topic": "park/ems", "payload": "lost", "goodbye": "left", "birth": "here"}


@contextlib.asynccontextmanager
async def a_listener(port: int, topic: str) -> AsyncIterator[Callable[[], Any]]:
    async with aiomqtt.Client("127.0.0.1", port, timeout=TIMEOUT_S) as client:
        await client.subscribe(topic, qos=1)
        messages = aiter(client.messages)

        async def next_one() -> tuple[bytes, bool]:
            message = await asyncio.wait_for(anext(messages), 5.0)
            assert isinstance(message.payload, bytes)
            return message.payload, message.retain

        yield next_one


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_who_leaves_says_goodbye_and_who_is_cut_off_is_missed(
    make: Make, free_port: int, keys: Path, version: str
) -> None:
    async with configured_mosquitto(keys, free_port, "allow_anonymous true"):
        async with a_listener(free_port, "park/ems") as heard:
            driver = make(version=version, will=WILL)
            await driver.connect()
            assert await heard() == (b"here", False)
            await driver.close()
            assert await heard() == (b"left", False)

            lost = make(version=version, will=WILL | {"goodbye": None})
            await lost.connect()
            assert await heard() == (b"here", False)
            # as when the machine dies: the line is cut without a word
            cut_off(lost)
            assert await heard() == (b"lost", False)
            with pytest.raises(LinkDown):
                await until(lost, POWER, lambda _: False)

            await lost.connect()
            assert await heard() == (b"here", False)
            await lost.close()
            assert await heard() == (b"lost", False)
        async with a_listener(free_port, "#") as heard:
            driver = make(will=WILL | {"retain": True})
            await driver.connect()
            assert await heard() == (b"here", False)
            await driver.close()
            assert await heard() == (b"left", False)
        async with a_listener(free_port, "#") as heard:
            assert await heard() == (b"left", True)


def cut_off(driver: MqttDriver) -> None:
    client = driver._connection._client
    assert client is not None
    line = client._client.socket()
    assert isinstance(line, socket.socket)
    line.shutdown(socket.SHUT_RDWR)


async def test_a_lost_broker_holds_up_no_goodbye(make: Make, free_port: int, keys: Path) -> None:
    async with configured_mosquitto(keys, free_port, "allow_anonymous true"):
        driver = make(will=WILL)
        await driver.connect()
    start_s = time.monotonic()
    await driver.close()
    assert time.monotonic() - start_s < TIMEOUT_S
