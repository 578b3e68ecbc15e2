"""The simulated OPC UA devices, seen by a plain asyncua client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from asyncua import Client, ua

from simulators.servers import opcua

NAMESPACE = "urn:parkgrid:simulated-park"


@asynccontextmanager
async def client_of(server: Any) -> AsyncIterator[tuple[Client, int]]:
    async with Client(server.address["endpoint"], timeout=2) as client:
        yield client, await client.get_namespace_index(NAMESPACE)


def node_of(client: Client, index: int, name: str) -> Any:
    return client.get_node(ua.NodeId(name, index))


async def write(node: Any, value: float, kind: ua.VariantType = ua.VariantType.Double) -> None:
    await node.write_attribute(ua.AttributeIds.Value, ua.DataValue(ua.Variant(value, kind)))


async def test_values_types_and_time_are_those_of_the_profile(serve: Any, plant: Any) -> None:
    async with client_of(await serve("heat_pump_controller")) as (client, index):
        wanted = {
            "HeatPump1.ElectricPower": (210.0, ua.VariantType.Double),
            "HeatPump1.OutdoorTemperature": (14.5, ua.VariantType.Float),
            "HeatPump1.Available": (False, ua.VariantType.Boolean),
            "Tank1.StateOfCharge": (37.5, ua.VariantType.Double),  # a share of 0.375, in percent on the wire
        }
        for name, (value, kind) in wanted.items():
            shown = await node_of(client, index, name).read_data_value()
            assert (shown.Value.Value, shown.Value.VariantType) == (value, kind)
            assert shown.SourceTimestamp == plant.now


async def test_new_values_reach_a_subscriber(serve: Any, plant: Any) -> None:
    server = await serve("tank_sensors")
    seen: list[float] = []

    class Handler:
        def datachange_notification(self, node: Any, value: float, data: Any) -> None:
            seen.append(value)

    async with client_of(server) as (client, index):
        subscription = await client.create_subscription(20, Handler())
        await subscription.subscribe_data_change(node_of(client, index, "Tank1.TopTemperature"))
        plant.shown["tank_sensors"]["supply_degc"] = 54.0
        await server.refresh()
        for _ in range(100):
            if seen[-1:] == [54.0]:
                break
            await asyncio.sleep(0.02)
        assert seen[-1] == 54.0


async def test_slow_values_are_looked_at_in_their_own_time(
    serve: Any, plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opcua, "SLOW_S", 3600.0)
    server = await serve("heat_pump_controller")
    async with client_of(server) as (client, index):
        slow, fast, same = (
            node_of(client, index, f"HeatPump1.{name}")
            for name in ("OutdoorTemperature", "ElectricPower", "PowerSetpoint")
        )
        plant.shown["heat_pump_controller"] |= {"outdoor_degc": -3.5, "active_power_kw": 222.0}
        began, plant.now = plant.now, plant.now + timedelta(seconds=60)
        await server.refresh()
        assert (await slow.read_value(), await fast.read_value()) == (14.5, 222.0)
        assert [(await node.read_data_value()).SourceTimestamp for node in (fast, same)] == [plant.now, began]
        # when its time has come, what has stayed the same is said anew, too
        server.hurry()
        await server.refresh()
        assert await slow.read_value() == -3.5
        assert (await same.read_data_value()).SourceTimestamp == plant.now


async def test_browsing_finds_the_devices_and_their_nodes(serve: Any) -> None:
    async with client_of(await serve("tank_sensors")) as (client, _):
        folders = {(await node.read_browse_name()).Name: node for node in await client.nodes.objects.get_children()}
        assert set(folders) == {"Server", "heat_pump_controller", "tank_sensors"}
        nodes = await folders["tank_sensors"].get_children()
        assert {node.nodeid.Identifier for node in nodes} == {"Tank1.StateOfCharge", "Tank1.TopTemperature"}
        assert await client.nodes.server_state.read_value() == ua.ServerState.Running


async def test_a_write_becomes_a_command_and_falls_back(serve: Any, plant: Any, hand: Any, watchdog: Any) -> None:
    server = await serve("heat_pump_controller")
    async with client_of(server) as (client, index):
        node = node_of(client, index, "HeatPump1.PowerSetpoint")
        await write(node, 250.0)
        assert plant.commands == [("heat_pump_controller", "power_setpoint_kw", 250.0)]
        plant.shown["heat_pump_controller"]["power_setpoint_kw"] = 1.0  # a plant that has not heard of it yet
        await server.refresh()
        assert await node.read_value() == 250.0
        hand.now_s = 60.0
        watchdog.check()
        await server.refresh()
        assert plant.commands[1:] == [("heat_pump_controller", "power_setpoint_kw", None)]
        assert await node.read_value() == 0.0


@pytest.mark.parametrize("value", [400.1, -0.1, float("nan"), float("inf")])
async def test_a_value_outside_of_the_range_is_refused(serve: Any, plant: Any, value: float) -> None:
    async with client_of(await serve("heat_pump_controller")) as (client, index):
        with pytest.raises(ua.UaStatusCodeError) as refusal:
            await write(node_of(client, index, "HeatPump1.PowerSetpoint"), value)
        assert refusal.value.code == ua.StatusCodes.BadOutOfRange
        assert plant.commands == []


async def test_a_measured_value_and_a_wrong_type_are_refused(serve: Any, plant: Any) -> None:
    async with client_of(await serve("heat_pump_controller")) as (client, index):
        with pytest.raises(ua.UaStatusCodeError) as refusal:
            await write(node_of(client, index, "HeatPump1.HeatPower"), 1.0)
        assert refusal.value.code == ua.StatusCodes.BadUserAccessDenied
        with pytest.raises(ua.UaStatusCodeError) as refusal:
            await write(node_of(client, index, "HeatPump1.PowerSetpoint"), 5, ua.VariantType.Int32)
        assert refusal.value.code == ua.StatusCodes.BadTypeMismatch
        assert plant.commands == []


async def test_it_starts_again_on_its_port(serve: Any) -> None:
    server = await serve("wind_controller")
    endpoint = server.address["endpoint"]
    await server.stop()
    await server.stop()
    await server.start()
    assert server.address["endpoint"] == endpoint
    async with client_of(server) as (client, index):
        assert await node_of(client, index, "WindTurbine1.ActivePower").read_value() == 432.1
