"""The simulated park and the controller as processes of their own, and what the controller recorded."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.announcement import Announcement, read_announcement
from config.loader import example_site, load_site
from config.site import Site
from controller.telemetry.history import SeriesStore
from controller.telemetry.record import Record, from_line

PATIENCE_S = 90.0
"""How long anything may take before a test gives up: two cores are shared with whatever else runs."""


def eventually(holds: Callable[[], Any], what: str, within_s: float = PATIENCE_S) -> Any:
    """Wait until `holds` gives something true, and return it."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        found = holds()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {within_s:g} s: {what}")


class ParkProcess:
    """`parkgrid simulate` on free ports, of the demo park if no other site is given."""

    def __init__(self, folder: Path, *options: str, speed: float = 60.0, site: Path | None = None) -> None:
        self._folder = folder
        self._site_file = site or example_site("demo_park")
        self.truth_file = folder / "truth.json"
        self.history_file = folder / "history.csv"
        self.announcement_file = folder / "park.json"
        command = [
            *(
                sys.executable,
                "-m",
                "parkgrid",
                "simulate",
                str(self._site_file),
                "--free-ports",
                "--speed",
                str(speed),
            ),
            *("--announce", str(self.announcement_file), "--truth", str(self.truth_file)),
            *("--history", str(self.history_file), *options),
        ]
        with (folder / "park.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            self._await_start()
        except AssertionError:
            self.close()
            raise

    def _await_start(self) -> None:
        eventually(self._started, "the park announces itself")

    @property
    def announcement(self) -> Announcement:
        return read_announcement(self.announcement_file)

    @property
    def site(self) -> Site:
        return load_site(self._site_file, self.announcement.connections)

    def kill(self, name: str) -> int:
        """Kill one of the park's processes as hard as can be. Returns its process id."""
        pid = self.announcement.processes[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def commands(self) -> list[dict[str, Any]]:
        """Every command that a device received, in order."""
        log = self._folder / "truth.json.commands.jsonl"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]

    def stop(self) -> dict[str, Any]:
        """End the park. Returns what really happened in it."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        truth: dict[str, Any] = json.loads(self.truth_file.read_text(encoding="utf-8"))
        return truth

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)

    def _started(self) -> bool:
        assert self._process.poll() is None, (self._folder / "park.log").read_text(encoding="utf-8")
        return self.announcement_file.exists()


class ControllerProcess:
    """`parkgrid run` of the demo park against a simulated one."""

    def __init__(self, folder: Path, park: ParkProcess, site: Path | None = None, **environment: str) -> None:
        self.state = folder / "state"
        self._log_file = folder / "controller.log"
        self._command = [
            *(sys.executable, "-m", "parkgrid", "run", str(site or "demo_park"), "--state", str(self.state)),
            *("--announcement", str(park.announcement_file)),
        ]
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None
        self.state.mkdir(exist_ok=True)
        series = SeriesStore(self.state / "history.sqlite")
        series.import_file(park.history_file)
        series.close()

    def start(self) -> None:
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT, env=self._environment)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: int) -> int:
        """Send a signal and wait for the end. Returns the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)

    def log(self) -> str:
        return self._log_file.read_text(encoding="utf-8")

    def records(self, measurement: str, **tags: str) -> list[Record]:
        """What was recorded so far, in order, of one measurement and with these tags."""
        assert self._process is None or self._process.poll() in (None, 0, -signal.SIGKILL), self.log()
        path = self.state / "telemetry.sqlite"
        if not path.exists():
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0) as database:
            try:
                lines = database.execute(
                    "SELECT line FROM record WHERE measurement = ? ORDER BY id", (measurement,)
                ).fetchall()
            except sqlite3.OperationalError:
                return []  # the file is just being made
            finally:
                database.rollback()
        database.close()
        records = [from_line(line) for (line,) in lines]
        return [record for record in records if tags.items() <= dict(record.tags).items()]

    def modes(self) -> list[str]:
        return [str(record.fields["mode"]) for record in self.records("controller")]

    def alarms(self, kind: str, asset: str) -> list[str]:
        """The states that an alarm went through: raised, cleared, raised ..."""
        return [str(record.fields["state"]) for record in self.records("alarm", alarm=kind, asset=asset)]

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def planner_of(pid: int) -> int | None:
    """The process that plans for the controller in process `pid`."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = next(line for line in status.read_text().splitlines() if line.startswith("PPid:"))
            command = (status.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue
        if int(parent.split()[1]) == pid and b"controller.planner_main" in command:
            return int(status.parent.name)
    return None


@pytest.fixture
def start_park(tmp_path: Path) -> Iterator[Callable[..., ParkProcess]]:
    """Starts simulated parks; they end with the test."""
    parks: list[ParkProcess] = []

    def start(*options: str, speed: float = 60.0) -> ParkProcess:
        parks.append(ParkProcess(tmp_path, *options, speed=speed))
        return parks[-1]

    yield start
    for park in parks:
        park.close()


@pytest.fixture
def make_controller(tmp_path: Path) -> Iterator[Callable[..., ControllerProcess]]:
    """Makes controllers for a park; they end with the test."""
    controllers: list[ControllerProcess] = []

    def make(park: ParkProcess, site: Path | None = None, **environment: str) -> ControllerProcess:
        controllers.append(ControllerProcess(tmp_path, park, site, **environment))
        return controllers[-1]

    yield make
    for controller in controllers:
        controller.close()
