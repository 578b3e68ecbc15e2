"""The contract's device on Modbus, over each transport."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from chaos_proxy import ChaosProxy
from driver_rig import CLOCK, LIMITS, POWER, PROFILE, SOC, SUPPLY, TIMEOUT_S
from modbus_peers import authority, pseudo_terminal, socat
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.connection import ModbusRtu, ModbusRtuOverTcp, ModbusTcp, ModbusTls
from config.point import points_of
from config.profile import ModbusProfile
from drivers.driver import Driver
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection


class ModbusRig:
    def __init__(self, port: int) -> None:
        self._port = port
        self.line = ChaosProxy(port)
        self.timeout_s = TIMEOUT_S
        self._refuses = False
        self.deaf = False
        profile = ModbusProfile.model_validate(
            {
                **PROFILE,
                "protocol": "modbus",
                "points": {
                    "active_power_kw": {**POWER, "address": 100, "type": "s32"},
                    "soc": {**SOC, "address": 102, "type": "u16"},
                    "supply_degc": {**SUPPLY, "address": 104, "type": "s16", "sentinels": [0x8000]},
                    "power_setpoint_kw": {**POWER, "address": 200, "type": "s32", "setpoint": LIMITS},
                },
            }
        )
        self.points = {point.name: point for point in points_of("device", profile, {})}

    def driver(self) -> Driver:
        return ModbusDriver(self._connection(), 1, list(self.points.values()), CLOCK)

    def _connection(self) -> ModbusConnection:
        spec = ModbusTcp(protocol="modbus", host="127.0.0.1", port=self._port, timeout_s=self.timeout_s)
        return ModbusConnection(spec)

    def _serving(self, device: SimDevice) -> ModbusTcpServer:
        return ModbusTcpServer([device], address=("127.0.0.1", 0))

    async def start(self) -> None:
        registers = [
            SimData(100, values=[0] * 10, datatype=DataType.REGISTERS),
            SimData(200, values=[0] * 2, datatype=DataType.REGISTERS),
        ]
        device = SimDevice(id=1, simdata=registers, action=self._accessed)
        self._server = self._serving(device)
        await self._server.serve_forever(background=True)
        await self.line.open(self._server.transport.sockets[0].getsockname()[1])

    async def _accessed(
        self, _function: int, start: int, address: int, _count: int, current: list[int], new: list[int] | None
    ) -> ExcCodes | None:
        if new is not None and self._refuses:
            return ExcCodes.ILLEGAL_VALUE
        if new is not None and self.deaf:
            new[:] = current[address - start :][: len(new)]
        return None

    async def refuse(self) -> None:
        self._refuses = True

    @staticmethod
    def _signed(words: list[int]) -> int:
        return int.from_bytes(words[0].to_bytes(2, "big") + words[1].to_bytes(2, "big"), "big", signed=True)

    async def stop(self) -> None:
        await self.line.shut()
        await self._server.shutdown()

    async def freeze(self) -> None:
        self.line.freeze()

    async def thaw(self) -> None:
        self.line.thaw()

    async def show(self, name: str, raw: float | None) -> None:
        address = {"active_power_kw": 100, "soc": 102, "supply_degc": 104}[name]
        if raw is None:
            words = [0x8000]
        elif name == "active_power_kw":
            words = [int(raw) >> 16 & 0xFFFF, int(raw) & 0xFFFF]
        else:
            words = [int(raw)]
        await self._server.async_setValues(1, 16, address, words)

    async def taken(self) -> float:
        words = await self._server.async_getValues(1, 3, 200, 2)
        assert isinstance(words, list)
        return self._signed([int(word) for word in words])


class ModbusRtuOverTcpRig(ModbusRig):
    def _connection(self) -> ModbusConnection:
        where = {"host": "127.0.0.1", "port": self._port}
        return ModbusConnection(
            ModbusRtuOverTcp(protocol="modbus", transport="rtu_over_tcp", timeout_s=self.timeout_s, **where)
        )

    def _serving(self, device: SimDevice) -> ModbusTcpServer:
        return ModbusTcpServer([device], framer=FramerType.RTU, address=("127.0.0.1", 0))


class ModbusRtuRig(ModbusRtuOverTcpRig):
    """A serial port; its line goes through the proxy, so that it can fall silent. It vanishes with the server."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._terminal = Path(tempfile.gettempdir()) / f"parkgrid-tty-{port}"
        self._wire = contextlib.AsyncExitStack()

    def _connection(self) -> ModbusConnection:
        line = {"serial_port": str(self._terminal), "baud_rate": 115200, "parity": "none"}
        return ModbusConnection(ModbusRtu(protocol="modbus", transport="rtu", timeout_s=self.timeout_s, **line))

    async def start(self) -> None:
        await super().start()
        ends = pseudo_terminal(self._terminal), f"TCP:127.0.0.1:{self._port}"
        await self._wire.enter_async_context(socat(*ends, links=(self._terminal,)))

    async def stop(self) -> None:
        await super().stop()
        await self._wire.aclose()


class ModbusTlsRig(ModbusRig):
    def _connection(self) -> ModbusConnection:
        where = {"host": "127.0.0.1", "port": self._port}
        spec = ModbusTls(protocol="modbus", transport="tls", ca_file="ca.pem", timeout_s=self.timeout_s, **where)
        return ModbusConnection(spec, authority().client_context())

    def _serving(self, device: SimDevice) -> ModbusTcpServer:
        return ModbusTlsServer([device], address=("127.0.0.1", 0), sslctx=authority().server_context())
