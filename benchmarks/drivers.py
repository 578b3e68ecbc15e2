"""What the drivers carry, each measurement beside its bare library in the same run, on asyncio's loop and on uvloop.

    python benchmarks/drivers.py [--seconds 10] [--only cycle reading changes messages] [--json]

`cycle` reads 200 Modbus devices with 50 points each every second; `reading` is one device through the link, beside
pymodbus's client; `changes` are 10,000 OPC UA values, `messages` 5,000 MQTT messages a second. Servers run in
processes of their own. Ends with 1 when a promise does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE)}
LOOPS = ("asyncio", "uvloop")
OPCUA_CHANGES_PER_S = 1000
"""What asyncua's own server offers without being the bottleneck on a core that it shares."""
LISTENING_S = 10.0
MEASURE_LIMIT_S = 240.0

Found = dict[str, float]


@dataclass(frozen=True)
class Promise:
    what: str
    holds: Callable[[Found], bool]
    said: Callable[[Found], str]


PROMISES: dict[str, tuple[Promise, ...]] = {
    "cycle": (
        Promise(
            "200 devices, 10,000 points: the cycle is late by less than 100 ms (p99)",
            lambda found: found["late_p99_ms"] < 100 and found["missed_cycles"] == 0,
            lambda found: f"{found['late_p99_ms']:.1f} ms, {found['missed_cycles']:.0f} cycles missed",
        ),
        Promise(
            "every point is read GOOD",
            lambda found: found["good_share"] == 1.0,
            lambda found: f"{found['good_share']:.2%}, {found['fresh_share']:.2%} of them within their cycle",
        ),
    ),
    "reading": (
        Promise(
            "reading costs at most 1.3 times the bare client for the same registers",
            lambda found: found["to_bare_decoded"] <= 1.3,
            lambda found: (
                f"{found['to_bare_decoded']:.2f} times the client that decodes, {found['to_bare']:.2f} undecoded"
            ),
        ),
        Promise(
            "coalescing pays: at least half of its factor against one request for each point",
            lambda found: found["one_by_one_to_ours"] >= found["coalescing"] / 2,
            lambda found: (
                f"{found['one_by_one_to_ours']:.1f} times faster with {found['coalescing']:.1f} times less requests"
            ),
        ),
    ),
    "changes": (
        Promise(
            "10,000 OPC UA values are all there, and GOOD",
            lambda found: found["good_share"] >= 0.999,
            lambda found: f"{found['good_share']:.2%}, all read after {found['all_read_s']:.1f} s",
        ),
        Promise(
            "changes are taken as by asyncua's own subscription",
            lambda found: found["changes_to_bare"] >= 0.9,
            lambda found: f"{found['changes_per_s']:.0f} a second, {found['changes_to_bare']:.2f} times",
        ),
    ),
    "messages": (
        Promise(
            "5,000 MQTT messages a second are kept up with",
            lambda found: found["kept_up_share"] >= 0.999 and found["published_share"] >= 0.99,
            lambda found: (
                f"{found['kept_up_share']:.2%} of what was published, lag {found['lag_p99_ms']:.0f} ms (p99), "
                f"{found['cpu_to_paho']:.2f} times the CPU of bare paho"
            ),
        ),
    ),
}


@contextlib.contextmanager
def _server(*arguments: str) -> Iterator[int]:
    """A server of `driver_load`; its port."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=HERE.parent) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"{arguments[0]} does not start")
            yield int(line)
        finally:
            process.kill()


@contextlib.contextmanager
def _mosquitto() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    program = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if program is None:
        raise SystemExit("mosquitto is not installed")
    with tempfile.TemporaryDirectory() as folder:
        # its counters every second, so that what it drops is known
        path = Path(folder) / "mosquitto.conf"
        path.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n", encoding="utf-8")
        with subprocess.Popen([program, "-c", str(path)], stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(port)
                yield port
            finally:
                process.kill()


def _wait_for(port: int) -> None:
    until_s = time.monotonic() + LISTENING_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except OSError:
            if time.monotonic() > until_s:
                raise SystemExit(f"nobody listens on port {port}") from None
            time.sleep(0.05)


SERVERS: dict[str, Callable[[], contextlib.AbstractContextManager[int]]] = {
    "cycle": lambda: _server("driver_load.modbus_server"),
    "reading": lambda: _server("driver_load.modbus_server"),
    "changes": lambda: _server("driver_load.opcua_server", str(OPCUA_CHANGES_PER_S)),
    "messages": _mosquitto,
}


def _measured(name: str, loop: str, seconds: float) -> Found:
    with SERVERS[name]() as port:
        command = [sys.executable, "-m", "driver_load.measure", name, loop, str(port), str(seconds)]
        done = subprocess.run(
            command,
            env=ENVIRONMENT,
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            text=True,
            timeout=MEASURE_LIMIT_S,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(f"{name} on {loop} failed")
    found: Found = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each measurement takes, about")
    parser.add_argument("--only", nargs="+", choices=list(PROMISES), default=list(PROMISES))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()

    found: dict[str, dict[str, Found]] = {}
    for name in chosen.only:
        for loop in LOOPS:
            print(f"measuring {name} on {loop} ...", file=sys.stderr)
            found.setdefault(name, {})[loop] = _measured(name, loop, chosen.seconds)

    # the promises are kept by the loop that the controller runs on
    verdicts = [
        (promise.holds(found[name]["asyncio"]), promise.what, promise.said(found[name]["asyncio"]))
        for name in chosen.only
        for promise in PROMISES[name]
    ]
    if chosen.json:
        print(json.dumps({"found": found, "promises": [{"holds": h, "what": w, "said": s} for h, w, s in verdicts]}))
    else:
        for name, by_loop in found.items():
            print(f"\n{name:<28}" + "".join(f"{loop:>12}" for loop in LOOPS))
            for key in by_loop[LOOPS[0]]:
                print(f"  {key:<26}" + "".join(f"{by_loop[loop][key]:>12.3f}" for loop in LOOPS))
        print()
        for holds, what, said in verdicts:
            print(f"{'holds' if holds else 'DOES NOT HOLD'}: {what}: {said}")
    return 0 if all(holds for holds, _, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
