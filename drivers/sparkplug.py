"""A device that is published as Sparkplug B."""

from __future__ import annotations

from collections.abc import Sequence

from config.clock import Clock
from config.point import Point, SparkplugMetric
from drivers.driver import Accepted, DriverError, Reading, Rejected, Setpoint, Unconfirmed, WriteResult
from drivers.mqtt_inbox import SPARKPLUG, followed_as
from drivers.mqtt_session import MqttSession
from drivers.quality import Stamp, bad, confirm, judge
from drivers.scaling import Refused, raw_of
from drivers.shared import SharedDriver
from drivers.sparkplug_node import Absent, EdgeNode, Shown
from drivers.sparkplug_payload import command, rebirth_request
from drivers.sparkplug_types import written


class SparkplugDriver(SharedDriver[MqttSession]):
    """The metrics of one device, or of an edge node itself, in a shared session.

    Only changes are published. A value holds while the broker answers and the node has not died; a silent broker
    is a LinkDown.
    """

    def __init__(self, session: MqttSession, points: Sequence[Point], clock: Clock) -> None:
        """`points` are all points of the device, which is one."""
        super().__init__(session, points, clock)
        self._where = {(source.group, source.edge_node, source.device) for source in map(_source, points)}
        if len(self._where) != 1:
            raise DriverError(f"{session}: a device needs points, all of one Sparkplug device")
        ((self._group, self._edge_node, self._device),) = self._where
        self._metrics = {_source(point).metric for point in points}
        self._may_ask = all(_source(point).rebirth for point in points)
        self._node = EdgeNode()
        self._refusal = ""

    async def _begin(self) -> None:
        self._node = self._connection.follower(followed_as(self._topic("NBIRTH")), EdgeNode)
        # before we listen: a birth may come with the broker's answer
        self._node.want(self._device, self._metrics, may_ask=self._may_ask)
        await self._connection.attend(self._topics())

    async def _read(self, points: Sequence[Point]) -> list[Reading]:
        await self._connection.check()
        stamp = Stamp.of(self._clock)
        if self._may_ask and self._node.rebirth_due(stamp.received_s):
            request = rebirth_request(int(stamp.at.timestamp() * 1000))
            refusal = await self._connection.publish(self._topic("NCMD"), request, qos=0)
            self._refusal = f"; the broker does not let us ask for it: {refusal}" if refusal else ""
        return [self._reading(point, stamp) for point in points]

    def _reading(self, point: Point, now: Stamp) -> Reading:
        source = _source(point)
        shown = self._node.shown(source.device, source.metric, now.received_s)
        if isinstance(shown, Absent):
            refused = [topic for topic in self._topics() if self._connection.refuses(topic)]
            reason = f"the broker does not let us listen to {refused[0]}" if refused else shown.reason + self._refusal
            return bad(point, reason, now)
        if shown.number is None:
            return bad(point, shown.reason, shown.stamp, shown.source_at)
        age_s = now.received_s - shown.stamp.received_s
        if source.stale_s is not None and age_s > source.stale_s:
            return bad(point, f"nothing received for {age_s:.0f} s", shown.stamp, shown.source_at)
        # what has not been sent has not changed: the broker's answer renews it, unless something is missing
        stamp = shown.stamp if shown.reason or source.stale_s is not None else now
        return judge(point, shown.number, stamp, source_at=shown.source_at, doubt=shown.reason)

    async def _preview(self, setpoint: Setpoint) -> list[str]:
        source = _source(setpoint.point)
        datatype = self._node.type_of(source.device, source.metric, self._clock.monotonic_s())
        if isinstance(datatype, Absent):
            raise Refused(datatype.reason)
        raw = raw_of(setpoint.point, setpoint.value)
        written(raw, datatype)  # refuses what does not fit
        return [f"metric {source.metric}: {raw:g}"]

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        source = _source(setpoint.point)
        sent = Stamp.of(self._clock)
        datatype = self._node.type_of(source.device, source.metric, sent.received_s)
        if isinstance(datatype, Absent):
            return Unconfirmed(None, f"{setpoint.point.key} was not written: {datatype.reason}")
        try:
            value = written(raw_of(setpoint.point, setpoint.value), datatype)
        except Refused as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        payload = command(source.metric, datatype, value, int(sent.at.timestamp() * 1000))
        topic = self._topic("NCMD") if source.device is None else f"{self._topic('DCMD')}/{source.device}"
        # the specification sends commands without a receipt; we want to know whether it has gone out
        if refusal := await self._connection.publish(topic, payload):
            return Rejected(f"{setpoint.point.key}: the broker refuses {topic}: {refusal}")
        return await self._followed(setpoint, sent.received_s)

    async def _followed(self, setpoint: Setpoint, sent_s: float) -> WriteResult:
        """What the device shows: at once what it has sent since, once the time is over what it has not changed."""
        point = self._shown_by[setpoint.point.name]
        source = _source(point)
        deadline_s = sent_s + self._connection.timeout_s
        while True:
            now = Stamp.of(self._clock)
            shown = self._node.shown(source.device, source.metric, now.received_s)
            result = confirm(setpoint, self._reading(point, now))
            since = isinstance(shown, Shown) and shown.stamp.received_s >= sent_s
            if now.received_s >= deadline_s or (since and isinstance(result, Accepted)):
                return result
            await self._connection.arrival(deadline_s - now.received_s)

    def _topics(self) -> list[str]:
        """Everything that the node numbers in one sequence, its other devices as well."""
        node = [self._topic(kind) for kind in ("NBIRTH", "NDATA", "NDEATH")]
        return node + [f"{self._topic(kind)}/+" for kind in ("DBIRTH", "DDATA", "DDEATH")]

    def _topic(self, kind: str) -> str:
        return f"{SPARKPLUG}/{self._group}/{kind}/{self._edge_node}"


def _source(point: Point) -> SparkplugMetric:
    assert isinstance(point.source, SparkplugMetric)
    return point.source
