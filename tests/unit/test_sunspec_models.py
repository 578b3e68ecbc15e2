"""Our table of SunSpec points against the standard's own files, as pysunspec2 brings them along."""

from __future__ import annotations

from typing import Any

import pytest
import sunspec2.device

from drivers.codec import registers_of
from drivers.sunspec_models import COMMON, COMMON_TEXTS, MODELS, SunspecPoint

VENDORS = 64000
"""Models from here on are their vendors' own."""

KINDS = {
    "int16": "s16",
    "uint16": "u16",
    "count": "u16",
    "enum16": "u16",
    "bitfield16": "u16",
    "int32": "s32",
    "uint32": "u32",
    "acc32": "u32",
    "bitfield32": "u32",
    "uint64": "u64",
    "acc64": "u64",
    "float32": "f32",
}


def laid_out(group: dict[str, Any]) -> dict[str, tuple[int, dict[str, Any]]]:
    """Offset and definition by name of a group's own points."""
    found, offset = {}, 0
    for point in group["points"]:
        found[point["name"]] = (offset, point)
        offset += int(point["size"])
    return found


def differences(
    ours: SunspecPoint, theirs: dict[str, tuple[int, dict[str, Any]]], factors: dict[str, tuple[int, dict[str, Any]]]
) -> list[str]:
    offset, point = theirs[ours.name]
    factor = factors[point["sf"]][0] if "sf" in point else None
    found = []
    if (ours.offset, ours.scale_factor) != (offset, factor):
        found.append(f"{ours.name} lies at {offset}/{factor}, not {ours.offset}/{ours.scale_factor}")
    if (ours.type, registers_of(ours.type)) != (KINDS[point["type"]], int(point["size"])):
        found.append(f"{ours.name} is {point['type']}")
    if ours.writable != (point.get("access") == "RW"):
        found.append(f"{ours.name} is {'not ' if ours.writable else ''}writable")
    return found


@pytest.mark.parametrize("model_id", [model_id for model_id in MODELS if model_id < VENDORS])
def test_every_point_lies_where_the_standard_puts_it(model_id: int) -> None:
    model = MODELS[model_id]
    group = sunspec2.device.get_model_def(model_id)["group"]
    points = laid_out(group)
    fixed = sum(int(point["size"]) for _, point in points.values())
    # a group without a count is there once
    fixed += sum(sum(int(p["size"]) for p in g["points"]) for g in group.get("groups", []) if "count" not in g)
    assert model.length == fixed - 2
    faults = [fault for point in model.points for fault in differences(point, points, points)]
    if model.module_points:
        (module,) = group["groups"]
        inside = laid_out(module)
        assert model.module_length == sum(int(point["size"]) for _, point in inside.values())
        faults += [fault for point in model.module_points for fault in differences(point, inside, points)]
    assert faults == []


def test_the_common_texts_lie_where_the_standard_puts_them() -> None:
    points = laid_out(sunspec2.device.get_model_def(COMMON)["group"])
    theirs = {name: (points[name][0], int(points[name][1]["size"])) for name in ("Mn", "Md", "Vr", "SN")}
    assert list(COMMON_TEXTS.values()) == list(theirs.values())


@pytest.mark.parametrize(
    ("model_id", "name", "sentinels"),
    [(103, "W", (0x8000,)), (103, "A", (0xFFFF,)), (103, "WH", ()), (113, "W", ()), (701, "TotWhInj", (2**64 - 1,))],
)
def test_what_stands_for_no_value(model_id: int, name: str, sentinels: tuple[int, ...]) -> None:
    (point,) = (point for point in MODELS[model_id].points if point.name == name)
    assert point.sentinels == sentinels
