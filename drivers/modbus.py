"""A device on Modbus TCP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.clock import Clock
from config.point import Point
from config.profile import ModbusPoint
from drivers.codec import decode, encode
from drivers.driver import LinkDown, Reading, Rejected, Setpoint, WriteResult
from drivers.modbus_tcp import ModbusTcpConnection, Refusal
from drivers.quality import Stamp, bad, confirm, judge, read_back_points
from drivers.registers import Block, Span, blocks_of, cut, exponent_span, value_span
from drivers.scaling import EXPONENTS, Refused, raw_of

Answers = Mapping[Span, tuple[tuple[int, ...] | Refusal, Stamp]]


class ModbusDriver:
    """One unit behind a shared connection.

    Neighbouring registers are read together. When a device refuses such a block but gives its parts,
    the parts are asked for one by one from then on.
    """

    def __init__(self, connection: ModbusTcpConnection, unit: int, points: Sequence[Point], clock: Clock) -> None:
        """`points` are all points of the device.

        Raises DriverError for a setpoint whose read-back point the device has not.
        """
        self._connection = connection
        self._unit = unit
        self._clock = clock
        self._shown_by = read_back_points(points)
        self._alone: set[Span] = set()
        self._exponents: dict[Span, int] = {}
        self._connected = False

    async def connect(self) -> None:
        self._connection.join(self)
        await self._connection.open()
        self._exponents.clear()
        self._connected = True

    async def close(self) -> None:
        self._connected = False
        await self._connection.leave(self)

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        self._require_connection()
        try:
            answers = await self._answers([_source(point) for point in points])
        except LinkDown:
            self._connected = False
            raise
        return [self._reading(point, answers) for point in points]

    async def write(self, setpoints: Sequence[Setpoint]) -> list[WriteResult]:
        self._require_connection()
        try:
            return [await self._write(setpoint) for setpoint in setpoints]
        except LinkDown:
            self._connected = False
            raise

    def _require_connection(self) -> None:
        if not self._connected:
            raise LinkDown(f"{self._connection}: unit {self._unit} is not connected")

    # -- reading ---------------------------------------------------------------------------------

    async def _answers(self, sources: Sequence[ModbusPoint]) -> Answers:
        answers: dict[Span, tuple[tuple[int, ...] | Refusal, Stamp]] = {}
        for block in blocks_of(sources, self._alone):
            words = await self._connection.read(self._unit, block.whole)
            stamp = Stamp.of(self._clock)
            if not isinstance(words, Refusal):
                answers.update({part: (piece, stamp) for part, piece in cut(block, words).items()})
            elif block.parts == (block.whole,):
                answers[block.whole] = (words, stamp)
            else:
                answers.update(await self._part_by_part(block))
        return answers

    async def _part_by_part(self, block: Block) -> Answers:
        answers: dict[Span, tuple[tuple[int, ...] | Refusal, Stamp]] = {}
        for part in block.parts:
            words = await self._connection.read(self._unit, part)
            answers[part] = (words, Stamp.of(self._clock))
        # a device that refuses the parts as well did not refuse the block for its size
        if any(not isinstance(words, Refusal) for words, _ in answers.values()):
            self._alone.update(block.parts)
        return answers

    def _reading(self, point: Point, answers: Answers) -> Reading:
        source = _source(point)
        words, stamp = answers[value_span(source)]
        if isinstance(words, Refusal):
            return bad(point, words.reason, stamp)
        exponent: int | Refusal = 0
        span = exponent_span(source)
        if span is not None:
            exponent = self._exponent(span, answers[span][0])
        if isinstance(exponent, Refusal):
            return bad(point, exponent.reason, stamp)
        raw = decode(words, source.type, low_word_first=source.low_word_first, sentinels=source.sentinels)
        return judge(point, raw, stamp, exponent=exponent)

    def _exponent(self, span: Span, words: tuple[int, ...] | Refusal) -> int | Refusal:
        """The power of ten in a scale factor register (SunSpec sunssf: s16, 0x8000 when there is none)."""
        if isinstance(words, Refusal):
            return Refusal(f"no scale factor: {words.reason}")
        exponent = decode(words, "s16", sentinels=(0x8000,))
        if exponent is None:
            return Refusal("the device has no scale factor")
        if exponent not in EXPONENTS:
            return Refusal(f"scale factor {exponent} is outside {EXPONENTS[0]}..{EXPONENTS[-1]}")
        self._exponents[span] = int(exponent)
        return int(exponent)

    # -- writing ---------------------------------------------------------------------------------

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        source = _source(setpoint.point)
        exponent = await self._exponent_to_write_with(source)
        if isinstance(exponent, Refusal):
            return Rejected(f"{setpoint.point.key}: {exponent.reason}")
        try:
            writes = _writes(setpoint, exponent)
        except Refused as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        for address, words in writes:
            refusal = await self._connection.write(self._unit, address, words)
            if refusal is not None:
                return Rejected(f"{setpoint.point.key}: register {address}: {refusal.reason}")
        shown_by = self._shown_by[setpoint.point.name]
        answers = await self._answers([_source(shown_by)])
        return confirm(setpoint, self._reading(shown_by, answers))

    async def _exponent_to_write_with(self, source: ModbusPoint) -> int | Refusal:
        span = exponent_span(source)
        if span is None:
            return 0
        if span in self._exponents:
            return self._exponents[span]
        return self._exponent(span, await self._connection.read(self._unit, span))


def _source(point: Point) -> ModbusPoint:
    assert isinstance(point.source, ModbusPoint)
    return point.source


def _writes(setpoint: Setpoint, exponent: int) -> list[tuple[int, tuple[int, ...]]]:
    """Addresses and registers to write, in order: the setpoint, then what arms it.

    Raises Refused.
    """
    source = _source(setpoint.point)
    raw = raw_of(setpoint.point, setpoint.value, exponent)
    words = encode(raw, source.type, low_word_first=source.low_word_first, sentinels=source.sentinels)
    arms = source.setpoint.arm if source.setpoint is not None else ()
    return [
        (source.address, words),
        *((arm.address, encode(arm.value, arm.type, low_word_first=source.low_word_first)) for arm in arms),
    ]
