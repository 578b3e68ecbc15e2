"""Browse paths of OPC UA, such as ``/Objects/2:Plant/nsu=urn:plant;Pump/2:Power``: from the root, one name per level.

An element without a namespace is of namespace 0, the standard's own. ``&`` takes the next character as it is, so that
a name may have a ``/``; an address in ``nsu=`` ends with its first ``;``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_URI = re.compile(r"nsu=([^;]+);")
_INDEX = re.compile(r"([0-9]+):")
_NAME = re.compile(r"(?:&.|[^/&])+", re.DOTALL)

HIGHEST_INDEX = 0xFFFF
"""A namespace index has two bytes."""


@dataclass(frozen=True, slots=True)
class PathElement:
    """One level of a browse path."""

    namespace: str | int
    """Its address, or its index at the server."""
    name: str


def elements_of(path: str) -> tuple[PathElement, ...]:
    """The levels of a browse path, from below the root. Raises ValueError for a text that is none."""
    elements: list[PathElement] = []
    at = 0
    while at < len(path):
        if path[at] != "/":
            raise ValueError(f"{path!r} is not a browse path: it should begin with a /")
        at += 1
        namespace: str | int = 0
        if uri := _URI.match(path, at):
            namespace, at = uri[1], uri.end()
        elif index := _INDEX.match(path, at):
            namespace, at = int(index[1]), index.end()
            if namespace > HIGHEST_INDEX:
                raise ValueError(f"{path!r} is not a browse path: there is no namespace {namespace}")
        name = _NAME.match(path, at)
        if name is None:
            raise ValueError(f"{path!r} is not a browse path: there is no name after {path[:at]!r}")
        at = name.end()
        elements.append(PathElement(namespace, re.sub(r"&(.)", r"\1", name[0], flags=re.DOTALL)))
    if not elements:
        raise ValueError("a browse path needs at least one name")
    return tuple(elements)
