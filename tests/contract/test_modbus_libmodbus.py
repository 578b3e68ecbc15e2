"""libmodbus's own test server, with the faults built into it: what we read is right, or it is no reading."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from modbus_peers import serial_line

from config.connection import ModbusRtu, ModbusTcp
from drivers.driver import LinkDown
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.registers import Span

pytestmark = pytest.mark.server("libmodbus")

UNIT = 17
ANY_UNIT = 255
"""What the server says by hand comes from this one."""

FIRST = 0x160
VALUES = (0x022B, 0x0001, 0x0064)
EXCEPTION, WRONG_ID, HALF_A_SECOND, BYTE_BY_BYTE = 0x170, 0x171, 0x172, 0x173


@contextlib.asynccontextmanager
async def running(program: Path, *words: str) -> AsyncIterator[None]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(str(program), *words, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def answering(connection: ModbusConnection) -> ModbusConnection:
    """The connection, once the server answers and its registers are filled. It takes one client, and ends with it."""
    for _ in range(100):
        with contextlib.suppress(LinkDown):
            assert await connection.write(UNIT, FIRST, VALUES) is None
            return connection
        await asyncio.sleep(0.05)
    pytest.fail("the server does not come up")


def holding(address: int, count: int = 1) -> Span:
    return Span("holding", address, count)


@pytest.fixture(params=["tcp", pytest.param("rtu", marks=pytest.mark.server("socat"))])
async def connection(
    request: pytest.FixtureRequest, libmodbus_server: Path, free_port: int, tmp_path: Path
) -> AsyncIterator[ModbusConnection]:
    """A connection to the server with a time-out above its half second."""
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "tcp":
            await stack.enter_async_context(running(libmodbus_server, "tcp", str(free_port)))
            connection = ModbusConnection(ModbusTcp(protocol="modbus", host="127.0.0.1", port=free_port, timeout_s=0.8))
        else:
            ours, theirs = await stack.enter_async_context(serial_line(tmp_path))
            await stack.enter_async_context(running(libmodbus_server, "rtu", theirs))
            line = {"serial_port": ours, "baud_rate": 115200, "parity": "none", "timeout_s": 0.8}
            connection = ModbusConnection(ModbusRtu.model_validate({"protocol": "modbus", "transport": "rtu", **line}))
        stack.push_async_callback(connection.shut)
        yield await answering(connection)


async def test_registers_are_read_and_written(connection: ModbusConnection) -> None:
    assert await connection.read(UNIT, holding(FIRST, 3)) == VALUES
    assert await connection.read(UNIT, Span("input", 0x108, 1)) == (0x000A,)
    assert await connection.write(UNIT, FIRST + 1, [0xFFFF]) is None
    assert await connection.write(UNIT, FIRST + 2, [0x1234, 0x5678]) is None
    assert await connection.read(UNIT, holding(FIRST, 4)) == (0x022B, 0xFFFF, 0x1234, 0x5678)
    # one register by the function for several
    assert await connection.write(UNIT, FIRST + 3, [0x4321], always_16=True) is None
    assert await connection.read(UNIT, holding(FIRST, 4)) == (0x022B, 0xFFFF, 0x1234, 0x4321)
    refusal = await connection.read(UNIT, holding(0))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "the device refuses: illegal data address"


async def test_an_exception_is_a_refusal(connection: ModbusConnection) -> None:
    refusal = await connection.read(UNIT, holding(EXCEPTION))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "the device refuses: device busy"
    assert await connection.read(UNIT, holding(FIRST, 3)) == VALUES


async def test_a_short_answer_is_a_refusal(connection: ModbusConnection) -> None:
    refusal = await connection.read(UNIT, holding(FIRST, 2))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "answered 1 registers instead of 2 from 352"
    assert await connection.read(UNIT, holding(FIRST, 3)) == VALUES


async def test_an_answer_of_another_unit_is_silence(connection: ModbusConnection) -> None:
    with pytest.raises(LinkDown, match="unit 17 does not answer"):
        await connection.read(UNIT, holding(WRONG_ID))


async def test_a_slow_answer_in_time_is_right(connection: ModbusConnection) -> None:
    assert await connection.read(UNIT, holding(HALF_A_SECOND)) == (0,)
    assert await connection.read(UNIT, holding(FIRST, 3)) == VALUES


@pytest.mark.parametrize("connection", ["tcp"], indirect=True)
async def test_an_answer_to_another_request_is_a_refusal(connection: ModbusConnection) -> None:
    """Here the unit is the right one, and the transaction is not: libmodbus answers 0, which pymodbus takes for any."""
    refusal = await connection.read(ANY_UNIT, holding(WRONG_ID))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "answered transaction 0 instead of 2"
    assert await connection.read(UNIT, holding(FIRST, 3)) == VALUES


@pytest.mark.parametrize("connection", ["tcp"], indirect=True)
async def test_an_answer_byte_by_byte_is_put_together(connection: ModbusConnection) -> None:
    assert await connection.read(ANY_UNIT, holding(BYTE_BY_BYTE)) == (0,)
    assert await connection.read(UNIT, holding(FIRST, 3)) == VALUES


@pytest.mark.server("socat")
async def test_an_answer_after_the_timeout_is_not_taken_for_the_next(libmodbus_server: Path, tmp_path: Path) -> None:
    async with serial_line(tmp_path) as (ours, theirs), running(libmodbus_server, "rtu", theirs):
        line = {"serial_port": ours, "baud_rate": 115200, "parity": "none", "timeout_s": 0.3}
        connection = ModbusConnection(ModbusRtu.model_validate({"protocol": "modbus", "transport": "rtu", **line}))
        await answering(connection)
        with pytest.raises(LinkDown, match="unit 17 does not answer"):
            await connection.read(UNIT, holding(HALF_A_SECOND))
        # what comes late is one register as well, and says 0
        await answering(connection)
        for _ in range(10):
            assert await connection.read(UNIT, holding(FIRST)) == VALUES[:1]
        await connection.shut()
