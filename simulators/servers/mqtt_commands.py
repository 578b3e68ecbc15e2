"""Commands to an MQTT device: what a payload asks of it, and what it answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from config.point import Point
from config.point_spec import MqttPoint
from config.setpoint_spec import Sign
from simulators.encoding import value_of
from simulators.servers.mqtt_payload import put

_NUMBER = r"(?P<value>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"


@dataclass(frozen=True, slots=True)
class Meant:
    """What a command asks for."""

    value: float | None
    """In the point's unit and the site's sign; None gives the device back to its own control."""
    id: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    topic: str
    payload: str


class Command:
    """The command of one setpoint."""

    def __init__(self, point: Point) -> None:
        source = point.source
        assert isinstance(source, MqttPoint)
        assert source.setpoint is not None
        self.point = point
        self._values = source.values
        self._release = source.setpoint.release
        self._acknowledge = source.setpoint.acknowledge
        words = "|".join(re.escape(word) for word in source.values or ())
        value = f"(?P<value>{words})" if words else _NUMBER
        form = re.escape(source.setpoint.payload).replace(re.escape("{value}"), value, 1)
        self._form = re.compile(form.replace(re.escape("{id}"), r"(?P<id>\d+)", 1).replace(re.escape("{id}"), r"\d+"))

    def meant(self, text: str) -> Meant | None:
        """What a payload asks for; None for one that is no command of this setpoint."""
        text = text.strip()
        if self._release is not None and text == self._release.strip():
            return Meant(None, None)
        match = self._form.fullmatch(text)
        if match is None:
            return None
        found = match.groupdict()
        raw = float(found["value"]) if self._values is None else self._values[found["value"]]
        return Meant(value_of(self.point, raw), int(found["id"]) if "id" in found else None)

    def answer(self, meant: Meant, *, accepted: bool) -> Answer | None:
        """The device's yes or no, None from one that does not answer."""
        known = self._acknowledge
        if known is None or meant.value is None:
            return None
        sign = known.accepted if accepted else known.rejected
        if sign.path is None and known.id_path is None:
            return Answer(known.topic, sign.words[0])
        document: dict[str, Any] = {}
        _say(document, sign)
        if not accepted and known.reason_path is not None:
            put(document, known.reason_path, f"{meant.value:g} is out of range")
        if known.id_path is not None and meant.id is not None:
            put(document, known.id_path, meant.id)
        return Answer(known.topic, json.dumps(document))


def _say(document: dict[str, Any], sign: Sign) -> None:
    """Make a sign stand where it is looked for; without words of its own, that something stands there is enough."""
    if sign.path is not None:
        put(document, sign.path, sign.words[0] if sign.words else {})
