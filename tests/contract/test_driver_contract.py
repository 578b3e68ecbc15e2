"""The promises of a driver, kept by every protocol against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from driver_rig import CLOCK, TIMEOUT_S, RefusingRig, Rig
from modbus_rigs import ModbusRig, ModbusRtuOverTcpRig, ModbusRtuRig, ModbusTlsRig
from mqtt_rig import Mqtt5Rig, MqttRig
from opcua_rig import OpcuaPolledRig, OpcuaRig, OpcuaServer
from sparkplug_rig import SparkplugRig

from drivers.driver import Accepted, Driver, LinkDown, Quality, Reading, Rejected, Setpoint, Unconfirmed
from drivers.gate import WriteGate
from drivers.link import Link, LinkState

SLACK_S = 0.8  # for a machine that has other things to do

RIGS: dict[str, Callable[..., Rig]] = {
    "modbus-tcp": ModbusRig,
    "modbus-rtu": ModbusRtuRig,
    "modbus-rtu-over-tcp": ModbusRtuOverTcpRig,
    "modbus-tls": ModbusTlsRig,
    "opcua": OpcuaRig,
    "opcua-polled": OpcuaPolledRig,
    "mqtt": MqttRig,
    "mqtt-5": Mqtt5Rig,
    "sparkplug": SparkplugRig,
}
NEEDS = {
    "modbus-rtu": ("socat",),
    "mqtt": ("mosquitto",),
    "mqtt-5": ("mosquitto",),
    "sparkplug": ("mosquitto", "pysparkplug"),
}
"""The server programs without which a rig cannot start."""


def rigs(*names: str) -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.server(*NEEDS[name])] if name in NEEDS else []) for name in names]


ON_A_SOCKET = [name for name in RIGS if name != "modbus-rtu"]


@pytest.fixture(scope="module")
def opcua_server() -> Iterator[OpcuaServer]:
    server = OpcuaServer()
    yield server
    server.close()


@pytest.fixture(params=rigs(*RIGS))
async def rig(request: pytest.FixtureRequest, free_port: int) -> AsyncIterator[Rig]:
    rig: Rig
    of = RIGS[request.param]
    if of in (OpcuaRig, OpcuaPolledRig):
        rig = of(free_port, request.getfixturevalue("opcua_server"))
    else:
        rig = of(free_port)
    await rig.start()
    yield rig
    await rig.thaw()
    await rig.stop()


@pytest.fixture
async def driver(rig: Rig) -> AsyncIterator[Driver]:
    """Connected, and with everything heard that the device says."""
    driver = rig.driver()
    await eventually(driver.connect, LinkDown)
    await settled(driver, rig, lambda readings: readings["active_power_kw"].value is not None)
    yield driver
    await driver.close()


async def eventually(act: Callable[[], Awaitable[None]], expected: type[Exception], within_s: float = 10.0) -> None:
    """Try until it works: servers take a moment to come up."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            return await act()
        except expected:
            if time.monotonic() > deadline_s:
                raise
            await asyncio.sleep(0.05)


async def settled(
    driver: Driver | Link, rig: Rig, ok: Callable[[dict[str, Reading]], bool], within_s: float = 10.0
) -> dict[str, Reading]:
    """The device's readings by name, once they are as expected."""
    points = list(rig.points.values())
    deadline_s = time.monotonic() + within_s
    while True:
        readings = dict(zip(rig.points, await driver.read(points), strict=True))
        if ok(readings):
            return readings
        assert time.monotonic() < deadline_s, readings
        await asyncio.sleep(0.05)


async def time_until_down(driver: Driver, rig: Rig) -> float:
    """Seconds until a read says LinkDown; no single read may take longer than one time-out."""
    start_s = time.monotonic()
    while time.monotonic() - start_s < 20:
        asked_s = time.monotonic()
        try:
            await driver.read(list(rig.points.values()))
        except LinkDown:
            return time.monotonic() - start_s
        finally:
            assert time.monotonic() - asked_s < TIMEOUT_S + SLACK_S
        await asyncio.sleep(0.05)
    pytest.fail("the driver never noticed")


