"""The page for people and the table for the program say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.points import STANDARD_POINTS
from controller.telemetry.schema import MEASUREMENTS

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"


def section(measurement: str) -> str:
    found = re.search(rf"^## {measurement}\n(.*?)(?=^## )", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/telemetry.md has no section {measurement}"
    return found[1]


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_the_page_lists_every_field_with_its_type(name: str) -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section(name), re.MULTILINE))
    assert listed == dict(MEASUREMENTS[name].fields)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_the_page_names_every_tag(name: str) -> None:
    introduction = section(name).split("\n|")[0]
    told = introduction[introduction.index("Tags:") :]
    for tag in (*MEASUREMENTS[name].tags, *MEASUREMENTS[name].optional_tags):
        assert f"`{tag}`" in told


def test_a_field_with_a_unit_in_its_name_is_a_float() -> None:
    unit = re.compile(r"_(kw|kwh|kg|s|ms|degc|per_kwh)$")
    for measurement in MEASUREMENTS.values():
        for name, field_type in measurement.fields.items():
            assert not unit.search(name) or field_type == "float", name


def test_every_standard_point_is_a_float_field() -> None:
    assert {MEASUREMENTS["point"].type_of(name) for name in STANDARD_POINTS} == {"float"}
