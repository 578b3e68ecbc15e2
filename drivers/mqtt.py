"""A device that publishes over MQTT."""

from __future__ import annotations

from collections.abc import Sequence

from config.clock import Clock
from config.point import Point
from config.profile import MqttPoint
from drivers.driver import Accepted, Reading, Rejected, Setpoint, WriteResult
from drivers.mqtt_session import Message, MqttSession
from drivers.payload import NoNumber, document_of, number_at, time_at
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

    async def _begin(self) -> None:
        await self._connection.listen(self._topics)

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
        try:
            topic, payload = command_of(setpoint)
        except Refused as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        published_s = self._clock.monotonic_s()
        if refusal := await self._connection.publish(topic, payload):
            return Rejected(f"{setpoint.point.key}: the broker refuses {topic}: {refusal}")
        return await self._shown(setpoint, published_s)

    async def _shown(self, setpoint: Setpoint, published_s: float) -> WriteResult:
        """What the device shows after a command.

        A message from after the command counts at once. A device that publishes only changes sends none when
        the value stays: what it said before stands for it once the time is over.
        """
        point = self._shown_by[setpoint.point.name]
        topic = _source(point).topic
        deadline_s = published_s + self._connection.timeout_s
        while (left_s := deadline_s - self._clock.monotonic_s()) > 0:
            message = self._connection.heard(topic)
            if message is not None and message.stamp.received_s >= published_s:
                result = confirm(setpoint, reading_of(point, message))
                if isinstance(result, Accepted):
                    return result
            await self._connection.arrival(left_s)
        return confirm(setpoint, self._reading(point))


def _source(point: Point) -> MqttPoint:
    assert isinstance(point.source, MqttPoint)
    return point.source


def _text(raw: float) -> str:
    """A number as JSON, without the digits that only the conversion made: 123400, not 123400.00000000001."""
    return f"{raw:.12g}"


def command_of(setpoint: Setpoint) -> tuple[str, str]:
    """Topic and payload of the command for a setpoint. Raises Refused."""
    source = _source(setpoint.point)
    assert source.setpoint is not None  # a Setpoint has checked it
    raw = raw_of(setpoint.point, setpoint.value)
    return source.setpoint.command_topic, source.setpoint.payload.replace("{value}", _text(raw))


def reading_of(point: Point, message: Message) -> Reading:
    """The reading of a point in a message, whatever its age."""
    source = _source(point)
    try:
        document = document_of(message.payload)
        raw = number_at(document, source.path)
    except NoNumber as error:
        return bad(point, str(error), message.stamp)
    source_at = time_at(document, source.time_path)
    doubt = "kept by the broker, of unknown age" if message.retained else ""
    return judge(point, raw, message.stamp, source_at=source_at, doubt=doubt)
