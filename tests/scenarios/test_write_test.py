"""`parkgrid check --devices --write-test` on the simulated park, with a person at a terminal and without."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import ParkProcess

CHECK = [sys.executable, "-m", "parkgrid", "check", "demo_park", "--devices", "--write-test"]
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParkProcess]:
    park = ParkProcess(tmp_path_factory.mktemp("park"), speed=1.0)
    yield park
    park.close()


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, park: ParkProcess, *options: str) -> None:
        self._end, theirs = pty.openpty()
        where = ["--announcement", str(park.announcement_file)]
        where += ["--state", str(park.announcement_file.parent / "state")]
        self.process = subprocess.Popen([*CHECK, *where, *options], stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.seen = ""

    def until(self, pattern: str) -> str:
        """What comes up to and with a pattern."""
        until_s = time.monotonic() + PATIENCE_S
        while (found := re.search(pattern, self.seen)) is None:
            assert time.monotonic() < until_s, self.seen
            try:
                self.seen += os.read(self._end, 4096).decode(errors="replace")
            except OSError:
                pytest.fail(f"ended before {pattern!r}: {self.seen}")
        said, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return said

    def say(self, line: str) -> None:
        os.write(self._end, f"{line}\n".encode())

    def rest(self) -> str:
        """What comes until it ends."""
        try:
            while data := os.read(self._end, 4096):
                self.seen += data.decode(errors="replace")
        except OSError:
            pass  # its end of the terminal is closed
        self.process.wait(PATIENCE_S)
        os.close(self._end)
        return self.seen


def test_a_person_sees_what_would_be_sent_and_decides(park: ParkProcess) -> None:
    terminal = Terminal(park)
    said = terminal.until(r"pv_a_inverter\.power_limit_kw: 1000 kW in force[\s\S]*or another value\] ")
    assert "may be 0 to 1000 in steps of" in said
    assert re.search(r"would send register \d+: 0x[0-9A-F]{4} \(function 6\)", said)
    terminal.say("5000")
    terminal.until("a number from 0 to 1000, y or n")
    terminal.say("600")
    terminal.until(r"pv_b_inverter\.power_limit_kw[\s\S]*or another value\] ")
    terminal.say("")
    said = terminal.until(r"wind_controller\.power_limit_kw[\s\S]*or another value\] ")
    assert "would send node nsu=" in said
    terminal.say("y")
    for _ in range(3):
        terminal.until(r"or another value\] ")
        terminal.say("n")
    said = terminal.rest()
    assert terminal.process.returncode == 0, said
    assert re.search(
        r"pv_a_inverter\.power_limit_kw: 600 confirmed in [\d.]+ ms; what was there before: confirmed", said
    )
    assert "pv_b_inverter.power_limit_kw: not written" in said
    assert re.search(r"wind_controller\.power_limit_kw: 1000 confirmed in [\d.]+ ms\s", said)


def test_ctrl_c_at_the_question_leaves_the_devices_as_they_are(park: ParkProcess) -> None:
    terminal = Terminal(park)
    terminal.until(r"or another value\] ")
    terminal.process.send_signal(signal.SIGINT)
    said = terminal.rest()
    assert terminal.process.returncode == 130
    assert "Traceback" not in said


def run(park: ParkProcess, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*CHECK, "--announcement", str(park.announcement_file), *options]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)


def test_without_a_terminal_what_is_in_force_is_written(park: ParkProcess, tmp_path: Path) -> None:
    done = run(park, "--yes", "--json", "--owner", "Li", "--state", str(tmp_path))
    assert done.returncode == 0, done.stderr
    written = {each["point"]: each for each in json.loads(done.stdout)["written"]}
    assert {each["outcome"] for each in written.values()} == {"confirmed"}
    assert len(written) == 6
    for each in written.values():
        assert each["read_back"] == pytest.approx(each["value"], abs=1.0)
        assert each["round_trip_ms"] > 0
    audit = [sys.executable, "-m", "parkgrid", "audit", "demo_park", "--by", "Li", "--json", "--state", str(tmp_path)]
    done = subprocess.run(audit, capture_output=True, text=True, timeout=PATIENCE_S)
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    assert {entry["what"]: entry["value"] for entry in kept} == {name: each["value"] for name, each in written.items()}
    assert {(entry["kind"], entry["outcome"], entry["why"]) for entry in kept} == {("write", "confirmed", "write test")}


def test_nobody_is_asked_where_nobody_can_answer(park: ParkProcess) -> None:
    done = run(park)
    assert done.returncode == 2
    assert "needs a terminal; with --yes it does not ask" in done.stderr
    alone = subprocess.run(
        [*CHECK[:5], "--write-test"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert alone.returncode == 2
    assert "--write-test goes with --devices" in alone.stderr
