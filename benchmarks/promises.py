"""Measures how fast the whole park starts, stops, falls safe and comes back: processes, real protocols, real seconds.

    python benchmarks/promises.py

Prints one line per promise with what was measured. Two cores shared with anything else make it slower.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from controller.telemetry.record import from_line

PATIENCE_S = 120.0
PARKGRID = [sys.executable, "-m", "parkgrid"]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="parkgrid-promises-") as name:
        demo_start_and_stop(Path(name))
    with tempfile.TemporaryDirectory(prefix="parkgrid-promises-") as name:
        killed_controller(Path(name))


def demo_start_and_stop(folder: Path) -> None:
    began_s = time.monotonic()
    demo = subprocess.Popen(
        [*PARKGRID, "demo", "--json", "--state", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: "optimal" in modes(folder))
    tell("demo, from the command to the first plan in force", began_s, "under 15 s")
    began_s = time.monotonic()
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=PATIENCE_S)
    tell("demo, from Ctrl-C to the end with its summary", began_s, "within 5 s")


def killed_controller(folder: Path) -> None:
    announcement, truth = folder / "park.json", folder / "truth.json"
    commands = folder / "truth.json.commands.jsonl"
    state = folder / "state"
    park = subprocess.Popen(
        [
            *(*PARKGRID, "simulate", "demo_park", "--free-ports", "--speed", "30"),
            *("--announce", str(announcement), "--truth", str(truth)),
        ],
        stdout=subprocess.DEVNULL,
    )
    wait_for(announcement.exists)
    run = [*PARKGRID, "run", "demo_park", "--announcement", str(announcement), "--state", str(state)]
    try:
        with open(os.devnull, "wb") as nowhere:
            controller = subprocess.Popen(run, stdout=nowhere, stderr=nowhere)
            wait_for(lambda: "optimal" in modes(state))
            wait_for(lambda: any(command["value"] for command in battery(commands)))
            controller.kill()
            controller.wait()
            began_s = time.monotonic()
            wait_for(lambda: battery(commands)[-1]["value"] is None)
            tell(
                "controller killed, until the battery's watchdog lets it fall to 0 kW",
                began_s,
                "10 s after the last write",
            )
            seen = len(modes(state))
            began_s = time.monotonic()
            controller = subprocess.Popen(run, stdout=nowhere, stderr=nowhere)
            wait_for(lambda: "optimal" in modes(state)[seen:])
            tell("controller started again, until it follows the plan", began_s, "within 10 s")
            began_s = time.monotonic()
            controller.send_signal(signal.SIGINT)
            controller.wait(PATIENCE_S)
            tell("controller, from SIGINT to its end, devices at their safe values", began_s, "within 5 s")
    finally:
        park.terminate()
        park.wait(PATIENCE_S)


def tell(what: str, began_s: float, promised: str) -> None:
    print(f"{what:<78}{time.monotonic() - began_s:6.1f} s   ({promised})", flush=True)


def wait_for(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > until_s:
            raise SystemExit("gave up waiting")
        time.sleep(0.05)


def battery(commands: Path) -> list[dict[str, float | None]]:
    lines = commands.read_text(encoding="utf-8").splitlines() if commands.exists() else []
    return [command for command in map(json.loads, lines) if command["device"] == "battery_pcs"]


def modes(state: Path) -> list[object]:
    """The controller's mode as it was recorded, cycle by cycle."""
    path = state / "telemetry.sqlite"
    if not path.exists():
        return []
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    try:
        rows = database.execute("SELECT line FROM record WHERE measurement = 'controller' ORDER BY id").fetchall()
    except sqlite3.OperationalError:
        return []  # the file is just being made
    finally:
        database.close()
    return [from_line(line).fields["mode"] for (line,) in rows]


if __name__ == "__main__":
    main()
