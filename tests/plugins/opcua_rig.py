"""The contract's device on OPC UA."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, Literal

from asyncua import Server, ua
from asyncua.server.address_space import NodeData
from chaos_proxy import ChaosProxy
from driver_rig import CLOCK, LIMITS, POWER, PROFILE, SOC, SUPPLY, TIMEOUT_S
from ports import unused_port

from config.connection import OpcUa
from config.point import points_of
from config.profile import OpcuaProfile
from drivers.certificates import Certificates
from drivers.driver import Driver
from drivers.opcua import OpcuaDriver
from drivers.opcua_session import OpcuaSession
from simulators.servers.namespace_zero import SmallInternalServer


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
        self.port = unused_port()
        self._server = Server(SmallInternalServer())
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
    MODE: ClassVar[Literal["subscribe", "poll"]] = "subscribe"

    def __init__(self, port: int, server: OpcuaServer | None = None) -> None:
        self._port = port
        self.line = ChaosProxy(port)
        self.timeout_s = TIMEOUT_S
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
            protocol="opcua",
            endpoint=f"opc.tcp://127.0.0.1:{self._port}/device",
            security="none",
            timeout_s=self.timeout_s,
            mode=self.MODE,
        )
        return OpcuaDriver(OpcuaSession(spec, Certificates(Path("certificates"))), list(self.points.values()), CLOCK)

    async def start(self) -> None:
        await self._server.reset()
        await self.line.open(self._server.port)

    async def stop(self) -> None:
        await self.line.shut()

    async def freeze(self) -> None:
        self.line.freeze()

    async def thaw(self) -> None:
        self.line.thaw()

    async def refuse(self) -> None:
        await self._server.refuse()

    async def show(self, name: str, raw: float | None) -> None:
        await self._server.show({"active_power_kw": "Power", "soc": "Soc", "supply_degc": "Supply"}[name], raw)

    async def taken(self) -> float:
        return await self._server.taken()


class OpcuaPolledRig(OpcuaRig):
    MODE = "poll"
