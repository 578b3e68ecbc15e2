"""Profiles whose values have several parts, over a real socket: the order of writes, split reads, reversion."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import config
from config.clock import SystemClock
from config.connection import ModbusTcp
from config.loader import load_profile
from config.point import Point, points_of
from drivers.driver import Accepted, Quality, Setpoint
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection

ILLEGAL_ADDRESS = 2


@dataclass
class Device:
    """One unit whose registers are a dict; what is not in it is refused."""

    registers: dict[int, int]
    written: list[int] = field(default_factory=list)
    """Addresses, in the order of the requests."""
    reads: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                answer = self._answer(await reader.readexactly(length - 1))
                writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        function, address, count = struct.unpack(">BHH", request[:5])
        if function in (3, 4):
            self.reads += 1
            wanted = range(address, address + count)
            if not self.registers.keys() >= set(wanted):
                return bytes([function | 0x80, ILLEGAL_ADDRESS])
            return struct.pack(f">BB{count}H", function, 2 * count, *(self.registers[at] for at in wanted))
        words = [count] if function == 6 else struct.unpack(f">{count}H", request[6:])
        self.written.append(address)
        self.registers.update(enumerate(words, start=address))
        return request[:5]


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    device = Device({})
    async with await asyncio.start_server(device.serve, "127.0.0.1", 0) as server:
        device.port = server.sockets[0].getsockname()[1]
        yield device


def points(profile: str, **parameters: float) -> dict[str, Point]:
    path = Path(config.__file__).parent / "profiles" / f"{profile}.yaml"
    return {point.name: point for point in points_of("pcs", load_profile(path), parameters)}


async def connected(device: Device, known: dict[str, Point]) -> ModbusDriver:
    spec = ModbusTcp(protocol="modbus", host="127.0.0.1", port=device.port, timeout_s=1.0)
    driver = ModbusDriver(ModbusConnection(spec), 1, list(known.values()), SystemClock())
    await driver.connect()
    return driver


async def test_a_battery_that_falls_back_shows_no_setpoint(device: Device) -> None:
    device.registers.update(dict.fromkeys((47083, 47100, 47246, 47247, 47248, 47249, 47250), 0))
    known = points("huawei_luna2000", rated_power_kw=100)
    driver = await connected(device, known)
    setpoint = known["power_setpoint_kw"]
    try:
        assert await driver.write([Setpoint(point=setpoint, value=-80)]) == [Accepted(-80.0)]
        assert device.written == [47246, 47083, 47247, 47100]
        assert await driver.write([Setpoint(point=setpoint, value=65.54)]) == [Accepted(65.54)]
        assert device.written[4:] == [47246, 47083, 47249, 47100]
        device.registers[47100] = 0
        (reading,) = await driver.read([setpoint])
        assert (reading.quality, reading.reason) == (Quality.BAD, "register 47100 says 0, which is none of 1, 2")
    finally:
        await driver.close()


async def test_a_value_and_its_direction_come_in_one_answer_or_apart_when_that_is_refused(device: Device) -> None:
    known = points("sungrow_sh", rated_power_kw=10)
    power = known["active_power_kw"]
    driver = await connected(device, known)
    try:
        # 13000 to 13021 in one go
        device.registers.update(dict.fromkeys(range(13000, 13022), 0) | {13000: 0b10, 13021: 3000})
        assert [reading.value for reading in await driver.read([power])] == [-3.0]
        assert device.reads == 1
        # now with holes between them: refused as a whole, and from then on asked for one by one
        del device.registers[13010]
        device.reads = 0
        assert [reading.value for reading in await driver.read([power])] == [-3.0]
        assert device.reads == 3
        device.reads = 0
        assert [reading.value for reading in await driver.read([power])] == [-3.0]
        assert device.reads == 2
        # without its direction there is no number, rather than one with the wrong sign
        del device.registers[13000]
        assert [reading.quality for reading in await driver.read([power])] == [Quality.BAD]
    finally:
        await driver.close()
