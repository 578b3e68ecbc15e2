"""docs/points.md says the same as config/points.py, and the profiles speak in these names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import config
from config.assets import Asset
from config.loader import load_profile
from config.points import NEEDS, STANDARD_POINTS

UNITS = ("_kw", "_kwh", "_kvar", "_v", "_a", "_hz", "_degc", "_s")
DOC = (Path(__file__).parents[2] / "docs" / "points.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the table under a heading, by the name in the first cell."""
    section = DOC.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first.strip("`"): others for first, *others in cells}


def names(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`(\w+)`", cell))


def test_every_name_and_its_meaning() -> None:
    assert {name: cells[-1] for name, cells in rows("Every name").items()} == STANDARD_POINTS


@pytest.mark.parametrize("kind", NEEDS)
def test_what_each_kind_of_asset_needs(kind: str) -> None:
    required, optional, setpoint = (names(cell) for cell in rows("By kind of asset")[kind])
    needs = NEEDS[kind]
    assert (required, optional, setpoint) == (
        needs.required,
        needs.one_of or needs.optional,
        (needs.setpoint,) if needs.setpoint else (),
    )


def test_no_kind_is_missing() -> None:
    assert set(rows("By kind of asset")) == set(NEEDS)
    union, _ = get_args(Asset)
    assert {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(union)} == set(NEEDS)


@pytest.mark.parametrize("kind", NEEDS)
def test_a_kind_uses_only_standard_names(kind: str) -> None:
    needs = NEEDS[kind]
    used = {*needs.required, *needs.optional, *needs.one_of, *([needs.setpoint] if needs.setpoint else [])}
    assert used <= set(STANDARD_POINTS)


def test_the_profiles_that_come_along_speak_in_standard_names_or_say_the_unit() -> None:
    further = set(rows("Further names"))
    for path in sorted((Path(config.__file__).parent / "profiles").glob("*.yaml")):
        for name in load_profile(path).points:
            assert name in STANDARD_POINTS or name in further or name.endswith(UNITS), f"{path.name}: {name}"


def test_further_names_are_none_of_the_standard_ones() -> None:
    assert not set(rows("Further names")) & set(STANDARD_POINTS)
