"""Registers and numbers: what is written is what is read, and nothing ever wraps."""

from __future__ import annotations

import math
import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.point import Point
from config.point_spec import ModbusPoint
from config.register import ModbusType
from drivers.codec import decode, encode, fitted, limits_of, registers_of
from drivers.scaling import EXPONENTS, Refused, raw_of, value_of

KINDS: tuple[ModbusType, ...] = get_args(ModbusType)
WHOLE: tuple[ModbusType, ...] = tuple(kind for kind in KINDS if not kind.startswith("f"))


def a_point(scale: float = 1.0, offset: float = 0.0, sign: int = 1) -> Point:
    return Point(
        device="pcs",
        name="power_kw",
        source=ModbusPoint(address=0, type="s16", valid=(-1e300, 1e300)),
        scale=scale,
        offset=offset,
        sign=sign,
        valid=(-1e300, 1e300),
        read="fast",
        setpoint=None,
    )


@st.composite
def whole_numbers(draw: st.DrawFn) -> tuple[ModbusType, int]:
    kind = draw(st.sampled_from(WHOLE))
    return kind, draw(st.integers(*limits_of(kind)))


def test_words_go_high_first_unless_told_otherwise() -> None:
    assert encode(0x12345678, "u32") == (0x1234, 0x5678)
    assert encode(0x12345678, "u32", low_word_first=True) == (0x5678, 0x1234)
    assert encode(0x0001000200030004, "u64", low_word_first=True) == (4, 3, 2, 1)
    assert decode((0xFFFF, 0xFFFE), "s32") == -2
    assert decode((0xFFFE, 0xFFFF), "s32", low_word_first=True) == -2
    assert encode(-1, "s16") == (0xFFFF,)
    # 1.5 is 0x3FC00000
    assert encode(1.5, "f32") == (0x3FC0, 0x0000)
    assert decode((0x0000, 0x3FC0), "f32", low_word_first=True) == 1.5


@given(whole_numbers(), st.booleans())
def test_whole_numbers_come_back(numbered: tuple[ModbusType, int], low_word_first: bool) -> None:
    kind, number = numbered
    words = encode(number, kind, low_word_first=low_word_first)
    assert len(words) == registers_of(kind)
    assert all(0 <= word <= 0xFFFF for word in words)
    assert decode(words, kind, low_word_first=low_word_first) == number


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.booleans())
def test_single_floats_come_back(number: float, low_word_first: bool) -> None:
    assert decode(encode(number, "f32", low_word_first=low_word_first), "f32", low_word_first=low_word_first) == number


