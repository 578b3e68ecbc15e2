"""What an MQTT session has heard: the last message of each topic, and those who must see every one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

from drivers.payload import document_of
from drivers.quality import Stamp

LONGEST_PAYLOAD: Final = 1 << 20
"""A device's whole state is some kilobytes; pictures and firmware are longer, and are not kept."""

SPARKPLUG: Final = "spBv1.0"


@dataclass(frozen=True)
class Message:
    """The last thing heard on a topic."""

    payload: bytes
    retained: bool
    """Kept by the broker from before we listened: of unknown age."""
    stamp: Stamp

    @cached_property
    def document(self) -> Any:
        """The payload as JSON, parsed when somebody asks and then kept. Raises NoNumber."""
        return document_of(self.payload)


class Follower(Protocol):
    """Sees every message of its topics, in order, where the last one alone does not say it all."""

    def begin(self) -> None:
        """A new session: whatever was said since the last one has been missed."""

    def take(self, topic: str, message: Message) -> None:
        """Called for each message as it arrives: must be quick and never raise."""


def followed_as(topic: str) -> str:
    """Under what a topic is followed: itself, or for Sparkplug its edge node, with all that is behind it."""
    if topic.startswith(SPARKPLUG):
        namespace, group, _, *rest = (*topic.split("/", 4), "", "", "")
        if namespace == SPARKPLUG and rest[0]:
            return f"{SPARKPLUG}/{group}//{rest[0]}"
    return topic


class Inbox:
    """Takes messages as they come and looks into none: a flood of them costs no memory, and little time.

    Only topics that somebody wants are kept, whatever a broker sends.
    """

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._last: dict[str, Message] = {}
        self._followers: dict[str, Follower] = {}

    def want(self, topics: Iterable[str]) -> None:
        """Keep the last message of these topics from now on."""
        self._wanted.update(topics)

    def follow(self, key: str, follower: Follower) -> None:
        """Show a follower every message that is followed as `key`."""
        self._followers[key] = follower

    def follower(self, key: str) -> Follower | None:
        return self._followers.get(key)

    def last(self, topic: str) -> Message | None:
        """The last message of a topic in this session."""
        return self._last.get(topic)

    def begin(self) -> None:
        """A new session: older messages would look live beside the retained ones that come now."""
        self._last.clear()
        for follower in self._followers.values():
            follower.begin()

    def clear(self) -> None:
        """Forget everything and everybody."""
        self._wanted.clear()
        self._last.clear()
        self._followers.clear()

    def take(self, topic: str, payload: bytes, retained: bool, stamp: Stamp) -> None:
        """Take what has arrived."""
        if len(payload) > LONGEST_PAYLOAD:
            payload = b"a payload of more than a megabyte, which is not kept"
        message = Message(payload, retained, stamp)
        if topic in self._wanted:
            self._last[topic] = message
        if self._followers and (follower := self._followers.get(followed_as(topic))) is not None:
            follower.take(topic, message)
