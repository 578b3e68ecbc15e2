"""One Modbus client of pymodbus: how its line is opened for each transport, and why it broke."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final, assert_never, cast

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FRAMER_NAME_TO_CLASS, FramerType
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.transaction import TransactionManager
from pymodbus.transport import CommParams, CommType

from config.connection import Modbus, ModbusRtu, ModbusRtuOverTcp, ModbusTcp, ModbusTls

# what goes wrong is said by LinkDown, once; the library would print it again on every try
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}

TURNS: Final = 5
"""Of the loop, in which a connection that is closing says why: TLS and what is below it take one each."""


class Broken(Exception):
    """The line is gone, or what comes over it is not Modbus."""


class ModbusClient(TransactionManager):
    """One line, from opening to dropping; a new line is a new client.

    pymodbus's own clients keep the reason of a failed or lost connection to themselves, and let a request wait
    for its time-out though the line is gone. Theirs for TLS also takes each piece of an answer for a whole one;
    inside TLS the frames are those of TCP, so they are read as such.
    """

    def __init__(self, spec: Modbus, tls: ssl.SSLContext | None) -> None:
        # one try, no reconnecting of its own: the link decides when
        framer = FRAMER_NAME_TO_CLASS[_framer(spec)](DecodePDU(False))
        super().__init__(_params(spec, tls), framer, 0, False, None, None, None)
        self._guess = _guess(spec)
        self._asked = False
        self._why = "not open"

    @property
    def open(self) -> bool:
        # between the end of a connection and our hearing of it nothing may be sent: within TLS that is an error
        # (asked without isinstance: the transports of other event loops are none of asyncio's classes)
        return self.transport is not None and not cast("asyncio.WriteTransport", self.transport).is_closing()

    async def dial(self) -> None:
        """Open the line. Raises Broken with the reason, also when it takes longer than the time-out."""
        limit_s = self.comm_params.timeout_connect
        try:
            self.transport, _ = await asyncio.wait_for(self.call_create(), timeout=limit_s)
        except TimeoutError:
            raise Broken(f"no connection within {limit_s:g} s") from None
        except OSError as error:
            raise Broken(f"no connection: {_reason(error) or self._closed()}") from error

    async def ask(self, request: ModbusPDU) -> ModbusPDU:
        """The answer to a request. Raises TimeoutError when none comes in time, Broken when none can come."""
        if not self.open:
            for _ in range(TURNS):
                if self.transport is None:
                    break
                await asyncio.sleep(0)
            raise Broken("the connection is closing" if self.transport else self._why)
        self._asked = True
        try:
            answer = await self.execute(False, request)
        except ModbusException as error:
            # with its checks of ids done by the framer, nothing else is left for it to complain of
            raise TimeoutError from error
        finally:
            self._asked = False
        self._guess = ""
        return answer

    def drop(self) -> None:
        """Give the line up at once; a farewell would wait for a partner that may not listen."""
        if self.transport is not None:
            # the transports of other event loops are none of asyncio's classes
            cast("asyncio.WriteTransport", self.transport).abort()
        self.close()

    def callback_disconnected(self, exc: Exception | None) -> None:
        self._break(f"connection lost: {self._closed() if exc is None else _reason(exc)}")

    def callback_data(self, data: bytes, addr: tuple[object, ...] | None = None) -> int:
        try:
            return super().callback_data(data, addr)
        except ModbusException:
            self._break("it answers with something that is not Modbus")
            return len(data)

    def _closed(self) -> str:
        return f"closed by the other side{self._guess}"

    def _break(self, why: str) -> None:
        self._why = why
        if self._asked and not self.response_future.done():
            self.response_future.set_exception(Broken(why))


def has_transaction_ids(spec: Modbus) -> bool:
    """Whether an answer says which request it belongs to."""
    return _framer(spec) is FramerType.SOCKET


def _framer(spec: Modbus) -> FramerType:
    match spec:
        case ModbusTcp() | ModbusTls():
            return FramerType.SOCKET
        case ModbusRtu() | ModbusRtuOverTcp():
            return FramerType.RTU
        case other:
            assert_never(other)


def _params(spec: Modbus, tls: ssl.SSLContext | None) -> CommParams:
    # pymodbus has one time-out for connecting and for answers; 0 means that it does not reconnect by itself
    common = CommParams(comm_name="parkgrid", reconnect_delay=0, timeout_connect=spec.timeout_s)
    match spec:
        case ModbusRtu():
            common.comm_type = CommType.SERIAL
            common.host = spec.serial_port
            common.baudrate, common.bytesize = spec.baud_rate, 8
            common.parity, common.stopbits = _PARITY[spec.parity], spec.stop_bits
        case ModbusTls():
            assert tls is not None
            common.comm_type, common.sslctx = CommType.TLS, tls
            common.host, common.port = spec.host, spec.port
        case ModbusTcp() | ModbusRtuOverTcp():
            common.comm_type = CommType.TCP
            common.host, common.port = spec.host, spec.port
        case other:
            assert_never(other)
    return common


def _guess(spec: Modbus) -> str:
    """Why the other side may close the connection before it has answered anything; many do not say."""
    match spec:
        case ModbusTls(certificate_file=None):
            return ", which may want a certificate, and certificate_file is not given"
        case ModbusTls():
            return ", which may not accept our certificate"
        case _:
            return ""


def _reason(error: Exception) -> str:
    """What went wrong, without error numbers and the library's own marks."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError(reason=str(reason)):
            return f"TLS: {reason.replace('_', ' ').lower()}"
        case OSError(strerror=str(words)):
            return words
        case _:
            return str(error)
