"""The grid meter and the planner, killed in mid-run: safe values without the one, the old plan without the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from processes import ControllerProcess, ParkProcess, eventually, planner_of

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
    first = planner_of(controller.pid)

    os.kill(first, signal.SIGKILL)
    eventually(lambda: controller.alarms("planner_lost", "park") == ["raised", "cleared"], "it is lost and replaced")
    eventually(lambda: planner_of(controller.pid) not in (None, first), "another process plans")
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
