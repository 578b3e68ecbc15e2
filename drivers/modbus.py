"""A device on Modbus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from config.clock import Clock
from config.point import Point
from config.point_spec import ModbusPoint
from config.register import USUAL_REQUESTS, DeviceText, Heartbeat, Requests
from drivers.driver import Accepted, LinkDown, Reading, Rejected, Setpoint, Unconfirmed, WriteResult
from drivers.heartbeat import Pulse, heartbeat_span
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.quality import confirm
from drivers.register_values import NoNumber, Said, exponent_said, source_of, text_in
from drivers.register_writes import condition_span, objection, releases_of, scale_factors_of, writes_of
from drivers.registers import Span
from drivers.scaling import Refused
from drivers.shared import SharedDriver
from drivers.unit_reader import UnitReader


class ModbusDriver(SharedDriver[ModbusConnection]):
    """One unit behind a shared connection. What it says of itself is looked at before anything else is believed."""

    def __init__(
        self,
        connection: ModbusConnection,
        unit: int,
        points: Sequence[Point],
        clock: Clock,
        heartbeats: Sequence[Heartbeat] = (),
        *,
        requests: Requests = USUAL_REQUESTS,
        identity: Mapping[str, DeviceText] = MappingProxyType({}),
    ) -> None:
        """`points` are all points of the device; its heartbeats begin with the first setpoint that it has taken.

        Raises DriverError for a setpoint whose read-back point the device has not.
        """
        super().__init__(connection, points, clock)
        self._unit = unit
        self._reader = UnitReader(connection, unit, requests, clock)
        self._identity = identity
        self._recognised = False
        self._exponents: dict[Span, int] = {}
        self._pulse = Pulse(tuple(heartbeats))
        self._controlled = False

    async def _begin(self) -> None:
        # a device that was away may have come back as another, or with other scale factors
        self._reader.forget()
        self._recognised = False
        self._exponents.clear()
        self._pulse.forget()

    def __str__(self) -> str:
        return f"{self._connection}: unit {self._unit}"

    async def _read(self, points: Sequence[Point]) -> list[Reading]:
        await self._recognise()
        readings, answers = await self._reader.readings(points)
        if answers is not None:
            for point in points:
                if point.setpoint is not None:
                    self._keep_exponents(source_of(point), answers.said)
        return readings

    async def _identify(self) -> dict[str, str]:
        return {name: await self._text(text) for name, text in self._identity.items()}

    async def _recognise(self) -> None:
        """Raises LinkDown when the device is not the one that its profile describes."""
        if self._recognised:
            return
        for name, text in self._identity.items():
            if text.expect is not None:
                said = await self._text(text)
                if not said.startswith(text.expect):
                    raise LinkDown(f"{self}: its {name} is {said!r} and does not begin with {text.expect!r}")
        self._recognised = True

    async def _text(self, text: DeviceText) -> str:
        """What the device says, empty where it refuses. Raises LinkDown."""
        words = await self._connection.read(self._unit, Span(text.table, text.address, text.registers))
        return "" if isinstance(words, Refusal) else text_in(words, low_byte_first=text.low_byte_first)

    def _keep_exponents(self, source: ModbusPoint, said: Said) -> None:
        """The scale factors of a point, as far as they were told, kept for the next write."""
        for span in scale_factors_of(source):
            with suppress(NoNumber):
                if span in said:
                    self._exponents[span] = exponent_said(said[span])

    # -- writing ---------------------------------------------------------------------------------

    async def _write(self, setpoint: Setpoint) -> WriteResult:
        await self._recognise()
        source = source_of(setpoint.point)
        try:
            writes = writes_of(setpoint, await self._exponents_to_write_with(source))
        except (NoNumber, Refused) as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        why_not = await self._objection(source)
        if why_not is not None:
            return Rejected(f"{setpoint.point.key}: {why_not}")
        for write in writes:
            refusal = await self._connection.write(self._unit, write.address, write.words, always_16=write.always_16)
            if refusal is not None:
                return Rejected(f"{setpoint.point.key}: register {write.address}: {refusal.reason}")
        self._controlled = True
        (shown,) = await self._read([self._shown_by[setpoint.point.name]])
        return confirm(setpoint, shown)

    async def _preview(self, setpoint: Setpoint) -> list[str]:
        await self._recognise()
        try:
            writes = writes_of(setpoint, await self._exponents_to_write_with(source_of(setpoint.point)))
        except NoNumber as error:
            raise Refused(str(error)) from error
        return [
            f"register {write.address}: {' '.join(f'0x{word:04X}' for word in write.words)}"
            f" (function {16 if write.always_16 or len(write.words) > 1 else 6})"
            for write in writes
        ]

    async def _release(self, point: Point) -> WriteResult:
        await self._recognise()
        source = source_of(point)
        for write in releases_of(source):
            refusal = await self._connection.write(self._unit, write.address, write.words, always_16=write.always_16)
            if refusal is not None:
                return Rejected(f"{point.key}: register {write.address}: {refusal.reason}")
        # it need not hear any more that it is controlled
        self._controlled = False
        (shown,) = await self._read([self._shown_by[point.name]])
        return Unconfirmed(None, shown.reason) if shown.value is None else Accepted(shown.value)

    async def _exponents_to_write_with(self, source: ModbusPoint) -> dict[int, int]:
        """By register. Raises NoNumber."""
        for span in scale_factors_of(source):
            if span not in self._exponents:
                self._exponents[span] = exponent_said(await self._connection.read(self._unit, span))
        return {span.address: self._exponents[span] for span in scale_factors_of(source)}

    async def _objection(self, source: ModbusPoint) -> str | None:
        """Why the device must not be written now, from what it says itself."""
        assert source.setpoint is not None  # a Setpoint has checked it
        for condition in source.setpoint.only_when:
            said = await self._connection.read(self._unit, condition_span(condition))
            found = objection(condition, said, low_word_first=source.low_word_first)
            if found is not None:
                return found
        return None

    async def _beat(self) -> list[Rejected]:
        if not self._controlled:
            return []
        for heartbeat in self._pulse.due(self._clock.monotonic_s()):
            if self._pulse.must_be_seen(heartbeat):
                self._pulse.seen(heartbeat, await self._connection.read(self._unit, heartbeat_span(heartbeat)))
            words = self._pulse.next(heartbeat, self._clock.monotonic_s())
            self._pulse.answered(heartbeat, await self._connection.write(self._unit, heartbeat.address, words))
        return [Rejected(f"{self}: {why}") for why in self._pulse.refused()]
