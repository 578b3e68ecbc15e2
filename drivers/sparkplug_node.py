"""One Sparkplug edge node as a host sees it: who is alive, and what its metrics say.

A birth certificate names every metric with its type, its alias and its value; after it only changes come, by alias.
So a message that is missing makes doubtful all that follows until the next birth, and a metric that is silent has
not changed for as long as nobody has died.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from drivers.mqtt_inbox import SPARKPLUG, Message
from drivers.quality import Stamp
from drivers.sparkplug_payload import Malformed, Metric, SparkplugPayload, payload_of
from drivers.sparkplug_types import number_of, time_of

DOUBT_S: Final = 5.0
"""How long values from before a gap are still shown, as uncertain: an edge node that is asked for a new birth
answers within a second or two, and a park should not fall to safe values for that."""

REBIRTH_S: Final = 10.0
"""Between two requests for a birth, which may be some hundred kilobytes long."""

NEWCOMER_S: Final = 1.0
"""The same for a device that joins: the drivers of one node begin within a moment, and the birth that the first of them
has asked for may be over before the last one listens."""

LATE_BIRTH_S: Final = 0.5
"""A broker of several machines may deliver a birth after the death that came later: one that follows a death of the
same session so closely is asked for again."""

_SEQUENCE: Final = 256
_BD_SEQ: Final = "bdSeq"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a metric says, and since when."""

    number: float | None
    reason: str
    """Why there is no number, or why it is in doubt."""
    stamp: Stamp
    source_at: datetime | None


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing is known of a metric."""

    reason: str


@dataclass(slots=True)
class _Born:
    """What has been announced, as far as somebody wants it."""

    aliases: frozenset[int]
    """All that the birth has, wanted or not: one that is not among them shows that a birth has been missed."""
    types: dict[str, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    shown: dict[str, Shown] = field(default_factory=dict)


class EdgeNode:
    """Follows everything that one edge node says, in order; a device of None is the node itself.

    Retained messages are left out: a birth that a broker has kept says nothing about who is alive.
    """

    def __init__(self) -> None:
        self._wanted: dict[str | None, set[str]] = {}
        self._may_be_asked = False
        self.begin()

    def begin(self) -> None:
        """A new session with the broker: births have been missed."""
        self._born: dict[str | None, _Born] = {}
        self._absence = "the edge node has not announced itself"
        self._gone: set[str | None] = set()
        self._doubt = ""
        self._doubt_s = 0.0
        self._due = 0
        self._bd_seq: int | None = None
        self._death: tuple[int | None, float] | None = None
        self._asks = True
        self._asked_s = float("-inf")
        self._newcomer = False

    def want(self, device: str | None, metrics: Iterable[str], *, may_ask: bool) -> None:
        """Keep these metrics from now on; what a birth has said of them before has been missed.

        `may_ask` tells whether somebody will ask for a birth when one is due.
        """
        self._may_be_asked |= may_ask
        wanted = self._wanted.setdefault(device, set())
        missed = set(metrics) - wanted
        wanted |= missed
        self._asks |= bool(missed)
        self._newcomer |= bool(missed)

    def rebirth_due(self, now_s: float) -> bool:
        """Whether the node should be asked for its births; whoever is told so is the one to ask."""
        if not self._asks or now_s - self._asked_s < (NEWCOMER_S if self._newcomer else REBIRTH_S):
            return False
        self._asked_s, self._newcomer = now_s, False
        return True

    def shown(self, device: str | None, metric: str, now_s: float) -> Shown | Absent:
        """What a metric says now."""
        if self._absence:
            return Absent(self._absence)
        if self._doubt and now_s - self._doubt_s > DOUBT_S:
            return Absent(self._doubt)
        born = self._born.get(device)
        if born is None:
            return Absent("the device has gone" if device in self._gone else "the device has not been announced")
        shown = born.shown.get(metric)
        if shown is None:
            return Absent(f"the birth has no metric {metric}")
        if self._doubt and shown.number is not None:
            return Shown(shown.number, self._doubt, shown.stamp, shown.source_at)
        return shown

    def type_of(self, device: str | None, metric: str, now_s: float) -> int | Absent:
        """The type that a metric has been announced with, while it is certain what is announced."""
        shown = self.shown(device, metric, now_s)
        if isinstance(shown, Absent):
            return shown
        return Absent(self._doubt) if self._doubt else self._born[device].types[metric]

    # -- messages --------------------------------------------------------------------------------

    def take(self, topic: str, message: Message) -> None:
        namespace, _, kind, _, *rest = (*topic.split("/"), "", "", "", "")
        device = rest[0] or None
        if message.retained or namespace != SPARKPLUG:
            return
        try:
            payload = payload_of(message.payload)
        except Malformed as error:
            self._lose(f"a {kind} cannot be read: {error}", message.stamp)
            return
        match kind:
            case "NBIRTH" if device is None:
                self._node_born(payload, message.stamp)
            case "NDEATH" if device is None:
                self._node_dead(payload, message.stamp)
            case "NDATA" | "DBIRTH" | "DDATA" | "DDEATH" if (device is None) == (kind == "NDATA"):
                if self._in_order(payload, message.stamp):
                    self._said(kind, device, payload, message.stamp)

    def _node_born(self, payload: SparkplugPayload, stamp: Stamp) -> None:
        bd_seq = _bd_seq_in(payload)
        if self._death is not None and self._may_be_asked:
            of, died_s = self._death
            if of == bd_seq and stamp.received_s - died_s < LATE_BIRTH_S:
                self._asks = True
                return
        self._born = {}
        self._gone = set()
        self._absence = self._doubt = ""
        self._asks = False
        self._death = None
        self._bd_seq = bd_seq
        self._due = (payload.seq + 1) % _SEQUENCE
        self._announced(None, payload, stamp)

    def _node_dead(self, payload: SparkplugPayload, stamp: Stamp) -> None:
        if self._absence:
            return
        bd_seq = _bd_seq_in(payload)
        if None not in (bd_seq, self._bd_seq) and bd_seq != self._bd_seq:
            # the will of a former connection, or a node that does not count: if it lives, it will say so
            self._lose(f"a death certificate came of session {bd_seq}, where {self._bd_seq} is alive", stamp)
            return
        self._absence = "the edge node has gone"
        self._born = {}
        self._asks = False
        self._death = (self._bd_seq, stamp.received_s)

    def _in_order(self, payload: SparkplugPayload, stamp: Stamp) -> bool:
        """Whether a message may be taken: the node is alive, and nothing before it is missing."""
        if self._absence:
            self._asks = True
            return False
        if not self._doubt and payload.seq != self._due:
            self._lose(f"message {payload.seq} came where {self._due} was due", stamp)
        self._due = (self._due + 1) % _SEQUENCE
        return not self._doubt

    def _said(self, kind: str, device: str | None, payload: SparkplugPayload, stamp: Stamp) -> None:
        if device not in self._wanted:
            return
        match kind:
            case "DBIRTH":
                self._gone.discard(device)
                self._announced(device, payload, stamp)
            case "DDEATH":
                self._gone.add(device)
                self._born.pop(device, None)
            case _:
                born = self._born.get(device)
                if born is None:
                    self._lose(f"data of {device} came before its birth", stamp)
                else:
                    self._changed(born, device, payload, stamp)

    def _announced(self, device: str | None, payload: SparkplugPayload, stamp: Stamp) -> None:
        wanted = self._wanted.get(device, set())
        born = _Born(frozenset(metric.alias for metric in payload.metrics if metric.alias is not None))
        for metric in payload.metrics:
            if metric.name is not None and metric.name in wanted and metric.datatype is not None:
                born.types[metric.name] = metric.datatype
                if metric.alias is not None:
                    born.names[metric.alias] = metric.name
                born.shown[metric.name] = _shown(metric, metric.datatype, payload, stamp)
        self._born[device] = born

    def _changed(self, born: _Born, device: str | None, payload: SparkplugPayload, stamp: Stamp) -> None:
        for metric in payload.metrics:
            if metric.name is None and metric.alias not in born.aliases:
                self._lose(f"alias {metric.alias} was not in the birth", stamp)
                return
            name = metric.name
            if name is None and metric.alias is not None:
                name = born.names.get(metric.alias)
            if name is None or name not in self._wanted[device] or metric.historical:
                continue
            if name not in born.types:
                self._lose(f"metric {name} was not in the birth", stamp)
                return
            born.shown[name] = _shown(metric, born.types[name], payload, stamp)

    def _lose(self, reason: str, stamp: Stamp) -> None:
        """What has been said is in doubt until the node announces itself again."""
        if not self._doubt:
            self._doubt, self._doubt_s = reason, stamp.received_s
        self._asks = True


def _bd_seq_in(payload: SparkplugPayload) -> int | None:
    """Which connection of the node a birth or a death belongs to."""
    for metric in payload.metrics:
        if metric.name == _BD_SEQ and isinstance(metric.value, int) and not isinstance(metric.value, bool):
            return metric.value
    return None


def _shown(metric: Metric, datatype: int, payload: SparkplugPayload, stamp: Stamp) -> Shown:
    source_at = time_of(metric.timestamp_ms if metric.timestamp_ms is not None else payload.timestamp_ms)
    if metric.historical:
        return Shown(None, "its birth has only a historical value", stamp, source_at)
    if metric.datatype is not None and metric.datatype != datatype:
        return Shown(None, f"its type was {datatype} in the birth and is {metric.datatype} now", stamp, source_at)
    number = number_of(metric, datatype)
    if isinstance(number, str):
        return Shown(None, number, stamp, source_at)
    return Shown(number, "", stamp, source_at)
