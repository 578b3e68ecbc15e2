"""How the same points of a Modbus unit are read each time, and what its answers say of them. Pure: no wire."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from config.point import Point
from config.register import Requests
from drivers.driver import Reading
from drivers.modbus_connection import Refusal
from drivers.plain_numbers import Layout, Plain, plain_points
from drivers.quality import Stamp, good
from drivers.register_values import Words, reading_in, source_of
from drivers.registers import Block, Cut, Span, blocks_of, cut_out, value_span


@dataclass(slots=True)
class Answers:
    """What a unit said, and when."""

    said: dict[Span, Words | Refusal] = field(default_factory=dict)
    stamps: dict[Span, Stamp] = field(default_factory=dict)

    def add(self, block: Block, words: Words | Refusal, stamp: Stamp) -> None:
        parts = dict.fromkeys(block.parts, words) if isinstance(words, Refusal) else cut_out(block, words)
        self.said.update(parts)
        self.stamps.update(dict.fromkeys(block.parts, stamp))

    def reading(self, point: Point) -> Reading:
        return reading_in(point, self.said, self.stamps[value_span(source_of(point))])


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests for some points of a unit, and where in the answers the points are."""

    blocks: tuple[Block, ...]
    layouts: tuple[Layout, ...]
    points: tuple[tuple[Point, Plain | None], ...]

    @classmethod
    def of(cls, points: Sequence[Point], requests: Requests, cuts: Collection[Cut]) -> Plan:
        blocks = tuple(blocks_of([source_of(point) for point in points], requests, cuts))
        layouts, plain = plain_points(points, blocks)
        return cls(blocks, layouts, tuple((point, plain.get(point.name)) for point in points))

    def judged(self, heard: Sequence[tuple[Words, Stamp]]) -> tuple[list[Reading], Answers | None]:
        """One reading per point, in order, from one answer per block.

        The answers come along, cut out, where any point is more than a plain number or has no value.
        """
        datas = [layout.bytes_of(words) for layout, (words, _) in zip(self.layouts, heard, strict=True)]
        numbers: list[float] = []
        for layout, data in zip(self.layouts, datas, strict=True):
            numbers += layout.numbers.unpack(data)
        answers: Answers | None = None
        readings = []
        for point, plain in self.points:
            if plain is not None:
                number, told, factor, shift, low, high, at, sentinels = plain
                value = numbers[number] * factor + shift
                if low <= value <= high and not (sentinels and datas[told][at] in sentinels):
                    readings.append(good(point.key, value + 0.0, heard[told][1]))
                    continue
            if answers is None:
                answers = Answers()
                for block, (words, stamp) in zip(self.blocks, heard, strict=True):
                    answers.add(block, words, stamp)
            readings.append(answers.reading(point))
        return readings, answers
