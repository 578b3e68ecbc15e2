"""A Sparkplug B edge node: one session at the broker for all devices behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import aiomqtt

from config.connection import Mqtt
from config.point import Point, SparkplugMetric
from simulators.encoding import raw_of, value_of
from simulators.faults.present import Present
from simulators.served import Served
from simulators.servers.mqtt_session import MqttSession
from simulators.servers.registers import in_range
from simulators.servers.sparkplug_encoding import BOOLEAN, DOUBLE, INT64, Command, Metric, commands_in, packed
from simulators.watchdog import Watchdog

REBIRTH = "Node Control/Rebirth"
DEATHS = "bdSeq"

_ROUND = 256
"""Sequence numbers have one byte."""


def metric_of(point: Point) -> SparkplugMetric:
    assert isinstance(point.source, SparkplugMetric)
    return point.source


class SparkplugNode(MqttSession):
    """Announces every metric in its birth, then says what changes, and dies by its will.

    Every metric is a double, with an alias for the messages after the birth.
    """

    def __init__(
        self,
        points: Mapping[str, Sequence[Point]],
        connection: Mqtt,
        served: Served,
        watchdog: Watchdog,
        present: Present,
    ) -> None:
        """`points` by device of the site; all of one group and edge node."""
        super().__init__(next(iter(points)), connection)
        self._site_devices = tuple(points)
        self._served = served
        self._watchdog = watchdog
        self._present = present
        listed = [point for of in points.values() for point in of]
        first = metric_of(listed[0])
        self._group, self._node = first.group, first.edge_node
        self._aliases = {id(point): alias for alias, point in enumerate(listed, start=1)}
        self._behind: dict[str | None, list[Point]] = {}
        """By device behind the node; None for the node's own metrics."""
        for point in listed:
            self._behind.setdefault(metric_of(point).device, []).append(point)
        self._deaths = -1
        self._seq = 0
        self._said: dict[int, float | None] = {}

    @property
    def devices(self) -> tuple[str, ...]:
        return self._site_devices

    @property
    def listens_to(self) -> tuple[str, ...]:
        behind = tuple(self._topic("CMD", device) for device in self._behind if device is not None)
        return (self._topic("CMD", None), *behind)

    def last_will(self) -> aiomqtt.Will:
        self._deaths = (self._deaths + 1) % _ROUND
        return aiomqtt.Will(self._topic("DEATH", None), self._death(), qos=1)

    async def enter(self, client: aiomqtt.Client) -> None:
        await self._announce(client)

    async def leave(self, client: aiomqtt.Client) -> None:
        # the broker keeps a will to itself when a session ends in order
        await client.publish(self._topic("DEATH", None), self._death(), qos=1)

    async def publish(self, client: aiomqtt.Client) -> None:
        for device, points in self._behind.items():
            told = [point for point in points if self._present.publishes(point.device)]
            raws = self._raws(told)
            changed = [point for point in told if raws[id(point)] != self._said.get(self._aliases[id(point)])]
            if changed:
                metrics = [self._metric(point, raws[id(point)], birth=False) for point in changed]
                await client.publish(self._topic("DATA", device), self._payload(metrics))

    async def hear(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        """Take a command; bytes that are none are left, as a node that understands nothing does."""
        try:
            commands = commands_in(payload)
        except ValueError:
            return
        for device, points in self._behind.items():
            if topic == self._topic("CMD", device):
                self._obey(points, commands)
        if topic == self._topic("CMD", None) and any(of.name == REBIRTH and of.value for of in commands):
            await self._announce(client)
        await self.publish(client)

    def _obey(self, points: Sequence[Point], commands: Sequence[Command]) -> None:
        for command in commands:
            for point in points:
                if command.alias != self._aliases[id(point)] and command.name != metric_of(point).metric:
                    continue
                value = value_of(point, command.value)
                obeys = not self._present.ignores(point.device)
                if point.setpoint is not None and in_range(point, value) and obeys:
                    self._watchdog.write(point.device, point.name, value, point.setpoint.revert_s)

    async def _announce(self, client: aiomqtt.Client) -> None:
        self._seq = 0
        own = [Metric(DEATHS, None, INT64, self._deaths), Metric(REBIRTH, None, BOOLEAN, False)]
        own += self._birth(self._behind.get(None, ()))
        await client.publish(self._topic("BIRTH", None), self._payload(own))
        for device, points in self._behind.items():
            if device is not None:
                await client.publish(self._topic("BIRTH", device), self._payload(self._birth(points)))

    def _payload(self, metrics: Sequence[Metric]) -> bytes:
        seq, self._seq = self._seq, (self._seq + 1) % _ROUND
        return packed(metrics, self._time_ms, seq)

    def _death(self) -> bytes:
        return packed([Metric(DEATHS, None, INT64, self._deaths)], self._time_ms, None)

    def _birth(self, points: Sequence[Point]) -> list[Metric]:
        raws = self._raws(points)
        return [self._metric(point, raws[id(point)], birth=True) for point in points]

    def _metric(self, point: Point, raw: float | None, *, birth: bool) -> Metric:
        alias = self._aliases[id(point)]
        self._said[alias] = raw
        return Metric(metric_of(point).metric if birth else None, alias, DOUBLE, raw)

    def _raws(self, points: Sequence[Point]) -> dict[int, float | None]:
        """The raw numbers of points now, by their identity."""
        shown = {device: self._served.values(device) for device in {point.device for point in points}}
        return {id(point): self._raw(point, shown[point.device]) for point in points}

    def _raw(self, point: Point, shown: Mapping[str, float]) -> float | None:
        held = self._watchdog.held(point.device, point.name)
        value = shown.get(point.name, math.nan) if held is None else held
        return None if math.isnan(value) else raw_of(point, value)

    def _topic(self, kind: str, device: str | None) -> str:
        if device is None:
            return f"spBv1.0/{self._group}/N{kind}/{self._node}"
        return f"spBv1.0/{self._group}/D{kind}/{self._node}/{device}"

    @property
    def _time_ms(self) -> int:
        return round(self._served.now.timestamp() * 1000)
