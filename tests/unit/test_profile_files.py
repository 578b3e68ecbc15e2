"""The profiles that come with parkgrid, and what a profile is refused for."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from config.loader import SiteError, load_profile
from config.point import points_of
from config.point_spec import ModbusPoint, figures_of
from config.profile import parameters_used
from config.references import loose_ends

PROFILES = sorted((Path(config.__file__).parent / "profiles").glob("*.yaml"))
# any numbers that keep their order: a safe power below the rating
EXAMPLES = {
    "rated_power_kw": 500.0,
    "safe_power_kw": 100.0,
    "rated_heat_kw": 800.0,
    "rated_cooling_kw": 300.0,
    "rated_kg_per_h": 20.0,
    "instance": "Unit1",
    "edge_node": "node1",
    "topic": "a/b",
    "prefix": "shelly",
    "base": "solar",
    "serial": "116180000001",
    "installed_kw": 2000.0,
    "contract_import_kw": 3000.0,
}

BATTERY = """\
description: A battery
verified: false
source: example
protocol: modbus
parameters: {rated_power_kw: highest power}
points:
  soc: {address: 1, type: u16, scale: 0.01, valid: [0, 1]}
  power_setpoint_kw:
    address: 2
    type: s16
    valid: [-1.1 * rated_power_kw, 1.1 * rated_power_kw]
    setpoint: {range: [-1 * rated_power_kw, rated_power_kw], resolution: 1, tolerance: 2, safe: 0}
