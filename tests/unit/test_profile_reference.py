"""docs/profiles.md names every key that a profile may have and every profile, and its example is one."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import config
from config.loader import load_profile
from config.point import points_of
from config.point_spec import Direction, ModbusPoint, MqttPoint, OpcuaPoint, SparkplugPoint
from config.profile import ModbusProfile, MqttProfile, SparkplugProfile
from config.references import loose_ends
from config.register import Condition, DeviceText, FurtherRegister, Heartbeat, Hole, RegisterValue, Requests
from config.setpoint_spec import Acknowledgement, ModbusSetpoint, MqttSetpoint, Sign
from drivers.driver import Setpoint
from drivers.register_writes import Write, writes_of

DOC = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"\w+", DOC))
MODELS = (
    Condition,
    Acknowledgement,
    DeviceText,
    Direction,
    FurtherRegister,
    Heartbeat,
    Hole,
    ModbusPoint,
    ModbusProfile,
    ModbusSetpoint,
    MqttPoint,
    MqttProfile,
    MqttSetpoint,
    OpcuaPoint,
    RegisterValue,
    Requests,
    Sign,
    SparkplugPoint,
    SparkplugProfile,
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


def test_the_example_of_two_registers_sends_what_the_reference_says(tmp_path: Path) -> None:
    (storage,) = re.findall(r"```yaml\n(  power_setpoint_kw:\n    address: 40137.*?)```", DOC, re.DOTALL)
    (hybrid,) = re.findall(r"```yaml\n  power_setpoint_kw:\n(    address: 40799.*?)```", DOC, re.DOTALL)
    (heartbeats,) = re.findall(r"```yaml\n(heartbeats:.*?)```", DOC, re.DOTALL)
    (condition,) = re.findall(r"```yaml\n    setpoint:\n(      only_when:.*?)```", DOC, re.DOTALL)
    path = tmp_path / "example.yaml"
    path.write_text(
        "description: example\nverified: false\nsource: the reference\nprotocol: modbus\n"
        f"parameters: {{rated_power_kw: rating}}\n{heartbeats}points:\n{storage}{condition}  other_kw:\n{hybrid}"
    )
    points = {point.name: point for point in points_of("pcs", load_profile(path), {"rated_power_kw": 100})}
    wanted = Setpoint(point=points["power_setpoint_kw"], value=50)
    sent = [Write(40140, (120,)), Write(40142, (1,)), Write(40137, (5000, 0x10000 - 5000)), Write(40130, (3,))]
    assert writes_of(wanted, {40150: -2}) == sent
    assert writes_of(Setpoint(point=points["other_kw"], value=-2)) == [Write(40799, (0, 0)), Write(40795, (0, 2000))]


def test_the_sparkplug_example_is_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "hall_meter.yaml"
    path.write_text(re.findall(r"```yaml\n(description.*?)```", DOC, re.DOTALL)[1])
    profile = load_profile(path)
    assert isinstance(profile, SparkplugProfile)
    points = {point.name: point for point in points_of("meter", profile, {"hall": "hall_1"})}
    assert [end for point in points.values() for end in loose_ends(point, points)] == []


def test_the_example_of_an_answer_is_a_setpoint() -> None:
    examples = re.findall(r"```yaml\n    setpoint:\n(.*?)```", DOC, re.DOTALL)
    (example,) = [example for example in examples if "acknowledge:" in example]
    spec = YAML(typ="safe").load(textwrap.dedent(example))
    MqttSetpoint.model_validate({**spec, "range": [0, 1], "resolution": 1, "tolerance": 0.1, "safe": 0})


def test_every_profile_is_listed() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \|$", DOC, re.MULTILINE))
    profiles = {path.stem: load_profile(path) for path in (Path(config.__file__).parent / "profiles").glob("*.yaml")}
    assert listed == {
        name: "yes" if profile.verified else "no"
        for name, profile in profiles.items()
        if not name.startswith("simulated_")
    }
