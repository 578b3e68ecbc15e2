"""Which registers to ask for together: few requests, none longer than the device and the protocol allow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from config.point_spec import ModbusPoint
from config.register import USUAL_REQUESTS, Requests, Table
from drivers.codec import registers_of

MOST_REGISTERS = 125
"""What one read request may ask for (Modbus application protocol 1.1b3, 6.3)."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Neighbouring registers of one table."""

    table: Table
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


@dataclass(frozen=True, slots=True)
class Cut:
    """Two registers that a device does not give in one request."""

    table: Table
    left: int
    right: int

    def within(self, span: Span) -> bool:
        return self.table == span.table and span.address <= self.left and self.right < span.end


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


def blocks_of(
    sources: Iterable[ModbusPoint], requests: Requests = USUAL_REQUESTS, cuts: Collection[Cut] = ()
) -> list[Block]:
    """The fewest requests that read all sources.

    What makes up one value (its parts, its direction, its scale factor) comes in one answer wherever it fits
    into one request, so that it belongs together. No request is longer than allowed, reads more registers along
    for nothing than the widest gap between two values, touches a hole or has both sides of a cut in it.
    """
    groups: list[Block] = []
    for source in sources:
        parts = spans_of(source)
        joint = parts[0]
        for part in parts[1:]:
            joint = joint.around(part)
        if _allowed(joint, requests, cuts):
            groups.append(Block(joint, parts))
        else:
            groups.extend(Block(part, (part,)) for part in parts)
    blocks: list[Block] = []
    # taking in from the left whatever fits needs the fewest: what begins later cannot be served by an earlier request
    for group in sorted(set(groups), key=lambda block: block.whole):
        last = blocks[-1] if blocks else None
        if last is not None and _may_join(last, group, requests, cuts):
            parts = (*last.parts, *(part for part in group.parts if part not in last.parts))
            blocks[-1] = Block(last.whole.around(group.whole), parts)
        else:
            blocks.append(group)
    return blocks


def _may_join(block: Block, group: Block, requests: Requests, cuts: Collection[Cut]) -> bool:
    return (
        block.whole.table == group.whole.table
        and group.whole.address - block.whole.end <= requests.widest_gap
        and _allowed(block.whole.around(group.whole), requests, cuts)
    )


def _allowed(span: Span, requests: Requests, cuts: Collection[Cut]) -> bool:
    if span.count > requests.most_registers:
        return False
    holes = (hole for hole in requests.holes if hole.table == span.table)
    return not any(hole.first < span.end and span.address <= hole.last for hole in holes) and not any(
        cut.within(span) for cut in cuts
    )


def cut_out(block: Block, words: Sequence[int]) -> dict[Span, tuple[int, ...]]:
    """The registers of each part of a block, from the registers of the whole."""
    first = block.whole.address
    return {part: tuple(words[part.address - first : part.end - first]) for part in block.parts}


def pieces_of(block: Block) -> list[Block]:
    """A block in the smallest pieces that can be asked for one by one: parts that share registers stay together."""
    pieces: list[Block] = []
    for part in sorted(block.parts):
        last = pieces[-1] if pieces else None
        if last is not None and part.address < last.whole.end:
            pieces[-1] = Block(last.whole.around(part), (*last.parts, part))
        else:
            pieces.append(Block(part, (part,)))
    return pieces


def joined(pieces: Sequence[Block]) -> Block:
    """Neighbouring pieces as one request."""
    whole = pieces[0].whole.around(pieces[-1].whole)
    return Block(whole, tuple(part for piece in pieces for part in piece.parts))


def cut_between(left: Block, right: Block) -> Cut:
    return Cut(left.whole.table, left.whole.end - 1, right.whole.address)
