"""What a network analyser shows of a feeder whose power is known: figures that can be checked by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import config
from config.loader import load_profile
from simulators.feeder import CURRENT_SHARES, VOLTAGE_SHARES, Feeder, feeder_of, parts_of

VALUES = {"active_power_kw": 41.4, "reactive_power_kvar": 0.0, "voltage_v": 230.0, "energy_kwh": 90.0}


def seen(name: str) -> float | None:
    feeder = feeder_of(VALUES)
    part = parts_of([name]).get(name)
    return None if part is None else part.share * feeder[Feeder._fields.index(part.of)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("power_l2_kw", 13.8),
        ("voltage_l3_v", 230.0),
        ("line_l23_v", 398.37),
        ("current_l1_a", 60.0),  # 13.8 kW at 230 V
        ("energy_l1_kwh", 30.0),
        ("harmonic_5_l1_a", 8.4),  # 14 % of it
        ("harmonic_5_l3_v", 5.75),  # 2.5 %
        ("harmonic_26_l3_v", None),  # there is none of an even order
        ("harmonic_51_l1_a", None),
        ("current_l4_a", None),
        ("power_l1_a", None),
        ("supply_degc", None),
        ("inverter_power_kw", 41.4),
        ("dc_power_kw", 41.4),
    ],
)
def test_what_a_point_shows(name: str, value: float | None) -> None:
    assert seen(name) == (None if value is None else pytest.approx(value, abs=0.01))


def test_reactive_power_counts_for_the_current() -> None:
    feeder = feeder_of({"active_power_kw": 3.0, "reactive_power_kvar": -4.0})
    assert feeder.current_a == pytest.approx(5000 / 3 / 230)
    assert feeder_of({"active_power_kw": 3.0, "voltage_v": 0.0}).current_a == 0.0


@pytest.mark.parametrize(
    "strings", [["dc_power_1_kw", "dc_power_2_kw", "dc_power_3_kw"], ["dc_1_power_kw", "dc_2_power_kw"]]
)
def test_strings_share_the_power(strings: list[str]) -> None:
    parts = parts_of(["active_power_kw", *strings])
    assert list(parts) == strings
    assert [part.of for part in parts.values()] == ["power_kw"] * len(strings)
    assert sum(part.share for part in parts.values()) == pytest.approx(1)


def test_the_neutral_has_the_third_harmonics_of_all_phases() -> None:
    thirds = [seen(f"harmonic_{order}_l1_a") or 0.0 for order in range(3, 50, 6)]
    assert seen("current_n_a") == pytest.approx(3 * math.hypot(*thirds))


def test_the_distortion_of_the_voltage_is_that_of_a_grid_that_is_well() -> None:
    assert 0.02 < math.hypot(*VOLTAGE_SHARES.values()) < 0.08  # the bound of EN 50160
    assert 0.1 < math.hypot(*CURRENT_SHARES.values()) < 0.3


def test_all_analysers_have_the_same_points() -> None:
    folder = Path(config.__file__).parent / "profiles"
    profiles = [load_profile(path) for path in sorted(folder.glob("simulated_network_analyser*.yaml"))]
    assert [profile.protocol for profile in profiles] == ["modbus", "mqtt", "opcua", "mqtt"]
    plain = {"active_power_kw", "reactive_power_kvar", "voltage_v", "frequency_hz", "energy_kwh"}
    for profile in profiles:
        assert list(profile.points) == list(profiles[0].points)
        assert profile.points.keys() - parts_of(profile.points) == plain
