"""`parkgrid check` and `parkgrid simulate` as a person runs them: whole processes, exit codes and what is printed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.loader import example_site

PARKGRID = [sys.executable, "-c", "from parkgrid.cli import main; main()"]
DEMO = example_site("demo_park").read_text(encoding="utf-8")
START_S = 30.0


def parkgrid(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PARKGRID, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A site with five faults, in lines that a reader can count."""
    text = DEMO
    for old, new in (
        ("latitude: 30.25", "latitude: 300.25"),
        ("connection: wind_opcua", "connection: wind_ocpua"),
        ("    capacity_kwh: 2000\n", ""),
        ("soc_min: 0.05", "soc_min: 0.99"),
        ("label: Wind turbine", "lable: Wind turbine"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_help_does_not_load_what_it_does_not_need() -> None:
    heavy = {"pydantic", "ruamel.yaml", "numpy", "pandas", "cvxpy", "pymodbus", "asyncua", "rich.table"}
    program = f"import sys, parkgrid.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
    assert "check" in parkgrid("--help").stdout


def test_check_shows_what_the_site_is_and_what_may_be_written() -> None:
    done = parkgrid("check", "demo_park")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "power_setpoint_kw: -1000 to 1000 kW; 0 kW when left alone, by itself after 10 s" in done.stdout
    assert "opc.tcp://127.0.0.1:15031/parkgrid" in done.stdout


def test_check_names_all_five_faults_with_their_lines(broken: Path) -> None:
    done = parkgrid("check", str(broken))
    assert done.returncode == 2
    assert done.stdout == ""
    lines = broken.read_text("utf-8").splitlines()

    def line_of(text: str) -> int:
        return next(number for number, line in enumerate(lines, 1) if text in line)

    assert done.stderr.splitlines() == [
        f"broken.yaml:{line_of('latitude')}: location.latitude: is 300.25, should be less than or equal to 90",
        f"broken.yaml:{line_of('wind_ocpua')}: devices.wind_controller.connection: "
        "there is no connection 'wind_ocpua'; did you mean 'wind_opcua'?",
        f"broken.yaml:{line_of('lable')}: assets.wind.lable: is not a known key; did you mean 'label'?",
        f"broken.yaml:{line_of('  battery:')}: assets.battery.capacity_kwh: is missing",
        f"broken.yaml:{line_of('  tank:')}: assets.tank: soc_min (0.99) must be below soc_max (0.95)",
    ]


def test_check_answers_programs_too(broken: Path) -> None:
    good = json.loads(parkgrid("check", "demo_park", "--json").stdout)
    assert good["valid"] is True
    assert good["assets"]["battery"]["setpoint"] == "power_setpoint_kw"
    done = parkgrid("check", str(broken), "--json")
    assert done.returncode == 2
    assert [fault["where"] for fault in json.loads(done.stdout)["faults"]].count("assets.tank") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "demo_prk"], "did you mean 'demo_park'?"),
        (["check", "nowhere/site.yaml"], "there is no file nowhere/site.yaml"),
        (["check", "."], "there is no file ."),
        (["check"], "Missing argument"),
        (["chek"], "No such command"),
        (["check", "demo_park", "--announcement", "nowhere.json"], "is the simulated park running?"),
        (["check", "demo_park", "--announcement", __file__], "is not the announcement of a simulated park"),
        (["simulate", "demo_park", "--start", "soon"], "should look like 2026-07-01T06:00"),
        (["simulate", "demo_park", "--broker", "here"], "should look like 127.0.0.1:1883"),
        (["simulate", "demo_park", "--apart", "hall_3_meter"], "there is no device hall_3_meter"),
        (["simulate", "demo_park", "--speed", "0"], "speed must be above 0"),
        (["simulate", "demo_park", "--truth", "nowhere/truth.json"], "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_used_is_refused_in_plain_words(arguments: list[str], message: str) -> None:
    done = parkgrid(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def park(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A simulated park on free ports, and its announcement."""
    announcement = tmp_path / "park.json"
    arguments = ["simulate", "demo_park", "--free-ports", "--speed", "60", "--announce", str(announcement)]
    process = subprocess.Popen([*PARKGRID, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            deadline_s = time.monotonic() + START_S
            while not announcement.exists() and process.poll() is None and time.monotonic() < deadline_s:
                time.sleep(0.05)
            assert announcement.exists(), process.communicate(timeout=5)
            yield process, announcement
        finally:
            process.kill()


def test_every_point_of_the_simulated_park_can_be_read(park: tuple[subprocess.Popen[str], Path]) -> None:
    process, announcement = park
    done = parkgrid("check", "demo_park", "--devices", "--json", "--announcement", str(announcement))
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)["read"]
    assert len(read) == 11
    assert all(device["answers"] for device in read)
    points = {point["point"]: point for device in read for point in device["points"]}
    assert {point["quality"] for point in points.values()} == {"good"}
    assert points["battery_pcs.soc"]["value"] == pytest.approx(0.8, abs=0.01)
    assert points["wind_controller.active_power_kw"]["unit"] == "kW"

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert "60 times as fast as real time" in out
    assert "grid_meter" in out

    gone = parkgrid("check", "demo_park", "--devices", "--announcement", str(announcement))
    assert gone.returncode == 1
    assert len([line for line in gone.stderr.splitlines() if "does not answer: " in line]) == 11
    assert "Traceback" not in gone.stderr


def test_a_taken_port_is_said_plainly(park: tuple[subprocess.Popen[str], Path], tmp_path: Path) -> None:
    port = json.loads(park[1].read_text())["connections"]["battery_tcp"]["port"]
    site = tmp_path / "taken.yaml"
    site.write_text(DEMO.replace("port: 15023", f"port: {port}"), encoding="utf-8")
    done = parkgrid("simulate", str(site))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(port) in done.stderr
    assert "--free-ports" in done.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    pipe = subprocess.run(
        f"'{sys.executable}' -c 'from parkgrid.cli import main; main()' check demo_park --json | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert pipe.stdout == "{\n"
    assert pipe.stderr == ""
