"""A Sparkplug edge node on pysparkplug, whose encoder is not ours. It runs in a Python of its own (sparkplug.txt).

What it is comes as JSON in the first argument, what it should do as lines of JSON on standard input; what it was told
over the wire goes out as lines of JSON on standard output.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from pysparkplug import (
    Client,
    DataType,
    DBirth,
    DData,
    DDeath,
    Message,
    MessageType,
    Metric,
    NBirth,
    NData,
    NDeath,
    QoS,
    Topic,
    get_current_timestamp,
)


class Node:
    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._metrics = {None: spec.get("metrics", []), **spec.get("devices", {})}
        self._seq = 0
        self._bd_seq = spec.get("bd_seq", 0)
        self._client = Client()
        self._client.set_will(self._death(self._bd_seq))
        for device in self._metrics:
            kind = MessageType.NCMD if device is None else MessageType.DCMD
            self._client.subscribe(self._topic(kind, device), QoS.AT_LEAST_ONCE, self._commanded)
        self._there = threading.Event()
        self._client.connect("127.0.0.1", port=spec["port"], callback=self._connected)
        self._there.wait()

    def _connected(self, _: Client) -> None:
        self.birth(self._spec.get("retain", False))
        self._there.set()

    def _topic(self, kind: MessageType, device: str | None) -> Topic:
        return Topic(self._spec["group"], kind, self._spec["node"], device)

    def _death(self, bd_seq: int) -> Message:
        metric = Metric(get_current_timestamp(), "bdSeq", DataType.INT64, value=bd_seq)
        payload = NDeath(timestamp=get_current_timestamp(), bd_seq_metric=metric)
        return Message(self._topic(MessageType.NDEATH, None), payload, QoS.AT_LEAST_ONCE, retain=False)

    def _next(self) -> int:
        seq, self._seq = self._seq, (self._seq + 1) % 256
        return seq

    def _send(self, kind: MessageType, device: str | None, payload: Any, retain: bool = False) -> None:
        message = Message(self._topic(kind, device), payload, QoS.AT_MOST_ONCE, retain=retain)
        self._client.publish(message, include_dtypes=self._spec.get("include_types", False))

    def birth(self, retain: bool = False) -> None:
        self._seq = 0
        for device in self._metrics:
            self.announce(device, retain)

    def announce(self, device: str | None, retain: bool = False) -> None:
        metrics = [_metric(each) for each in self._metrics[device]]
        if device is None:
            metrics.append(Metric(get_current_timestamp(), "bdSeq", DataType.INT64, value=self._bd_seq))
            metrics.append(Metric(get_current_timestamp(), "Node Control/Rebirth", DataType.BOOLEAN, value=False))
        kind, payload = (MessageType.NBIRTH, NBirth) if device is None else (MessageType.DBIRTH, DBirth)
        self._send(kind, device, payload(get_current_timestamp(), self._next(), tuple(metrics)), retain)

    def data(self, device: str | None, metrics: list[dict[str, Any]], seq: int | None = None) -> None:
        """Changed metrics, by alias where the birth gave one."""
        changed = []
        for change in metrics:
            known = next((each for each in self._metrics[device] if each["name"] == change.get("name")), {})
            known.update({key: value for key, value in change.items() if key in ("value", "null")})
            changed.append(_metric({**known, **change}, by_alias=True))
        kind, payload = (MessageType.NDATA, NData) if device is None else (MessageType.DDATA, DData)
        here = self._next() if seq is None else seq
        self._send(kind, device, payload(get_current_timestamp(), here, tuple(changed)))

    def die(self, device: str) -> None:
        self._send(MessageType.DDEATH, device, DDeath(get_current_timestamp(), self._next()))

    def node_death(self, bd_seq: int) -> None:
        self._client.publish(self._death(bd_seq))

    def skip(self) -> None:
        """As if a message had been lost."""
        self._next()

    def _commanded(self, _: Client, message: Message) -> None:
        metrics = {metric.name: metric.value for metric in message.payload.metrics}
        print(json.dumps({"topic": str(message.topic), "metrics": metrics}), flush=True)
        if metrics.get("Node Control/Rebirth") is True and self._spec.get("answers", True):
            self.birth()


def _metric(said: dict[str, Any], by_alias: bool = False) -> Metric:
    alias = said.get("alias")
    return Metric(
        said.get("timestamp", get_current_timestamp()),
        None if by_alias and alias is not None else said["name"],
        DataType[said["type"]],
        value=said.get("value"),
        alias=alias,
        is_historical=said.get("historical", False),
        is_transient=said.get("transient", False),
        is_null=said.get("null", False),
    )


def main() -> None:
    node = Node(json.loads(sys.argv[1]))
    for line in sys.stdin:
        told = json.loads(line)
        getattr(node, told.pop("do"))(**told)


main()
