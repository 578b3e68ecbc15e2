"""The grid meter and the planner, killed in mid-run: safe values without the one, the old plan without the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import ControllerProcess, ParkProcess, eventually

pytestmark = pytest.mark.timeout(300)

StartPark = Callable[..., ParkProcess]
MakeController = Callable[..., ControllerProcess]

SAFE = {
    "battery_pcs": 0.0,
    "pv_a_inverter": pytest.approx(330.0),
    "pv_b_inverter": pytest.approx(330.0),
    "wind_controller": pytest.approx(330.0),
    "heat_pump_controller": 0.0,
    "boiler_gateway": 0.0,
}


def test_without_the_grid_meter_every_device_gets_its_safe_value(
    start_park: StartPark, make_controller: MakeController
) -> None:
    park = start_park("--apart", "grid_meter", "--restart-after", "12")
    controller = make_controller(park)
    controller.start()
    eventually(lambda: "optimal" in controller.modes(), "the first plan is followed")

    park.kill("grid_meter")
    eventually(lambda: controller.alarms("grid_meter_lost", "grid") == ["raised"], "an alarm stands")
    eventually(lambda: controller.modes()[-1] == "safe", "the mode is safe")
    eventually(lambda: _last(park) == SAFE, "every device has its safe value")
    assert all(record.fields["owner"] == "safety" for record in _decided_last(controller))

    eventually(lambda: controller.modes()[-1] == "optimal", "the meter is back and the plan is followed")
    assert controller.alarms("grid_meter_lost", "grid") == ["raised", "cleared"]
    eventually(lambda: _last(park)["pv_a_inverter"] == 1000.0, "the generators are free again")


def test_a_killed_planner_is_replaced_and_the_cycle_does_not_notice(
    start_park: StartPark, make_controller: MakeController
) -> None:
    park = start_park()
    controller = make_controller(park)
    controller.start()
    eventually(lambda: "optimal" in controller.modes(), "the first plan is followed")
    first = _planner(controller)

    os.kill(first, signal.SIGKILL)
    eventually(lambda: controller.alarms("planner_lost", "park") == ["raised", "cleared"], "it is lost and replaced")
    eventually(lambda: _planner(controller) not in (None, first), "another process plans")
    plans = _plans(controller)
    eventually(lambda: _plans(controller) > plans, "plans go on")
    assert set(controller.modes()[controller.modes().index("optimal") :]) == {"optimal"}


def _last(park: ParkProcess) -> dict[str, float | None]:
    return {command["device"]: command["value"] for command in park.commands()}


def _decided_last(controller: ControllerProcess) -> list:
    newest = {record.tags["asset"]: record for record in controller.records("decision")}
    return list(newest.values())


def _plans(controller: ControllerProcess) -> int:
    return len({record.fields["issued_at"] for record in controller.records("plan", asset="grid")})


def _planner(controller: ControllerProcess) -> int | None:
    """The process that plans for this controller."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = next(line for line in status.read_text().splitlines() if line.startswith("PPid:"))
            command = (status.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue
        if int(parent.split()[1]) == controller.pid and b"controller.planner_main" in command:
            return int(status.parent.name)
    return None
