"""Modbus without transaction ids: RTU on serial lines and through sockets, several units, late and wrong answers."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from modbus_peers import serial_line
from pymodbus.framer.rtu import FramerRTU
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.connection import ModbusRtu, ModbusRtuOverTcp
from drivers.driver import LinkDown
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.registers import Span

TIMEOUT_S = 0.4
LATE_S = 1.2 * TIMEOUT_S
SLACK_S = 0.3


@dataclass
class Line:
    """Units on a line that starts at a socket; each holds in every register 1000 x its id, plus the address."""

    silent: set[int] = field(default_factory=set)
    late: set[int] = field(default_factory=set)
    spoilt: set[int] = field(default_factory=set)
    """Units whose answers come with a wrong checksum."""
    speaks_as: dict[int, int] = field(default_factory=dict)
    """Units that answer with the id of another."""
    foreign: bytes = b""
    """Sent before each answer."""
    asked: list[tuple[float, int, int]] = field(default_factory=list)
    """When, unit and address."""
    opened: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                unit, _, address, count, _ = struct.unpack(">BBHHH", await reader.readexactly(8))
                self.asked.append((time.monotonic(), unit, address))
                answer = frame(self.speaks_as.get(unit, unit), address, count, 1000 * unit)
                if unit in self.spoilt:
                    answer = answer[:-1] + bytes([answer[-1] ^ 1])
                if unit not in self.silent:
                    # what comes late comes between the others, as on a real line
                    delay_s = LATE_S if unit in self.late else 0.0
                    asyncio.get_running_loop().call_later(delay_s, self._say, writer, self.foreign + answer)
        writer.close()

    @staticmethod
    def _say(writer: asyncio.StreamWriter, answer: bytes) -> None:
        if not writer.is_closing():
            writer.write(answer)


def frame(unit: int, address: int, count: int, base: int) -> bytes:
    words = [base + register for register in range(address, address + count)]
    content = struct.pack(f">BBB{count}H", unit, 3, 2 * count, *words)
    return content + struct.pack(">H", FramerRTU.compute_CRC(content))


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    async with await asyncio.start_server(line.serve, "127.0.0.1", 0) as server:
        line.port = server.sockets[0].getsockname()[1]
        yield line


@pytest.fixture
async def connection(line: Line) -> AsyncIterator[ModbusConnection]:
    connection = connected(line)
    yield connection
    await connection.shut()


def connected(line: Line, **timing: float) -> ModbusConnection:
    spec = {"protocol": "modbus", "transport": "rtu_over_tcp", "host": "127.0.0.1", "port": line.port}
    return ModbusConnection(ModbusRtuOverTcp.model_validate({"timeout_s": TIMEOUT_S, **spec, **timing}))


def span(address: int, count: int = 1) -> Span:
    return Span("holding", address, count)


async def test_several_units_on_one_line(connection: ModbusConnection, line: Line) -> None:
    answers = await asyncio.gather(*(connection.read(unit, span(10, 2)) for unit in (1, 2, 3) * 5))
    assert answers == [(1010, 1011), (2010, 2011), (3010, 3011)] * 5
    assert line.opened == 1


async def test_silence_costs_the_neighbours_one_timeout(connection: ModbusConnection, line: Line) -> None:
    line.silent = {2}
    assert await connection.read(1, span(10)) == (1010,)
    begun_s = time.monotonic()
    with pytest.raises(LinkDown, match=r"unit 2 does not answer within 0\.4 s"):
        await connection.read(2, span(10))
    assert await connection.read(1, span(11)) == (1011,)
    assert time.monotonic() - begun_s < TIMEOUT_S + SLACK_S
    assert line.opened == 1  # another unit had answered: it is not the line
    begun_s = time.monotonic()
    with pytest.raises(LinkDown, match="unit 2 owes an answer, which may still come"):
        await connection.read(2, span(10))
    assert time.monotonic() - begun_s < TIMEOUT_S
    assert [unit for _, unit, _ in line.asked] == [1, 2, 1]


async def test_a_line_on_which_nobody_answers_is_opened_again(connection: ModbusConnection, line: Line) -> None:
    line.silent = {1, 2}
    for unit in (1, 2):
        with pytest.raises(LinkDown, match=f"unit {unit} does not answer"):
            await connection.read(unit, span(10))
    line.silent = set()
    assert await connection.read(3, span(10)) == (3010,)
    assert line.opened == 3


async def test_a_late_answer_is_not_taken_for_a_new_one(connection: ModbusConnection, line: Line) -> None:
    assert await connection.read(1, span(10)) == (1010,)
    line.late = {2}
    with pytest.raises(LinkDown):
        await connection.read(2, span(20))
    line.late = set()
    # the neighbour is asked all the while the late answer comes in, and gets its own
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        assert await connection.read(1, span(30)) == (1030,)
        # the same shape at another address: only the late answer to 20 could look like it
        with contextlib.suppress(LinkDown):
            assert await connection.read(2, span(21)) == (2021,)
        await asyncio.sleep(0.01)
    assert await connection.read(2, span(21)) == (2021,)


async def test_after_a_cancelled_request_the_unit_is_asked_when_its_answer_has_passed(
    connection: ModbusConnection, line: Line
) -> None:
    line.late = {2}
    task = asyncio.create_task(connection.read(2, span(20)))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    line.late = set()
    first, second = await asyncio.gather(connection.read(2, span(21)), connection.read(1, span(21)))
    assert (first, second) == ((2021,), (1021,))
    times_s = {unit: at_s for at_s, unit, _ in line.asked}
    assert times_s[2] - times_s[1] > 0.5 * TIMEOUT_S


async def test_an_answer_of_another_unit_is_refused(connection: ModbusConnection, line: Line) -> None:
    line.speaks_as = {2: 3}
    with pytest.raises(LinkDown, match="unit 2 does not answer"):
        await connection.read(2, span(10))


async def test_a_spoilt_answer_is_refused(connection: ModbusConnection, line: Line) -> None:
    line.spoilt = {2}
    with pytest.raises(LinkDown, match="unit 2 does not answer"):
        await connection.read(2, span(10))


async def test_what_another_unit_said_before_is_passed_over(connection: ModbusConnection, line: Line) -> None:
    line.foreign = frame(9, 10, 1, 9000)
    answer: object = None
    with contextlib.suppress(LinkDown):
        answer = await connection.read(2, span(10))
    assert answer in (None, (2010,))


async def test_nothing_is_sent_to_every_unit_at_once(connection: ModbusConnection, line: Line) -> None:
    refusal = await connection.write(0, 10, [1])
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "unit 0 is every unit of a line, and none of them answers it"
    assert line.asked == []


async def test_gap_and_connect_delay_are_kept(line: Line) -> None:
    connection = connected(line, gap_s=0.05, connect_delay_s=0.2)
    begun_s = time.monotonic()
    await asyncio.gather(*(connection.read(1, span(10)) for _ in range(4)))
    times_s = [at_s for at_s, _, _ in line.asked]
    assert times_s[0] - begun_s >= 0.2
    assert all(later - earlier >= 0.049 for earlier, later in pairwise(times_s))
    await connection.shut()


# -- serial ports --------------------------------------------------------------------------------


def on_port(serial_port: str) -> ModbusConnection:
    line = {"serial_port": serial_port, "baud_rate": 19200, "parity": "none", "timeout_s": TIMEOUT_S}
    return ModbusConnection(ModbusRtu.model_validate({"protocol": "modbus", "transport": "rtu", **line}))


@contextlib.asynccontextmanager
async def units_on(serial_port: str) -> AsyncIterator[None]:
    """Units 2 and 5 as pymodbus serves them on a serial port."""
    units = [
        SimDevice(unit, [SimData(0, values=list(range(100 * unit, 100 * unit + 20)), datatype=DataType.REGISTERS)])
        for unit in (2, 5)
    ]
    server = ModbusSerialServer(units, port=serial_port, baudrate=19200)
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


@pytest.mark.server("socat")
async def test_units_on_a_serial_line_are_read_and_written(tmp_path: Path) -> None:
    async with serial_line(tmp_path) as (ours, theirs), units_on(theirs):
        connection = on_port(ours)
        assert await connection.read(2, span(5, 3)) == (205, 206, 207)
        assert await connection.read(5, span(5, 3)) == (505, 506, 507)
        assert await connection.write(5, 6, [7]) is None
        assert await connection.write(5, 8, [1, 2]) is None
        assert await connection.read(5, span(5, 5)) == (505, 7, 507, 1, 2)
        refusal = await connection.read(2, span(40))
        assert isinstance(refusal, Refusal)
        assert refusal.reason == "the device refuses: illegal data address"
        await connection.shut()


@pytest.mark.server("socat", "mbpoll")
async def test_mbpoll_reads_the_same_as_we_do(tmp_path: Path) -> None:
    async with serial_line(tmp_path) as (ours, theirs), units_on(theirs):
        words = ["-m", "rtu", "-b", "19200", "-P", "none", "-a", "5", "-0", "-r", "5", "-c", "3", "-1", "-q"]
        mbpoll = await asyncio.create_subprocess_exec("mbpoll", *words, ours, stdout=asyncio.subprocess.PIPE)
        said, _ = await mbpoll.communicate()
        connection = on_port(ours)
        answer = await connection.read(5, span(5, 3))
        await connection.shut()
    assert answer == (505, 506, 507)
    assert mbpoll.returncode == 0, said
    assert "".join(said.decode().split()).endswith("[5]:505[6]:506[7]:507"), said


@pytest.mark.server("socat")
async def test_a_serial_port_that_goes_and_comes_back(tmp_path: Path) -> None:
    connection = on_port(str(tmp_path / "ttyA"))
    with pytest.raises(LinkDown, match="could not open port"):
        await connection.open()
    for _ in range(2):
        async with serial_line(tmp_path) as (_, theirs), units_on(theirs):
            assert await connection.read(2, span(5)) == (205,)
        with pytest.raises(LinkDown, match="ttyA: "):
            await connection.read(2, span(5))
        await asyncio.sleep(TIMEOUT_S)
    await connection.shut()


@pytest.mark.server("socat")
async def test_a_serial_port_has_one_owner(tmp_path: Path) -> None:
    async with serial_line(tmp_path) as (ours, _):
        first, second = on_port(ours), on_port(ours)
        await first.open()
        with pytest.raises(LinkDown, match="lock"):
            await second.open()
        await first.shut()
        await second.open()
        await second.shut()
