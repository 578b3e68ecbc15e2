"""The simulated OPC UA devices, seen by a client that is not ours: node-opcua."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from node_peer import NodePeer

pytestmark = pytest.mark.server("node-opcua")

NAMESPACE = "urn:parkgrid:simulated-park"
POLICIES = {
    "None": "None",
    "Basic256Sha256": "SignAndEncrypt",
    "Aes128_Sha256_RsaOaep": "SignAndEncrypt",
    "Aes256_Sha256_RsaPss": "SignAndEncrypt",
}
PATIENCE_S = 20.0


@pytest.fixture
async def peers() -> AsyncIterator[list[NodePeer]]:
    """Those that a test starts; they end with it."""
    started: list[NodePeer] = []
    yield started
    for peer in started:
        await peer.kill()


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_foreign_client_reads_subscribes_and_writes(
    serve: Any, plant: Any, peers: list[NodePeer], tmp_path: Path, policy: str
) -> None:
    server = await serve("heat_pump_controller")
    peer = NodePeer(
        "opcua_client.js",
        endpoint=server.address["endpoint"],
        policy=policy,
        mode=POLICIES[policy],
        folder=str(tmp_path / "peer"),
    )
    peers.append(peer)
    index = (await peer.start())["namespaces"].index(NAMESPACE)

    def node(name: str) -> str:
        return f"ns={index};s={name}"

    good = {"status": "Good"}
    assert await peer.tell("read", node=node("HeatPump1.ElectricPower")) == {"value": 210.0, "type": "Double"} | good
    assert await peer.tell("read", node=node("HeatPump1.OutdoorTemperature")) == {"value": 14.5, "type": "Float"} | good
    assert await peer.tell("read", node=node("HeatPump1.Available")) == {"value": False, "type": "Boolean"} | good
    assert (await peer.tell("read", node=node("HeatPump1.Lost")))["status"] == "BadNodeIdUnknown"

    await peer.tell("subscribe", nodes=[node("Tank1.TopTemperature"), node("HeatPump1.PowerSetpoint")])
    await heard(peer, node("Tank1.TopTemperature"), 53.125)
    plant.shown["tank_sensors"]["supply_degc"] = 54.0
    await server.refresh()
    await heard(peer, node("Tank1.TopTemperature"), 54.0)

    setpoint = node("HeatPump1.PowerSetpoint")
    assert await peer.tell("write", node=setpoint, type="Double", value=250.0) == {"status": "Good"}
    assert plant.commands == [("heat_pump_controller", "power_setpoint_kw", 250.0)]
    await heard(peer, setpoint, 250.0)
    assert await peer.tell("write", node=setpoint, type="Double", value=400.1) == {"status": "BadOutOfRange"}
    refused = await peer.tell("write", node=node("HeatPump1.HeatPower"), type="Double", value=1.0)
    assert refused == {"status": "BadUserAccessDenied"}
    assert len(plant.commands) == 1


async def heard(peer: NodePeer, node: str, value: float) -> None:
    """Wait until the client has been sent this value."""
    deadline_s = time.monotonic() + PATIENCE_S
    while (last := await peer.tell("heard", node=node)).get("value") != value:
        assert time.monotonic() < deadline_s, last
        await asyncio.sleep(0.05)
    assert last["status"] == "Good"
