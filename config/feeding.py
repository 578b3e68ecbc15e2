"""What may hang on a feeder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.document import Location, shown
from config.faults import nearest
from config.points import NEEDS

CARRIES = ("grid_connection", "transformer", "feeder")
"""Kinds that the power of others goes through."""


def misplaced(assets: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Location, str]]:
    """What is wrong with what feeders feed, given the raw data: where, and in words.

    It takes or gives electricity, and hangs on no other.
    """
    kinds = {name: asset.get("kind") for name, asset in assets.items()}
    hangs = [name for name, kind in kinds.items() if _hangs(kind)]
    on: dict[str, str] = {}
    for name, asset in assets.items():
        feeds = asset.get("feeds") if asset.get("kind") == "feeder" else None
        for place, fed in enumerate(feeds if isinstance(feeds, list | tuple) else ()):
            here = ("assets", name, "feeds", place)
            if fed not in kinds:
                yield here, f"there is no asset {shown(fed)}; {nearest(str(fed), hangs)}"
            elif fed not in hangs:
                yield here, f"{fed!r} is a {kinds[fed]}, which takes and gives no electricity behind a feeder"
            elif fed in on:
                yield here, f"{fed!r} hangs on {on[fed]!r} already"
            else:
                on[fed] = name


def _hangs(kind: object) -> bool:
    return isinstance(kind, str) and kind in NEEDS and kind not in CARRIES and NEEDS[kind].direction("electricity") != 0
