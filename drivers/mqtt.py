"""A device that publishes over MQTT."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from config.clock import Clock
from config.point import Point
from config.point_spec import MqttPoint
from config.setpoint_spec import MqttSetpoint
from drivers.driver import Accepted, Reading, Rejected, Setpoint, Unconfirmed, WriteResult
from drivers.mqtt_acknowledgement import Answers, Command, No, Yes
from drivers.mqtt_inbox import Message
from drivers.mqtt_session import MqttSession
from drivers.payload import (
    NoNumber,
    found_at,
    number_at,
    number_between,
    number_of_word,
    number_text,
    text_of,
    time_at,
)
from drivers.quality import Stamp, bad, confirm, judge
from drivers.scaling import Refused, raw_of
from drivers.shared import SharedDriver


class MqttDriver(SharedDriver[MqttSession]):
    """The topics of one device in a shared session.

    Reading looks at the last message of a topic and costs no time; a silent device has BAD readings, a
    silent broker is a LinkDown.
    """

    def __init__(self, session: MqttSession, points: Sequence[Point], clock: Clock) -> None:
        """`points` are all points of the device.

        Raises DriverError for a setpoint whose read-back point the device has not.
        """
        super().__init__(session, points, clock)
        self._topics = {_source(point).topic for point in points}
        setpoints = [spec for point in points if (spec := _source(point).setpoint) is not None]
        self._answered_on = {spec.acknowledge.topic for spec in setpoints if spec.acknowledge is not None}
        self._answers: dict[str, Answers] = {}

    async def _begin(self) -> None:
        await self._connection.listen(self._topics)
        for topic in self._answered_on:
            self._answers[topic] = self._connection.follower(topic, Answers)
        await self._connection.attend(self._answered_on)

    async def _read(self, points: Sequence[Point]) -> list[Reading]:
        await self._connection.check()
        return [self._reading(point) for point in points]

    def _reading(self, point: Point) -> Reading:
        source = _source(point)
        message = self._connection.heard(source.topic)
        if message is None:
            refused = self._connection.refuses(source.topic)
            reason = f"the broker does not let us listen to {source.topic}" if refused else "nothing received"
            return bad(point, reason, Stamp.of(self._clock))
        age_s = self._clock.monotonic_s() - message.stamp.received_s
        if age_s > source.stale_s:
            return bad(point, f"nothing received for {age_s:.0f} s", message.stamp)
        return reading_of(point, message)

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        spec = _spec(setpoint)
        command_id = self._connection.next_id()
        try:
            topic, payload = command_of(setpoint, command_id)
        except Refused as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        sent_s = self._clock.monotonic_s()
        command = None if spec.acknowledge is None else Command(spec.acknowledge, command_id, sent_s)
        if command is not None:
            self._answers[command.spec.topic].expect(command)
        if refusal := await self._connection.publish(topic, payload, retain=spec.retain):
            if command is not None:
                self._answers[command.spec.topic].withdraw(command)
            return Rejected(f"{setpoint.point.key}: the broker refuses {topic}: {refusal}")
        return await self._shown(setpoint, sent_s, command)

    async def _preview(self, setpoint: Setpoint) -> list[str]:
        topic, payload = command_of(setpoint, self._connection.next_id())
        return [f"topic {topic}: {payload}{' (retained)' if _spec(setpoint).retain else ''}"]

    async def _release(self, point: Point) -> WriteResult:
        spec = _source(point).setpoint
        assert spec is not None
        assert spec.release is not None  # its profile has been checked
        if refusal := await self._connection.publish(spec.command_topic, spec.release, retain=spec.retain):
            return Rejected(f"{point.key}: the broker refuses {spec.command_topic}: {refusal}")
        # what a device does by itself cannot be told from what it was told: the receipt must do
        shown = self._reading(self._shown_by[point.name])
        return Unconfirmed(None, shown.reason) if shown.value is None else Accepted(shown.value)

    async def _shown(self, setpoint: Setpoint, sent_s: float, command: Command | None) -> WriteResult:
        """What the device says and shows after a command.

        A no counts at once, and so does a message from after the command that shows the value. A device that
        publishes only changes sends none when the value stays: what it said before stands for it once the time is
        over.
        """
        key = setpoint.point.key
        enough = command is not None and command.spec.enough
        point = self._shown_by[setpoint.point.name]
        looked_at: Message | None = None
        while True:
            match None if command is None else command.answer:
                case No(reason=reason):
                    return Rejected(f"{key}: the device refuses {setpoint.value:g}: {reason}")
                case Yes() if enough:
                    return Accepted(setpoint.value)
            message = self._connection.heard(_source(point).topic)
            if not enough and message is not looked_at and message is not None and message.stamp.received_s >= sent_s:
                looked_at = message
                result = confirm(setpoint, reading_of(point, message))
                if isinstance(result, Accepted):
                    return result
            left_s = sent_s + self._connection.timeout_s - self._clock.monotonic_s()
            if left_s <= 0:
                break
            await self._connection.arrival(left_s)
        if enough:
            return Unconfirmed(None, f"{key}: the device has not answered the command")
        return confirm(setpoint, self._reading(point))


def _source(point: Point) -> MqttPoint:
    assert isinstance(point.source, MqttPoint)
    return point.source


def _spec(setpoint: Setpoint) -> MqttSetpoint:
    spec = _source(setpoint.point).setpoint
    assert spec is not None  # a Setpoint has checked it
    return spec


def command_of(setpoint: Setpoint, command_id: int = 0) -> tuple[str, str]:
    """Topic and payload of the command for a setpoint. Raises Refused."""
    spec = _spec(setpoint)
    text = _text(raw_of(setpoint.point, setpoint.value), _source(setpoint.point).values)
    return spec.command_topic, spec.payload.replace("{id}", str(command_id)).replace("{value}", text)


def _text(raw: float, values: Mapping[str, float] | None) -> str:
    """A raw number as it is written into a command. Raises Refused when no text stands for it."""
    if values is None:
        return number_text(raw)
    for text, number in values.items():
        if math.isclose(raw, number, rel_tol=1e-9, abs_tol=1e-9):
            return text
    raise Refused(
        f"no text stands for {raw:g}; there are some for {', '.join(f'{each:g}' for each in values.values())}"
    )


def reading_of(point: Point, message: Message) -> Reading:
    """The reading of a point in a message, whatever its age."""
    source = _source(point)
    try:
        raw = _raw_in(message, source)
    except NoNumber as error:
        return bad(point, str(error), message.stamp)
    source_at = _time_in(message, source)
    doubt = "kept by the broker, of unknown age" if message.retained else ""
    return judge(point, raw, message.stamp, source_at=source_at, doubt=doubt)


def _time_in(message: Message, source: MqttPoint) -> datetime | None:
    try:
        return None if source.time_path is None else time_at(message.document, source.time_path)
    except NoNumber:
        return None


def _raw_in(message: Message, source: MqttPoint) -> float:
    """Raises NoNumber."""
    if source.values is None and source.template is None:
        return number_at(message.document, source.path)
    found = text_of(message.payload) if source.path is None else found_at(message.document, source.path)
    if source.values is not None:
        return number_of_word(found, source.values)
    assert source.template is not None
    return number_between(found, source.template)
