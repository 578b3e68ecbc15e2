"""What the simulated devices put on the wire, against numbers that can be checked by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.constants import ExcCodes

from config.register import ModbusType
from config.site import Site
from simulators.encoding import exponent_for, limits, number_of, raw_of, registers_of, value_of, width
from simulators.servers.registers import ProfileRegisters
from simulators.watchdog import Watchdog

INTEGERS = [kind for kind in get_args(ModbusType) if kind[0] in "us"]


@pytest.mark.parametrize(
    ("kind", "number", "words"),
    [
        ("u16", 65535, (0xFFFF,)),
        ("s16", -2, (0xFFFE,)),
        ("u32", 0x12345678, (0x1234, 0x5678)),
        ("s32", -1, (0xFFFF, 0xFFFF)),
        ("u64", 2**48 + 1, (1, 0, 0, 1)),
        ("s64", -(2**63), (0x8000, 0, 0, 0)),
        ("f32", 1.0, (0x3F80, 0)),
        ("f64", -2.0, (0xC000, 0, 0, 0)),
    ],
)
def test_numbers_and_their_registers(kind: ModbusType, number: float, words: tuple[int, ...]) -> None:
    assert registers_of(kind, number) == words
    assert registers_of(kind, number, low_word_first=True) == words[::-1]
    assert number_of(kind, words) == number
    assert number_of(kind, words[::-1], low_word_first=True) == number


@given(st.sampled_from(INTEGERS), st.booleans(), st.data())
def test_every_integer_comes_back(kind: ModbusType, low_word_first: bool, data: st.DataObject) -> None:
    number = data.draw(st.integers(*limits(kind)))
    assert number_of(
        kind, registers_of(kind, number, low_word_first=low_word_first), low_word_first=low_word_first
    ) == (number)


def test_an_integer_stops_at_its_ends() -> None:
    assert registers_of("u16", 70_000) == (0xFFFF,)
    assert registers_of("s16", -40_000.0) == (0x8000,)
    assert registers_of("u16", 0.6) == (1,)


def test_a_number_needs_all_of_its_registers() -> None:
    with pytest.raises(ValueError, match="s32 takes 2 registers, not 1"):
        number_of("s32", [0])


def test_the_sites_sign_and_unit_are_undone(demo_site: Site) -> None:
    (power,) = (point for point in demo_site.points["battery_pcs"] if point.name == "active_power_kw")
    assert raw_of(power, 250.5) == pytest.approx(-2505)
    assert value_of(power, -2505) == pytest.approx(250.5)


@pytest.mark.parametrize(
    ("largest", "kind", "exponent"),
    [(1_100_000, "s16", 2), (32_767, "s16", 0), (32_768, "s16", 1), (65, "s16", -2), (1, "u16", -4)],
)
def test_scale_factors_are_as_fine_as_the_type_allows(largest: float, kind: ModbusType, exponent: int) -> None:
    assert exponent_for(largest, kind) == exponent
    assert largest / 10.0**exponent <= limits(kind)[1]
    assert largest / 10.0 ** (exponent - 1) > limits(kind)[1]


class OneInverter:
    now = datetime(2026, 10, 14, tzinfo=UTC)

    def __init__(self) -> None:
        self.commands: list[float | None] = []

    def values(self, device: str) -> Mapping[str, float]:
        return {"active_power_kw": 612.3, "energy_kwh": 5432.1, "status": 4, "power_limit_kw": 1000.0}

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append(value)


def test_a_scale_factor_and_arm_registers_are_served_from_any_profile(demo_site: Site) -> None:
    """The inverter's profile without the SunSpec block around it."""
    inverter = OneInverter()
    registers = ProfileRegisters("pv_a_inverter", 1, demo_site.points["pv_a_inverter"], inverter, Watchdog(inverter))
    # 1.1 MW in 16 bits with a sign: in steps of 100 W
    assert registers.read("holding", 40084, 2) == [6123, 2]
    # 110 % in 16 bits: in steps of 0.01 %
    assert registers.read("holding", 40155, 1) == [10_000]
    assert registers.read("holding", 40173, 1) == [65_536 - 2]
    # it counts once both registers that arm it have been written
    assert registers.write(40155, [2550]) is None
    assert registers.read("holding", 40155, 1) == [2550]
    assert registers.read("holding", 40157, 1) == [0]
    assert registers.write(40157, [120]) is None
    assert registers.read("holding", 40157, 1) == [120]
    assert inverter.commands == []
    assert registers.write(40159, [1]) is None
    assert inverter.commands == [255.0]
    assert registers.write(40155, [10_001]) is ExcCodes.ILLEGAL_VALUE
    assert registers.write(40173, [0]) is ExcCodes.ILLEGAL_ADDRESS
    assert registers.read("holding", 40083, 1) is ExcCodes.ILLEGAL_ADDRESS
    assert len(inverter.commands) == 1


def test_every_type_has_its_width() -> None:
    assert [width(kind) for kind in ("u16", "s32", "f32", "u64", "f64")] == [1, 2, 2, 4, 4]
    assert math.isclose(number_of("f32", registers_of("f32", 0.1)), 0.1, rel_tol=1e-7)
