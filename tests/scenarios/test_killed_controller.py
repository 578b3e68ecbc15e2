"""The controller, killed and stopped: what the devices do without it, and what it remembers afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from processes import ControllerProcess, ParkProcess, eventually

from config.clock import SystemClock
from config.site import Site
from dispatch.solve_record import read
from drivers.site import links_of

pytestmark = pytest.mark.timeout(300)

StartPark = Callable[..., ParkProcess]
MakeController = Callable[..., ControllerProcess]


def test_after_sigkill_the_battery_falls_to_zero_and_the_next_controller_goes_on(
    start_park: StartPark, make_controller: MakeController
) -> None:
    park = start_park(speed=30)
    controller = make_controller(park)
    controller.start()
    eventually(lambda: _told(park, "battery_pcs"), "the battery is told something but zero")
    eventually(lambda: _state(controller).get("month_peak_kw"), "a first interval is closed and saved")
    eventually(lambda: _state(controller)["plan"], "a plan is saved")
    solves = controller.state / "solves"
    eventually(lambda: list(solves.glob("*.json")), "its solve is kept")

    assert controller.signal(signal.SIGKILL) == -signal.SIGKILL
    saved = _state(controller)
    assert {read(path.read_bytes()).site for path in solves.glob("*.json")} == {park.site.name}
    # the last thing that the battery hears is its own watchdog
    eventually(lambda: park.commands()[-1]["value"] is None, "the watchdog lets the battery fall")
    assert _shown(park.site, "battery_pcs", "power_setpoint_kw") == 0.0

    seen = len(controller.modes())
    controller.start()
    eventually(lambda: "optimal" in controller.modes()[seen:], "it continues")
    first = controller.modes()[seen]
    assert first == "starting"
    # it goes on with the saved plan and peak, and with what it found: the first setpoint adopts, then ramps
    assert set(controller.modes()[seen:]) <= {"starting", "optimal"}
    eventually(lambda: _state(controller)["saved_at"] > saved["saved_at"], "the state is saved again")
    after = _state(controller)
    assert after["month"] == saved["month"]
    assert after["month_peak_kw"] >= saved["month_peak_kw"]
    assert controller.records("controller")[-1].fields["month_peak_kw"] >= saved["month_peak_kw"]
    for unit in ("heat_pump", "boiler"):
        assert _switched_at(after, unit) == pytest.approx(_switched_at(saved, unit), abs=120) or _was_switched(
            controller, unit, saved
        )


def test_ctrl_c_leaves_every_device_at_its_safe_value(start_park: StartPark, make_controller: MakeController) -> None:
    park = start_park()
    controller = make_controller(park)
    controller.start()
    eventually(lambda: _told(park, "battery_pcs"), "the battery is told something but zero")

    assert controller.signal(signal.SIGINT) == 0, controller.log()
    last = {command["device"]: command["value"] for command in park.commands()}
    assert last == {
        "battery_pcs": 0.0,
        "pv_a_inverter": pytest.approx(330.0),
        "pv_b_inverter": pytest.approx(330.0),
        "wind_controller": pytest.approx(330.0),
        "heat_pump_controller": 0.0,
        "boiler_gateway": 0.0,
    }
    assert "Traceback" not in controller.log()


def test_two_controllers_never_share_a_park(start_park: StartPark, make_controller: MakeController) -> None:
    park = start_park()
    first, second = make_controller(park), make_controller(park)
    first.start()
    eventually(lambda: first.modes(), "the first runs")
    second.start()
    assert second.signal(0) == 2
    assert "another controller" in second.log()


def _told(park: ParkProcess, device: str) -> bool:
    return any(command["device"] == device and command["value"] for command in park.commands())


def _state(controller: ControllerProcess) -> dict:
    path = controller.state / "state.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _switched_at(state: dict, unit: str) -> float:
    """When a unit was last switched, in seconds of the park's calendar; -inf when long ago."""
    from datetime import datetime

    ago_s = state["guards"][unit]["switched_ago_s"]
    return float("-inf") if ago_s is None else datetime.fromisoformat(state["saved_at"]).timestamp() - ago_s


def _was_switched(controller: ControllerProcess, unit: str, saved: dict) -> bool:
    """Whether the unit was switched on or off since the state was saved."""
    before = saved["guards"][unit]["setpoint_kw"] > 0
    return any(
        (record.fields.get("setpoint_kw", 0) > 0) != before for record in controller.records("decision", asset=unit)
    )


def _shown(site: Site, device: str, name: str) -> float | None:
    """What a device shows to a client of its own."""

    async def read() -> float | None:
        links = links_of(site, SystemClock())
        point = next(point for point in site.points[device] if point.name == name)
        try:
            (reading,) = await links[device].read([point])
        finally:
            for link in links.values():
                await link.close()
        return reading.value

    return asyncio.run(read())


def test_systemd_hears_of_each_healthy_cycle_and_of_no_other(
    start_park: StartPark, make_controller: MakeController, tmp_path: Path
) -> None:
    park = start_park(speed=30)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60.0)
        controller = make_controller(park, NOTIFY_SOCKET=str(tmp_path / "notify"))
        controller.start()
        assert systemd.recv(4096).decode().splitlines()[:2] == ["READY=1", "WATCHDOG=1"]
        assert systemd.recv(4096).decode().startswith("WATCHDOG=1")
        os.kill(controller.pid, signal.SIGSTOP)  # it hangs
        systemd.settimeout(3.0)
        assert len(list(iter(partial(_heard, systemd), b""))) <= 2, "what was under way, and then nothing"
        os.kill(controller.pid, signal.SIGCONT)
        systemd.settimeout(60.0)
        assert systemd.recv(4096).decode().startswith("WATCHDOG=1")
        controller.signal(signal.SIGINT)
        assert any(said.startswith(b"STOPPING=1") for said in iter(partial(_heard, systemd), b""))


def _heard(systemd: socket.socket) -> bytes:
    """The next message, b"" when none comes in time."""
    try:
        return systemd.recv(4096)
    except TimeoutError:
        return b""
