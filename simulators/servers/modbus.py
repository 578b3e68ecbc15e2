"""A Modbus server on a TCP port: one or more units behind it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimAction, SimData, SimDevice

from simulators.servers.own_authority import AUTHORITY, server_context
from simulators.servers.registers import Registers, Table

_READ_INPUT = 4
_REGISTER_FUNCTIONS = frozenset({3, _READ_INPUT, 6, 16, 22, 23})
_LAST_ADDRESS = 65535


def _action(registers: Registers) -> SimAction:
    """What pymodbus calls on every access, after it has checked that the address is within the device's span."""

    async def action(
        function: int, start: int, address: int, count: int, memory: list[int], words: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        if function not in _REGISTER_FUNCTIONS:
            return ExcCodes.ILLEGAL_FUNCTION
        if words is not None:
            return registers.write(address, [int(word) for word in words])
        table: Table = "input" if function == _READ_INPUT else "holding"
        shown = registers.read(table, address, count)
        if isinstance(shown, ExcCodes):
            return shown
        memory[address - start : address - start + count] = shown
        return None

    return action


async def _nobody(
    function: int, start: int, address: int, count: int, memory: list[int], words: list[int] | list[bool] | None
) -> ExcCodes | None:
    return ExcCodes.GATEWAY_NO_RESPONSE


def _unit(registers: Registers) -> SimDevice:
    low, high = registers.span
    memory = SimData(low, count=high - low + 1, values=0, datatype=DataType.REGISTERS)
    return SimDevice(registers.unit, [memory], action=_action(registers))


class ModbusServer:
    """Serves register maps; an unknown unit is answered as a gateway does, with exception 11."""

    def __init__(
        self, units: Sequence[Registers], host: str, port: int, *, rtu: bool = False, tls: bool = False
    ) -> None:
        """`port` 0 takes a free one; `rtu` speaks in RTU frames, as a line behind a serial server does.

        `tls` encrypts, under an authority that is made at the start.
        """
        self._units = tuple(units)
        self._host = host
        self._port = port
        self._framer = FramerType.RTU if rtu else FramerType.SOCKET
        self._tls = tls
        self._folder: Path | None = None
        self._server: ModbusTcpServer | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(registers.device for registers in self._units)

    @property
    def address(self) -> dict[str, Any]:
        here: dict[str, Any] = {"host": self._host, "port": self._port}
        if self._folder is None:
            return here
        # every client is taken, so none needs a certificate
        open_to_all = dict.fromkeys(("certificate_file", "key_file", "key_password_env"))
        return {**here, **open_to_all, "ca_file": str(self._folder / AUTHORITY), "check_host_name": True}

    async def start(self) -> None:
        units = [_unit(registers) for registers in self._units]
        if all(unit.id != 0 for unit in units):
            # pymodbus takes unit 0 for every unit that has no own entry
            everywhere = SimData(0, count=_LAST_ADDRESS + 1, values=0, datatype=DataType.REGISTERS)
            units.append(SimDevice(0, [everywhere], action=_nobody))
        address = (self._host, self._port)
        if self._tls:
            self._folder = Path(tempfile.mkdtemp(prefix="parkgrid-tls-"))
            context = await asyncio.to_thread(server_context, self._folder, self._host)
            server: ModbusTcpServer = ModbusTlsServer(units, address=address, sslctx=context)
        else:
            server = ModbusTcpServer(units, framer=self._framer, address=address)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._host}:{self._port}") from error
        self._server = server
        # of a listener, pymodbus keeps the asyncio server where a client has its transport
        listener = cast("asyncio.Server", server.transport)
        self._port = listener.sockets[0].getsockname()[1]

    @property
    def port(self) -> int:
        return self._port

    async def refresh(self) -> None:
        """Modbus is asked: there is nothing to push."""

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
