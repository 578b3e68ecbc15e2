"""What an MQTT or Sparkplug profile may say, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.faults import SiteError
from config.loader import load_profile
from config.point import SparkplugMetric, points_of
from config.point_spec import MqttPoint
from config.profile import MqttProfile, SparkplugProfile
from config.references import loose_ends

HEAD = """\
description: made up
verified: false
source: this file
protocol: mqtt
"""
LIMIT = """\
parameters: {prefix: where it is}
points:
  limit_kw:
    topic: "{prefix}/limit"
    valid: [0, 1]
    setpoint:
      range: [0, 1]
      resolution: 1
      tolerance: 0.1
      safe: 0
      command_topic: "{prefix}/set"
"""
ANSWER = """\
      payload: '{"src": "{prefix}", "on": {value}, "nr": {id}}'
      acknowledge:
        topic: "{prefix}/answer"
        id_path: nr
        accepted: {path: ok, words: [true]}
        rejected: {path: error}
"""
METRIC = """\
format: sparkplug_b
group: park
edge_node: "{hall}"
parameters: {hall: which}
points:
  active_power_kw:
    metric: "Power/{hall}"
    valid: [0, 1]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "made_up.yaml"
    path.write_text(HEAD + text)
    return path


def test_parameters_are_filled_in_wherever_a_text_is_sent(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, LIMIT + ANSWER))
    assert isinstance(profile, MqttProfile)
    (point,) = points_of("pump", profile, {"prefix": "hall/1"})
    assert isinstance(point.source, MqttPoint)
    setpoint = point.source.setpoint
    assert setpoint is not None
    assert setpoint.payload == '{"src": "hall/1", "on": {value}, "nr": {id}}'
    assert setpoint.acknowledge is not None
    assert (setpoint.acknowledge.topic, setpoint.acknowledge.accepted.words) == ("hall/1/answer", ("true",))
    assert setpoint.retain is False
    assert list(loose_ends(point, {"limit_kw"})) == []


def test_a_metric_of_a_node_and_of_a_device(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, METRIC))
    assert isinstance(profile, SparkplugProfile)
    (point,) = points_of("meter", profile, {"hall": "h1"})
    assert point.source == SparkplugMetric(
        group="park", edge_node="h1", device=None, metric="Power/h1", stale_s=None, rebirth=True
    )


def test_a_name_in_a_payload_that_is_no_parameter_is_told(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, LIMIT + '      payload: \'{"a": {value}, "b": {prefxi}}\'\n'))
    (point,) = points_of("pump", profile, {"prefix": "hall/1"})
    assert list(loose_ends(point, {"limit_kw"})) == ["{prefxi} in '{prefxi}' is not a parameter of the profile"]


def test_a_parameter_that_makes_many_topics_of_one_is_told(tmp_path: Path) -> None:
    (point,) = points_of("pump", load_profile(written(tmp_path, LIMIT)), {"prefix": "hall/+"})
    assert "'hall/+/set' has a wildcard, and one topic is meant" in list(loose_ends(point, {"limit_kw"}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LIMIT + "      payload: 'on'\n", "payload needs a {value}"),
        (LIMIT + ANSWER.replace("{id}", "7"), "needs an {id} that is repeated there"),
        (LIMIT + ANSWER.replace("{path: error}", "{}"), "needs words or a path"),
        (LIMIT.replace("{prefix: where it is}", "{prefix: p, id: i}") + ANSWER, "a parameter cannot be called id"),
        (LIMIT.replace("    valid", "    template: '{value}*'\n    valid"), "needs a text between * and {value}"),
        (LIMIT.replace("    valid", "    values: {a: 1, b: 1}\n    valid"), "a setpoint needs values that differ"),
        (
            LIMIT.replace("    valid", "    values: {a: 1}\n    template: '{value}'\n    valid"),
            "template and values cannot both",
        ),
        (LIMIT.replace("    valid", "    metric: a\n    valid"), "is not a known key"),
        (METRIC.replace("group: park", "group: park/hall"), "group: is 'park/hall'"),
        (LIMIT.replace("{prefix}/set", "{prefix}/+"), "command_topic: is"),
        (METRIC.replace("group: park\n", ""), "group: is missing"),
        (METRIC.replace("    metric", "    topic"), "topic: is not a known key"),
        (METRIC.replace("sparkplug_b", "sparkplug"), "'sparkplug' is unknown; did you mean 'sparkplug_b'?"),
        (METRIC.replace("valid", "vaild"), "did you mean 'valid'?"),
    ],
)
def test_what_does_not_hold_together_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        load_profile(written(tmp_path, text))
    assert words in str(caught.value)
