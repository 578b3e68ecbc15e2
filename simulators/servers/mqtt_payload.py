"""Payloads in which several values of a device stand together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any


def put(document: dict[str, Any], path: str, value: object) -> None:
    """Put a value at a dotted path; a number in it counts through a list, and what nobody says there is null."""
    names = path.split(".")
    place: Any = document
    for folder, following in pairwise(names):
        inner = _at(place, folder)
        if inner is None:
            inner = [] if following.isdecimal() else {}
            _set(place, folder, inner)
        place = inner
    _set(place, names[-1], value)


def joined(text: str, further: str) -> str:
    """Two texts as one: what ends the first and begins the second stands there once."""
    most = min(len(text), len(further))
    common = next((length for length in range(most, 0, -1) if text.endswith(further[:length])), 0)
    return text + further[common:]


def _at(place: Any, key: str) -> Any:
    if isinstance(place, list):
        return place[int(key)] if int(key) < len(place) else None
    return place.get(key)


def _set(place: Any, key: str, value: object) -> None:
    if isinstance(place, list):
        place.extend([None] * (int(key) + 1 - len(place)))
        place[int(key)] = value
    else:
        place[key] = value
