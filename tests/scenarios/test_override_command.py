"""`parkgrid override` as an operator uses it: whole processes, and a controller that does what it was told."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from processes import ControllerProcess, ParkProcess, eventually

from config.announcement import Announcement

pytestmark = pytest.mark.timeout(300)

HELD = ("--for", "30m", "--reason", "test run", "--owner", "Li")


def override(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parkgrid", "override", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def listed(*arguments: str) -> dict[str, Any]:
    done = override("list", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def state(tmp_path: Path) -> str:
    """The state folder of a controller that has run."""
    folder = tmp_path / "state"
    folder.mkdir()
    return str(folder)


def test_an_asset_is_held_and_given_back(state: str) -> None:
    done = override("set", "demo_park", "battery", "-200", *HELD, "--state", state)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("battery is held at -200 kW until ")
    assert done.stdout.endswith("(Asia/Shanghai) for Li: test run\n")

    found = listed("demo_park", "--state", state)
    (held,) = found["overrides"]
    assert (held["asset"], held["value_kw"], held["owner"], held["reason"]) == ("battery", -200.0, "Li", "test run")
    assert held["in_force"] is True
    assert held["left_s"] == pytest.approx(1800, abs=60)
    until = datetime.fromisoformat(held["until"])
    assert until - datetime.now(UTC) == pytest.approx(timedelta(minutes=30), abs=timedelta(minutes=1))
    shown = override("list", "demo_park", "--state", state).stdout
    assert "battery │ -200 kW │ in force" in shown

    # a new value replaces the old one
    assert override("set", "demo_park", "battery", "1e2", *HELD, "--state", state).returncode == 0
    assert [held["value_kw"] for held in listed("demo_park", "--state", state)["overrides"]] == [100.0]

    done = override("clear", "demo_park", "battery", "--state", state)
    assert (done.returncode, done.stdout) == (0, "battery is given back to the controller\n")
    assert override("clear", "demo_park", "battery", "--state", state).stdout == "battery was not held\n"
    assert listed("demo_park", "--state", state)["overrides"] == []
    assert override("list", "demo_park", "--state", state).stdout == "nothing of demo_park is held\n"


def test_the_owner_is_who_is_logged_in(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "wang")
    held = ("--for", "90s", "--reason", "a [look] at it")
    assert override("set", "demo_park", "wind", "0", *held, "--state", state).returncode == 0
    assert listed("demo_park", "--state", state)["overrides"][0]["owner"] == "wang"
    assert "a [look] at it" in override("list", "demo_park", "--state", state).stdout


def test_a_folder_that_no_controller_knows_is_said(tmp_path: Path) -> None:
    done = override("set", "demo_park", "battery", "0", *HELD, "--state", str(tmp_path / "stat"))
    assert done.returncode == 0
    assert "no controller has run with the state folder" in done.stderr


def test_a_damaged_file_is_named_and_can_be_cleared(state: str) -> None:
    folder = Path(state) / "overrides"
    folder.mkdir()
    (folder / "battery.json").write_text("{", encoding="utf-8")
    (folder / "old_pump.json").write_text("{", encoding="utf-8")
    found = override("list", "demo_park", "--state", state, "--json")
    assert json.loads(found.stdout)["damaged"] == ["battery.json", "old_pump.json"]
    assert "battery.json cannot be read and is not in force" in found.stderr
    for asset in ("battery", "old_pump"):
        assert override("clear", "demo_park", asset, "--state", state).returncode == 0
    assert listed("demo_park", "--state", state)["damaged"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "demo_park", "batery", "0", *HELD], "there is no asset 'batery'; did you mean 'battery'?"),
        (["set", "demo_park", "hall_1", "0", *HELD], "hall_1 cannot be held: it is only measured"),
        (["set", "demo_park", "battery", "-1200", *HELD], "-1200 kW is outside the setpoint of battery: -1000 to 1000"),
        (["set", "demo_park", "wind", "-1", *HELD], "outside the setpoint of wind: 0 to 1000 kW"),
        (["set", "demo_park", "battery", "nan", *HELD], "nan kW is outside the setpoint of battery"),
        (["set", "demo_park", "battery", "much", *HELD], "Invalid value"),
        (["set", "demo_park", "battery", "0", *HELD[2:], "--for", "soon"], "should look like 90s, 30m, 2h or 1d"),
        (["set", "demo_park", "battery", "0", *HELD[2:], "--for", "8d"], "an override lasts from 1 s to 7 days"),
        (["set", "demo_park", "battery", "0", "--for", "1h", "--reason", " "], "--reason is empty"),
        (["set", "demo_park", "battery", "0", "--for", "1h"], "Missing option '--reason'"),
        (["set", "demo_park", "battery", "0", *HELD, "--onwer", "Li"], "--onwer"),
        (["clear", "demo_park", "../state"], "there is no asset '../state'; known are battery"),
        (["list", "demo_prk"], "did you mean 'demo_park'?"),
    ],
)
def test_what_cannot_be_is_refused(state: str, arguments: list[str], message: str) -> None:
    done = override(*arguments, "--state", state)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (Path(state) / "overrides").exists()


def test_a_simulated_park_has_its_own_clock(state: str, tmp_path: Path) -> None:
    """Its time runs 36000 times as fast from 2026-07-01 on: half an hour is over before a next process has started."""
    start = datetime(2026, 7, 1, tzinfo=UTC)
    announced = Announcement(connections={}, start=start, origin_s=time.monotonic(), speed=36000, processes={})
    announced.write(tmp_path / "park.json")
    where = ("--state", state, "--announcement", str(tmp_path / "park.json"))
    assert override("set", "demo_park", "battery", "50", *HELD, *where).returncode == 0
    found = listed("demo_park", *where)
    (held,) = found["overrides"]
    assert start < datetime.fromisoformat(held["until"]) < start + timedelta(days=100)
    assert (held["in_force"], held["left_s"]) == (False, 0.0)
    assert "expired" in override("list", "demo_park", *where).stdout
    # by the wall clock it is no override of today either
    assert listed("demo_park", "--state", state)["overrides"][0]["in_force"] is False


def test_the_controller_does_what_the_operator_says_and_takes_back(
    start_park: Callable[..., ParkProcess], make_controller: Callable[..., ControllerProcess]
) -> None:
    park = start_park()
    controller = make_controller(park)
    controller.start()
    eventually(lambda: "optimal" in controller.modes(), "the first plan is followed")
    where = ("--state", str(controller.state), "--announcement", str(park.announcement_file))

    assert override("set", "demo_park", "battery", "-137", *HELD[2:], "--for", "5h", *where).returncode == 0

    def told(owner: str) -> list[Any]:
        records = controller.records("decision", asset="battery")
        return [record for record in records if record.fields["owner"] == owner]

    eventually(lambda: [r for r in told("operator") if r.fields.get("setpoint_kw") == -137.0], "the battery is held")
    assert all("Li: test run" in str(record.fields["reason"]) for record in told("operator"))

    assert override("clear", "demo_park", "battery", *where).returncode == 0
    held = told("operator")[-1].at
    eventually(
        lambda: [
            r
            for r in controller.records("decision", asset="battery")
            if r.at > held and r.fields["owner"] != "operator"
        ],
        "the controller has it back",
    )
