"""`parkgrid demo` as a newcomer runs it, and whether its records explain what the devices were told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from processes import ControllerProcess, ParkProcess, eventually

from controller.telemetry.record import Record

pytestmark = pytest.mark.timeout(300)

KEYS = {
    "simulated_s",
    "cycles",
    "overruns",
    "plans",
    "reads",
    "writes",
    "telemetry_points",
    "alarms",
    "energy_kwh",
    "cost",
    "cost_without_control",
    "co2_kg",
    "balance_residual",
}


def test_the_demo_ends_by_itself_with_a_summary() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "parkgrid", "demo", "--for", "30", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)

    assert found.keys() >= KEYS
    assert found["simulated_s"] > 30 * 144
    assert found["cycles"] > 20
    assert found["plans"]["optimal"] >= 2
    assert found["plans"]["refused"] == 0
    assert found["reads"].keys() == {"modbus", "opcua", "mqtt"}
    for protocol, count in found["reads"].items():
        # the meters behind the broker say nothing before they publish for the first time
        assert count["good"] > 3 * count["bad"], protocol
    assert found["writes"]["confirmed"] > 10
    assert found["writes"]["rejected"] == found["writes"]["unconfirmed"] == 0
    assert found["telemetry_points"] > 1000
    assert found["balance_residual"] < 1e-3
    # what was measured over the wire adds up as well: supply covers demand to what a minute between reads may hide
    energy_kwh = found["energy_kwh"]
    supply_kwh = sum(energy_kwh[name] for name in ("grid", "pv_a", "pv_b", "wind", "battery"))
    demand_kwh = sum(energy_kwh[name] for name in ("hall_1", "hall_2", "heat_pump"))
    assert supply_kwh == pytest.approx(demand_kwh, rel=0.05)
    assert sum(found["cost_terms"].values()) == pytest.approx(found["cost"], abs=0.05)


def test_every_setpoint_of_the_battery_can_be_explained(
    start_park: Callable[..., ParkProcess], make_controller: Callable[..., ControllerProcess]
) -> None:
    park = start_park(speed=144)
    controller = make_controller(park)
    controller.start()
    eventually(lambda: len(_to_battery(park)) >= 12, "the battery was told something a dozen times")
    while_it_runs = _why(park, controller)
    assert re.match(r"battery: [+-][0-9.]+ kW since 2026-10-14 1[5-9]:.+, by [a-zA-Z ]+: .+; allowed ", while_it_runs)
    controller.signal(2)
    assert ", by safety: controller stops. The controller recorded nothing after " in _why(park, controller)

    decisions = controller.records("decision", asset="battery")
    told = _to_battery(park)
    assert told
    for command in told:
        assert _explained(command, decisions), f"nothing says why the battery was told {command}"
    # and the reasons are about the park: the plan, and what makes it more or less of that
    assert any(str(record.fields["reason"]).startswith("plan ") for record in decisions)


def _why(park: ParkProcess, controller: ControllerProcess) -> str:
    command = [*(sys.executable, "-m", "parkgrid", "why", "demo_park", "battery"), "--state", str(controller.state)]
    command += ["--announcement", str(park.announcement_file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def _to_battery(park: ParkProcess) -> list[dict[str, Any]]:
    return [c for c in park.commands() if c["device"] == "battery_pcs" and c["value"] is not None]


def _explained(command: dict[str, Any], decisions: Sequence[Record]) -> bool:
    """Whether a written decision has this value, an owner and a reason, within a few cycles before the command."""
    from datetime import datetime, timedelta

    at = datetime.fromisoformat(command["at"])
    return any(
        abs(float(record.fields["setpoint_kw"]) - command["value"]) < 0.06
        and -timedelta(minutes=10) < record.at - at < timedelta(minutes=10)
        and record.fields["owner"]
        and record.fields["reason"]
        and record.fields["written"] == "confirmed"
        for record in decisions
        if record.fields.get("setpoint_kw") is not None
    )
