"""The controller's cycle on the campus, 60 devices and 3,000 points at 1 s, while plans are solved back to back.

    python benchmarks/cycle.py [--seconds 300] [--site campus] [--no-solves] [--json]

The simulated campus, the controller and the solves, of the factory with its units, are processes of their own on
whatever cores there are, on real protocols. What is measured is what the controller records of itself: how late cycles
begin, how long they take, how many were missed; and its memory, once a second. Ends with 1 when a promise does not
hold.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.loader import example_site, load_site  # noqa: E402 - the path comes first
from controller.telemetry.record import from_line  # noqa: E402

PARKGRID = [sys.executable, "-m", "parkgrid"]
PATIENCE_S = 120.0
WARM_UP_S = 30.0
"""Connecting, the first plan, and what imports cost."""
LATE_MS, TAKES_MS = 50.0, 300.0
"""Promised for 99 of 100 cycles."""
GROWTH_MB_PER_H = 20.0
"""What a flat memory may grow by: caches fill, and the allocator keeps what it once had."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--site", default="campus")
    parser.add_argument("--no-solves", action="store_true", help="only those that the controller asks for itself")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    found = measured(chosen.site, chosen.seconds, solves=not chosen.no_solves)
    if chosen.json:
        print(json.dumps(found))
    else:
        for what, value in found.items():
            print(f"{what:24}{value:>12.1f}" if isinstance(value, float) else f"{what:24}{value!s:>12}")
    return 0 if found["holds"] else 1


def measured(name: str, seconds: float, *, solves: bool) -> dict[str, Any]:
    site = load_site(example_site(name))
    with tempfile.TemporaryDirectory(prefix="parkgrid-cycle-") as scratch:
        folder = Path(scratch)
        announcement, state = folder / "park.json", folder / "state"
        simulate = [*PARKGRID, "simulate", name, "--free-ports", "--announce", str(announcement)]
        # each cycle is recorded, and not one in five
        recorded = folder / f"{name}.yaml"
        text = example_site(name).read_text(encoding="utf-8")
        recorded.write_text(f"{text}\ntelemetry: {{period_s: 0.1}}\n", encoding="utf-8")
        run = [*PARKGRID, "run", str(recorded), "--announcement", str(announcement), "--state", str(state)]
        started = [_started(simulate)]
        try:
            _wait_for(announcement)
            controller = _started(run)
            started.insert(0, controller)
            time.sleep(WARM_UP_S)
            if solves:
                started.append(_started([sys.executable, __file__, "--solve-for-ever"]))
            first = len(_records(state))
            memory_mb = []
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:
                memory_mb.append(_memory_mb(controller.pid))
                time.sleep(1.0)
            records = _records(state)[first:]
            died = [process.args for process in started if process.poll() is not None]
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGINT if process is started[0] else signal.SIGTERM)
            for process in started:
                process.wait(PATIENCE_S)
    if died:
        raise SystemExit(f"nothing was measured: {died} ended on the way")
    late = np.array([float(record["late_ms"]) for record in records])
    takes = np.array([float(record["cycle_ms"]) for record in records])
    hours = np.arange(len(memory_mb)) / 3600.0
    growth = float(np.polyfit(hours, memory_mb, 1)[0]) if len(memory_mb) > 1 else 0.0
    found: dict[str, Any] = {
        "devices": len(site.devices),
        "points": sum(1 for _ in site.all_points()),
        "cores": os.cpu_count(),
        "cycles recorded": len(records),
        "overruns": int(records[-1]["overruns"]) - int(records[0]["overruns"]),
        "late p50 ms": float(np.percentile(late, 50)),
        "late p99 ms": float(np.percentile(late, 99)),
        "takes p50 ms": float(np.percentile(takes, 50)),
        "takes p99 ms": float(np.percentile(takes, 99)),
        "memory MB": float(np.max(memory_mb)),
        "memory MB per h": growth,
    }
    found["holds"] = found["late p99 ms"] <= LATE_MS and found["takes p99 ms"] <= TAKES_MS
    return found


def solve_for_ever() -> None:
    """Plans the factory with its units again and again, as fast as it goes."""
    from dispatch_load.parks import committed, day

    from dispatch.dispatcher import Dispatcher

    site = committed("factory")
    situations = day(site)
    dispatcher = Dispatcher(site, situations[0].steps)
    while True:
        for situation in situations:
            dispatcher.plan(situation, situation.start)


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for(path: Path) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not path.exists():
        if time.monotonic() > until_s:
            raise SystemExit("the simulated park did not start")
        time.sleep(0.1)


def _records(state: Path) -> list[dict[str, Any]]:
    """What the controller recorded of its cycles."""
    with sqlite3.connect(f"file:{state / 'telemetry.sqlite'}?mode=ro", uri=True, timeout=5.0) as database:
        rows = database.execute("SELECT line FROM record WHERE measurement = 'controller' ORDER BY id").fetchall()
    return [dict(from_line(line).fields) for (line,) in rows]


def _memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    if "--solve-for-ever" in sys.argv:
        solve_for_ever()
    else:
        sys.exit(main())
