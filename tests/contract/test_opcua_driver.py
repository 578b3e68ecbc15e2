"""What only OPC UA has: namespaces, status codes, types, a session for many."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Node, Server, ua
from asyncua.server.address_space import NodeData
from opcua_points import LIMITS, URI, at, profile_points

from config.clock import SystemClock
from config.connection import OpcUa
from config.loader import example_site, load_site
from drivers.certificates import Certificates
from drivers.driver import Accepted, DriverError, LinkDown, Quality, Rejected, Setpoint
from drivers.opcua import OpcuaDriver
from drivers.opcua_addresses import node_id
from drivers.opcua_session import OpcuaSession
from drivers.site import links_of
from simulators.servers.namespace_zero import SmallInternalServer

TIMEOUT_S = 3.0


@dataclass
class Plant:
    """An OPC UA server with variables in namespace URI."""

    server: Server
    port: int
    nodes: dict[str, Node] = field(default_factory=dict)

    def sessions(self) -> int:
        return len(self.server.bserver.clients)

    async def add(self, variables: Mapping[str, tuple[Any, ua.VariantType]]) -> None:
        index = await self.server.register_namespace(URI)
        for name, (value, kind) in variables.items():
            node = await self.server.nodes.objects.add_variable(ua.NodeId(name, index), f"{index}:{name}", value, kind)
            await node.set_writable()
            self.nodes[name] = node


@contextlib.asynccontextmanager
async def a_plant(port: int, *namespaces: str) -> AsyncIterator[Plant]:
    server = Server(SmallInternalServer())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/parkgrid")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for namespace in namespaces:
        await server.register_namespace(namespace)
    async with server:
        yield Plant(server, port)


def session_with(port: int) -> OpcuaSession:
    endpoint = f"opc.tcp://127.0.0.1:{port}/parkgrid"
    spec = OpcUa(protocol="opcua", endpoint=endpoint, security="none", timeout_s=TIMEOUT_S)
    return OpcuaSession(spec, Certificates(Path("certificates")))


def test_nodes_by_namespace_address() -> None:
    namespaces = ("http://opcfoundation.org/UA/", "urn:server", "urn:plant")
    assert node_id("nsu=urn:plant;s=Pump;1=Power", namespaces) == ua.NodeId("Pump;1=Power", 2)
    assert node_id("nsu=urn:plant;i=7", namespaces) == ua.NodeId(7, 2)
    assert node_id("ns=4;s=Pump", namespaces) == ua.NodeId("Pump", 4)
    assert node_id("nsu=urn:lost;s=Pump", namespaces) == "the server has no namespace urn:lost"
    for nonsense in ("Pump", "nsu=urn:plant", "nsu=urn:plant;x=1", "ns=two;s=Pump"):
        with pytest.raises(DriverError, match="is not an OPC UA node"):
            node_id(nonsense, namespaces)


async def test_a_namespace_is_found_again_when_its_index_moves(free_port: int) -> None:
    points = profile_points(power_kw=at("Power"))
    driver = OpcuaDriver(session_with(free_port), list(points.values()), SystemClock())
    async with a_plant(free_port) as plant:
        await plant.add({"Power": (1.0, ua.VariantType.Double)})
        await driver.connect()
        assert (await driver.read([points["power_kw"]]))[0].value == 1.0
    async with a_plant(free_port, "urn:installed:since", "urn:and:another") as plant:
        await plant.add({"Power": (2.0, ua.VariantType.Double)})
        with pytest.raises(LinkDown):
            await driver.read([points["power_kw"]])
        await driver.connect()
        assert (await driver.read([points["power_kw"]]))[0].value == 2.0
        await driver.close()


async def test_status_and_time_of_a_value(free_port: int) -> None:
    points = profile_points(
        good_kw=at("Good"), doubted_kw=at("Doubted"), failed_kw=at("Failed"), lost_kw=at("Lost"), text_kw=at("Text"),
        other_kw={"node": "nsu=urn:lost;s=Power"}, on={**at("On", "boolean"), "valid": [0, 1]},
    )  # fmt: skip
    async with a_plant(free_port) as plant:
        double = ua.VariantType.Double
        await plant.add(dict.fromkeys(("Good", "Doubted", "Failed"), (5.0, double)))
        await plant.add({"Text": ("five", ua.VariantType.String), "On": (True, ua.VariantType.Boolean)})
        said = datetime(2026, 10, 14, 8, tzinfo=UTC)
        await plant.nodes["Good"].write_value(ua.DataValue(ua.Variant(6.0, double), SourceTimestamp=said))
        for name, code in (
            ("Doubted", ua.StatusCodes.UncertainLastUsableValue),
            ("Failed", ua.StatusCodes.BadSensorFailure),
        ):
            await plant.nodes[name].write_value(ua.DataValue(ua.Variant(7.0, double), StatusCode=ua.StatusCode(code)))
        driver = OpcuaDriver(session_with(free_port), list(points.values()), SystemClock())
        await driver.connect()
        readings = dict(zip(points, await driver.read(list(points.values())), strict=True))
        assert (readings["good_kw"].value, readings["good_kw"].source_at) == (6.0, said)
        doubted = readings["doubted_kw"]
        assert (doubted.value, doubted.quality) == (7.0, Quality.UNCERTAIN)
        assert doubted.reason == "the server says UncertainLastUsableValue"
        assert readings["failed_kw"].reason == "the server says BadSensorFailure"
        assert readings["lost_kw"].reason == "the server says BadNodeIdUnknown"
        assert readings["text_kw"].reason == "the node holds str, not a number"
        assert readings["other_kw"].reason == "the server has no namespace urn:lost"
        assert readings["on"].value == 1.0
        assert sum(reading.quality is Quality.BAD for reading in readings.values()) == 4
        await driver.close()


async def test_writes_have_the_nodes_type_and_no_time(free_port: int) -> None:
    kinds = {
        "double": ua.VariantType.Double, "float": ua.VariantType.Float, "int16": ua.VariantType.Int16,
        "uint16": ua.VariantType.UInt16, "int32": ua.VariantType.Int32, "uint32": ua.VariantType.UInt32,
        "int64": ua.VariantType.Int64, "uint64": ua.VariantType.UInt64,
    }  # fmt: skip
    points = profile_points(
        **{kind: at(kind, kind, setpoint=LIMITS) for kind in kinds},
        enabled=at("enabled", "boolean", setpoint=LIMITS),
        lost=at("nowhere", setpoint=LIMITS),
        foreign={"node": "nsu=urn:lost;s=x", "setpoint": LIMITS},
    )
    written: list[ua.DataValue] = []

    def keep(node: NodeData, attribute: ua.AttributeIds, value: ua.DataValue) -> None:
        written.append(value)
        node.attributes[attribute].value = value

    async with a_plant(free_port) as plant:
        await plant.add({kind: (0, variant) for kind, variant in kinds.items()})
        await plant.add({"enabled": (False, ua.VariantType.Boolean)})
        for node in plant.nodes.values():
            plant.server.set_attribute_value_setter(node.nodeid, keep)
        driver = OpcuaDriver(session_with(free_port), list(points.values()), SystemClock())
        await driver.connect()
        for kind, variant in kinds.items():
            assert await driver.write([Setpoint(point=points[kind], value=40.0)]) == [Accepted(40.0)]
            assert written[-1].Value.VariantType is variant
            assert written[-1].SourceTimestamp is None
        assert await driver.write([Setpoint(point=points["enabled"], value=1.0)]) == [Accepted(1.0)]
        count = len(written)

        async def rejection(name: str, value: float) -> str:
            (result,) = await driver.write([Setpoint(point=points[name], value=value)])
            assert isinstance(result, Rejected)
            return result.reason

        assert await rejection("int16", 40000) == "plc.int16: 40000 is outside -32768..32767, the range of s16"
        assert await rejection("uint32", -1) == "plc.uint32: -1 is outside 0..4294967295, the range of u32"
        assert await rejection("enabled", 0.5) == "plc.enabled: 0.5 is neither 0 nor 1, as a boolean must be"
        assert (await rejection("lost", 1)).startswith("plc.lost: the server refuses: Bad")
        assert await rejection("foreign", 1) == "plc.foreign: the server has no namespace urn:lost"
        assert len(written) == count
        await driver.close()


async def test_the_demo_parks_heat_pump_and_tank_share_a_session(free_port: int) -> None:
    double, boolean = ua.VariantType.Double, ua.VariantType.Boolean
    site = load_site(
        example_site("demo_park"), {"heating_opcua": {"endpoint": f"opc.tcp://127.0.0.1:{free_port}/parkgrid"}}
    )
    links = links_of(site, SystemClock())
    pump, tank = links["heat_pump_controller"], links["tank_sensors"]
    async with a_plant(free_port) as plant:
        await plant.add(
            {
                "HeatPump1.ElectricPower": (250.0, double),
                "HeatPump1.HeatPower": (800.0, double),
                "HeatPump1.Available": (True, boolean),
                "HeatPump1.PowerSetpoint": (0.0, double),
                "Tank1.StateOfCharge": (62.5, double),
            }
        )
        wanted = [site.point("heat_pump", name) for name in ("active_power_kw", "heat_power_kw", "available")]
        readings = await pump.read([point for point in wanted if point is not None])
        assert [reading.value for reading in readings] == [250.0, 800.0, 1.0]
        soc = site.point("tank", "soc")
        assert soc is not None
        assert (await tank.read([soc]))[0].value == 0.625
        assert plant.sessions() == 1
        setpoint = site.setpoint("heat_pump")
        assert setpoint is not None
        assert await pump.write([Setpoint(point=setpoint, value=320.0)]) == [Accepted(320.0)]
        await pump.close()
        assert (await tank.read([soc]))[0].value == 0.625
        await tank.close()
