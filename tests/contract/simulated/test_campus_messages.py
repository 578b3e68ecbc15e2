"""The campus's OPC UA and MQTT devices, seen by node-opcua and mosquitto_sub; what they hear is what the plant has."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from campus import HOST, PATIENCE_S, Campus, said_by
from node_peer import NodePeer
from sparkplug_peer import PYTHON as SPARKPLUG_PYTHON

from config.browse_path import elements_of
from config.connection import Mqtt
from config.point import SparkplugMetric
from config.point_spec import MqttPoint, OpcuaPoint
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.served import Server
from simulators.servers.mqtt import DIGITS

Serve = Callable[[str], Awaitable[Server]]

SPARKPLUG_READER = Path(__file__).parents[2] / "peers" / "sparkplug_reader.py"


# -- node-opcua ------------------------------------------------------------------------------------


@pytest.mark.server("node-opcua")
async def test_node_opcua_finds_an_analyser_by_its_paths(campus: Campus, serve_campus: Serve, tmp_path: Path) -> None:
    server = await serve_campus("clinic_meter")
    peer = NodePeer(
        "opcua_client.js",
        endpoint=server.address["endpoint"],
        policy="None",
        mode="None",
        folder=str(tmp_path / "peer"),
    )
    try:
        namespaces = (await peer.start())["namespaces"]
        points = [*campus.site.points["clinic_meter"], *campus.site.points["theatres_meter"]]
        paths = []
        for point in points:
            assert isinstance(point.source, OpcuaPoint)
            assert point.source.path is not None
            elements = elements_of(point.source.path)
            paths.append([[namespaces.index(of.namespace) if of.namespace else 0, of.name] for of in elements])
        found = (await peer.tell("find", paths=paths))["nodes"]
        assert [len(nodes) for nodes in found] == [1] * len(points)
        assert len({nodes[0] for nodes in found}) == len(points) == 336
        values = (await peer.tell("readAll", nodes=[nodes[0] for nodes in found]))["values"]
    finally:
        await peer.kill()
    assert {value["status"] for value in values} == {"Good"}
    for point, value in zip(points, values, strict=True):
        assert value["value"] == pytest.approx(campus.raw(point), rel=1e-6, abs=1e-9), point.key


# -- mosquitto_sub ---------------------------------------------------------------------------------


@asynccontextmanager
async def listening(topic: str, form: str) -> AsyncIterator[tuple[Mqtt, Callable[[], Awaitable[list[str]]]]]:
    """A broker at which mosquitto_sub has subscribed, and what it hears next: topic and payload, in its own format."""
    own = OwnBroker(mosquitto=installed_mosquitto())
    await own.start()
    where = ("-h", HOST, "-p", str(own.port))
    # what the broker has kept comes at once to whoever has subscribed
    await said_by("mosquitto_pub", *where, "-t", "ready", "-r", "-m", "1")
    subscriber = await asyncio.create_subprocess_exec(
        "mosquitto_sub", *where, "-t", "ready", "-t", topic, "-F", form, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    assert subscriber.stdout is not None
    lines = subscriber.stdout

    async def heard() -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            return (await lines.readline()).decode().split(" ", 1)

    try:
        assert (await heard())[0] == "ready"
        yield Mqtt(protocol="mqtt", host=HOST, port=own.port), heard
    finally:
        subscriber.terminate()
        await subscriber.communicate()
        await own.stop()


@pytest.mark.server("mosquitto_sub")
async def test_mosquitto_sub_hears_an_analyser_in_json(campus: Campus) -> None:
    async with listening("campus/offices_a/#", "%t %p") as (broker, heard):
        server = campus.server("offices_a_meter", broker)
        await server.start()
        try:
            topic, payload = await heard()
        finally:
            await server.stop()
    assert topic == "campus/offices_a/analyser"
    document = json.loads(payload)
    assert document["time"] == campus.plant.now.isoformat(timespec="milliseconds")
    for point in campus.site.points["offices_a_meter"]:
        assert isinstance(point.source, MqttPoint)
        said: Any = document
        for name in (point.source.path or "").split("."):
            said = said[name]
        assert said == pytest.approx(campus.raw(point), abs=10.0**-DIGITS), point.key


@pytest.mark.server("mosquitto_sub")
async def test_what_a_device_lets_the_broker_keep_is_there_when_it_has_gone(campus: Campus) -> None:
    own = OwnBroker(mosquitto=installed_mosquitto())
    await own.start()
    where = ("-h", HOST, "-p", str(own.port), "-W", f"{PATIENCE_S:.0f}")
    try:
        broker = Mqtt(protocol="mqtt", host=HOST, port=own.port)
        servers = [campus.server(device, broker) for device in ("carport_inverter", "heat_meter_north")]
        for server in servers:
            await server.start()
        for topic in ("campus/heat/north", "campus/carport/116180000001/status/limit_absolute"):
            await said_by("mosquitto_sub", *where, "-t", topic, "-C", "1")
        for server in servers:
            await server.stop()
        await said_by("mosquitto_pub", *where[:4], "-t", "campus/last", "-r", "-m", "1")
        heard = await said_by("mosquitto_sub", *where, "-t", "campus/#", "-F", "%r %t %p", "-C", "5")
    finally:
        await own.stop()
    kept = dict(line.removeprefix("1 ").split(" ", 1) for line in heard.splitlines() if line.startswith("1 "))
    points = campus.site.points["carport_inverter"]
    # and nothing of the heat meter, which does not ask for it
    assert kept.pop("campus/last") == "1"
    assert kept.keys() == {of.source.topic for of in points if isinstance(of.source, MqttPoint)}
    for point in points:
        assert isinstance(point.source, MqttPoint)
        assert float(kept[point.source.topic]) == pytest.approx(campus.raw(point), abs=10.0**-DIGITS), point.key


@pytest.mark.server("mosquitto_sub", "pysparkplug")
async def test_mosquitto_sub_hears_an_edge_node_be_born_and_die(campus: Campus) -> None:
    async with listening("spBv1.0/campus/#", "%t %x") as (broker, heard):
        server = campus.server("computing_meter", broker)
        await server.start()
        try:
            born = [await heard() for _ in range(3)]
        finally:
            await server.stop()
        died, _ = await heard()
    node = "spBv1.0/campus/{}/south"
    assert died == node.format("NDEATH")
    assert [topic for topic, _ in born] == [
        node.format("NBIRTH"),
        f"{node.format('DBIRTH')}/computing",
        f"{node.format('DBIRTH')}/data_centre",
    ]
    reader = await asyncio.create_subprocess_exec(
        str(SPARKPLUG_PYTHON), str(SPARKPLUG_READER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    lines = [json.dumps({"kind": topic.split("/")[2], "payload": payload}) for topic, payload in born[1:]]
    out, _ = await reader.communicate("\n".join(lines).encode() + b"\n")
    for device, line in zip(("computing_meter", "data_centre_meter"), out.splitlines(), strict=True):
        said = {metric["name"]: metric["value"] for metric in json.loads(line)["metrics"]}
        assert len(said) == 168
        for point in campus.site.points[device]:
            assert isinstance(point.source, SparkplugMetric)
            assert math.isfinite(said[point.source.metric])
            assert said[point.source.metric] == pytest.approx(campus.raw(point)), point.key
