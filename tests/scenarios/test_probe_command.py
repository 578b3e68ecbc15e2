"""`parkgrid probe` as an engineer uses it: whole processes against the simulated park, and against nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import ParkProcess, eventually

from config.announcement import Announcement
from config.loader import load_profile
from config.profile import ModbusProfile

pytestmark = pytest.mark.timeout(300)


def probe(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parkgrid", "probe", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )


def answer(*arguments: str, **environment: str) -> dict[str, Any]:
    done = probe(*arguments, "--json", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParkProcess]:
    park = ParkProcess(tmp_path_factory.mktemp("park"))
    yield park
    park.close()


@pytest.fixture(scope="module")
def announced(park: ParkProcess) -> Announcement:
    return park.announcement


def modbus(announced: Announcement, connection: str) -> str:
    return f"modbus://127.0.0.1:{announced.connections[connection]['port']}"


# -- Modbus --------------------------------------------------------------------------------------


def test_a_sunspec_inverter_becomes_a_profile(announced: Announcement, tmp_path: Path) -> None:
    suggested = tmp_path / "pv_inverter.yaml"
    done = probe(modbus(announced, "pv_a_tcp"), "--units", "1-3", "--suggest", str(suggested))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Simulated PV inverter" in done.stdout
    assert "no answer from units 2-3" in done.stdout
    assert f"written: {suggested}" in done.stdout
    profile = load_profile(suggested)
    assert isinstance(profile, ModbusProfile)
    assert list(profile.points) == ["active_power_kw", "energy_kwh", "status", "power_limit_kw"]
    assert profile.parameters["rated_power_kw"].endswith("the device says 1000")
    assert suggested.read_text(encoding="utf-8").startswith("# Suggested by parkgrid probe from what unit 1 says")

    again = probe(modbus(announced, "pv_a_tcp"), "--suggest", str(suggested))
    assert (again.returncode, again.stdout) == (2, "")
    assert "is there already and is not overwritten" in again.stderr


def test_a_suggested_profile_serves_a_site(park: ParkProcess, announced: Announcement, tmp_path: Path) -> None:
    """The demo park, with its inverters and its grid meter read by what was suggested."""
    (tmp_path / "profiles").mkdir()
    text = Path(park.site.path).read_text(encoding="utf-8")
    for connection, shipped, name in (
        ("pv_a_tcp", "sunspec_inverter_103", "found_inverter"),
        ("grid_meter_tcp", "sunspec_meter_203", "found_meter"),
    ):
        where = tmp_path / "profiles" / f"{name}.yaml"
        assert probe(f"{modbus(announced, connection)}/1", "--suggest", str(where)).returncode == 0
        text = text.replace(shipped, name)
    site = tmp_path / "site.yaml"
    site.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "parkgrid", "check", str(site), "--devices", "--json"]
    command += ["--announcement", str(park.announcement_file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    qualities = {
        point["point"]: point["quality"]
        for device in json.loads(done.stdout)["read"]
        for point in device["points"]
        if device["device"] in ("pv_a_inverter", "pv_b_inverter", "grid_meter")
    }
    assert set(qualities.values()) == {"good"}
    assert len(qualities) == 14


def test_units_and_models_as_data(announced: Announcement) -> None:
    found = answer(modbus(announced, "grid_meter_tcp"), "--units", "1,2", "--timeout", "0.5")
    first, second = found["units"]
    assert (first["unit"], first["answers"], second["answers"]) == (1, True, False)
    assert first["sunspec"]["serial"] == "grid_meter"
    common, meter = first["sunspec"]["models"]
    assert (common["id"], meter["id"], meter["address"], meter["length"]) == (1, 203, 40070, 105)
    assert meter["values"]["Hz"] == pytest.approx(50, abs=0.2)
    (made,) = first["suggestions"]
    assert made["role"] == "meter"
    assert ModbusProfile.model_validate(made["profile"]).points["active_power_kw"].address == 40088
    assert found["written"] == []


def test_a_device_without_sunspec_answers_all_the_same(announced: Announcement, tmp_path: Path) -> None:
    url = f"{modbus(announced, 'battery_tcp')}/1"
    done = probe(url)
    assert done.returncode == 0
    assert "no SunSpec block at 40000, 0, 50000" in done.stdout
    suggested = tmp_path / "battery.yaml"
    done = probe(url, "--suggest", str(suggested))
    assert (done.returncode, suggested.exists()) == (1, False)
    assert "no profile is written" in done.stderr


def test_looking_changes_nothing(park: ParkProcess, announced: Announcement) -> None:
    before = park.commands()
    for connection in ("pv_b_tcp", "battery_tcp"):
        assert probe(f"{modbus(announced, connection)}/1").returncode == 0
    assert park.commands() == before


# -- OPC UA and MQTT -----------------------------------------------------------------------------


def test_an_opc_ua_server_shows_its_endpoints_and_nodes(announced: Announcement) -> None:
    endpoint = announced.connections["wind_opcua"]["endpoint"]
    found = answer(endpoint)
    assert ("None", "None") in {(of["policy"], of["mode"]) for of in found["endpoints"]}
    (turbine,) = found["nodes"]
    nodes = {child["node"]: child for child in turbine["children"]}
    power = nodes["nsu=urn:parkgrid:simulated-park;s=WindTurbine1.ActivePower"]
    assert (power["type"], power["writable"]) == ("Double", False)
    assert 0 <= power["value"] <= 1000
    assert nodes["nsu=urn:parkgrid:simulated-park;s=WindTurbine1.PowerLimit"]["writable"] is True

    shown = probe(endpoint.replace("opc.tcp://", "opcua://"), "--depth", "1")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "wind_controller" in shown.stdout
    assert "ActivePower" not in shown.stdout


def test_an_mqtt_broker_tells_its_topics(announced: Announcement) -> None:
    found = answer(f"mqtt://127.0.0.1:{announced.connections['broker']['port']}", "--for", "4")
    topics = {topic["topic"]: topic for topic in found["topics"]}
    assert set(topics) == {"park/hall_1/meter", "park/hall_2/meter", "park/heating/meter"}
    paths = [number["path"] for number in topics["park/hall_1/meter"]["numbers"]]
    assert paths == ["power.active_w", "power.reactive_var", "energy.total_wh"]

    shown = probe(f"mqtt://127.0.0.1:{announced.connections['broker']['port']}", "--topic", "no/#", "--for", "0.2")
    assert shown.returncode == 0
    assert shown.stdout == "the broker answers, but nothing was published on no/# in 0.2 s\n"


@pytest.mark.server("mosquitto")
def test_a_broker_with_a_password(tmp_path: Path, free_port: int) -> None:
    passwords, settings = tmp_path / "passwords", tmp_path / "mosquitto.conf"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), "ems", "secret"], check=True, capture_output=True)
    settings.write_text(
        f"listener {free_port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n",
        encoding="utf-8",
    )
    url = f"mqtt://127.0.0.1:{free_port}"
    broker = subprocess.Popen(["mosquitto", "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _listens(free_port), "the broker listens")
        refused = probe(url, "--for", "0.2")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "ot authori" in refused.stderr
        user = ("--username", "ems", "--password-env", "PROBE_PASSWORD")
        assert probe(url, *user, "--for", "0.2", PROBE_PASSWORD="sesame").returncode == 1
        assert answer(url, *user, "--for", "0.2", PROBE_PASSWORD="secret")["topics"] == []
    finally:
        broker.terminate()
        broker.wait()


def _listens(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


# -- nothing there, and what cannot be -----------------------------------------------------------


@pytest.mark.parametrize("scheme", ["modbus", "opcua", "mqtt"])
def test_where_nothing_listens_the_exit_code_is_1(scheme: str, free_port: int) -> None:
    for json_too in ((), ("--json",)):
        done = probe(f"{scheme}://127.0.0.1:{free_port}", *json_too)
        assert (done.returncode, done.stdout) == (1, "")
        assert str(free_port) in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("scheme", ["modbus", "opcua", "mqtt"])
def test_where_somebody_listens_and_says_nothing_too(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        options = ("--units", "1,2") if scheme == "modbus" else ()
        done = probe(f"{scheme}://127.0.0.1:{port}", *options, "--timeout", "0.3")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(port) in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://plc"], "should begin with modbus://, opcua:// or mqtt://"),
        (["mqtt://me:secret@broker"], "use --username and --password-env"),
        (["modbus://plc", "--units", "1-300"], "is no list of unit ids"),
        (["modbus://plc", "--depth", "3"], "--depth has no meaning for modbus://"),
        (["modbus://plc", "--for", "3"], "--for has no meaning for modbus://"),
        (["modbus://plc", "--username", "me"], "--username has no meaning for modbus://"),
        (["opcua://plc", "--suggest", "x.yaml"], "--suggest has no meaning for opcua://"),
        (["mqtt://plc", "--units", "1"], "--units has no meaning for mqtt://"),
        (["mqtt://plc", "--for", "0"], "--for should be above 0"),
        (["mqtt://plc", "--password-env", "X"], "--password-env needs --username"),
        (["mqtt://plc", "--username", "me", "--password-env", "NOT_SET"], "NOT_SET is not set"),
        (["modbus://plc", "--suggest", "My-Inverter.yaml"], "small letters, digits and underscores"),
        (["modbus://plc", "--suggest", "nowhere/inverter.yaml"], "there is no folder nowhere"),
        (["modbus://plc:0"], "a port is 1 to 65535"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments: list[str], message: str) -> None:
    done = probe(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
