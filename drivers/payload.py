"""What an MQTT payload says: JSON, a bare number, which is JSON as well, or a text that the profile knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from config.template import number_in
from drivers.driver import DriverError


class NoNumber(DriverError):
    """A payload in which a point's number is not to be found. The message says why."""


def document_of(payload: bytes) -> Any:
    """The JSON document of a payload. Raises NoNumber."""
    try:
        # whole numbers as floats: one of a thousand digits is an infinity then, not an error further on
        return json.loads(payload, parse_int=float)
    except (ValueError, RecursionError):
        raise NoNumber(f"the payload is not JSON: {payload[:40].decode(errors='replace')!r}") from None


def number_at(document: Any, path: str | None) -> float:
    """The number at a dotted path, true and false counting as 1 and 0. Raises NoNumber."""
    found = found_at(document, path)
    if not isinstance(found, bool | float):
        place = f"at {path}" if path is not None else "in the payload"
        raise NoNumber(f"there is no number {place} but {_named(found)}")
    return float(found)


def text_of(payload: bytes) -> str:
    """A payload that is no JSON, without the blanks and line ends around it. Raises NoNumber."""
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise NoNumber(f"the payload is not a text: {payload[:40].decode(errors='replace')!r}") from None


def word_of(found: Any) -> str | None:
    """A text, number or truth as the word that a profile has for it; None for anything else."""
    match found:
        case str():
            return found
        case bool():
            return "true" if found else "false"
        case float():
            return number_text(found)
        case _:
            return None


def number_text(number: float) -> str:
    """A number as JSON, without the digits that only a conversion made: 123400, not 123400.00000000001."""
    return f"{number:.12g}"


def number_of_word(found: Any, values: Mapping[str, float]) -> float:
    """The number that stands for a word. Raises NoNumber."""
    word = word_of(found)
    if word is None or word not in values:
        raise NoNumber(f"no number stands for {_named(found)}")
    return values[word]


def number_between(found: Any, template: str) -> float:
    """The number in a text, where the template has it. Raises NoNumber."""
    number = number_in(template, found) if isinstance(found, str) else None
    if number is None:
        raise NoNumber(f"{_named(found)} is not like {template!r}")
    return number


def _named(found: Any) -> str:
    match found:
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return json.dumps(found, ensure_ascii=False)[:40]


def time_at(document: Any, path: str | None) -> datetime | None:
    """The ISO 8601 time at a dotted path, as UTC when it names no zone; None when there is none."""
    if path is None:
        return None
    try:
        said = datetime.fromisoformat(str(found_at(document, path)))
    except (NoNumber, ValueError):
        return None
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


def found_at(document: Any, path: str | None) -> Any:
    """What stands at a dotted path; a number in it counts through a list. Raises NoNumber."""
    for part in path.split(".") if path is not None else ():
        match document:
            case dict() if part in document:
                document = document[part]
            case list() if part.isdecimal() and int(part) < len(document):
                document = document[int(part)]
            case _:
                raise NoNumber(f"the payload has no {path}")
    return document
