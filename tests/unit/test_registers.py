"""Which registers are asked for together."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from config.point_spec import ModbusPoint
from config.register import ModbusType, Requests
from drivers.registers import MOST_REGISTERS, Block, Cut, Span, blocks_of, cut_out, value_span


def at(address: int, kind: ModbusType = "u16", scale_factor: int | None = None, table: str = "holding") -> ModbusPoint:
    return ModbusPoint.model_validate(
        {"address": address, "type": kind, "scale_factor": scale_factor, "table": table, "valid": (0, 1)}
    )


WIDEST_GAP = Requests().widest_gap


def wholes(blocks: list[Block]) -> list[tuple[int, int]]:
    return [(block.whole.address, block.whole.count) for block in blocks]


def test_neighbours_are_read_together_in_any_order() -> None:
    assert wholes(blocks_of([at(103), at(100, "s32"), at(102)])) == [(100, 4)]


def test_a_small_gap_is_read_along_and_a_wide_one_is_not() -> None:
    assert wholes(blocks_of([at(100), at(101 + WIDEST_GAP)])) == [(100, WIDEST_GAP + 2)]
    assert wholes(blocks_of([at(100), at(102 + WIDEST_GAP)])) == [(100, 1), (102 + WIDEST_GAP, 1)]


def test_tables_are_kept_apart() -> None:
    assert len(blocks_of([at(100), at(101, table="input")])) == 2


def test_a_value_comes_with_its_scale_factor() -> None:
    # SunSpec 123: WMaxLimPct and its scale factor, 18 registers apart
    assert wholes(blocks_of([at(40155, scale_factor=40173)])) == [(40155, 19)]
    assert wholes(blocks_of([at(100, scale_factor=300)])) == [(100, 1), (300, 1)]


def test_two_values_share_one_scale_factor() -> None:
    (block,) = blocks_of([at(40108, "u32", 40124), at(40116, "u32", 40124)])
    assert block.parts == (Span("holding", 40108, 2), Span("holding", 40124, 1), Span("holding", 40116, 2))


def test_no_request_is_longer_than_the_protocol_allows() -> None:
    assert wholes(blocks_of([at(address) for address in range(130)])) == [(0, 125), (125, 5)]


def test_what_is_not_given_together_is_asked_for_apart() -> None:
    cuts = {Cut("holding", 101, 102)}
    assert wholes(blocks_of([at(100), at(101), at(102), at(103)], cuts=cuts)) == [(100, 2), (102, 2)]
    apart = {Cut("holding", 40160, 40161)}
    assert wholes(blocks_of([at(40155, scale_factor=40173)], cuts=apart)) == [(40155, 1), (40173, 1)]


@given(st.lists(st.builds(at, st.integers(0, 400), st.sampled_from(("u16", "s32", "f64"))), max_size=40))
def test_every_value_is_cut_out_of_its_block(sources: list[ModbusPoint]) -> None:
    found: dict[Span, tuple[int, ...]] = {}
    for block in blocks_of(sources):
        assert block.whole.count <= MOST_REGISTERS
        # a table whose registers hold their own address
        found |= cut_out(block, range(block.whole.address, block.whole.end))
    for source in sources:
        span = value_span(source)
        assert found[span] == tuple(range(span.address, span.end))


def test_everything_that_makes_up_a_value_comes_together() -> None:
    source = ModbusPoint.model_validate(
        {
            "address": 10,
            "type": "u32",
            "plus": [14],
            "direction": {"address": 20, "signs": {0: 1, 1: -1}, "negative_address": 24},
            "scale_factor": 30,
            "valid": (0, 1),
        }
    )
    (block,) = blocks_of([source])
    assert block.whole == Span("holding", 10, 21)
    assert [(part.address, part.count) for part in block.parts] == [(10, 2), (14, 2), (24, 2), (20, 1), (30, 1)]


def test_parts_too_far_apart_come_one_by_one() -> None:
    source = ModbusPoint.model_validate({"address": 0, "type": "u16", "minus": [200], "valid": (0, 1)})
    assert wholes(blocks_of([source])) == [(0, 1), (200, 1)]


# -- as few as possible --------------------------------------------------------------------------


@st.composite
def devices(draw: st.DrawFn) -> tuple[list[ModbusPoint], Requests]:
    """Numbers side by side or apart, and what their device allows; no number lies in a hole."""
    address, sources, holes = 0, [], []
    for _ in range(draw(st.integers(1, 14))):
        address += draw(st.sampled_from((0, 0, 0, 1, 2, 3, 9)))
        if draw(st.integers(0, 5)) == 0:
            holes.append({"first": address, "last": address})
            address += 1
        sources.append(at(address, draw(st.sampled_from(("u16", "s32", "f64")))))
        address = value_span(sources[-1]).end
    allowed = {"most_registers": draw(st.integers(4, 20)), "widest_gap": draw(st.integers(0, 4)), "holes": holes}
    return draw(st.permutations(sources)), Requests.model_validate(allowed)


def fewest(sources: list[ModbusPoint], requests: Requests) -> int:
    """How many requests it takes at the least, by trying every way to cut the numbers in their order."""
    spans = sorted({value_span(source) for source in sources})

    def together(run: list[Span]) -> bool:
        first, end = run[0].address, run[-1].end
        gaps = [right.address - left.end for left, right in pairwise(run)]
        touched = any(hole.first < end and hole.last >= first for hole in requests.holes)
        return end - first <= requests.most_registers and max(gaps, default=0) <= requests.widest_gap and not touched

    least = [0]
    for end in range(1, len(spans) + 1):
        least.append(min(least[first] + 1 for first in range(end) if together(spans[first:end])))
    return least[-1]


@given(devices())
def test_no_device_can_be_read_in_fewer_requests(device: tuple[list[ModbusPoint], Requests]) -> None:
    sources, requests = device
    blocks = blocks_of(sources, requests)
    assert len(blocks) == fewest(sources, requests)
    for block in blocks:
        assert block.whole.count <= requests.most_registers
        assert not any(hole.first < block.whole.end and hole.last >= block.whole.address for hole in requests.holes)
        parts = sorted(block.parts)
        assert (parts[0].address, parts[-1].end) == (block.whole.address, block.whole.end)
        assert all(right.address - left.end <= requests.widest_gap for left, right in pairwise(parts))
    assert sorted(part for block in blocks for part in block.parts) == sorted(
        {value_span(source) for source in sources}
    )
