"""An MQTT device: publishes its values as a meter does, and takes commands where its profile has any."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import aiomqtt

from config.connection import Mqtt
from config.point import Point
from config.profile import MqttPoint
from simulators.encoding import raw_of, value_of
from simulators.faults.present import Present
from simulators.served import Served
from simulators.servers.registers import in_range
from simulators.watchdog import Watchdog

PUBLISH_S = 1.0
"""Real seconds between two publications."""

RETRY_S = 1.0
"""Real seconds until a lost broker is tried again."""

FAREWELL_S = 0.4
"""How long leaving the broker may take; the park itself has two seconds to end."""

DIGITS = 3
"""Decimals on the wire: a meter's resolution, in its own units such as W."""

_NOTHING = b"null"
"""The payload of a topic that has nothing but a number, when there is none."""

_NUMBER = r"(?P<value>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"


class MqttServer:
    """One device with its own session at the broker; it comes back by itself when the broker does."""

    def __init__(
        self,
        device: str,
        points: Sequence[Point],
        connection: Mqtt,
        served: Served,
        watchdog: Watchdog,
        present: Present,
    ) -> None:
        self._device = device
        self._connection = connection
        self._served = served
        self._watchdog = watchdog
        self._present = present
        self._topics: dict[str, list[tuple[Point, MqttPoint]]] = {}
        self._commands: dict[str, tuple[Point, re.Pattern[str]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        for point in points:
            source = point.source
            assert isinstance(source, MqttPoint)
            self._topics.setdefault(source.topic, []).append((point, source))
            if source.setpoint is not None:
                words = "|".join(re.escape(word) for word in source.values or ())
                value = f"(?P<value>{words})" if words else _NUMBER
                form = re.escape(source.setpoint.payload).replace(re.escape("{value}"), value, 1)
                form = form.replace(re.escape("{id}"), r"\d+")
                self._commands[source.setpoint.command_topic] = (point, re.compile(form))

    @property
    def devices(self) -> tuple[str, ...]:
        return (self._device,)

    @property
    def address(self) -> dict[str, Any]:
        return {}

    @property
    def port(self) -> int:
        return 0

    async def start(self) -> None:
        self._ending.clear()
        self._task = asyncio.create_task(self._stay(), name=f"mqtt {self._device}")

    async def refresh(self) -> None:
        """A meter publishes in its own rhythm; only its failure shows here."""
        if self._task is not None and self._task.done():
            self._task.result()

    async def stop(self) -> None:
        task, self._task = self._task, None
        self._ending.set()
        if task is not None and not task.done():
            await asyncio.wait([task], timeout=FAREWELL_S)
        # again and again: before Python 3.12 asyncio.wait_for loses a cancellation that meets its result
        while task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=FAREWELL_S)

    def payload(self, topic: str) -> bytes:
        """What the device publishes on a topic now."""
        values = self._served.values(self._device)
        document: dict[str, Any] = {}
        for point, source in self._topics[topic]:
            held = self._watchdog.held(self._device, point.name)
            said = _said(source, round(raw_of(point, values[point.name] if held is None else held), DIGITS))
            if source.path is None:
                return _NOTHING if said is None else str(said).encode()
            _put(document, source.path, said)
            if source.time_path is not None:
                _put(document, source.time_path, self._served.now.isoformat(timespec="milliseconds"))
        return json.dumps(document).encode()

    async def _stay(self) -> None:
        password = os.environ.get(self._connection.password_env) if self._connection.password_env else None
        while not self._ending.is_set():
            client = aiomqtt.Client(
                self._connection.host,
                self._connection.port,
                identifier=f"simulated-{self._device}-{os.getpid()}",
                username=self._connection.username,
                password=password,
                keepalive=self._connection.keepalive_s,
                timeout=self._connection.timeout_s,
            )
            try:
                async with client:
                    await self._talk(client)
            except aiomqtt.MqttError:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), RETRY_S)

    async def _talk(self, client: aiomqtt.Client) -> None:
        for topic in self._commands:
            await client.subscribe(topic, qos=1)
        listening = asyncio.create_task(self._listen(client))
        ending = asyncio.create_task(self._ending.wait())
        try:
            while not (listening.done() or ending.done()):
                await self._publish(client)
                await asyncio.wait([listening, ending], timeout=PUBLISH_S, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()
        finally:
            listening.cancel()
            ending.cancel()

    async def _publish(self, client: aiomqtt.Client) -> None:
        for topic in self._topics if self._present.publishes(self._device) else ():
            await client.publish(topic, self.payload(topic))

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Take commands and show what came of them; raises MqttError as soon as the broker is gone."""
        async for message in client.messages:
            if isinstance(message.payload, bytes | bytearray):
                self._take(str(message.topic), message.payload.decode(errors="replace"))
                await self._publish(client)

    def _take(self, topic: str, text: str) -> None:
        """MQTT has no answer: what the device does not understand or accept, it leaves."""
        point, form = self._commands[topic]
        match = form.fullmatch(text.strip())
        if match is None:
            return
        values = point.source.values if isinstance(point.source, MqttPoint) else None
        value = value_of(point, float(match["value"] if values is None else values[match["value"]]))
        if in_range(point, value) and not self._present.ignores(self._device):
            assert point.setpoint is not None
            self._watchdog.write(self._device, point.name, value, point.setpoint.revert_s)


def _said(source: MqttPoint, raw: float) -> float | str | None:
    """A raw number as the device writes it, None where it has none to say."""
    if math.isnan(raw):
        return None if source.template is None else source.template.replace("{value}", "null").replace("*", "")
    if source.values is not None:
        return min(source.values, key=lambda word: abs((source.values or {})[word] - raw))
    if source.template is not None:
        return source.template.replace("{value}", str(raw)).replace("*", "")
    return raw


def _put(document: dict[str, Any], path: str, value: object) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        document = document.setdefault(folder, {})
    document[name] = value