def held() -> Counter[str]:
    """How many sockets, and how many tasks of which kind."""
    found = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found["socket"] += str(entry.readlink()).startswith("socket:")
    return found


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """No task and no socket more afterwards than before; the other end may take a moment to let go."""
    before = held()
    yield
    deadline_s = time.monotonic() + 3.0
    while left := held() - before:
        assert time.monotonic() < deadline_s, f"left behind: {left}"
        await asyncio.sleep(0.02)


# -- connecting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", RIGS)
async def test_nobody_there_is_a_link_down(protocol: str, free_port: int) -> None:
    rig = RIGS[protocol](free_port)
    driver = rig.driver()
    async with nothing_left():
        start_s = time.monotonic()
        with pytest.raises(LinkDown, match=str(free_port)):
            await driver.connect()
        assert time.monotonic() - start_s < TIMEOUT_S + SLACK_S
        with pytest.raises(LinkDown):
            await driver.read(list(rig.points.values()))
        await driver.close()


@pytest.mark.parametrize("protocol", ON_A_SOCKET)
async def test_a_server_that_accepts_and_says_nothing_is_a_link_down(protocol: str, free_port: int) -> None:
    listener = socket.create_server(("127.0.0.1", free_port))
    rig = RIGS[protocol](free_port)
    driver = rig.driver()
    with listener:
        async with nothing_left():
            start_s = time.monotonic()
            with pytest.raises(LinkDown, match=str(free_port)):  # noqa: PT012
                await driver.connect()
                await driver.read(list(rig.points.values()))
            assert time.monotonic() - start_s < TIMEOUT_S + SLACK_S
            await driver.close()


