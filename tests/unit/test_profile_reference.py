"""docs/profiles.md names every key that a profile may have and every profile, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import config
from config.loader import load_profile
from config.point import points_of
from config.profile import (
    Direction,
    ModbusPoint,
    ModbusProfile,
    ModbusSetpoint,
    MqttPoint,
    MqttSetpoint,
    OpcuaPoint,
    RegisterValue,
)
from config.references import loose_ends
from drivers.driver import Setpoint
from drivers.register_values import Write, writes_of

DOC = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"\w+", DOC))
MODELS = (
    Direction,
    ModbusPoint,
    ModbusProfile,
    ModbusSetpoint,
    MqttPoint,
    MqttSetpoint,
    OpcuaPoint,
    RegisterValue,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_explained(model: type[ModbusProfile]) -> None:
    assert set(model.model_fields) <= WORDS


def test_the_example_is_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "example_m3.yaml"
    path.write_text(re.findall(r"```yaml\n(description.*?)```", DOC, re.DOTALL)[0])
    profile = load_profile(path)
    points = {point.name: point for point in points_of("feeder", profile, {"rated_power_kw": 250})}
    assert [end for point in points.values() for end in loose_ends(point, points)] == []
    # 100 kW of 250 kW is 40.0 %
    limit = Setpoint(point=points["export_limit_kw"], value=100)
    assert writes_of(limit) == [Write(200, (400,)), Write(201, (1,))]


def test_every_profile_is_listed() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \|$", DOC, re.MULTILINE))
    profiles = {path.stem: load_profile(path) for path in (Path(config.__file__).parent / "profiles").glob("*.yaml")}
    assert listed == {
        name: "yes" if profile.verified else "no"
        for name, profile in profiles.items()
        if not name.startswith("simulated_")
    }
