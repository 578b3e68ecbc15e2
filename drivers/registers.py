"""Which registers to ask for together: few requests, none longer than the protocol allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.profile import ModbusPoint
from drivers.codec import registers_of

MOST_REGISTERS = 125
"""What one read request may ask for (Modbus application protocol 1.1b3, 6.3)."""

WIDEST_GAP = 8
"""Registers read along for nothing: sixteen bytes cost less than the thirty of another request and its answer."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Neighbouring registers of one table."""

    table: Literal["holding", "input"]
    address: int
    count: int

    @property
    def end(self) -> int:
        """The address after the last register."""
        return self.address + self.count

    def around(self, other: Span) -> Span:
        """The span from the lower address to the higher end of both."""
        address = min(self.address, other.address)
        return Span(self.table, address, max(self.end, other.end) - address)


@dataclass(frozen=True, slots=True)
class Block:
    """One request, and the spans that are cut out of its answer."""

    whole: Span
    parts: tuple[Span, ...]


def value_span(source: ModbusPoint) -> Span:
    return span_at(source, source.address)


def span_at(source: ModbusPoint, address: int) -> Span:
    """A number of the point's type at another address of its table."""
    return Span(source.table, address, registers_of(source.type))


def exponent_span(source: ModbusPoint) -> Span | None:
    return None if source.scale_factor is None else Span(source.table, source.scale_factor, 1)


def direction_span(source: ModbusPoint) -> Span | None:
    return None if source.direction is None else Span(source.table, source.direction.address, 1)


def spans_of(source: ModbusPoint) -> tuple[Span, ...]:
    """Everything that must be known for one value, the value's own registers first."""
    others = [*source.plus, *source.minus]
    if source.direction is not None and source.direction.negative_address is not None:
        others.append(source.direction.negative_address)
    found = [
        value_span(source),
        *(span_at(source, address) for address in others),
        direction_span(source),
        exponent_span(source),
    ]
    return tuple(dict.fromkeys(span for span in found if span is not None))


def blocks_of(sources: Iterable[ModbusPoint], alone: Collection[Span] = ()) -> list[Block]:
    """The requests that read all sources.

    What makes up one value (its parts, its direction, its scale factor) comes in one answer wherever it fits
    into one request, so that it belongs together; other spans are joined over gaps of up to WIDEST_GAP.
    Spans in `alone` share no request.
    """
    groups: list[Block] = []
    for source in sources:
        parts = spans_of(source)
        joint = parts[0]
        for part in parts[1:]:
            joint = joint.around(part)
        if joint.count <= MOST_REGISTERS and not any(part in alone for part in parts):
            groups.append(Block(joint, parts))
        else:
            groups.extend(Block(part, (part,)) for part in parts)
    return _joined(groups, alone)


def _joined(groups: Iterable[Block], alone: Collection[Span]) -> list[Block]:
    blocks: list[Block] = []
    for group in sorted(set(groups), key=lambda block: block.whole):
        last = blocks[-1] if blocks else None
        if last is not None and _may_join(last, group, alone):
            parts = (*last.parts, *(part for part in group.parts if part not in last.parts))
            blocks[-1] = Block(last.whole.around(group.whole), parts)
        else:
            blocks.append(group)
    return blocks


def _may_join(block: Block, group: Block, alone: Collection[Span]) -> bool:
    if block.whole == group.whole:
        return True
    if any(part in alone for part in (*block.parts, *group.parts)):
        return False
    return (
        block.whole.table == group.whole.table
        and group.whole.address - block.whole.end <= WIDEST_GAP
        and block.whole.around(group.whole).count <= MOST_REGISTERS
    )


def cut(block: Block, words: Sequence[int]) -> dict[Span, tuple[int, ...]]:
    """The registers of each part of a block, from the registers of the whole."""
    first = block.whole.address
    return {part: tuple(words[part.address - first : part.end - first]) for part in block.parts}
