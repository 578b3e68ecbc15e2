"""One Modbus connection for all units behind it, with one request in flight."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from config.connection import Modbus, ModbusRtu, ModbusRtuOverTcp, ModbusTcp, ModbusTls
from drivers.driver import LinkDown, TurnedAway
from drivers.modbus_client import Broken, ModbusClient, has_transaction_ids
from drivers.registers import Span
from drivers.shared import SharedConnection

_EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, not done",
    6: "device busy",
    8: "memory parity error",
}
_GATEWAY_EXCEPTIONS: Final = {10: "the gateway has no path to it", 11: "it does not answer the gateway"}
"""The gateway speaks, the unit does not: for us the unit is silent."""

_OF_THESE: Final = frozenset({2, 3, 4})
"""Exceptions to what was asked for, and not to when. For registers that it does not give together a device should
say 2; some say 3, as for a request that is too long, and some fail (4)."""

_EXCEPTION_BIT: Final = 0x80

_LATE: Final = 0.75
"""For how many time-outs more an answer may come late. With the default time-out it is over when the link tries
again, which is after three quarters of a second at the earliest; a device that needs longer needs a longer time-out."""

_CHARACTER_BITS: Final = 11
_FAST_BAUD: Final = 19200
_FAST_SILENCE_S: Final = 0.00175
"""Above 19200 baud the 3.5 characters between two frames are a fixed time (Modbus over serial line 1.02, 2.5.1.1)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A unit answered, but with an exception or with something else than was asked."""

    reason: str
    of_these: bool = False
    """Whether it may give some of the registers when it is not asked for all of them."""


@dataclass(frozen=True, slots=True)
class _Owed:
    """An answer that nobody waits for any more."""

    until_s: float
    """When it no longer can come, on the monotonic clock."""
    silent: bool
    """True after a time-out, False when whoever asked was cancelled."""


class ModbusConnection(SharedConnection):
    """Requests of all units, one after the other.

    How no late answer is taken for a new one:

    - On TCP and TLS an answer carries the id of its request, and any other id is passed over.
    - RTU frames have no such id. But an answer carries its unit, so a late one can only be mistaken by a request to
      the same unit. That unit is not asked again before its answer can no longer come; what comes meanwhile is
      passed over by unit and cleared before each request, and opening a serial port empties its input. So the other
      units need not wait, and a unit that is silent costs them one time-out.

    A time-out closes the connection, unless another unit has answered over it since it was opened or since the last
    time-out: then it is the unit that is silent and not the line, and opening again would cost the others
    `connect_delay_s` as well. A cancelled request closes it too.
    """

    def __init__(self, spec: Modbus, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is needed for a connection within TLS."""
        super().__init__()
        self._spec = spec
        self._tls = tls
        self._line = not has_transaction_ids(spec)
        self._gap_s = max(spec.gap_s, _silence_s(spec) if isinstance(spec, ModbusRtu) else 0.0)
        self._client: ModbusClient | None = None
        self._lock = asyncio.Lock()
        self._ended_s = float("-inf")
        self._answered: int | None = None
        self._owed: dict[int, _Owed] = {}

    async def open(self) -> None:
        async with self._lock:
            await self._opened()

    async def shut(self) -> None:
        self._drop()
        # the transport gives the socket back in the loop's next round
        await asyncio.sleep(0)

    async def read(self, unit: int, span: Span) -> tuple[int, ...] | Refusal:
        """The registers of a span, as many as asked for. Raises LinkDown when nothing comes in time."""
        kind = ReadHoldingRegistersRequest if span.table == "holding" else ReadInputRegistersRequest
        answer = await self._request(unit, kind(address=span.address, count=span.count, dev_id=unit))
        if isinstance(answer, Refusal):
            return answer
        if answer.function_code != kind.function_code:
            return Refusal(f"answered function {answer.function_code} to a read of {span.table} registers")
        if len(answer.registers) != span.count:
            counted = f"{len(answer.registers)} registers instead of {span.count}"
            return Refusal(f"answered {counted} from {span.address}", of_these=True)
        return tuple(answer.registers)

    async def write(self, unit: int, address: int, words: Sequence[int], *, always_16: bool = False) -> Refusal | None:
        """Write one register (function 6, or 16 with `always_16`) or several (function 16).

        Raises LinkDown when nothing comes in time.
        """
        single = len(words) == 1 and not always_16
        kind = WriteSingleRegisterRequest if single else WriteMultipleRegistersRequest
        answer = await self._request(unit, kind(address=address, registers=list(words), dev_id=unit))
        if isinstance(answer, Refusal):
            return answer
        if (answer.function_code, answer.address) != (kind.function_code, address):
            return Refusal(
                f"answered function {answer.function_code} at {answer.address} to a write of register {address}"
            )
        return None

    # -- the exchange ----------------------------------------------------------------------------

    async def _request(self, unit: int, request: ModbusPDU) -> ModbusPDU | Refusal:
        if self._line:
            if unit == 0:
                # a write would reach every unit of the line
                return Refusal("unit 0 is every unit of a line, and none of them answers it")
            await self._late_answer_gone(unit)
        async with self._lock:
            client = await self._opened()
            pause_s = self._ended_s + self._gap_s - time.monotonic()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            try:
                answer = await client.ask(request)
            except asyncio.CancelledError:
                self._owes(unit, silent=False)
                self._drop()
                raise
            except TimeoutError:
                self._owes(unit, silent=True)
                if self._answered in (None, unit):
                    self._drop()
                self._answered = None
                raise LinkDown(f"{self}: unit {unit} does not answer within {self._spec.timeout_s:g} s") from None
            except Broken as broken:
                self._owes(unit, silent=True)
                self._drop()
                raise LinkDown(f"{self}: unit {unit}: {broken}") from broken
            finally:
                self._ended_s = time.monotonic()
            self._answered = unit
        return self._checked(unit, request, answer)

    def _checked(self, unit: int, request: ModbusPDU, answer: ModbusPDU) -> ModbusPDU | Refusal:
        """The answer, if it is one to this request and no exception."""
        # pymodbus takes a 0 for any id
        if answer.dev_id != unit:
            return Refusal(f"unit {answer.dev_id} answered instead of unit {unit}")
        if answer.transaction_id != request.transaction_id:
            return Refusal(f"answered transaction {answer.transaction_id} instead of {request.transaction_id}")
        if not answer.isError():
            return answer
        if answer.function_code != request.function_code | _EXCEPTION_BIT:
            return Refusal(f"answered an exception to another function than {request.function_code}")
        code = int(answer.exception_code)
        if code in _GATEWAY_EXCEPTIONS:
            raise LinkDown(f"{self}: unit {unit}: {_GATEWAY_EXCEPTIONS[code]}")
        return Refusal(f"the device refuses: {_EXCEPTIONS.get(code, f'exception {code}')}", of_these=code in _OF_THESE)

    def _owes(self, unit: int, *, silent: bool) -> None:
        if self._line:
            self._owed[unit] = _Owed(time.monotonic() + _LATE * self._spec.timeout_s, silent)

    async def _late_answer_gone(self, unit: int) -> None:
        """Returns when nothing that was asked of the unit before can still be answered.

        Raises LinkDown when that takes time and the unit was silent: the caller shall ask its neighbours meanwhile.
        """
        owed = self._owed.pop(unit, None)
        rest_s = 0.0 if owed is None else owed.until_s - time.monotonic()
        if owed is None or rest_s <= 0:
            return
        self._owed[unit] = owed
        if owed.silent:
            raise LinkDown(f"{self}: unit {unit} owes an answer, which may still come within {rest_s:.1f} s")
        await asyncio.sleep(rest_s)

    async def _opened(self) -> ModbusClient:
        """The open client; the lock is held by the caller."""
        if self._client is not None and self._client.open:
            return self._client
        self._drop()
        client = ModbusClient(self._spec, self._tls)
        try:
            await client.dial()
            await asyncio.sleep(self._spec.connect_delay_s)
        except Broken as broken:
            client.drop()
            kind = TurnedAway if isinstance(broken.__cause__, ssl.SSLError) else LinkDown
            raise kind(f"{self}: {broken}") from broken
        except asyncio.CancelledError:
            client.drop()
            raise
        self._client, self._answered = client, None
        return client

    def _drop(self) -> None:
        if self._client is not None:
            self._client.drop()
            self._client = None

    def __str__(self) -> str:
        match self._spec:
            case ModbusTcp(host=host, port=port):
                return f"modbus://{host}:{port}"
            case ModbusRtuOverTcp(host=host, port=port):
                return f"modbus+rtu://{host}:{port}"
            case ModbusTls(host=host, port=port):
                return f"modbus+tls://{host}:{port}"
            case ModbusRtu(serial_port=serial_port):
                return f"modbus+rtu:{serial_port}"
            case other:
                assert_never(other)


def _silence_s(spec: ModbusRtu) -> float:
    """The time of 3.5 characters that must lie between two frames; pymodbus does not keep it for asyncio."""
    return _FAST_SILENCE_S if spec.baud_rate > _FAST_BAUD else 3.5 * _CHARACTER_BITS / spec.baud_rate
