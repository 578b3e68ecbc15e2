"""What is said on an MQTT broker: topics with an example payload, and where the numbers in it stand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiomqtt
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from config.connection import Mqtt
from drivers.mqtt_client import MqttClient
from drivers.payload import NoNumber, document_of

MOST_TOPICS: Final = 1000
"""More than a person reads; a building's broker may have a hundred thousand."""

MOST_NUMBERS: Final = 50
"""Numbers listed of one payload: a meter's message has some twenty."""

LONGEST_PAYLOAD: Final = 65536
"""Longer ones are pictures or firmware, and no readings are looked for in them."""

SHOWN_TEXT: Final = 60
"""Characters of a payload in the table."""

JSON_TEXT: Final = 2000
"""Characters of a payload in the JSON answer."""


@dataclass(slots=True)
class TopicFound:
    """What was heard on one topic."""

    topic: str
    payload: bytes
    """Of the last message."""
    retained: bool
    """Whether the broker had kept a message from before we listened."""
    messages: int = 0
    numbers: dict[str | None, float | bool] = field(default_factory=dict)
    """By dotted path as a profile writes it; None for a payload that is a number itself."""

    def as_data(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "payload": shown(self.payload, JSON_TEXT),
            "retained": self.retained,
            "messages": self.messages,
            "numbers": [{"path": path, "value": value} for path, value in self.numbers.items()],
        }


async def listen(spec: Mqtt, password: str | None, topic: str, for_s: float) -> tuple[list[TopicFound], bool]:
    """What is published while we listen, by topic, and whether there were more topics than are kept.

    Nothing is published. Raises MqttError when the broker does not answer, refuses us or goes away.
    """
    heard: dict[str, TopicFound] = {}
    cut = False
    client = MqttClient(spec, password, None)
    await client.enter()
    try:
        codes = await client.subscribe(topic)
        if any(not isinstance(code, int) and code.is_failure for code in codes):
            raise aiomqtt.MqttError(f"the broker does not let us listen to {topic}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                async for message in client.messages:
                    cut |= not _keep(heard, message)
    finally:
        await client.leave()
    for found in heard.values():
        found.numbers = dict(numbers_in(found.payload))
    return sorted(heard.values(), key=lambda found: found.topic), cut


def _keep(heard: dict[str, TopicFound], message: aiomqtt.Message) -> bool:
    """False for a topic too many."""
    name = str(message.topic)
    payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
    found = heard.get(name)
    if found is None:
        if len(heard) >= MOST_TOPICS:
            return False
        found = heard[name] = TopicFound(name, payload, message.retain)
    found.payload = payload
    found.messages += 1
    return True


def numbers_in(payload: bytes) -> Iterator[tuple[str | None, float | bool]]:
    """The numbers of a payload with their dotted paths, at most MOST_NUMBERS; true and false count."""
    if len(payload) > LONGEST_PAYLOAD:
        return
    try:
        document = document_of(payload)
    except NoNumber:
        return
    for count, found in enumerate(_numbers(document, ()), start=1):
        yield found
        if count == MOST_NUMBERS:
            return


def _numbers(document: Any, path: tuple[str, ...]) -> Iterator[tuple[str | None, float | bool]]:
    match document:
        case bool():
            yield ".".join(path) or None, document
        case float() if math.isfinite(document):
            yield ".".join(path) or None, document
        case dict():
            for key, value in document.items():
                if "." not in key and key:  # a path could not name it
                    yield from _numbers(value, (*path, key))
        case list():
            for index, value in enumerate(document):
                yield from _numbers(value, (*path, str(index)))


def shown(payload: bytes, most: int) -> str:
    """A payload as text, or in hexadecimal figures when it is none."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        text = f"{len(payload)} bytes: {payload[: most // 2].hex()}"
    return text if len(text) <= most else text[: most - 3] + "..."


def harmless(text: str) -> str:
    """Without signs that would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def topic_tables(heard: Sequence[TopicFound], cut: bool) -> list[RenderableType]:
    """One table of all topics."""
    table = Table("topic", "payload", "numbers at", "messages", "retained")
    for found in heard:
        places = ", ".join("the payload itself" if path is None else path for path in found.numbers)
        text = shown(found.payload, SHOWN_TEXT)
        row = (found.topic, text, places, str(found.messages), "yes" if found.retained else "")
        table.add_row(*(Text(harmless(cell)) for cell in row))
    tables: list[RenderableType] = [table]
    if cut:
        tables.append(Text(f"there are more topics than the {MOST_TOPICS} shown"))
    return tables


def as_json(heard: Sequence[TopicFound], cut: bool, url: str) -> str:
    answer = {"url": url, "topics": [found.as_data() for found in heard], "cut": cut}
    return json.dumps(answer, indent=2, ensure_ascii=False)
