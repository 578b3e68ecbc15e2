"""`parkgrid alarms` as an operator uses it: whole processes, and a controller that does what it was asked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import ControllerProcess, ParkProcess, eventually

StartPark = Callable[..., ParkProcess]
MakeController = Callable[..., ControllerProcess]

pytestmark = pytest.mark.timeout(300)


def alarms(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parkgrid", "alarms", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def audit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parkgrid", "audit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_alarm_from_seeing_it_to_putting_it_aside_and_back(
    start_park: StartPark, make_controller: MakeController
) -> None:
    park = start_park("--apart", "battery_pcs", "--restart-after", "600")
    controller = make_controller(park)
    controller.start()
    eventually(lambda: "optimal" in controller.modes(), "the first plan is followed")
    park.kill("battery_pcs")
    eventually(lambda: controller.alarms("asset_unavailable", "battery") == ["raised"], "an alarm stands")
    name = "asset_unavailable:battery"
    common = ["--state", str(controller.state), "--announcement", str(park.announcement_file)]

    def listed() -> dict[str, dict[str, Any]]:
        done = alarms("list", "demo_park", *common, "--json")
        assert done.returncode == 0, done.stderr
        return {f"{each['alarm']}:{each['asset']}": each for each in json.loads(done.stdout)["alarms"]}

    def told(what: list[str]) -> None:
        eventually(lambda: controller.alarms("asset_unavailable", "battery") == what, f"the alarm went through {what}")

    eventually(lambda: name in listed(), "it is in the state file")
    assert listed()[name]["state"] == "unacknowledged"
    assert listed()[name]["action"] == "Check the device, its network and whether it is switched to local."

    assert alarms("ack", "demo_park", name, "--by", "Li", *common).returncode == 0
    told(["raised", "acknowledged"])
    shelve = ("--for", "8h", "--reason", "inverter is changed", "--by", "Li")
    assert alarms("shelve", "demo_park", name, *shelve, *common).returncode == 0
    told(["raised", "acknowledged", "shelved"])
    eventually(lambda: listed()[name]["state"] == "shelved", "the shelf is in the state file")
    assert listed()[name]["put_aside"]["reason"] == "inverter is changed"
    (record,) = [
        each for each in controller.records("alarm", alarm="asset_unavailable") if each.fields["state"] == "shelved"
    ]
    assert record.fields["by"] == "Li"

    # a shelf survives kill -9, and so does what was asked while nobody listened
    controller.signal(signal.SIGKILL)
    assert alarms("put-back", "demo_park", name, *common).returncode == 0
    controller.start()
    told(["raised", "acknowledged", "shelved", "raised"])
    assert not list((controller.state / "alarm_requests").iterdir())
    shown = alarms("list", "demo_park", *common).stdout
    assert "Asset unavailable" in shown

    # the audit has who did what, what was written, and that the first run ended without a word
    controller.signal(signal.SIGINT)
    done = audit("demo_park", *common, "--verify")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith("the chain is whole")
    seal = done.stdout.split()[-1]
    told_of = [json.loads(line) for line in audit("demo_park", *common, "--json").stdout.splitlines()]
    assert [each["what"] for each in told_of if each["who"] == "Li"] == [
        f"alarms: acknowledge {name}",
        f"alarms: shelve {name}",
    ]
    written = [each for each in told_of if each["kind"] == "write"]
    assert {"battery", "wind", "heat_pump"} <= {each["asset"] for each in written}
    assert "confirmed" in {each["outcome"] for each in written}
    starts = [each["why"] for each in told_of if each["what"] == "start"]
    assert starts == ["it may write", "it may write; the run before it ended without a word"]
    assert told_of[-1]["what"] == "stop"

    # what is missing at the end shows by a seal that was noted
    (path,) = (controller.state / "audit").glob("*.jsonl")
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(line + "\n" for line in text[:-1]), encoding="utf-8")
    assert audit("demo_park", *common, "--verify").returncode == 0
    done = audit("demo_park", *common, "--expect", seal)
    assert (done.returncode, "entries at its end are missing" in done.stderr) == (1, True)
    path.write_text("".join(line + "\n" for line in text[1:]), encoding="utf-8")
    done = audit("demo_park", *common, "--verify")
    assert (done.returncode, "jsonl:1: entry 2 stands where 1 should" in done.stderr) == (1, True)


def test_what_is_no_alarm_is_refused(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path))
    assert alarms("list", "demo_park", *state).returncode == 1
    done = alarms("ack", "demo_park", "asset_unavailible:battery", *state)
    assert (done.returncode, done.stderr) == (
        2,
        "there is no alarm 'asset_unavailible'; did you mean 'asset_unavailable'?\n",
    )
    done = alarms("ack", "demo_park", "asset_unavailable:batery", *state)
    assert (done.returncode, "did you mean 'battery'?" in done.stderr) == (2, True)
    done = alarms("shelve", "demo_park", "planner_lost", "--for", "2d", "--reason", "why", *state)
    assert (done.returncode, done.stderr) == (2, "--for 2d: a shelf lasts from 1 s to 1 days\n")
    done = alarms("shelve", "demo_park", "planner_lost", "--for", "2h", "--reason", " ", *state)
    assert (done.returncode, done.stderr) == (2, "--reason is empty\n")
    assert not (tmp_path / "alarm_requests").exists()
