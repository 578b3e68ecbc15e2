"""The campus as a whole: 60 devices on every protocol, measured, planned and told what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import ControllerProcess, ParkProcess, eventually

from config.loader import example_site, load_site

CAMPUS = example_site("campus")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def park(tmp_path: Path) -> Iterator[ParkProcess]:
    started = ParkProcess(tmp_path, speed=10, site=CAMPUS)
    yield started
    started.close()


def test_sixty_devices_are_read_planned_and_commanded(
    park: ParkProcess, make_controller: Callable[..., ControllerProcess]
) -> None:
    site = load_site(CAMPUS)
    assert len(site.devices) == 60
    assert 2900 < sum(len(points) for points in site.points.values()) < 3100
    controller = make_controller(park, site=CAMPUS)
    controller.start()
    eventually(lambda: controller.modes()[-3:] == ["optimal"] * 3, "three records of an optimal plan")
    told = {command["device"] for command in park.commands() if command["value"] is not None}
    assert controller.signal(2) == 0, controller.log()

    last = {record.tags["device"]: record.fields for record in controller.records("point")}
    assert last.keys() == site.devices.keys()
    assert {device: fields["bad"] for device, fields in last.items() if fields["bad"]} == {}
    assert [(record.tags, record.fields) for record in controller.records("alarm")] == []
    # every battery and heat pump, on four protocols, of which two are SunSpec
    assert told >= {"battery_pcs", "east_pcs", "west_pcs", "clinic_pcs", "heat_pump_controller"}
    # chillers, the units that make power, and those who can wait
    assert told >= {"chiller_1", "absorber", "chp_1", "chargers_north", "ventilation_relay"}
    # and nothing but what the site file lets be written
    assert told <= {name for name, device in site.devices.items() if device.write}
    assert park.stop()["balance_residual"] < 1e-6
