"""Sums, numbers that stand for others, and directions: what makes up a value, and what is written for one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.point import Point, points_of
from config.profile import ModbusProfile
from config.register import Carries, ModbusType, part_of
from drivers.codec import decode, limits_of
from drivers.driver import Reading, Setpoint
from drivers.modbus_connection import Refusal
from drivers.quality import Stamp
from drivers.register_values import Words, reading_in, source_of
from drivers.register_writes import Write, writes_of
from drivers.registers import Span, spans_of
from drivers.scaling import Refused

STAMP = Stamp(received_s=1.0, at=datetime(2026, 10, 14, 8, tzinfo=UTC))
LIMITS = {"range": [-30, 30], "resolution": 0.1, "tolerance": 0.1, "safe": 0}
DIRECTION = {"address": 20, "signs": {"0xAA": -1, "0xBB": 1, "0xCC": 0}}


def a_point(**keys: object) -> Point:
    point = {"address": 10, "type": "u16", "valid": [-70_000, 70_000], **keys}
    profile = ModbusProfile.model_validate(
        {"protocol": "modbus", "description": "made up", "verified": True, "source": "here", "points": {"x_kw": point}}
    )
    return points_of("device", profile, {})[0]


def read(point: Point, registers: dict[int, int | Refusal]) -> Reading:
    said: dict[Span, Words | Refusal] = {}
    for span in spans_of(source_of(point)):
        first = registers[span.address]
        if isinstance(first, Refusal):
            said[span] = first
        else:
            words = [registers[address] for address in range(span.address, span.end)]
            said[span] = tuple(word for word in words if isinstance(word, int))
    return reading_in(point, said, STAMP)


def write(point: Point, value: float) -> list[Write]:
    return writes_of(Setpoint(point=point, value=value))


def test_parts_are_added_and_taken_away() -> None:
    point = a_point(plus=[11, 13], minus=[15], scale=0.5)
    assert read(point, {10: 100, 11: 20, 13: 3, 15: 23}).value == 50.0
    assert read(point, {10: 0, 11: 0, 13: 0, 15: 7}).value == -3.5


def test_a_sum_that_lacks_a_part_is_no_sum() -> None:
    point = a_point(plus=[11], minus=[12], sentinels=[0xFFFF])
    assert read(point, {10: 1, 11: 2, 12: 0}).value == 3.0
    for lost in (10, 11, 12):
        assert read(point, {10: 1, 11: 2, 12: 0} | {lost: 0xFFFF}).reason == "the device has no value"
        refused = {10: 1, 11: 2, 12: 0} | {lost: Refusal("the device refuses: illegal data address")}
        assert read(point, refused).reason == "the device refuses: illegal data address"


def test_a_number_stands_for_another() -> None:
    point = a_point(values={"0": 1, "0x03": 3}, setpoint={**LIMITS, "range": [1, 3], "safe": 1})
    assert read(point, {10: 0}).value == 1.0
    assert read(point, {10: 3}).value == 3.0
    assert read(point, {10: 2}).reason == "the device says 2, which is none of 0, 3"
    assert write(point, 3) == [Write(10, (3,))]
    with pytest.raises(Refused, match="2 is none of the values that it knows: 1, 3"):
        write(point, 2)


def test_another_register_gives_the_sign() -> None:
    point = a_point(direction=DIRECTION)
    assert read(point, {10: 5, 20: 0xAA}).value == -5.0
    assert read(point, {10: 5, 20: 0xBB}).value == 5.0
    assert read(point, {10: 5, 20: 0xCC}).value == 0.0
    assert read(point, {10: 5, 20: 0}).reason == "register 20 says 0, which is none of 170, 187, 204"
    assert read(point, {10: 5, 20: Refusal("gone")}).reason == "gone"


def test_a_bit_gives_the_sign_and_a_sign_is_not_turned_twice() -> None:
    point = a_point(type="s16", direction={"address": 20, "bit": 1, "signs": {0: 1, 1: -1}})
    assert read(point, {10: 5, 20: 0b0111}).value == -5.0
    assert read(point, {10: 0xFFFB, 20: 0b0010}).value == -5.0
    assert read(point, {10: 0xFFFB, 20: 0b1101}).value == -5.0
    assert read(point, {10: 5, 20: 0b1101}).value == 5.0


def test_turning_comes_after_the_direction() -> None:
    assert read(a_point(direction=DIRECTION, turn=True), {10: 5, 20: 0xAA}).value == 5.0


def test_each_direction_may_have_its_own_register() -> None:
    direction = {"address": 20, "signs": {1: -1, 2: 1}, "negative_address": 12}
    point = a_point(direction=direction, setpoint=LIMITS)
    assert read(point, {10: 5, 12: 8, 20: 1}).value == -8.0
    assert read(point, {10: 5, 12: 8, 20: 2}).value == 5.0
    assert write(point, -8) == [Write(12, (8,)), Write(20, (1,))]
    assert write(point, 5) == [Write(10, (5,)), Write(20, (2,))]
    # there is no code for zero: nothing in the positive direction
    assert write(point, 0) == [Write(10, (0,)), Write(20, (2,))]


def test_what_is_written_goes_in_order() -> None:
    fixed = {"before": [{"address": 1, "value": 7}], "arm": [{"address": 2, "type": "u32", "value": 802}]}
    point = a_point(direction=DIRECTION, setpoint={**LIMITS, **fixed})
    assert write(point, -3) == [Write(1, (7,)), Write(10, (3,)), Write(20, (0xAA,)), Write(2, (0, 802))]
    assert write(point, 0)[1:3] == [Write(10, (0,)), Write(20, (0xCC,))]


@given(st.integers(-30, 30), st.booleans())
def test_a_directed_setpoint_reads_back_with_its_sign(value: int, turn: bool) -> None:
    direction = {**DIRECTION, "negative_address": 12}
    point = a_point(direction=direction, turn=turn, setpoint=LIMITS)
    registers: dict[int, int | Refusal] = {10: 99, 12: 77, 20: 0}
    for sent in write(point, value):
        registers[sent.address] = sent.words[0]
    assert read(point, registers).value == value


def test_a_size_beyond_the_register_is_refused_not_wrapped() -> None:
    with pytest.raises(Refused, match=r"outside 0\.\.65535"):
        write(a_point(direction=DIRECTION, setpoint=LIMITS, scale=0.0001), -30)


@given(
    st.floats(-70_000, 70_000),
    st.sampled_from(["value", "negative", "positive_part", "negative_part", "size"]),
    st.sampled_from(["u16", "s16", "u32", "s32", "f32"]),
    st.booleans(),
)
def test_a_further_register_has_its_part_or_the_whole_is_refused(
    value: float, carries: Carries, kind: ModbusType, low_word_first: bool
) -> None:
    also = [{"address": 20, "type": kind, "carries": carries}]
    limits = {**LIMITS, "range": [-70_000, 70_000]}
    point = a_point(type="s32", low_word_first=low_word_first, setpoint={**limits, "also": also})
    part = part_of(value, carries)
    try:
        own, further = write(point, value)
    except Refused:
        low, high = limits_of(kind)
        assert not low <= round(part) <= high
        return
    assert own.address == 10
    assert decode(further.words, kind, low_word_first=low_word_first) == pytest.approx(part, abs=0.5, rel=1e-6)
