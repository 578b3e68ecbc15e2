"""Plain clients of three protocols that look at the turbines of the fault park.

Each speaks with a library and not with our drivers, and turns what it sees into kW by hand.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

import aiomqtt
from asyncua import Client, ua
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

Connections = Callable[[], Mapping[str, Mapping[str, Any]]]
"""Where the park listens now: by connection, the keys of the site file."""

ANSWER_S = 1.0
"""How long a plain client waits for an answer."""


class Unseen(Exception):
    """The client got no value; the message says what it got."""


class Eye(Protocol):
    """A plain client of one turbine. What it does not get is raised as Unseen."""

    protocol: str
    device: str
    connection: str

    async def see(self, point: str) -> float | None: ...  # in the point's unit; None for the protocol's "no value"

    async def write(self, limit_kw: float) -> None: ...

    async def close(self) -> None: ...


class ModbusEye:
    protocol, device, connection = "modbus", "turbine_m", "turbine_tcp"
    _registers: ClassVar[dict[str, tuple[int, str, float, int | None]]] = {
        "active_power_kw": (100, ">i", 0.1, -(2**31)),
        "wind_speed_m_per_s": (102, ">f", 1.0, None),
        "status": (104, ">H", 1.0, 0xFFFF),
        "available": (105, ">H", 1.0, 0xFFFF),
        "power_limit_kw": (200, ">I", 0.1, None),
    }

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._client: AsyncModbusTcpClient | None = None

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            await self.close()
            address = self._connections()[self.connection]
            # no reconnecting of its own: the test decides when it tries again
            client = AsyncModbusTcpClient(
                address["host"], port=address["port"], timeout=ANSWER_S, retries=0, reconnect_delay=0
            )
            if not await client.connect():
                client.close()
                raise Unseen("refused")
            self._client = client
        return self._client

    async def _ask(self, request: Callable[[AsyncModbusTcpClient], Awaitable[Any]]) -> Any:
        client = await self._connected()
        try:
            answer = await request(client)
        except ModbusException as error:
            await self.close()
            raise Unseen("silent" if "No response" in str(error) else f"lost: {error}") from None
        if answer.isError():
            raise Unseen(f"exception {answer.exception_code}")
        return answer

    async def see(self, point: str) -> float | None:
        address, form, scale, nothing = self._registers[point]
        count = struct.calcsize(form) // 2
        answer = await self._ask(lambda client: client.read_holding_registers(address, count=count, device_id=1))
        (raw,) = struct.unpack(form, struct.pack(f">{count}H", *answer.registers))
        return None if raw == nothing or math.isnan(raw) else raw * scale

    async def write(self, limit_kw: float) -> None:
        words = list(struct.unpack(">2H", struct.pack(">I", round(limit_kw * 10))))
        await self._ask(lambda client: client.write_registers(200, words, device_id=1))

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class OpcuaEye:
    protocol, device, connection = "opcua", "turbine_o", "turbine_opcua"
    _nodes: ClassVar[dict[str, str]] = {
        "active_power_kw": "Turbine.Power",
        "wind_speed_m_per_s": "Turbine.Wind",
        "status": "Turbine.Status",
        "available": "Turbine.Available",
        "power_limit_kw": "Turbine.Limit",
    }

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._client: Client | None = None

    async def _node(self, name: str) -> Any:
        if self._client is None:
            client = Client(self._connections()[self.connection]["endpoint"], timeout=ANSWER_S)
            try:
                await client.connect()
            except ConnectionRefusedError:
                raise Unseen("refused") from None
            self._client = client
        index = await self._client.get_namespace_index("urn:parkgrid:fault-park")
        return self._client.get_node(f"ns={index};s={name}")

    async def _ask(self, request: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await request()
        except ua.UaStatusCodeError as error:
            raise Unseen(type(error).__name__) from None
        except (TimeoutError, asyncio.CancelledError):
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            await self.close()
            raise Unseen("silent") from None
        except (OSError, ua.UaError) as error:
            await self.close()
            raise Unseen(f"lost: {error}") from None

    async def value(self, point: str) -> ua.DataValue:
        async def read() -> ua.DataValue:
            node = await self._node(self._nodes[point])
            return await node.read_data_value(raise_on_bad_status=False)

        found = await self._ask(read)
        assert isinstance(found, ua.DataValue)
        return found

    async def see(self, point: str) -> float | None:
        value = await self.value(point)
        if not value.StatusCode.is_good():
            raise Unseen(value.StatusCode.name)
        number = value.Value.Value
        return None if number is None or math.isnan(number) else float(number)

    async def write(self, limit_kw: float) -> None:
        async def write() -> None:
            node = await self._node("Turbine.Limit")
            await node.write_value(ua.DataValue(ua.Variant(limit_kw, ua.VariantType.Double)))

        await self._ask(write)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                await client.disconnect()
        except (OSError, TimeoutError, ua.UaError):
            # a session whose server does not answer ends without its goodbye
            client.disconnect_socket()


class MqttEye:
    protocol, device, connection = "mqtt", "turbine_q", "broker"
    _paths: ClassVar[dict[str, tuple[str, float]]] = {
        "active_power_kw": ("power_w", 0.001),
        "wind_speed_m_per_s": ("wind", 1.0),
        "status": ("status", 1.0),
        "available": ("available", 1.0),
        "power_limit_kw": ("limit_w", 0.001),
    }

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._client: aiomqtt.Client | None = None

    async def _session(self) -> aiomqtt.Client:
        if self._client is None:
            address = self._connections()[self.connection]
            client = aiomqtt.Client(address["host"], address["port"], timeout=ANSWER_S)
            try:
                await client.__aenter__()
            except aiomqtt.MqttError as error:
                raise Unseen("silent" if "timed out" in str(error) else "refused") from None
            self._client = client
            await client.subscribe("park/turbine")
        return self._client

    async def payload(self) -> dict[str, Any]:
        """The next one."""
        try:
            client = await self._session()
            async with asyncio.timeout(ANSWER_S):
                message = await anext(aiter(client.messages))
        except TimeoutError:
            await self.close()
            raise Unseen("silent") from None
        except aiomqtt.MqttError as error:
            await self.close()
            raise Unseen(f"lost: {error}") from None
        assert isinstance(message.payload, bytes)
        found: dict[str, Any] = json.loads(message.payload)
        return found

    async def see(self, point: str) -> float | None:
        path, scale = self._paths[point]
        raw = (await self.payload())[path]
        return None if raw is None else raw * scale

    async def write(self, limit_kw: float) -> None:
        client = await self._session()
        await client.publish("park/turbine/set", json.dumps({"limit_w": limit_kw * 1000}), qos=1)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)


async def stamp_of(eye: Eye) -> datetime:
    """The device's own time stamp of its values."""
    if isinstance(eye, OpcuaEye):
        stamp = (await eye.value("active_power_kw")).SourceTimestamp
        assert stamp is not None
        return stamp.replace(tzinfo=UTC)
    assert isinstance(eye, MqttEye)
    return datetime.fromisoformat((await eye.payload())["time"])
