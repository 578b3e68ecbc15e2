"""What an MQTT session keeps of what it hears."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drivers.mqtt_inbox import Inbox, Message, followed_as
from drivers.quality import Stamp

STAMP = Stamp(received_s=1.0, at=datetime(2026, 10, 14, tzinfo=UTC))


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def begin(self) -> None:
        self.heard.append("begin")

    def take(self, topic: str, message: Message) -> None:
        self.heard.append(f"{topic} {message.payload.decode()}")


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        ("park/meter", "park/meter"),
        ("spBv1.0/park/NBIRTH/hall", "spBv1.0/park//hall"),
        ("spBv1.0/park/DDATA/hall/meter", "spBv1.0/park//hall"),
        ("spBv1.0/park/DDATA/hall/meter/more", "spBv1.0/park//hall"),
        ("spBv1.0/STATE/scada", "spBv1.0/STATE/scada"),
        ("spBv1.0/park/NDATA/", "spBv1.0/park/NDATA/"),
        ("spBv1.0", "spBv1.0"),
        ("spBv1.0x/a/b/c", "spBv1.0x/a/b/c"),
        ("", ""),
    ],
)
def test_a_sparkplug_topic_is_followed_as_its_edge_node(topic: str, key: str) -> None:
    assert followed_as(topic) == key


def test_only_what_is_wanted_is_kept_and_only_the_last() -> None:
    inbox = Inbox()
    inbox.want(["a"])
    for number in range(1000):
        inbox.take("a", str(number).encode(), False, STAMP)
        inbox.take(f"unwanted/{number}", b"1", False, STAMP)
    last = inbox.last("a")
    assert last is not None
    assert last.document == 999.0
    assert inbox.last("unwanted/1") is None
    assert len(inbox._last) == 1
    inbox.begin()
    assert inbox.last("a") is None
    inbox.take("a", b"1", False, STAMP)
    assert inbox.last("a") is not None


def test_a_follower_sees_every_message_in_order_and_each_new_session() -> None:
    inbox, listener = Inbox(), Listener()
    inbox.follow("a", listener)
    for payload in (b"1", b"2"):
        inbox.take("a", payload, False, STAMP)
    inbox.begin()
    inbox.take("b", b"3", False, STAMP)
    inbox.clear()
    inbox.take("a", b"4", False, STAMP)
    assert listener.heard == ["a 1", "a 2", "begin"]
