"""One Modbus TCP connection for all units behind it, with one request in flight."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from config.connection import ModbusTcp
from drivers.driver import LinkDown
from drivers.registers import Span
from drivers.shared import SharedConnection

# what goes wrong is said by LinkDown, once; the library would print it again on every try
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A unit answered, but with an exception or with something else than was asked."""

    reason: str


class ModbusTcpConnection(SharedConnection):
    """Requests of all units, one after the other.

    After a time-out or a cancelled request the connection is closed, so that no late answer is taken for
    a new one; the next request opens it again. A unit that is silent thus leaves the others alone.
    """

    def __init__(self, spec: ModbusTcp) -> None:
        super().__init__()
        self._spec = spec
        self._client: AsyncModbusTcpClient | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        async with self._lock:
            await self._opened()

    async def shut(self) -> None:
        self._drop()
        # the transport gives the socket back in the loop's next round
        await asyncio.sleep(0)

    async def read(self, unit: int, span: Span) -> tuple[int, ...] | Refusal:
        """The registers of a span, as many as asked for. Raises LinkDown when nothing comes in time."""

        def ask(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            read = client.read_holding_registers if span.table == "holding" else client.read_input_registers
            return read(span.address, count=span.count, device_id=unit)

        answer = await self._request(unit, ask)
        if isinstance(answer, Refusal):
            return answer
        if answer.function_code != (3 if span.table == "holding" else 4):
            return Refusal(f"answered function {answer.function_code} to a read of {span.table} registers")
        if len(answer.registers) != span.count:
            return Refusal(f"answered {len(answer.registers)} registers instead of {span.count} from {span.address}")
        return tuple(answer.registers)

    async def write(self, unit: int, address: int, words: Sequence[int]) -> Refusal | None:
        """Write one register (function 6) or several (function 16). Raises LinkDown when nothing comes in time."""

        def ask(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            if len(words) == 1:
                return client.write_register(address, words[0], device_id=unit)
            return client.write_registers(address, list(words), device_id=unit)

        answer = await self._request(unit, ask)
        return answer if isinstance(answer, Refusal) else None

    async def _request(
        self, unit: int, ask: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]]
    ) -> ModbusPDU | Refusal:
        async with self._lock:
            client = await self._opened()
            try:
                answer = await ask(client)
            except asyncio.CancelledError:
                self._drop()
                raise
            except ModbusException as error:
                self._drop()
                raise LinkDown(
                    f"{self}: unit {unit} does not answer within {self._spec.timeout_s:g} s ({error})"
                ) from error
        if answer.isError():
            code = int(answer.exception_code)
            if code in _GATEWAY_EXCEPTIONS:
                raise LinkDown(f"{self}: unit {unit}: {_GATEWAY_EXCEPTIONS[code]}")
            return Refusal(f"the device refuses: {_EXCEPTIONS.get(code, f'exception {code}')}")
        return answer

    async def _opened(self) -> AsyncModbusTcpClient:
        """The connected client; the lock is held by the caller."""
        if self._client is not None and self._client.connected:
            return self._client
        self._drop()
        # one try, no reconnecting of its own: the link decides when
        client = AsyncModbusTcpClient(
            self._spec.host, port=self._spec.port, timeout=self._spec.timeout_s, retries=0, reconnect_delay=0
        )
        try:
            connected = await client.connect()
        except asyncio.CancelledError:
            client.close()
            raise
        if not connected:
            raise LinkDown(f"{self}: no connection within {self._spec.timeout_s:g} s")
        self._client = client
        return client

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def __str__(self) -> str:
        return f"modbus://{self._spec.host}:{self._spec.port}"