@pytest.mark.parametrize(
    "nonsense", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, b"\x00" * 64], ids=["http", "ones", "zeros"]
)
@pytest.mark.parametrize("protocol", ON_A_SOCKET)
async def test_a_server_that_speaks_something_else_is_a_link_down(
    protocol: str, nonsense: bytes, free_port: int
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                writer.write(nonsense)
        writer.close()

    rig = RIGS[protocol](free_port)
    driver = rig.driver()
    async with await asyncio.start_server(serve, "127.0.0.1", free_port), nothing_left():
        with pytest.raises(LinkDown, match=str(free_port)):  # noqa: PT012
            await driver.connect()
            await driver.read(list(rig.points.values()))
        await driver.close()


@pytest.mark.parametrize("protocol", ON_A_SOCKET)
async def test_a_cancelled_connect_leaves_nothing(protocol: str, free_port: int) -> None:
    listener = socket.create_server(("127.0.0.1", free_port))
    rig = RIGS[protocol](free_port)
    driver = rig.driver()

    async def connect_and_read() -> None:
        await driver.connect()
        await driver.read(list(rig.points.values()))

    with listener:
        async with nothing_left():
            task = asyncio.create_task(connect_and_read())
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await driver.close()


async def test_connecting_twice_and_closing_twice_changes_nothing(rig: Rig) -> None:
    driver = rig.driver()
    await eventually(driver.connect, LinkDown)
    await driver.connect()
    await settled(driver, rig, lambda readings: readings["active_power_kw"].value is not None)
    await driver.close()
    await driver.close()
    with pytest.raises(LinkDown):
        await driver.read(list(rig.points.values()))


async def test_a_closed_driver_leaves_no_task_and_no_socket(rig: Rig, driver: Driver) -> None:
    # a serial port has one owner
    await driver.close()
    other = rig.driver()
    async with nothing_left():
        await other.connect()
        await settled(other, rig, lambda readings: readings["active_power_kw"].value is not None)
        await other.write([Setpoint(point=rig.points["power_setpoint_kw"], value=1.0)])
        await other.close()


async def test_a_driver_without_heartbeats_says_nothing_and_beats_only_when_connected(rig: Rig, driver: Driver) -> None:
    assert await driver.beat() == []
    await driver.close()
    with pytest.raises(LinkDown):
        await driver.beat()


# -- reading -------------------------------------------------------------------------------------


async def test_one_reading_per_point_in_the_order_asked(rig: Rig, driver: Driver) -> None:
    names = ["supply_degc", "active_power_kw", "soc", "active_power_kw"]
    readings = await driver.read([rig.points[name] for name in names])
    assert [reading.point for reading in readings] == [f"device.{name}" for name in names]
    assert await driver.read([]) == []


async def test_values_have_the_points_unit_and_the_sites_sign(rig: Rig, driver: Driver) -> None:
    await rig.show("active_power_kw", 2500)  # charging with 250 kW
    await rig.show("soc", 55)
    await rig.show("supply_degc", 605)
    before_s = time.monotonic()
    readings = await settled(driver, rig, lambda readings: readings["supply_degc"].value == pytest.approx(60.5))
    assert readings["active_power_kw"].value == pytest.approx(-250.0)
    assert readings["soc"].value == pytest.approx(0.55)
    for reading in readings.values():
        assert reading.quality is Quality.GOOD
        assert reading.reason == ""
        assert before_s - TIMEOUT_S <= reading.received_s <= time.monotonic()
        assert reading.at.tzinfo is not None
        assert reading.source_at is None or reading.source_at.tzinfo is not None


async def test_no_value_is_bad_and_leaves_the_others_alone(rig: Rig, driver: Driver) -> None:
    await rig.show("supply_degc", None)
    await rig.show("soc", 40)
    readings = await settled(driver, rig, lambda readings: readings["soc"].value == pytest.approx(0.4))
    assert readings["supply_degc"].quality is Quality.BAD
    assert readings["supply_degc"].value is None
    assert readings["supply_degc"].reason


async def test_out_of_range_is_bad(rig: Rig, driver: Driver) -> None:
    await rig.show("soc", 101)
    readings = await settled(driver, rig, lambda readings: readings["soc"].value is None)
    assert readings["soc"].quality is Quality.BAD
    assert readings["soc"].reason == "1.01 is outside 0..1"
    assert readings["active_power_kw"].quality is Quality.GOOD


# -- writing -------------------------------------------------------------------------------------


async def test_a_write_arrives_and_is_read_back(rig: Rig, driver: Driver) -> None:
    for value in (120.0, -120.0, 0.0, 33.3):
        (result,) = await driver.write([Setpoint(point=rig.points["power_setpoint_kw"], value=value)])
        assert result == Accepted(pytest.approx(value))
        assert await rig.taken() == pytest.approx(-10 * value)


async def test_a_write_that_is_not_followed_is_unconfirmed(rig: Rig, driver: Driver) -> None:
    setpoint = rig.points["power_setpoint_kw"]
    assert isinstance((await driver.write([Setpoint(point=setpoint, value=50.0)]))[0], Accepted)
    rig.deaf = True
    (result,) = await driver.write([Setpoint(point=setpoint, value=80.0)])
    assert isinstance(result, Unconfirmed)
    assert result.read_back == pytest.approx(50.0)
    assert "80" in result.reason
    rig.deaf = False
    assert isinstance((await driver.write([Setpoint(point=setpoint, value=80.0)]))[0], Accepted)


@pytest.mark.parametrize("rig", rigs(*(name for name in RIGS if name != "sparkplug")), indirect=True)
async def test_a_write_that_the_device_refuses_is_rejected(rig: RefusingRig, driver: Driver) -> None:
    await rig.refuse()
    (result,) = await driver.write([Setpoint(point=rig.points["power_setpoint_kw"], value=50.0)])
    assert isinstance(result, Rejected)
    assert result.reason.startswith("device.power_setpoint_kw: ")
    assert await rig.taken() == 0


async def test_a_value_that_is_no_number_is_rejected_without_a_word_to_the_device(rig: Rig, driver: Driver) -> None:
    point = rig.points["power_setpoint_kw"]
    results = await driver.write([Setpoint(point=point, value=math.nan), Setpoint(point=point, value=7.0)])
    assert isinstance(results[0], Rejected)
    assert results[1] == Accepted(pytest.approx(7.0))


async def test_a_link_writes_what_the_site_file_allows_and_nothing_else(rig: Rig, driver: Driver) -> None:
    points = list(rig.points.values())
    setpoint = Setpoint(point=rig.points["power_setpoint_kw"], value=50.0)
    (result,) = await Link(driver, CLOCK, gate=WriteGate(points, ["soc"])).write([setpoint])
    assert isinstance(result, Rejected)
    assert "write list" in result.reason
    assert await rig.taken() == 0


async def test_a_link_keeps_a_setpoint_within_its_range_and_resolution(rig: Rig, driver: Driver) -> None:
    link = Link(driver, CLOCK, gate=WriteGate(list(rig.points.values()), ["power_setpoint_kw"]))
    point = rig.points["power_setpoint_kw"]
    (result,) = await link.write([Setpoint(point=point, value=1e9)])
    assert result == Accepted(pytest.approx(1000.0), "1e+09 is outside -1000..1000")
    assert await rig.taken() == pytest.approx(-10_000)
    assert await link.write([Setpoint(point=point, value=12.34)]) == [Accepted(pytest.approx(12.3))]
    assert await rig.taken() == pytest.approx(-123)


# -- coming and going ----------------------------------------------------------------------------


async def test_a_server_that_goes_is_a_link_down(rig: Rig, driver: Driver) -> None:
    await rig.stop()
    await time_until_down(driver, rig)
    with pytest.raises(LinkDown):
        await driver.write([Setpoint(point=rig.points["power_setpoint_kw"], value=1.0)])
    await rig.start()


async def test_a_frozen_server_is_a_link_down_within_two_timeouts(rig: Rig, driver: Driver) -> None:
    async with nothing_left():
        await rig.freeze()
        # one time-out of quiet until a cached value is doubted, one for the answer that does not come
        assert await time_until_down(driver, rig) < 2 * TIMEOUT_S + SLACK_S
        with pytest.raises(LinkDown):
            await driver.write([Setpoint(point=rig.points["power_setpoint_kw"], value=1.0)])
        await rig.thaw()
        await driver.close()
        await driver.connect()


async def test_a_write_to_a_frozen_server_is_a_link_down(rig: Rig, driver: Driver) -> None:
    await rig.freeze()
    start_s = time.monotonic()
    with pytest.raises(LinkDown):
        await driver.write([Setpoint(point=rig.points["power_setpoint_kw"], value=1.0)])
    assert time.monotonic() - start_s < TIMEOUT_S + SLACK_S


async def test_a_cancelled_read_passes_and_the_driver_goes_on(rig: Rig, driver: Driver) -> None:
    await rig.freeze()
    await asyncio.sleep(TIMEOUT_S + 0.1)
    task = asyncio.create_task(driver.read(list(rig.points.values())))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rig.thaw()
    await settled(driver, rig, lambda readings: readings["active_power_kw"].value is not None)


async def test_a_link_recovers_by_itself(rig: Rig) -> None:
    link = Link(rig.driver(), CLOCK, gate=WriteGate(list(rig.points.values()), ["power_setpoint_kw"]))
    point = rig.points["power_setpoint_kw"]
    assert link.state is LinkState.DOWN
    await settled(link, rig, lambda readings: readings["active_power_kw"].value is not None)
    assert link.state is LinkState.UP

    await rig.stop()
    readings = await settled(link, rig, lambda _: link.state is LinkState.DOWN)
    assert all(reading.value is None and reading.reason for reading in readings.values())
    (result,) = await link.write([Setpoint(point=point, value=5.0)])
    assert isinstance(result, Unconfirmed)
    assert result.read_back is None

    await rig.start()
    await settled(link, rig, lambda readings: readings["active_power_kw"].value is not None)
    assert link.state is LinkState.UP
    assert link.reason == ""
    (result,) = await link.write([Setpoint(point=point, value=5.0)])
    assert result == Accepted(pytest.approx(5.0))
    assert (link.counts.confirmed, link.counts.rejected, link.counts.unconfirmed) == (1, 0, 1)
    assert link.counts.good > 0
    assert link.counts.bad > 0
    await link.close()
    await link.close()