"""


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_that_comes_along_holds_together(path: Path) -> None:
    profile = load_profile(path)
    assert parameters_used(profile) <= set(profile.parameters)
    points = points_of("device", profile, {name: EXAMPLES[name] for name in profile.parameters})
    assert [point.name for point in points] == list(profile.points)
    for point in points:
        assert list(loose_ends(point, profile.points)) == []


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "battery.yaml"


def test_figures_are_resolved_with_the_device_s_parameters(profile: Path) -> None:
    profile.write_text(BATTERY)
    loaded = load_profile(profile)
    assert parameters_used(loaded) == {"rated_power_kw"}
    soc, setpoint = points_of("pcs", loaded, {"rated_power_kw": 250})
    assert (soc.key, soc.scale, soc.sign, soc.setpoint) == ("pcs.soc", 0.01, 1, None)
    assert setpoint.valid == pytest.approx((-275, 275))
    assert setpoint.setpoint is not None
    assert (setpoint.setpoint.low, setpoint.setpoint.high, setpoint.setpoint.read_back) == (
        -250,
        250,
        "power_setpoint_kw",
    )
    assert isinstance(setpoint.source, ModbusPoint)
    assert sorted(figures_of(setpoint.source), key=str) == sorted(
        [1.0, "-1.1 * rated_power_kw", "1.1 * rated_power_kw", "-1 * rated_power_kw", "rated_power_kw", 1, 2, 0],
        key=str,
    )


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("address: 1,", "adress: 1,", "did you mean 'address'?"),
        ("address: 1,", "address: 70000,", "should be less than or equal to 65535"),
        ("type: u16", "type: u12", "is 'u12', should be"),
        ("safe: 0}", "safe: 0, revert_s: 10}", "refresh_s must be given and at most half of revert_s (5)"),
        ("safe: 0}", "safe: 0, revert_s: 10, refresh_s: 6}", "at most half of revert_s (5)"),
        ("safe: 0}", "}", "safe: is missing"),
        ("valid: [0, 1]", "valid: [0]", "is missing"),
        ("valid: [0, 1]", "valid: [true, 1]", "should be a number or a device parameter"),
        ("1.1 * rated_power_kw]", "rated_power_kw * 1.1]", "should be a number or a device parameter"),
        ("verified: false", "verified: perhaps", "should be true or false"),
        ("protocol: modbus", "protocol: mbus", "did you mean 'modbus'?"),
        ("protocol: modbus\n", "", "needs a 'protocol'"),
    ],
)
def test_a_profile_with_a_fault_is_refused(profile: Path, old: str, new: str, what: str) -> None:
    assert old in BATTERY
    profile.write_text(BATTERY.replace(old, new, 1))
    with pytest.raises(SiteError) as caught:
        load_profile(profile)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("valid: [0, 1]", "valid: [1, 0]", "from low to high"),
        ("range: [-1 * rated_power_kw, rated_power_kw]", "range: [5, -5]", "range should be from low to high"),
        ("safe: 0}", "safe: 900}", "within the setpoint's range"),
        ("resolution: 1", "resolution: 0", "should be above 0"),
        ("safe: 0}", "safe: 0, read_back: power_kw}", "'power_kw' is not a point"),
    ],
)
def test_a_point_that_does_not_hold_together_is_told(profile: Path, old: str, new: str, what: str) -> None:
    assert old in BATTERY
    profile.write_text(BATTERY.replace(old, new, 1))
    loaded = load_profile(profile)
    ends = [
        end for point in points_of("d", loaded, {"rated_power_kw": 250}) for end in loose_ends(point, loaded.points)
    ]
    assert len(ends) == 1
    assert what in ends[0]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("address: 2\n", "address: 2\n    table: input\n", "a setpoint needs table: holding"),
        (
            "address: 2\n",
            "address: 2\n    plus: [3]\n",
            "a sum of registers that it does not write as they are read: 3",
        ),
        ("address: 2\n", "address: 2\n    minus: [3]\n", "a setpoint cannot be a sum of registers"),
        ("address: 2\n", "address: 2\n    values: {0: 1, 1: 1}\n", "values that differ"),
        ("address: 2\n", "address: 2\n    values: {0xZZ: 1}\n", "should be a whole number such as 2 or 0xAA"),
        ("address: 2\n", "address: 2\n    direction: {address: 3, bit: 1, signs: {0: 1, 1: -1}}\n", "a single bit"),
        ("address: 2\n", "address: 2\n    direction: {address: 3, signs: {1: -1}}\n", "one entry for -1, one for 1"),
        ("address: 2\n", "address: 2\n    direction: {address: 3, signs: {}}\n", "at least 1"),
        ("address: 2\n", "address: 2\n    direction: {address: 3, signs: {1: 2}}\n", "signs.1"),
        ("address: 2\n", "address: 2\n    direction: {address: 3, bit: 16, signs: {1: 1}}\n", "bit"),
        ("safe: 0}", "safe: 0, also: [{address: 3}]}", "either carries or codes"),
        ("safe: 0}", "safe: 0, also: [{address: 3, codes: {1: 1, -1: 2}}]}", "one entry each for -1, 0 and 1"),
        ("safe: 0}", "safe: 0, also: [{address: 3, carries: half}]}", "carries"),
        ("safe: 0}", "safe: 0, also: [{address: 3, codes: {1: 1, 0: 0, -1: 2}, scale: 2}]}", "codes are raw numbers"),
        ("safe: 0}", "safe: 0, carries: positive_part}", "should add up to its value"),
        ("safe: 0}", "safe: 0, arm: [{address: 3, value: 70000}]}", "70000 is no number that u16 can carry"),
        ("safe: 0}", "safe: 0, function: 5}", "function"),
        ("safe: 0}", "safe: 0, together: [[2, 3]]}", "filled by what the setpoint writes"),
        ("safe: 0}", "safe: 0, together: [[2, 2]]}", "should be 2 to 123 registers"),
        ("safe: 0}", "safe: 0, arm: [{address: 3, type: u32, value: 1}], together: [[2, 3]]}", "filled by"),
        ("safe: 0}", "safe: 0, arm: [{address: 3, value: 1}, {address: 3, value: 2}], together: [[2, 3]]}", "once"),
        (
            "safe: 0}",
            "safe: 0, before: [{address: 1, value: 1}], arm: [{address: 3, value: 1}], together: [[1, 2], [2, 3]]}",
            "should not overlap",
        ),
        ("safe: 0}", "safe: 0, only_when: [{address: 3, values: []}]}", "only_when"),
        ("parameters:", "heartbeats: [{address: 9, type: s16, period_s: 1}]\nparameters:", "which needs a type u16"),
        ("parameters:", "heartbeats: [{address: 9, value: 70000, period_s: 1}]\nparameters:", "u16 can carry"),
        ("parameters:", "heartbeats: [{address: 9, period_s: 0}]\nparameters:", "period_s"),
    ],
)
def test_a_setpoint_that_nobody_could_write_is_refused(profile: Path, old: str, new: str, what: str) -> None:
    assert old in BATTERY
    profile.write_text(BATTERY.replace(old, new, 1))
    with pytest.raises(SiteError) as caught:
        load_profile(profile)
    assert what in str(caught.value)


def test_a_serial_number_in_a_text_stays_a_whole_number() -> None:
    opendtu = load_profile(next(path for path in PROFILES if path.stem == "opendtu"))
    parameters = {"base": "solar", "serial": 116180000001.0, "rated_power_kw": 1.5, "safe_power_kw": 0.5}
    power = points_of("roof", opendtu, parameters)[0]
    assert getattr(power.source, "topic", "") == "solar/116180000001/0/power"


def test_texts_in_braces_are_filled_in() -> None:
    tank = load_profile(next(path for path in PROFILES if path.stem == "simulated_hot_water_tank"))
    points = points_of("tank", tank, {"instance": "Tank9"})
    assert all("s=Tank9." in getattr(point.source, "node", "") for point in points)
