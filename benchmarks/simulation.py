"""What the simulated campus carries: 60 devices with about 3,000 points, all asked every second, on one core.

    python benchmarks/simulation.py [--seconds 20] [--json]

The park and who asks are processes of their own. Every point is asked for once a second, as by a controller that has
no slow read class, over Modbus TCP, RTU over TCP, OPC UA, MQTT and Sparkplug. Then its Modbus devices alone are asked,
and after that as many units that pymodbus serves by itself: what ours cost beside it is the ratio of the two.
Ends with 1 when a promise does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from config.loader import example_site, load_site

SITE = "campus"

MOST_SHARE = 0.5
"""Of one core: five times what it takes, for slower cores, and half of an edge box is left to the controller."""

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE)}


def measured(what: str, seconds: float) -> tuple[float, int, int]:
    """The share of a core that this server takes, and the good and other readings that came of it."""
    run = [sys.executable, "-m"]
    serve = [*run, "simulation_load.serving", what, SITE, str(seconds)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=HERE.parent) as server:
        assert server.stdout is not None
        # one second less: no question should meet a server that is leaving
        asked = subprocess.run(
            [*run, "simulation_load.asking", SITE, str(seconds - 1)],
            input=server.stdout.readline(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=ENVIRONMENT,
            cwd=HERE.parent,
        )
        share: float = json.loads(server.stdout.readline())["share"]
    good, bad = json.loads(asked.stdout)
    return share, good, bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    park, good, bad = measured("park", options.seconds)
    modbus, _, modbus_bad = measured("modbus", options.seconds)
    bare, _, _ = measured("bare", options.seconds)
    site = load_site(example_site(SITE))
    found = {
        "devices": len(site.devices),
        "points": sum(len(points) for points in site.points.values()),
        "cpu_share": park,
        "modbus_share": modbus,
        "bare_modbus_share": bare,
        "to_bare": modbus / bare,
        "good": good,
        "bad": bad + modbus_bad,
    }
    holds = park <= MOST_SHARE and good > 0 and found["bad"] == 0
    if options.json:
        print(json.dumps({**found, "holds": holds}))
    else:
        print(f"{found['devices']} devices, {found['points']} points every second: {park:.1%} of one core")
        print(f"its Modbus devices alone: {modbus:.1%}, pymodbus alone {bare:.1%}: {modbus / bare:.2f} times")
        print(f"{good} good readings, {found['bad']} others; {'as promised' if holds else 'NOT as promised'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
