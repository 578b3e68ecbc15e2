"""Points that are one number in one place of an answer, as most are: unpacked together and judged in one pass."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from config.point import Point
from config.register import ModbusType
from drivers.codec import STRUCTS
from drivers.register_values import Words, source_of
from drivers.registers import Block, Span, value_span


class Plain(NamedTuple):
    """Where such a point is in the answers, and what becomes of its number: value = number * factor + shift."""

    number: int
    """Among the numbers of all answers together."""
    block: int
    factor: float
    shift: float
    low: float
    high: float
    at: slice
    """The bytes of its answer that are the number."""
    sentinels: frozenset[bytes]
    """What these bytes are where there is no value."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an answer has its numbers."""

    words: struct.Struct
    numbers: struct.Struct

    @classmethod
    def of(cls, block: Block, types: Mapping[Span, ModbusType]) -> Layout:
        """`types` has the numbers in the order of their addresses; none shares a register with another."""
        form, end = ">", block.whole.address
        for span, kind in types.items():
            form += f"{2 * (span.address - end)}x{STRUCTS[kind].format[1:]}"
            end = span.end
        return cls(struct.Struct(f">{block.whole.count}H"), struct.Struct(f"{form}{2 * (block.whole.end - end)}x"))

    def bytes_of(self, words: Words) -> bytes:
        return self.words.pack(*words)


def plain_points(points: Iterable[Point], blocks: Sequence[Block]) -> tuple[tuple[Layout, ...], dict[str, Plain]]:
    """How each block's answer is unpacked, and the plain ones of the points by their names."""
    where = {part: index for index, block in enumerate(blocks) for part in block.parts}
    candidates = sorted(
        ((span, point) for point in points if (span := _only_span(point)) is not None),
        key=lambda each: (where[each[0]], each[0], each[1].name),
    )
    types: list[dict[Span, ModbusType]] = [{} for _ in blocks]
    plain: dict[str, Plain] = {}
    for span, point in candidates:
        source, block = source_of(point), where[span]
        kinds = types[block]
        if kinds.setdefault(span, source.type) != source.type:
            continue
        others = list(kinds)
        if len(others) > 1 and others[-1] == span and others[-2].end > span.address:
            del kinds[span]
            continue
        begin = 2 * (span.address - blocks[block].whole.address)
        plain[point.name] = Plain(
            number=sum(len(each) for each in types) - 1,
            block=block,
            factor=point.sign * point.scale,
            shift=point.sign * point.offset,
            low=point.valid[0],
            high=point.valid[1],
            at=slice(begin, begin + 2 * span.count),
            sentinels=frozenset(sentinel.to_bytes(2 * span.count, "big") for sentinel in source.sentinels),
        )
    return tuple(Layout.of(block, kinds) for block, kinds in zip(blocks, types, strict=True)), plain


def _only_span(point: Point) -> Span | None:
    """The registers of a point whose number is in them as it is; None for what has to be put together."""
    source = source_of(point)
    span = value_span(source)
    # what is put together may stand in one place all the same, such as a number that is added to itself
    made_up = source.plus or source.minus or source.direction is not None or source.scale_factor is not None
    turned = source.low_word_first and span.count > 1
    return None if made_up or turned or source.bits is not None or source.values is not None else span
