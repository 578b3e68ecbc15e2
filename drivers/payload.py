"""What an MQTT payload says: JSON, or a bare number, which is JSON as well."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

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
    found = _at(document, path)
    if not isinstance(found, bool | float):
        place = f"at {path}" if path is not None else "in the payload"
        raise NoNumber(f"there is no number {place} but {_named(found)}")
    return float(found)


def _named(found: Any) -> str:
    match found:
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return json.dumps(found)[:40]


def time_at(document: Any, path: str | None) -> datetime | None:
    """The ISO 8601 time at a dotted path, as UTC when it names no zone; None when there is none."""
    if path is None:
        return None
    try:
        said = datetime.fromisoformat(str(_at(document, path)))
    except (NoNumber, ValueError):
        return None
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


def _at(document: Any, path: str | None) -> Any:
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