@given(st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_double_floats_come_back(number: float, low_word_first: bool) -> None:
    assert decode(encode(number, "f64", low_word_first=low_word_first), "f64", low_word_first=low_word_first) == number


@given(
    kind=st.sampled_from(("u16", "s16", "u32", "s32")),
    share=st.floats(0, 1),
    scale=st.sampled_from((1.0, 0.1, 0.001, 10.0, 0.0001, 2.5)),
    offset=st.sampled_from((0.0, -40.0, 273.15)),
    sign=st.sampled_from((-1, 1)),
    exponent=st.sampled_from(EXPONENTS),
    low_word_first=st.booleans(),
)
def test_values_come_back_within_half_a_step(
    kind: ModbusType, share: float, scale: float, offset: float, sign: int, exponent: int, low_word_first: bool
) -> None:
    point = a_point(scale, offset, sign)
    low, high = limits_of(kind)
    value = value_of(point, low + share * (high - low), exponent)
    words = encode(raw_of(point, value, exponent), kind, low_word_first=low_word_first)
    raw = decode(words, kind, low_word_first=low_word_first)
    assert raw is not None
    step = abs(scale) * 10.0**exponent
    assert value_of(point, raw, exponent) == pytest.approx(value, abs=0.501 * step + 1e-6 * step + 1e-9 * abs(value))


@given(st.sampled_from(WHOLE), st.floats(allow_nan=False, allow_infinity=False))
def test_out_of_range_is_refused_and_never_wraps(kind: ModbusType, number: float) -> None:
    low, high = limits_of(kind)
    if low <= round(number) <= high:
        assert decode(encode(number, kind), kind) == round(number)
    else:
        with pytest.raises(Refused, match=kind):
            encode(number, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(kind: ModbusType, number: float) -> None:
    with pytest.raises(Refused, match="not a number"):
        fitted(number, kind)


def test_the_edges_of_the_ranges() -> None:
    assert encode(65535.4, "u16") == (65535,)
    with pytest.raises(Refused, match=r"65536 is outside 0\.\.65535"):
        encode(65536, "u16")
    with pytest.raises(Refused, match=r"-1 is outside"):
        encode(-1, "u16")
    assert encode(-32768, "s16") == (0x8000,)
    with pytest.raises(Refused):
        encode(32768, "s16")
    with pytest.raises(Refused):
        encode(2.0**64, "u64")
    with pytest.raises(Refused, match="too large for f32"):
        encode(1e39, "f32")


@pytest.mark.parametrize(
    ("words", "kind", "sentinel"),
    [
        ((0x8000,), "s16", 0x8000),
        ((0xFFFF,), "u16", 0xFFFF),
        ((0x8000, 0), "s32", 0x80000000),
        ((0xFFFF,) * 2, "u32", 0xFFFFFFFF),
        ((0xFFFF,) * 4, "u64", 0xFFFFFFFFFFFFFFFF),
    ],
)
def test_sentinels_are_no_numbers(words: tuple[int, ...], kind: ModbusType, sentinel: int) -> None:
    assert decode(words, kind, sentinels=(sentinel,)) is None
    assert decode(words[::-1], kind, low_word_first=True, sentinels=(sentinel,)) is None
    assert decode(words, kind) is not None


@given(whole_numbers(), st.booleans())
def test_a_sentinel_is_never_written(numbered: tuple[ModbusType, int], low_word_first: bool) -> None:
    kind, number = numbered
    unsigned = number % (1 << 16 * registers_of(kind))
    with pytest.raises(Refused, match="no value"):
        encode(number, kind, low_word_first=low_word_first, sentinels=(unsigned,))


@given(st.sampled_from((("f32", ">f"), ("f64", ">d"))), st.sampled_from((math.nan, math.inf, -math.inf)))
def test_nan_and_infinity_are_no_numbers(kind: tuple[ModbusType, str], number: float) -> None:
    packed = struct.pack(kind[1], number)
    words = tuple(int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2))
    assert decode(words, kind[0]) is None


@given(st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=4), st.sampled_from(KINDS), st.booleans())
def test_any_registers_give_a_finite_number_or_none(words: list[int], kind: ModbusType, low_word_first: bool) -> None:
    number = decode(words[: registers_of(kind)], kind, low_word_first=low_word_first)
    assert number is None or math.isfinite(number)


def test_the_wrong_number_of_registers_is_an_error() -> None:
    with pytest.raises(ValueError, match="u32 takes 2 registers, not 1"):
        decode((1,), "u32")


def test_scaling_by_hand() -> None:
    # the device counts charging positive and in 0.1 kW: 2500 is 250 kW of charging, -250 kW towards the park
    turned = a_point(scale=0.1, sign=-1)
    assert value_of(turned, 2500) == -250.0
    assert raw_of(turned, -250.0) == 2500.0
    # SunSpec: 7301 with scale factor 1 is 73010 W
    assert value_of(a_point(scale=0.001), 7301, 1) == pytest.approx(73.01)
    assert value_of(a_point(), 123, -1) == 12.3
    assert raw_of(a_point(), 12.3, -1) == 123.0
    assert value_of(a_point(offset=-40.0), 0) == -40.0
    assert math.copysign(1.0, value_of(turned, 0)) == 1.0


def test_a_value_that_cannot_be_scaled_is_refused_with_its_name() -> None:
    with pytest.raises(Refused, match=r"pcs\.power_kw: nan"):
        raw_of(a_point(), math.nan)
    with pytest.raises(Refused, match="its scale is 0"):
        raw_of(a_point(scale=0.0), 1.0)
