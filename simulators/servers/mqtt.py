"""An MQTT device: publishes its values as a meter does, and takes commands where its profile has any."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import aiomqtt

from config.connection import Mqtt
from config.point import Point
from config.point_spec import MqttPoint
from simulators.encoding import raw_of
from simulators.faults.present import Present
from simulators.served import Served
from simulators.servers.mqtt_commands import Answer, Command
from simulators.servers.mqtt_payload import joined, put
from simulators.servers.mqtt_session import MqttSession
from simulators.servers.registers import in_range
from simulators.watchdog import Watchdog

DIGITS = 3
"""Decimals on the wire: a meter's resolution, in its own units such as W."""


class MqttServer(MqttSession):
    """One device with its own session at the broker and topics of its own."""

    def __init__(
        self,
        device: str,
        points: Sequence[Point],
        connection: Mqtt,
        served: Served,
        watchdog: Watchdog,
        present: Present,
    ) -> None:
        super().__init__(device, connection)
        self._device = device
        self._served = served
        self._watchdog = watchdog
        self._present = present
        self._topics: dict[str, list[tuple[Point, MqttPoint]]] = {}
        self._retained: set[str] = set()
        """Topics whose last message the broker keeps."""
        self._commands: dict[str, list[Command]] = {}
        for point in points:
            source = point.source
            assert isinstance(source, MqttPoint)
            self._topics.setdefault(source.topic, []).append((point, source))
            if source.retained:
                self._retained.add(source.topic)
            if source.setpoint is not None:
                self._commands.setdefault(source.setpoint.command_topic, []).append(Command(point))

    @property
    def devices(self) -> tuple[str, ...]:
        return (self._device,)

    def payload(self, topic: str) -> bytes:
        """What the device publishes on a topic now."""
        values = self._served.values(self._device)
        document: dict[str, Any] = {}
        text = ""
        for point, source in self._topics[topic]:
            held = self._watchdog.held(self._device, point.name)
            said = _said(source, round(raw_of(point, values[point.name] if held is None else held), DIGITS))
            if source.path is None:
                text = joined(text, "null" if said is None else str(said))
                continue
            put(document, source.path, said)
            if source.time_path is not None:
                put(document, source.time_path, self._served.now.isoformat(timespec="milliseconds"))
        return json.dumps(document).encode() if document else text.encode()

    @property
    def listens_to(self) -> tuple[str, ...]:
        return tuple(self._commands)

    async def publish(self, client: aiomqtt.Client) -> None:
        for topic in self._topics if self._present.publishes(self._device) else ():
            await client.publish(topic, self.payload(topic), retain=topic in self._retained)

    async def hear(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        """Do what a command says, and show what came of it."""
        for answer in self._take(topic, payload.decode(errors="replace")):
            await client.publish(answer.topic, answer.payload)
        await self.publish(client)

    def _take(self, topic: str, text: str) -> list[Answer]:
        """Do what a command says, and what the device answers; what it does not understand, it leaves."""
        answers = []
        for command in self._commands[topic]:
            meant = command.meant(text)
            if meant is None:
                continue
            point, accepted = command.point, True
            assert point.setpoint is not None
            if self._present.ignores(self._device):
                pass  # and it says that it did
            elif meant.value is None:
                self._watchdog.release(self._device, point.name)
            elif in_range(point, meant.value):
                self._watchdog.write(self._device, point.name, meant.value, point.setpoint.revert_s)
            else:
                accepted = False
            if (answer := command.answer(meant, accepted=accepted)) is not None:
                answers.append(answer)
        return answers


def _said(source: MqttPoint, raw: float) -> float | str | None:
    """A raw number as the device writes it, None where it has none to say."""
    if math.isnan(raw):
        return None if source.template is None else source.template.replace("{value}", "null").replace("*", "")
    if source.values is not None:
        return min(source.values, key=lambda word: abs((source.values or {})[word] - raw))
    if source.template is not None:
        return source.template.replace("{value}", str(raw)).replace("*", "")
    return raw
