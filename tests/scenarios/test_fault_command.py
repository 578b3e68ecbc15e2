"""`parkgrid fault` and `--faults`, against a simulated park that runs as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import PATIENCE_S, ParkProcess, eventually
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException

StartPark = Callable[..., ParkProcess]


@pytest.fixture
def _own_runtime_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that parks of other tests are not found."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))


pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("_own_runtime_folder")]


def parkgrid(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "parkgrid", *arguments], capture_output=True, text=True, timeout=PATIENCE_S
    )


def answer(*arguments: str) -> dict[str, Any]:
    done = parkgrid(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def soc_of(park: ParkProcess) -> float | None:
    address = park.announcement.connections["battery_tcp"]
    client = ModbusTcpClient(address["host"], port=address["port"], timeout=2, retries=0)
    try:
        if not client.connect():
            return None
        read = client.read_holding_registers(102, count=1, device_id=1)
        return None if read.isError() else read.registers[0] / 10_000
    except ConnectionException:
        return None  # it was closed between the two
    finally:
        client.close()


def test_a_fault_is_set_listed_and_cleared_while_the_park_runs(start_park: StartPark) -> None:
    assert parkgrid("fault", "list").stderr == (
        "no simulated park of this user runs; parkgrid simulate or parkgrid demo starts one\n"
    )
    park = start_park(speed=1.0)
    assert soc_of(park) == pytest.approx(0.8, abs=0.01)

    done = parkgrid("fault", "set", "wrong_value", "battery_pcs", "value=0.25", "points=soc", "--id", "sensor")
    assert done.stdout == "sensor: wrong_value at battery_pcs begins and stands until it is cleared\n"
    eventually(lambda: soc_of(park) == 0.25, "the client sees another number")
    (record,) = answer("fault", "list")["faults"]
    assert (record["id"], record["state"], record["value"], record["points"]) == ("sensor", "standing", 0.25, ["soc"])
    assert "sensor" in parkgrid("fault", "list").stdout

    assert parkgrid("fault", "clear", "sensor").stdout == "sensor: wrong_value at battery_pcs is cleared\n"
    eventually(lambda: soc_of(park) == pytest.approx(0.8, abs=0.01), "the client sees the truth again")
    assert parkgrid("fault", "clear", "sensor").stdout == "sensor was over already\n"
    assert parkgrid("fault", "clear").stdout == "there was no fault\n"

    set_ = answer("fault", "set", "link_down", "battery_tcp", "--for", "3600s")
    eventually(lambda: soc_of(park) is None, "the port is closed")
    (cleared,) = answer("fault", "clear", "all")["faults"]
    assert cleared["id"] == set_["faults"][0]["id"] == "fault_1"
    eventually(lambda: soc_of(park) is not None, "the port is open")

    truth = park.stop()
    assert [(fault["id"], fault["kind"], fault["target"]) for fault in truth["faults"]] == [
        ("sensor", "wrong_value", "battery_pcs"),
        ("fault_1", "link_down", "battery_tcp"),
    ]
    assert all(truth["start"] <= fault["begin"] < fault["end"] <= truth["end"] for fault in truth["faults"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["set", "frozn", "battery_pcs"], 2, "kind 'frozn' is unknown; did you mean 'frozen'?"),
        (["set", "frozen", "battery"], 2, "there is no device 'battery'; did you mean 'battery_pcs'?"),
        (["set", "exception", "hall_1_meter"], 2, "exception is a fault of modbus; hall_1_meter speaks mqtt"),
        (["set", "bias", "battery_pcs", "5"], 2, "'5' should look like key=value"),
        (["set", "bias", "battery_pcs", "offset=x"], 2, "offset is 'x', should be a number"),
        (["set", "frozen", "battery_pcs", "--for", "0s"], 2, "for is '0s', should be longer than nothing"),
        (["clear", "nothing"], 2, "there is no fault 'nothing'; known are none"),
    ],
)
@pytest.mark.usefixtures("one_park")
def test_what_does_not_fit_is_refused_in_plain_words(arguments: list[str], code: int, words: str) -> None:
    done = parkgrid("fault", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def module_park(shared_folder: Path) -> Iterator[ParkProcess]:
    run = shared_folder / "run"
    run.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(run))
        park = ParkProcess(shared_folder, speed=1.0)
    yield park
    park.close()


@pytest.fixture
def one_park(
    module_park: ParkProcess, shared_folder: Path, monkeypatch: pytest.MonkeyPatch, _own_runtime_folder: None
) -> ParkProcess:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared_folder / "run"))
    return module_park


def test_one_of_several_parks_is_named_by_its_announcement(one_park: ParkProcess, tmp_path: Path) -> None:
    other = ParkProcess(tmp_path, speed=1.0)
    try:
        done = parkgrid("fault", "list")
        assert done.returncode == 2
        assert "2 simulated parks of this user run" in done.stderr
        named = ("--announcement", str(other.announcement_file))
        answer("fault", "set", "frozen", "grid_meter", *named)
        assert len(answer("fault", "list", *named)["faults"]) == 1
        assert answer("fault", "list", "--announcement", str(one_park.announcement_file))["faults"] == []
    finally:
        other.close()
    done = parkgrid("fault", "list", *named)
    assert (done.returncode, "does not run any more" in done.stderr) == (1, True)
    assert answer("fault", "list")["faults"] == []


def test_a_killed_park_leaves_a_socket_that_stands_in_nobodys_way(start_park: StartPark) -> None:
    park = start_park(speed=1.0)
    control = park.announcement.control
    assert control is not None
    assert control.exists()
    os.kill(park.announcement.processes["park"], signal.SIGKILL)
    eventually(lambda: parkgrid("fault", "list").returncode == 1, "the park is gone")
    assert not control.exists()


def test_a_script_acts_and_is_recorded(start_park: StartPark, tmp_path: Path) -> None:
    script = tmp_path / "faults.yaml"
    script.write_text(
        "faults:\n"
        "  - {kind: wrong_value, target: battery_pcs, points: [soc], value: 0.5, at: 00:00:30, for: 00:10:00, id: a}\n"
        "  - {kind: frozen, target: grid_meter, at: 2026-10-14T15:30:00, id: b}\n"
        "  - {kind: frozen, target: grid_meter, at: 20:00:00, id: never}\n",
        encoding="utf-8",
    )
    park = start_park("--faults", str(script), speed=60.0)
    eventually(lambda: soc_of(park) == 0.5, "the first fault stands")
    eventually(lambda: soc_of(park) != 0.5, "the first fault is over")
    eventually(lambda: answer("fault", "list")["faults"][1]["state"] == "standing", "the second fault stands")
    truth = park.stop()
    assert [(fault["id"], fault["begin"], fault["end"]) for fault in truth["faults"]] == [
        ("a", "2026-10-14T07:00:30+00:00", "2026-10-14T07:10:30+00:00"),
        ("b", "2026-10-14T07:30:00+00:00", None),
    ]


@pytest.mark.parametrize("command", [["simulate", "demo_park", "--free-ports"], ["demo", "--for", "5"]])
def test_a_script_with_mistakes_is_refused_before_anything_starts(command: list[str], tmp_path: Path) -> None:
    script = tmp_path / "faults.yaml"
    script.write_text("faults:\n  - {kind: frozn, target: x}\n  - {kind: frozen, target: x}\n", encoding="utf-8")
    done = parkgrid(*command, "--faults", str(script))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "faults.yaml:2: faults.0.kind: 'frozn' is unknown; did you mean 'frozen'?",
        "faults.yaml:3: faults.1.target: there is no device 'x'; known are battery_pcs, boiler_gateway, grid_meter,"
        " hall_1_meter, hall_2_meter, heat_meter, heat_pump_controller, pv_a_inverter, pv_b_inverter, tank_sensors,"
        " wind_controller",
    ]


def test_the_demos_park_is_found_without_being_named(tmp_path: Path) -> None:
    state = tmp_path / "state"
    demo = subprocess.Popen(
        [sys.executable, "-m", "parkgrid", "demo", "--for", "60", "--json", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: parkgrid("fault", "list").returncode == 0, "the demo's park listens")
        answer("fault", "set", "frozen", "grid_meter", "--for", "1h")
        assert len(answer("fault", "list")["faults"]) == 1
        # before it controls, an interrupt just ends it
        eventually((state / "state.json").exists, "the controller has begun")
        demo.send_signal(signal.SIGINT)
        said, wrong = demo.communicate(timeout=PATIENCE_S)
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.communicate()
    assert demo.returncode == 0, wrong
    assert json.loads(said)


def test_the_kinds_are_listed_without_a_park() -> None:
    kinds = json.loads(parkgrid("fault", "list", "--kinds", "--json").stdout)["kinds"]
    assert kinds["exception"]["protocols"] == ["modbus"]
    assert kinds["drift"]["parameters"] == ["points", "per_hour"]
    table = parkgrid("fault", "list", "--kinds").stdout
    assert all(kind in table for kind in kinds)
