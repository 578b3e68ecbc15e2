"""The promises of a driver, kept by every protocol against a real server.

Each rig serves the same device. It counts charging positive, in 0.1 kW; its state of charge is in per cent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import signal
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol

import aiomqtt
import pytest
from asyncua import Server, ua
from asyncua.server.address_space import NodeData
from modbus_peers import authority, pseudo_terminal, socat
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.clock import SystemClock
from config.connection import ModbusRtu, ModbusRtuOverTcp, ModbusTcp, ModbusTls, Mqtt, OpcUa
from config.point import Point, points_of
from config.profile import ModbusProfile, MqttProfile, OpcuaProfile
from drivers.certificates import Certificates
from drivers.driver import Accepted, Driver, LinkDown, Quality, Reading, Rejected, Setpoint, Unconfirmed
from drivers.link import Link, LinkState
from drivers.modbus import ModbusDriver
from drivers.modbus_connection import ModbusConnection
from drivers.mqtt import MqttDriver
from drivers.mqtt_session import MqttSession
from drivers.opcua import OpcuaDriver
from drivers.opcua_session import OpcuaSession

CLOCK = SystemClock()
TIMEOUT_S = 1.0
SLACK_S = 0.8  # for a machine that has other things to do

PROFILE = {
    "description": "the contract's device",
    "verified": True,
    "source": "this file",
}
LIMITS = {"range": [-1000, 1000], "resolution": 0.1, "tolerance": 0.2, "safe": 0}
POWER = {"scale": 0.1, "turn": True, "valid": [-1100, 1100]}
SOC = {"scale": 0.01, "valid": [0, 1]}
SUPPLY = {"scale": 0.1, "valid": [0, 130]}


class Rig(Protocol):
    """A real server with the device behind it. Raw numbers are as the device counts."""

    points: dict[str, Point]

    def driver(self) -> Driver: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def freeze(self) -> None: ...

    async def thaw(self) -> None: ...

    async def show(self, name: str, raw: float | None) -> None: ...  # None: the protocol's own "no value"

    async def taken(self) -> float: ...  # the raw setpoint in force

    deaf: bool
    """Takes commands and does not follow them."""


class RefusingRig(Rig, Protocol):
    """A server whose protocol can say no."""

    async def refuse(self) -> None: ...


class Valve:
    """A TCP relay that can stop passing anything on, as a frozen server does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._target = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, target: int) -> None:
        self._target = target
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._port)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers, ways = [writer], list[asyncio.Task[None]]()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(far_writer)
            ways += [asyncio.create_task(self._pump(*way)) for way in ((reader, far_writer), (far_reader, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # the rig is stopping; the task ends as asyncio's streams expect it
        finally:
            # closed before anything is awaited: the rig may stop while the relay is already ending
            for way in ways:
                way.cancel()
            for each in writers:
                each.close()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in writers:
                with contextlib.suppress(OSError):
                    await each.wait_closed()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            await self._flows.wait()
            writer.write(data)


class ModbusRig:
    def __init__(self, port: int) -> None:
        self._port = port
        self._valve = Valve(port)
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
        spec = ModbusTcp(protocol="modbus", host="127.0.0.1", port=self._port, timeout_s=TIMEOUT_S)
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
        await self._valve.open(self._server.transport.sockets[0].getsockname()[1])

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
        await self._valve.shut()
        await self._server.shutdown()

    async def freeze(self) -> None:
        self._valve.freeze()

    async def thaw(self) -> None:
        self._valve.thaw()

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
            ModbusRtuOverTcp(protocol="modbus", transport="rtu_over_tcp", timeout_s=TIMEOUT_S, **where)
        )

    def _serving(self, device: SimDevice) -> ModbusTcpServer:
        return ModbusTcpServer([device], framer=FramerType.RTU, address=("127.0.0.1", 0))


class ModbusRtuRig(ModbusRtuOverTcpRig):
    """A serial port; its line goes through the valve, so that it can fall silent. It vanishes with the server."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._terminal = Path(tempfile.gettempdir()) / f"parkgrid-tty-{port}"
        self._line = contextlib.AsyncExitStack()

    def _connection(self) -> ModbusConnection:
        line = {"serial_port": str(self._terminal), "baud_rate": 115200, "parity": "none"}
        return ModbusConnection(ModbusRtu(protocol="modbus", transport="rtu", timeout_s=TIMEOUT_S, **line))

    async def start(self) -> None:
        await super().start()
        ends = pseudo_terminal(self._terminal), f"TCP:127.0.0.1:{self._port}"
        await self._line.enter_async_context(socat(*ends, links=(self._terminal,)))

    async def stop(self) -> None:
        await super().stop()
        await self._line.aclose()


class ModbusTlsRig(ModbusRig):
    def _connection(self) -> ModbusConnection:
        where = {"host": "127.0.0.1", "port": self._port}
        spec = ModbusTls(protocol="modbus", transport="tls", ca_file="ca.pem", timeout_s=TIMEOUT_S, **where)
        return ModbusConnection(spec, authority().client_context())

    def _serving(self, device: SimDevice) -> ModbusTcpServer:
        return ModbusTlsServer([device], address=("127.0.0.1", 0), sslctx=authority().server_context())


class OpcuaServer:
    """An OPC UA server in a thread of its own: it takes seconds to start, so that all tests share it."""

    URI = "urn:parkgrid:contract"
    KINDS: ClassVar[dict[str, ua.VariantType]] = {
        "Power": ua.VariantType.Double,
        "Soc": ua.VariantType.Float,
        "Supply": ua.VariantType.Double,
        "Setpoint": ua.VariantType.Int32,
    }

    def __init__(self) -> None:
        self.deaf = False
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self._start())

    def close(self) -> None:
        self._run(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    async def _start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._server = Server()
        await self._server.init()
        self._server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/device")
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        # another namespace first, so that the device's index is not the one a fresh server would give
        await self._server.register_namespace("urn:somebody:else")
        index = await self._server.register_namespace(self.URI)
        folder = self._server.nodes.objects
        self._nodes = {
            name: await folder.add_variable(ua.NodeId(name, index), f"{index}:{name}", 0, kind)
            for name, kind in self.KINDS.items()
        }
        self._server.set_attribute_value_setter(self._nodes["Setpoint"].nodeid, self._written)
        await self._server.start()

    def _written(self, node: NodeData, attribute: ua.AttributeIds, value: ua.DataValue) -> None:
        if not self.deaf:
            node.attributes[attribute].value = value

    async def reset(self) -> None:
        self.deaf = False
        for name in self.KINDS:
            await self.show(name, 0)
        await self._here(self._nodes["Setpoint"].set_writable())

    async def show(self, name: str, raw: float | None) -> None:
        if raw is None:
            value = ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure))
        else:
            value = ua.DataValue(ua.Variant(raw, self.KINDS[name]))
        await self._here(self._nodes[name].write_value(value))

    async def taken(self) -> float:
        return float(await self._here(self._nodes["Setpoint"].read_value()))

    async def refuse(self) -> None:
        await self._here(self._nodes["Setpoint"].set_read_only())

    async def _here(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


class OpcuaRig:
    def __init__(self, port: int, server: OpcuaServer | None = None) -> None:
        self._port = port
        self._valve = Valve(port)
        self._opcua_server = server
        node = f"nsu={OpcuaServer.URI};s="
        profile = OpcuaProfile.model_validate(
            {
                **PROFILE,
                "protocol": "opcua",
                "points": {
                    "active_power_kw": {**POWER, "node": f"{node}Power"},
                    "soc": {**SOC, "node": f"{node}Soc", "type": "float"},
                    "supply_degc": {**SUPPLY, "node": f"{node}Supply"},
                    "power_setpoint_kw": {**POWER, "node": f"{node}Setpoint", "type": "int32", "setpoint": LIMITS},
                },
            }
        )
        self.points = {point.name: point for point in points_of("device", profile, {})}

    @property
    def _server(self) -> OpcuaServer:
        assert self._opcua_server is not None
        return self._opcua_server

    @property
    def deaf(self) -> bool:
        return self._server.deaf

    @deaf.setter
    def deaf(self, deaf: bool) -> None:
        self._server.deaf = deaf

    def driver(self) -> Driver:
        spec = OpcUa(
            protocol="opcua", endpoint=f"opc.tcp://127.0.0.1:{self._port}/device", security="none", timeout_s=TIMEOUT_S
        )
        return OpcuaDriver(OpcuaSession(spec, Certificates(Path("certificates"))), list(self.points.values()), CLOCK)

    async def start(self) -> None:
        await self._server.reset()
        await self._valve.open(self._server.port)

    async def stop(self) -> None:
        await self._valve.shut()

    async def freeze(self) -> None:
        self._valve.freeze()

    async def thaw(self) -> None:
        self._valve.thaw()

    async def refuse(self) -> None:
        await self._server.refuse()

    async def show(self, name: str, raw: float | None) -> None:
        await self._server.show({"active_power_kw": "Power", "soc": "Soc", "supply_degc": "Supply"}[name], raw)

    async def taken(self) -> float:
        return await self._server.taken()


class MqttRig:
    """mosquitto, and a device that shows its state ten times a second."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._broker: asyncio.subprocess.Process | None = None
        self._device: asyncio.Task[None] | None = None
        self._state: dict[str, float | None] = {"power": 0.0, "soc": 50.0, "supply": 0.0, "setpoint": 0.0}
        self.deaf = False
        status = {"topic": "device/status", "time_path": "time", "stale_s": 5}
        profile = MqttProfile.model_validate(
            {
                **PROFILE,
                "protocol": "mqtt",
                "points": {
                    "active_power_kw": {**POWER, **status, "path": "device.power"},
                    "soc": {**SOC, **status, "path": "device.soc"},
                    "supply_degc": {**SUPPLY, **status, "path": "device.supply"},
                    "power_setpoint_kw": {
                        **POWER,
                        **status,
                        "path": "device.setpoint",
                        "setpoint": {**LIMITS, "command_topic": "device/command", "payload": '{"kw": {value}}'},
                    },
                },
            }
        )
        self.points = {point.name: point for point in points_of("device", profile, {})}

    def driver(self) -> Driver:
        spec = Mqtt(protocol="mqtt", host="127.0.0.1", port=self._port, timeout_s=TIMEOUT_S)
        return MqttDriver(MqttSession(spec, None, CLOCK), list(self.points.values()), CLOCK)

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        self._broker = await asyncio.create_subprocess_exec("mosquitto", "-p", str(self._port), stderr=quiet)
        self._device = asyncio.create_task(self._run_device())

    async def _run_device(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self._port, timeout=TIMEOUT_S) as client:
                    await client.subscribe("device/command", qos=1)
                    listener = asyncio.create_task(self._listen(client))
                    try:
                        while True:
                            status = {"time": "2026-10-14T08:00:00+08:00", "device": self._state}
                            await client.publish("device/status", json.dumps(status))
                            await asyncio.sleep(0.1)
                    finally:
                        listener.cancel()
                        await asyncio.wait([listener])
            await asyncio.sleep(0.05)

    async def _listen(self, client: aiomqtt.Client) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                if not self.deaf:
                    self._state["setpoint"] = json.loads(message.payload)["kw"]

    async def stop(self) -> None:
        if self._device is None or self._broker is None or self._broker.returncode is not None:
            return
        self._broker.send_signal(signal.SIGCONT)
        self._device.cancel()
        await asyncio.wait([self._device])
        self._broker.kill()
        await self._broker.wait()

    async def freeze(self) -> None:
        assert self._broker is not None
        self._broker.send_signal(signal.SIGSTOP)

    async def thaw(self) -> None:
        assert self._broker is not None
        self._broker.send_signal(signal.SIGCONT)

    async def show(self, name: str, raw: float | None) -> None:
        self._state[{"active_power_kw": "power", "soc": "soc", "supply_degc": "supply"}[name]] = raw

    async def taken(self) -> float:
        found = self._state["setpoint"]
        assert found is not None
        return found


RIGS: dict[str, Callable[[int], Rig]] = {
    "modbus-tcp": ModbusRig,
    "modbus-rtu": ModbusRtuRig,
    "modbus-rtu-over-tcp": ModbusRtuOverTcpRig,
    "modbus-tls": ModbusTlsRig,
    "opcua": OpcuaRig,
    "mqtt": MqttRig,
}
NEEDS = {"modbus-rtu": "socat", "mqtt": "mosquitto"}
"""The server program without which a rig cannot start."""


def rigs(*names: str) -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.server(NEEDS[name])] if name in NEEDS else []) for name in names]


ON_A_SOCKET = [name for name in RIGS if name != "modbus-rtu"]


@pytest.fixture(scope="module")
def opcua_server() -> Iterator[OpcuaServer]:
    server = OpcuaServer()
    yield server
    server.close()


@pytest.fixture(params=rigs(*RIGS))
async def rig(request: pytest.FixtureRequest, free_port: int) -> AsyncIterator[Rig]:
    rig: Rig
    if request.param == "opcua":
        rig = OpcuaRig(free_port, request.getfixturevalue("opcua_server"))
    else:
        rig = RIGS[request.param](free_port)
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


@pytest.mark.parametrize("rig", rigs(*(name for name in RIGS if name != "mqtt")), indirect=True)
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
    link = Link(rig.driver(), CLOCK)
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
