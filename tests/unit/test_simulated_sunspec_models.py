"""The simulated devices' own tables of SunSpec models against the standard's files, as pysunspec2 brings them along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sunspec2.device

from simulators.servers.sunspec_block import LAYOUTS
from simulators.servers.sunspec_models import SHORT_COMMON, Model

VENDORS = 64000
"""Models from here on are their vendors' own."""

KINDS = {
    "string": "s",
    "uint16": "u",
    "count": "u",
    "uint32": "U",
    "uint64": "Q",
    "int16": "i",
    "int32": "I",
    "enum16": "e",
    "bitfield16": "B",
    "bitfield32": "b",
    "acc32": "a",
    "acc64": "A",
    "sunssf": "f",
    "pad": "p",
}

LAID_OUT = [
    (profile, each)
    for profile, models in LAYOUTS.items()
    for each in models
    if each.id < VENDORS and each is not SHORT_COMMON
]


def standard(group: dict[str, Any], model: Model) -> Iterator[tuple[str, str, int, str | None]]:
    """Name, kind, registers and scale factor of every point after id and length, as the standard orders them."""
    points = [point for point in group["points"] if point["name"] not in ("ID", "L") or "count" in group]
    for point in points:
        yield point["name"], KINDS[point["type"]], int(point["size"]), point.get("sf")
    for inner in group.get("groups", ()):
        count = sum(field.name.endswith("IDStr") for field in model.fields) if "count" in inner else 1
        for number in range(1, count + 1):
            for name, *rest in standard(inner, model):
                yield (f"{number}{name}" if "count" in inner else f"{inner['name']}.{name}", *rest)


@pytest.mark.parametrize(("profile", "model"), LAID_OUT, ids=lambda of: of if isinstance(of, str) else str(of.id))
def test_every_point_is_where_the_standard_has_it(profile: str, model: Model) -> None:
    ours = [(field.name, field.kind, field.size, field.scale_factor) for field in model.fields]
    assert ours == list(standard(sunspec2.device.get_model_def(model.id)["group"], model))


def test_the_short_common_model_is_the_standards_without_its_pad() -> None:
    *theirs, pad = standard(sunspec2.device.get_model_def(1)["group"], SHORT_COMMON)
    assert [(field.name, field.kind, field.size, field.scale_factor) for field in SHORT_COMMON.fields] == theirs
    assert pad[0] == "Pad"
