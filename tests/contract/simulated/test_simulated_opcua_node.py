"""The simulated OPC UA devices, seen by a client that is not ours: node-opcua."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from node_peer import NodePeer

from config.clock import SystemClock
from config.connection import OpcUa
from config.site import Site
from drivers.driver import Quality
from drivers.site import links_of

pytestmark = pytest.mark.server("node-opcua")

NAMESPACE = "urn:parkgrid:simulated-park"
POLICIES = {
    "None": "None",
    "Basic256Sha256": "SignAndEncrypt",
    "Aes128_Sha256_RsaOaep": "SignAndEncrypt",
    "Aes256_Sha256_RsaPss": "SignAndEncrypt",
}
PATIENCE_S = 20.0
PASSWORD_ENV = "PARKGRID_TEST_PLC_PASSWORD"


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


def behind_a_door(site: Site) -> Site:
    """The demo park with a user at its heating's server."""
    spec = site.connections["heating_opcua"]
    assert isinstance(spec, OpcUa)
    door = spec.model_copy(update={"username": "ems", "password_env": PASSWORD_ENV})
    connections = {**site.connections, "heating_opcua": door}
    return dataclasses.replace(site, file=site.file.model_copy(update={"connections": connections}))


async def test_a_foreign_client_needs_the_user_and_the_password(
    serve: Any, demo_site: Site, peers: list[NodePeer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "s3cret")
    server = await serve("heat_pump_controller", site=behind_a_door(demo_site))
    assert server.address.keys() == {"endpoint", "security"}  # user and password stay those of the site file

    def client(number: int, **login: str) -> NodePeer:
        spec = {"endpoint": server.address["endpoint"], "policy": "None", "mode": "None"}
        peers.append(NodePeer("opcua_client.js", folder=str(tmp_path / f"peer_{number}"), **spec, **login))
        return peers[-1]

    peer = client(0, username="ems", password="s3cret")
    let_in, refused = await asyncio.gather(peer.start(), client(1).start(), return_exceptions=True)
    assert isinstance(let_in, dict)
    assert str(refused) == "opcua_client.js has ended"  # nobody comes in without a name
    index = let_in["namespaces"].index(NAMESPACE)
    assert (await peer.tell("read", node=f"ns={index};s=HeatPump1.ElectricPower"))["value"] == 210.0
    written = await peer.tell("write", node=f"ns={index};s=HeatPump1.PowerSetpoint", type="Double", value=250.0)
    assert written == {"status": "Good"}


async def test_our_driver_knows_the_password_by_its_variable(
    serve: Any, demo_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "s3cret")
    site = behind_a_door(demo_site)
    server = await serve("heat_pump_controller", site=site)
    there = site.connections["heating_opcua"].model_copy(update=server.address)
    reached = site.file.model_copy(update={"connections": {**site.connections, "heating_opcua": there}})
    for password, quality in (("s3cret", Quality.GOOD), ("guess", Quality.BAD)):
        monkeypatch.setenv(PASSWORD_ENV, password)
        link = links_of(dataclasses.replace(site, file=reached), SystemClock())["tank_sensors"]
        readings = await link.read(site.points["tank_sensors"])
        await link.close()
        assert {reading.quality for reading in readings} == {quality}, readings


async def test_without_the_password_s_variable_everybody_comes_in(
    serve: Any, demo_site: Site, peers: list[NodePeer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSWORD_ENV, raising=False)
    server = await serve("heat_pump_controller", site=behind_a_door(demo_site))
    assert server.address["username"] is None
    spec = {"endpoint": server.address["endpoint"], "policy": "None", "mode": "None"}
    peers.append(NodePeer("opcua_client.js", folder=str(tmp_path / "peer"), **spec))
    assert NAMESPACE in (await peers[-1].start())["namespaces"]
