"""A device process and the broker, killed in mid-run: the park goes on, and they come back by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from processes import ControllerProcess, ParkProcess, eventually

pytestmark = pytest.mark.timeout(300)

StartPark = Callable[..., ParkProcess]
MakeController = Callable[..., ControllerProcess]

DEAD_S = "18"
"""Values are too old after 10 s, and the alarm comes up to 3 s later."""


def test_a_killed_battery_is_reported_and_comes_back(start_park: StartPark, make_controller: MakeController) -> None:
    park = start_park("--apart", "battery_pcs", "--restart-after", DEAD_S)
    controller = make_controller(park)
    controller.start()
    eventually(lambda: "optimal" in controller.modes(), "the first plan is followed")
    eventually(lambda: _written(controller, "battery"), "the battery follows")

    park.kill("battery_pcs")
    eventually(lambda: controller.alarms("asset_unavailable", "battery") == ["raised"], "an alarm stands")
    others = len(_written(controller, "wind"))
    plans = _plans(controller)

    eventually(lambda: controller.alarms("asset_unavailable", "battery") == ["raised", "cleared"], "it comes back")
    returned = controller.records("alarm", alarm="asset_unavailable")[-1].at
    eventually(lambda: [r for r in _written(controller, "battery") if r.at > returned], "it is told again")
    # nobody else noticed: refreshes and plans went on, no other alarm was raised
    assert len(_written(controller, "wind")) >= others
    assert _plans(controller) > plans
    assert {record.tags["alarm"] for record in controller.records("alarm")} <= {"asset_unavailable", "fallback_plan"}
    assert {record.tags["asset"] for record in controller.records("alarm")} <= {"battery", "park"}
    assert "safe" not in controller.modes()


@pytest.mark.server("mosquitto")
def test_a_killed_broker_takes_only_its_meters_along(start_park: StartPark, make_controller: MakeController) -> None:
    meters = ("hall_1", "hall_2", "heat_demand")
    park = start_park("--restart-after", DEAD_S)
    controller = make_controller(park)
    controller.start()
    eventually(lambda: "optimal" in controller.modes(), "the first plan is followed")

    park.kill("broker")
    eventually(lambda: controller.alarms("connection_lost", "broker") == ["raised"], "the broker's alarm stands")
    for meter in meters:
        eventually(
            lambda m=meter: controller.alarms("asset_unavailable", m)[-1:] == ["suppressed"], f"explains {meter}"
        )
    told = len(controller.records("decision"))
    for meter in meters:
        eventually(lambda m=meter: controller.alarms("asset_unavailable", m)[-1:] == ["cleared"], f"{meter} comes back")
    eventually(lambda: controller.alarms("connection_lost", "broker") == ["raised", "cleared"], "the broker is back")
    assert len(controller.records("decision")) > told
    assert {record.tags["asset"] for record in controller.records("alarm", alarm="asset_unavailable")} == set(meters)
    assert "safe" not in controller.modes()


def _written(controller: ControllerProcess, asset: str) -> list:
    return [record for record in controller.records("decision", asset=asset) if record.fields["written"] == "confirmed"]


def _plans(controller: ControllerProcess) -> int:
    return len({record.fields["issued_at"] for record in controller.records("plan", asset="grid")})
