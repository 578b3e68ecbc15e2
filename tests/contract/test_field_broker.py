"""The field's worker on an MQTT broker: a device that does not answer its command keeps nobody waiting."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest
from gateway import DESCRIBED, SETPOINT, Running, running, site_of
from mqtt_brokers import Broker

from config.profile import MqttProfile
from drivers.driver import Accepted, Setpoint, Unconfirmed, WriteResult

pytestmark = pytest.mark.server("mosquitto")

LONG_S = 20.0
DEAF_S = 3.0
"""How long a command is waited for: long enough to see what goes on meanwhile."""

PROFILE = MqttProfile.model_validate(
    {
        **DESCRIBED,
        "protocol": "mqtt",
        "parameters": {"device": "the first level of its topics"},
        "points": {
            "active_power_kw": {"topic": "{device}/power", "valid": [0, 1000]},
            "power_limit_kw": {
                "topic": "{device}/limit",
                "valid": [0, 1000],
                "setpoint": {**SETPOINT, "command_topic": "{device}/set", "payload": "{value}"},
            },
        },
    }
)


async def shown(one: Running, key: str, value: float) -> None:
    """Returns once the image shows a value."""
    deadline_s = time.monotonic() + LONG_S
    while True:
        await one.field.acquire(LONG_S)
        snapshot = one.image.freeze(at=datetime.now(UTC), site_s=0.0, monotonic_s=time.monotonic())
        if snapshot.readings[key].value == value:
            return
        assert time.monotonic() < deadline_s, snapshot.readings[key]
        await asyncio.sleep(0.01)


async def test_a_deaf_device_keeps_the_others_of_its_broker_neither_from_reading_nor_from_writing(
    broker: Broker,
) -> None:
    connection = {"protocol": "mqtt", "host": "127.0.0.1", "port": broker.port, "timeout_s": DEAF_S}
    devices = {name: {"connection": "broker"} for name in ("deaf", "good")}
    site = site_of({"broker": connection}, devices, profile=PROFILE)
    limits = {name: next(p for p in site.points[name] if p.name == "power_limit_kw") for name in devices}
    results: dict[str, WriteResult] = {}

    def written(setpoint: Setpoint, result: WriteResult) -> None:
        results[setpoint.point.device] = result

    async with running(site) as one:
        await one.field.acquire(LONG_S)
        for name in devices:
            await broker.peer.publish(f"{name}/power", "1")
            await broker.peer.publish(f"{name}/limit", "0")
            await shown(one, f"{name}.active_power_kw", 1.0)

        began_s = time.monotonic()
        await one.field.apply([Setpoint(point=limits["deaf"], value=5.0)], written, 0.2)
        assert results == {}
        # the others are read while the command is under way ...
        await broker.peer.publish("good/power", "2")
        await shown(one, "good.active_power_kw", 2.0)
        # ... and written, though the deaf one is wanted again
        await broker.peer.publish("good/limit", "7")
        wanted = [Setpoint(point=limits["deaf"], value=6.0), Setpoint(point=limits["good"], value=7.0)]
        applying = asyncio.create_task(one.field.apply(wanted, written, LONG_S))
        while "good" not in results:
            await broker.peer.publish("good/limit", "7")
            await asyncio.sleep(0.02)
        assert results == {"good": Accepted(7.0)}

        await applying  # the deaf one's second value comes after its first
        assert isinstance(results["deaf"], Unconfirmed)
        assert time.monotonic() - began_s >= 2 * DEAF_S
