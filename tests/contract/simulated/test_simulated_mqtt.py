"""The simulated MQTT devices and the park's own broker, both of its kinds, seen by a plain aiomqtt client."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import aiomqtt
import pytest

from config.connection import Mqtt
from config.setpoint_spec import MqttSetpoint
from config.site import Site
from simulators.servers import mqtt_session


def session(broker: Any) -> Mqtt:
    return Mqtt(protocol="mqtt", host="127.0.0.1", port=broker.port)


async def next_message(client: aiomqtt.Client) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message = await anext(aiter(client.messages))
    assert isinstance(message.payload, bytes)
    return json.loads(message.payload)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_session, "PUBLISH_S", 0.05)
    monkeypatch.setattr(mqtt_session, "RETRY_S", 0.05)


async def test_a_meter_publishes_its_values_in_its_own_units(serve: Any, broker: Any, plant: Any) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("park/hall_1/meter")
        await serve("hall_1_meter", broker=session(broker))
        assert await next_message(client) == {
            "power": {"active_w": 876_543.0, "reactive_var": -12_500.0},
            "energy": {"total_wh": 4_321_000.0},
            "time": "2026-10-14T04:00:00.000+00:00",
        }
        plant.shown["hall_1_meter"]["active_power_kw"] = 1.0
        async with asyncio.timeout(5):
            while (await next_message(client))["power"]["active_w"] != 1000.0:
                pass


async def test_a_meter_that_is_hurried_publishes_at_once(
    serve: Any, broker: Any, plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_session, "PUBLISH_S", 3600.0)
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("park/hall_1/meter")
        meter = await serve("hall_1_meter", broker=session(broker))
        assert (await next_message(client))["power"]["active_w"] == 876_543.0
        for power_kw in (1.0, 2.0):
            plant.shown["hall_1_meter"]["active_power_kw"] = power_kw
            meter.hurry()
            assert (await next_message(client))["power"]["active_w"] == 1000.0 * power_kw


async def test_a_meter_comes_back_with_the_broker(serve: Any, broker: Any) -> None:
    await serve("heat_meter", broker=session(broker))
    for _ in range(2):
        async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
            await client.subscribe("park/heating/meter")
            assert (await next_message(client))["heat"]["power_kw"] == 1500.5
        await broker.stop()
        await broker.start()


async def test_a_command_topic_takes_commands(
    serve: Any, broker: Any, plant: Any, demo_site: Site, hand: Any, watchdog: Any
) -> None:
    """A meter of the demo park as a device that can be limited, to 0..1000 kW."""
    command = MqttSetpoint(
        range=(0, 1000),
        resolution=1,
        tolerance=1,
        safe=0,
        revert_s=10,
        refresh_s=5,
        command_topic="park/hall_1/set",
        payload='{"limit_w": {value}}',
    )
    (limit,) = (point for point in demo_site.points["battery_pcs"] if point.name == "power_setpoint_kw")
    points = [
        dataclasses.replace(
            point,
            source=point.source.model_copy(update={"setpoint": command}),
            setpoint=dataclasses.replace(limit.setpoint, low=0, high=1000, safe=0),
        )
        if point.name == "active_power_kw"
        else point
        for point in demo_site.points["hall_1_meter"]
    ]
    site = dataclasses.replace(demo_site, points={**demo_site.points, "hall_1_meter": tuple(points)})
    plant.permit("hall_1_meter", "active_power_kw", 0.0)
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("park/hall_1/meter")
        await serve("hall_1_meter", broker=session(broker), site=site)
        await next_message(client)
        for refused in ("nonsense", '{"limit_w": 1000100}', '{"limit_w": -100}', "5"):
            await client.publish("park/hall_1/set", refused)
        await client.publish("park/hall_1/set", '{"limit_w": 5e5}')
        async with asyncio.timeout(5):
            while (await next_message(client))["power"]["active_w"] != 500_000.0:
                pass
        assert plant.commands == [("hall_1_meter", "active_power_kw", 500.0)]
        hand.now_s = 10.0
        watchdog.check()
        assert plant.commands[1:] == [("hall_1_meter", "active_power_kw", None)]


def of_hall_1(demo_site: Site, source: Any) -> Site:
    """The demo park, where the power of hall 1 is published in another way."""
    points = [
        dataclasses.replace(point, source=source(point.source)) if point.name == "active_power_kw" else point
        for point in demo_site.points["hall_1_meter"]
    ]
    return dataclasses.replace(demo_site, points={**demo_site.points, "hall_1_meter": tuple(points)})


@pytest.mark.parametrize(
    ("keys", "payload"),
    [
        ({"template": "P={value} W;*"}, b"P=876543.0 W;"),
        ({"values": {"OFF": 0.0, "ON": 876543.0}}, b"ON"),
    ],
)
async def test_a_meter_publishes_texts_where_its_profile_has_them(
    serve: Any, broker: Any, demo_site: Site, keys: dict[str, Any], payload: bytes
) -> None:
    keys = {"topic": "park/hall_1/text", "path": None, "time_path": None, **keys}
    site = of_hall_1(demo_site, lambda source: source.model_copy(update=keys))
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("park/hall_1/text")
        await serve("hall_1_meter", broker=session(broker), site=site)
        async with asyncio.timeout(5):
            assert (await anext(aiter(client.messages))).payload == payload


async def test_the_broker_keeps_messages(broker: Any) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.publish("park/kept", b"1", qos=1, retain=True)
        await client.subscribe("park/#", qos=1)
        message = await asyncio.wait_for(anext(aiter(client.messages)), 5)
        assert (str(message.topic), message.payload, message.retain) == ("park/kept", b"1", True)


async def test_the_broker_ends_with_its_process_and_starts_on_the_same_port(broker: Any) -> None:
    port, pid = broker.port, broker.pid
    assert broker.running
    await broker.stop()
    assert not broker.running
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await broker.start()
    assert (broker.port, broker.running) == (port, True)
    assert broker.pid != pid
