"""The devices of the campus, read by programs that are not ours; what they see is what the plant has."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec
from node_peer import NodePeer
from sparkplug_peer import PYTHON as SPARKPLUG_PYTHON

from config.browse_path import elements_of
from config.connection import Mqtt
from config.loader import example_site, load_site
from config.point import Point, SparkplugMetric
from config.profile import MqttPoint, OpcuaPoint
from config.site import Site
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.furnished import Furnished
from simulators.plant import Plant
from simulators.seats import seats_of, server_for
from simulators.served import Server
from simulators.servers.mqtt import DIGITS
from simulators.watchdog import Watchdog

HOST = "127.0.0.1"
PATIENCE_S = 30.0
"""Cores are shared with whatever else runs."""
LOOK_AGAIN_S = 0.05

SPARKPLUG_READER = Path(__file__).parents[2] / "peers" / "sparkplug_reader.py"


@dataclass(frozen=True)
class Campus:
    """The campus at half past nine, standing still."""

    site: Site
    plant: Furnished
    watchdog: Watchdog

    def truth(self, device: str) -> Mapping[str, float]:
        return self.plant.values(device)

    def raw(self, point: Point) -> float:
        """What the device itself says for a point: its own unit and sign."""
        value = self.truth(point.device)[point.name]
        return (point.sign * value - point.offset) / point.scale

    def server(self, device: str, broker: Mqtt | None = None) -> Server:
        (seat,) = (seat for seat in seats_of(self.site) if device in seat.devices)
        return server_for(self.site, seat, 0, broker, self.plant, self.watchdog)


@pytest.fixture(scope="module")
def campus() -> Campus:
    site = load_site(example_site("campus"))
    assert site.file.simulation is not None
    plant = Furnished(site, Plant(site, start=site.file.simulation.start, seed=1))
    plant.advance(1800)
    return Campus(site, plant, Watchdog(plant))


Serve = Callable[[str], Awaitable[Server]]


@pytest.fixture
async def serve(campus: Campus) -> AsyncIterator[Serve]:
    """Starts the server of a device on a free port, with all that stands behind the same port."""
    started: list[Server] = []

    async def start(device: str) -> Server:
        started.append(campus.server(device))
        await started[-1].start()
        return started[-1]

    yield start
    for server in started:
        await server.stop()


async def said_by(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate()
    assert process.returncode == 0, out
    return out.decode()


# -- mbpoll ----------------------------------------------------------------------------------------


async def polled(*words: str, where: str = HOST) -> list[float]:
    """The values that mbpoll shows; 16 bits as signed numbers."""
    out = await said_by("mbpoll", "-0", "-1", "-q", *words, where)
    shown = (line.split(":", 1)[1].split() for line in out.splitlines() if line.startswith("["))
    return [float(values[-1].strip("()")) for values in shown]


@pytest.mark.server("mbpoll")
@pytest.mark.parametrize(
    ("device", "words", "point", "step"),
    [
        ("grid_meter", "-a 1 -t 4:float -B -r 65", "active_power_kw", 0.01),
        ("north_halls_inverter", "-a 1 -t 3:int -r 5030", "active_power_kw", 0.001),
        ("south_halls_inverter", "-a 2 -t 3:int -r 5030", "active_power_kw", 0.001),
        ("labs_inverter", "-a 1 -t 4:int -B -r 32080", "active_power_kw", 0.001),
        ("offices_inverter", "-a 3 -t 4:int -B -r 30775", "active_power_kw", 0.001),
        ("clinic_pcs", "-a 228 -t 4 -r 30", "soc", 0.0006),
        ("chiller_2", "-a 2 -t 4:float -B -r 2", "cooling_power_kw", 0.001),
    ],
)
async def test_mbpoll_reads_a_vendors_device(
    campus: Campus, serve: Serve, device: str, words: str, point: str, step: float
) -> None:
    server = await serve(device)
    (shown,) = await polled("-p", str(server.address["port"]), *words.split())
    (of,) = (each for each in campus.site.points[device] if each.name == point)
    assert of.sign * (shown * of.scale + of.offset) == pytest.approx(campus.truth(device)[point], abs=step)


@pytest.mark.server("mbpoll")
async def test_mbpoll_reads_and_limits_a_sunspec_inverter(campus: Campus, serve: Serve) -> None:
    server = await serve("library_inverter")
    where = ("-p", str(server.address["port"]), "-a", "1", "-t", "4")
    power, exponent = await polled(*where, "-r", "40084", "-c", "2")
    power_w = 1000 * campus.truth("library_inverter")["active_power_kw"]
    assert power_w > 10_000
    assert power * 10**exponent == pytest.approx(power_w, abs=10**exponent)
    assert campus.truth("library_inverter")["power_limit_kw"] == 300
    # WMaxLimPct in hundredths, for one minute, and its enable
    for register, value in ((40155, 5000), (40157, 60), (40159, 1)):
        await said_by("mbpoll", "-0", "-1", "-q", *where, "-r", str(register), HOST, str(value))
    assert campus.truth("library_inverter")["power_limit_kw"] == 150
    await said_by("mbpoll", "-0", "-1", "-q", *where, "-r", "40159", HOST, "0")
    assert campus.watchdog.held("library_inverter", "power_limit_kw") is None


@pytest.mark.server("mbpoll", "socat")
async def test_mbpoll_reads_four_meters_on_one_serial_line(campus: Campus, serve: Serve, tmp_path: Path) -> None:
    server = await serve("library_meter")
    line = tmp_path / "line"
    socat = await asyncio.create_subprocess_exec(
        "socat", f"pty,raw,echo=0,link={line}", f"tcp:{HOST}:{server.address['port']}"
    )
    try:
        for _ in range(round(PATIENCE_S / LOOK_AGAIN_S)):
            if line.exists():
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        for device, words, per_kw in (
            ("library_meter", "-a 1 -t 4:float -B -r 19026", 1000),
            ("canteen_meter", "-a 2 -t 3:float -B -r 52", 1000),
            ("sports_meter", "-a 3 -t 4:float -B -r 3059", 1),
            ("theatre_meter", "-a 4 -t 4:float -B -r 0", 1000),
        ):
            (shown,) = await polled("-m", "rtu", "-P", "none", *words.split(), where=str(line))
            assert shown == pytest.approx(per_kw * campus.truth(device)["active_power_kw"], rel=1e-4), device
    finally:
        socat.terminate()
        await socat.wait()


# -- pysunspec2 ------------------------------------------------------------------------------------


SUNSPEC: list[tuple[str, dict[str, str], dict[str, float]]] = [
    ("library_inverter", {"103.W": "active_power_kw", "103.WH": "energy_kwh"}, {"120.WRtg": 300_000}),
    (
        "sports_inverter",
        {"701.W": "active_power_kw", "701.TotWhInj": "energy_kwh", "714.DCW": "active_power_kw"},
        {"702.WMax": 500_000, "701.ACType": 2},
    ),
    ("canteen_inverter", {"103.W": "active_power_kw"}, {"121.WMax": 100_000, "160.N": 4}),
    ("east_pcs", {"103.W": "active_power_kw", "124.ChaState": "soc"}, {"124.WChaMax": 250_000}),
    (
        "west_pcs",
        {"701.W": "active_power_kw", "713.SoC": "soc", "701.TotWhAbs": "energy_export_kwh"},
        {"702.WChaRteMax": 400_000, "715.LocRemCtl": 0},
    ),
]


@pytest.mark.parametrize(("device", "measured", "fixed"), SUNSPEC, ids=[device for device, *_ in SUNSPEC])
async def test_pysunspec2_reads_a_sunspec_device(
    campus: Campus, serve: Serve, device: str, measured: dict[str, str], fixed: dict[str, float]
) -> None:
    server = await serve(device)
    unit = campus.site.devices[device].unit

    def scanned() -> tuple[dict[str, float], dict[str, float]]:
        client = sunspec.SunSpecModbusClientDeviceTCP(
            slave_id=unit, ipaddr=HOST, ipport=server.address["port"], timeout=5
        )
        client.scan()
        try:
            values = {
                f"{each.model_id}.{name}": point.cvalue
                for each in client.model_list
                for name, point in each.points.items()
            }
            steps = {
                f"{each.model_id}.{name}": 10.0 ** (point.sf_value or 0)
                for each in client.model_list
                for name, point in each.points.items()
            }
            return values, steps
        finally:
            client.close()

    values, steps = await asyncio.to_thread(scanned)
    truth = campus.truth(device)
    for name, point in measured.items():
        unit_of_it = 100 if point == "soc" else 1000
        # pysunspec2 takes a counter that stands at 0 for none
        assert (values[name] or 0) == pytest.approx(unit_of_it * truth[point], abs=steps[name]), name
    assert {name: values[name] for name in fixed} == pytest.approx(fixed)


# -- node-opcua ------------------------------------------------------------------------------------


@pytest.mark.server("node-opcua")
async def test_node_opcua_finds_an_analyser_by_its_paths(campus: Campus, serve: Serve, tmp_path: Path) -> None:
    server = await serve("clinic_meter")
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
