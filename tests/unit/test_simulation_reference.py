"""docs/simulation.md: every option, every key of a scenario and of a truth file, and an example that is a scenario."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.grid_operator import OperatorLimit
from config.site import Site
from parkgrid.simulate import simulate
from simulators.account import Account
from simulators.scenarios.loading import example_scenarios, load_scenario
from simulators.scenarios.scenario import (
    Cloud,
    ConnectionChange,
    GridOutage,
    LoadChange,
    PriceChange,
    ScenarioFile,
    Warmth,
    Wind,
)
from simulators.unattended import Unattended, run_unattended

DOC = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"\w+", DOC))
EXAMPLE = next(iter(re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)))


@pytest.mark.parametrize("key", ScenarioFile.model_fields)
def test_every_key_of_a_scenario_has_its_row(key: str) -> None:
    assert f"\n| `{key}` |" in DOC


@pytest.mark.parametrize(
    "model",
    [Cloud, Warmth, Wind, LoadChange, PriceChange, ConnectionChange, GridOutage],
    ids=lambda model: model.__name__,
)
def test_every_key_of_a_part_is_explained(model: type[ScenarioFile]) -> None:
    assert {field.alias or name for name, field in model.model_fields.items()} <= WORDS


def test_the_table_of_scenarios_is_the_folder() -> None:
    table = DOC.split("## Scenarios")[1].split("They fit")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == example_scenarios()


def test_every_option_is_explained() -> None:
    table = DOC.split("## How to try")[1].split("## Scenarios")[0]
    names = {"lasts": "for"}
    for name in inspect.signature(simulate).parameters.keys() - {"site"}:
        assert f"`--{names.get(name, name).replace('_', '-')}" in table, name


@pytest.fixture
def told_site(demo_site: Site) -> Site:
    """The demo park with a receiver of orders."""
    receiver = OperatorLimit(kind="operator_limit", device="grid_meter", installed_kw=3000)
    assets = {**demo_site.assets, "orders": receiver}
    return replace(demo_site, file=demo_site.file.model_copy(update={"assets": assets}))


def test_the_example_is_a_scenario_with_every_key(told_site: Site, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    scenario = load_scenario(path, told_site)
    assert scenario.file.model_fields_set == ScenarioFile.model_fields.keys() - {"seed"}


def keys_of(value: Any) -> Iterator[str]:
    """Every key in a truth file, without the names of assets, buses and setpoints."""
    match value:
        case dict():
            for key, inner in value.items():
                yield key
                named = key in ("assets", "surplus_kwh", "stored_kwh", "commands")
                for part in inner.values() if named and isinstance(inner, dict) else [inner]:
                    yield from keys_of(part)
        case list():
            for part in value:
                yield from keys_of(part)


def test_every_key_of_a_truth_file_is_explained(told_site: Site, tmp_path: Path) -> None:
    path, truth = tmp_path / "example.yaml", tmp_path / "truth.json"
    text = EXAMPLE.replace("at: 20h, for: 30m", "at: 0s, for: 30m")
    assert text != EXAMPLE
    path.write_text(text, encoding="utf-8")
    scenario = load_scenario(path, told_site)
    run_unattended(Unattended(site=told_site, lasts=timedelta(minutes=20), scenario=scenario, truth=truth))
    found = set(keys_of(json.loads(truth.read_text(encoding="utf-8"))))
    assert {"balance_residual", "marks", "begin", "surplus_kwh", "unserved_kwh"} <= found
    carriers = {key for key in Account._fields if key.split("_")[0] in ("heat", "steam", "cooling", "hydrogen")}
    assert found - carriers <= WORDS
