"""`parkgrid probe mqtt://` listening on the brokers that a park may have."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
import pytest

from config.connection import Mqtt
from parkgrid import probe_mqtt
from parkgrid.probe_mqtt import TopicFound, listen
from simulators.broker import OwnBroker


@contextlib.asynccontextmanager
async def publishing(broker: OwnBroker, *messages: tuple[str, bytes, bool]) -> AsyncIterator[aiomqtt.Client]:
    """What is retained is published once, before anybody listens; the rest ten times a second."""

    async def repeat(client: aiomqtt.Client) -> None:
        while True:
            for topic, payload, retained in messages:
                if not retained:
                    await client.publish(topic, payload, qos=1)
            await asyncio.sleep(0.1)

    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for topic, payload, retained in messages:
            if retained:
                await client.publish(topic, payload, qos=1, retain=True)
        task = asyncio.create_task(repeat(client))
        try:
            yield client
        finally:
            task.cancel()
            await asyncio.wait([task])


def spec_of(port: int, timeout_s: float) -> Mqtt:
    return Mqtt(protocol="mqtt", host="127.0.0.1", port=port, timeout_s=timeout_s)


async def heard_on(broker: OwnBroker, topic: str = "#", for_s: float = 1.0) -> tuple[dict[str, TopicFound], bool]:
    heard, cut = await listen(spec_of(broker.port, 2.0), None, topic, for_s)
    assert [found.topic for found in heard] == sorted(found.topic for found in heard)
    return {found.topic: found for found in heard}, cut


async def test_every_topic_with_its_numbers(broker: OwnBroker) -> None:
    meter = json.dumps({"em": {"total": 412.5, "phases": [1, 2]}, "id": "x"}).encode()
    messages = (("a/meter", meter, False), ("b/state", b"7", True), ("c/raw", b"\x08\xff", False))
    async with publishing(broker, *messages):
        heard, cut = await heard_on(broker)
    assert (set(heard), cut) == ({"a/meter", "b/state", "c/raw"}, False)
    assert heard["a/meter"].numbers == {"em.total": 412.5, "em.phases.0": 1.0, "em.phases.1": 2.0}
    assert heard["a/meter"].messages > 1
    assert (heard["a/meter"].retained, heard["b/state"].retained) == (False, True)
    assert heard["b/state"].as_data() == {
        "topic": "b/state",
        "payload": "7",
        "retained": True,
        "messages": 1,
        "numbers": [{"path": None, "value": 7.0}],
    }
    assert heard["c/raw"].as_data()["payload"] == "2 bytes: 08ff"


async def test_only_the_topics_that_are_asked_for(broker: OwnBroker) -> None:
    async with publishing(broker, ("a/x", b"1", True), ("b/x", b"2", True)):
        assert set((await heard_on(broker, "a/#", 0.3))[0]) == {"a/x"}


async def test_there_is_an_end_to_topics(broker: OwnBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_mqtt, "MOST_TOPICS", 3)
    async with publishing(broker, *((f"t/{number}", b"1", True) for number in range(5))):
        heard, cut = await heard_on(broker, for_s=0.5)
    assert (len(heard), cut) == (3, True)


async def test_nobody_speaks(broker: OwnBroker) -> None:
    assert await heard_on(broker, for_s=0.2) == ({}, False)


async def test_a_broker_that_goes_away_is_said(broker: OwnBroker) -> None:
    listening = asyncio.create_task(heard_on(broker, for_s=30.0))
    await asyncio.sleep(0.5)
    await broker.stop()
    with pytest.raises(aiomqtt.MqttError):
        await listening


async def test_a_server_that_says_nothing_costs_one_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: Any) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(5):
        with pytest.raises(aiomqtt.MqttError):
            await listen(spec_of(port, 0.3), None, "#", 30.0)
