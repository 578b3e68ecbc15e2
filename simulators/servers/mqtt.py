"""An MQTT device: publishes its values as a meter does, and takes commands where its profile has any."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import aiomqtt

from config.connection import Mqtt
from config.point import Point
from config.profile import MqttPoint
from simulators.encoding import raw_of
from simulators.served import Served
from simulators.servers.mqtt_commands import Answer, Command
from simulators.servers.mqtt_payload import joined, put
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


class MqttServer:
    """One device with its own session at the broker; it comes back by itself when the broker does."""

    def __init__(
        self, device: str, points: Sequence[Point], connection: Mqtt, served: Served, watchdog: Watchdog
    ) -> None:
        self._device = device
        self._connection = connection
        self._served = served
        self._watchdog = watchdog
        self._topics: dict[str, list[tuple[Point, MqttPoint]]] = {}
        self._commands: dict[str, list[Command]] = {}
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        for point in points:
            source = point.source
            assert isinstance(source, MqttPoint)
            self._topics.setdefault(source.topic, []).append((point, source))
            if source.setpoint is not None:
                self._commands.setdefault(source.setpoint.command_topic, []).append(Command(point))

    @property
    def devices(self) -> tuple[str, ...]:
        return (self._device,)

    @property
    def address(self) -> dict[str, Any]:
        return {}

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
        text = ""
        for point, source in self._topics[topic]:
            held = self._watchdog.held(self._device, point.name)
            said = _said(source, round(raw_of(point, values[point.name] if held is None else held), DIGITS))
            if source.path is None:
                text = joined(text, str(said))
                continue
            put(document, source.path, said)
            if source.time_path is not None:
                put(document, source.time_path, self._served.now.isoformat(timespec="milliseconds"))
        return json.dumps(document).encode() if document else text.encode()

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
        for topic in self._topics:
            await client.publish(topic, self.payload(topic))

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Take commands and show what came of them; raises MqttError as soon as the broker is gone."""
        async for message in client.messages:
            if isinstance(message.payload, bytes | bytearray):
                for answer in self._take(str(message.topic), message.payload.decode(errors="replace")):
                    await client.publish(answer.topic, answer.payload)
                await self._publish(client)

    def _take(self, topic: str, text: str) -> list[Answer]:
        """Do what a command says, and what the device answers; what it does not understand, it leaves."""
        answers = []
        for command in self._commands[topic]:
            meant = command.meant(text)
            if meant is None:
                continue
            point, accepted = command.point, True
            assert point.setpoint is not None
            if meant.value is None:
                self._watchdog.release(self._device, point.name)
            elif in_range(point, meant.value):
                self._watchdog.write(self._device, point.name, meant.value, point.setpoint.revert_s)
            else:
                accepted = False
            if (answer := command.answer(meant, accepted=accepted)) is not None:
                answers.append(answer)
        return answers


def _said(source: MqttPoint, raw: float) -> float | str:
    """A raw number as the device writes it."""
    if source.values is not None:
        return min(source.values, key=lambda word: abs((source.values or {})[word] - raw))
    if source.template is not None:
        return source.template.replace("{value}", str(raw)).replace("*", "")
    return raw
