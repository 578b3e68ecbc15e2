"""What is unpacked together is what each point on its own would have been read as."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from config.point import Point, points_of
from config.profile import ModbusProfile
from config.register import USUAL_REQUESTS, registers_of
from drivers.driver import Quality
from drivers.quality import Stamp
from drivers.read_plan import Plan
from drivers.register_values import Words, reading_in, source_of
from drivers.registers import spans_of

STAMP = Stamp(received_s=1.0, at=datetime(2026, 10, 14, 8, tzinfo=UTC))
REGISTERS = 40
TYPES = st.sampled_from(["u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64"])
WORDS = st.one_of(st.integers(0, 0xFFFF), st.sampled_from([0, 0x7FFF, 0x8000, 0xFFFF, 0x7FC0, 0x7F80, 0x3F80]))


@st.composite
def a_point(draw: st.DrawFn) -> dict[str, object]:
    kind = draw(TYPES)
    point: dict[str, object] = {
        "address": draw(st.integers(0, REGISTERS - 4)),
        "type": kind,
        "table": draw(st.sampled_from(["holding", "input"])),
        "low_word_first": draw(st.booleans()),
        "scale": draw(st.sampled_from([1, 0.1, 0.001, -2])),
        "offset": draw(st.sampled_from([0, -40, 0.5])),
        "turn": draw(st.booleans()),
        "valid": draw(st.sampled_from([[-1e30, 1e30], [-100, 70_000]])),
    }
    if draw(st.booleans()):
        point["sentinels"] = [(1 << 16 * registers_of(kind)) - 1, 0x8000]
    if kind == "u16" and draw(st.booleans()):
        point["bits"] = [2, 5]
    if kind == "s16" and draw(st.booleans()):
        point["scale_factor"] = draw(st.integers(0, REGISTERS - 1))
    return point


def points_at(specs: list[dict[str, object]]) -> list[Point]:
    points = {f"x{index}_kw": spec for index, spec in enumerate(specs)}
    profile = ModbusProfile.model_validate(
        {"protocol": "modbus", "description": "made up", "verified": True, "source": "here", "points": points}
    )
    return list(points_of("device", profile, {}))


@given(st.lists(a_point(), min_size=1, max_size=12), st.lists(WORDS, min_size=REGISTERS, max_size=REGISTERS))
def test_points_read_together_say_what_each_says_alone(specs: list[dict[str, object]], registers: list[int]) -> None:
    points = points_at(specs)
    plan = Plan.of(points, USUAL_REQUESTS, ())
    heard: list[tuple[Words, Stamp]] = [
        (tuple(registers[block.whole.address : block.whole.end]), STAMP) for block in plan.blocks
    ]
    readings, answers = plan.judged(heard)
    alone = [
        reading_in(
            point, {span: tuple(registers[span.address : span.end]) for span in spans_of(source_of(point))}, STAMP
        )
        for point in points
    ]
    assert readings == alone
    if answers is None:
        assert all(reading.quality is Quality.GOOD for reading in readings)


def test_a_number_that_is_added_to_itself_is_doubled() -> None:
    (point,) = points_at([{"address": 0, "type": "u16", "plus": [0], "valid": [0, 100]}])
    (reading,), _ = Plan.of([point], USUAL_REQUESTS, ()).judged([((7,), STAMP)])
    assert reading.value == 14.0


def test_most_points_need_no_more_than_unpacking() -> None:
    specs: list[dict[str, object]] = [
        {"address": 0, "type": "u16", "valid": [0, 9]},
        {"address": 0, "type": "u16", "scale": 2, "valid": [0, 9]},
        {"address": 1, "type": "f32", "valid": [0, 9]},
        {"address": 2, "type": "u16", "valid": [0, 99_999]},
        {"address": 5, "type": "u32", "low_word_first": True, "valid": [0, 9]},
        {"address": 9, "type": "u16", "low_word_first": True, "valid": [0, 9]},
    ]
    plan = Plan.of(points_at(specs), USUAL_REQUESTS, ())
    # the fourth shares a register with the third, and the words of the fifth are turned
    assert [plain is not None for _, plain in plan.points] == [True, True, True, False, False, True]
