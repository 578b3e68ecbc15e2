"""Faults in what becomes of commands, and in the devices themselves, as plain clients of each protocol see them."""

from __future__ import annotations

from typing import Any

import pytest
from fault_eyes import Eye, Unseen
from fault_rig import POWER_KW, Rig

from simulators.faults.book import UnfitFault
from simulators.faults.kinds import KINDS

pytestmark = pytest.mark.usefixtures("in_a_hurry")

SAFE_KW = 330.0
"""What the turbines fall back to, 4 s after the last write."""


def commands(rig: Rig) -> list[float | None]:
    return [value for _, _, value in rig.plant.commands]


async def test_writes_are_accepted_and_leave_no_trace(rig: Rig, eye: Eye) -> None:
    await rig.until_seen(eye, "power_limit_kw", SAFE_KW)
    fault = await rig.set("writes_ignored", eye.device)
    await eye.write(500.0)
    for _ in range(5):
        await rig.until_seen(eye, "power_limit_kw", SAFE_KW)
    assert commands(rig) == []
    await rig.clear(fault)
    await eye.write(600.0)
    await rig.until_seen(eye, "power_limit_kw", 600.0)
    assert commands(rig) == [600.0]


async def test_writes_are_shown_and_not_followed_until_the_fault_ends(rig: Rig, eye: Eye) -> None:
    fault = await rig.set("writes_ignored", eye.device, shown="written")
    await eye.write(500.0)
    await rig.until_seen(eye, "power_limit_kw", 500.0)
    assert commands(rig) == []
    await rig.clear(fault)
    await rig.until(lambda: _is(commands(rig) == [500.0]), "the device follows what it holds")


async def _is(holds: bool) -> bool:
    return holds


@pytest.mark.parametrize(
    ("protocol", "keys", "words"),
    [
        ("modbus", {}, "exception 4"),
        ("modbus", {"code": 3}, "exception 3"),
        ("opcua", {}, "BadNotWritable"),
        ("opcua", {"status": "BadUserAccessDenied"}, "BadUserAccessDenied"),
    ],
)
async def test_writes_are_rejected_and_reads_are_not(rig: Rig, protocol: str, keys: dict[str, Any], words: str) -> None:
    eye = rig.eye(protocol)
    fault = await rig.set("writes_rejected", eye.device, **keys)
    with pytest.raises(Unseen, match=words):
        await eye.write(500.0)
    await rig.until_seen(eye, "power_limit_kw", SAFE_KW)
    assert commands(rig) == []
    await rig.clear(fault)
    await eye.write(500.0)
    await rig.until_seen(eye, "power_limit_kw", 500.0)


async def test_without_its_watchdog_a_device_holds_a_setpoint_for_ever(
    rig: Rig, eye: Eye, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_s = 0.0
    watchdog = rig.park._watchdog
    real = watchdog._timer_s
    monkeypatch.setattr(watchdog, "_timer_s", lambda: real() + ahead_s)
    fault = await rig.set("watchdog_off", eye.device)
    await eye.write(500.0)
    await rig.until_seen(eye, "power_limit_kw", 500.0)
    ahead_s = 3600.0
    await rig.until_seen(eye, "power_limit_kw", 500.0)
    assert commands(rig) == [500.0]
    await rig.clear(fault)
    await rig.until_seen(eye, "power_limit_kw", SAFE_KW)
    assert commands(rig) == [500.0, None]


async def test_a_reboot_takes_the_device_away_and_loses_its_setpoint(rig: Rig, eye: Eye) -> None:
    await eye.write(500.0)
    await rig.until_seen(eye, "power_limit_kw", 500.0)
    fault = await rig.set("reboot", eye.device, **{"for": "20s"})
    await eye.close()
    await rig.until_unseen(eye, "silent" if eye.protocol == "mqtt" else "refused")
    await rig.until(lambda: _is(rig.plant.dead == {eye.device}), "the plant knows")
    # a plant forgets what a dead device was told
    rig.plant.shown[eye.device]["power_limit_kw"] = SAFE_KW
    rig.plant.advance(20)
    await rig.until_seen(eye, "power_limit_kw", SAFE_KW)
    await rig.until(lambda: _is(not rig.plant.dead), "the plant knows that it is back")
    assert fault.state == "over"
    await eye.write(600.0)
    await rig.until_seen(eye, "power_limit_kw", 600.0)


async def test_a_device_that_is_just_coming_back_can_be_taken_away_again(rig: Rig, eye: Eye) -> None:
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    first = await rig.set("reboot", eye.device)
    await rig.clear(first)
    second = await rig.set("reboot", eye.device)
    await eye.close()
    # the broker may still hand on what was published before
    await rig.until_unseen(eye, "silent" if eye.protocol == "mqtt" else "refused")
    # what had begun to start is stopped again, and stays so
    for _ in range(3):
        await rig.park.tick()
        with pytest.raises(Unseen):
            await eye.see("active_power_kw")
    await rig.clear(second)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await rig.until(lambda: _is(not rig.plant.dead), "the plant knows that it is back")


async def test_a_tripped_device_says_so_until_it_is_cleared(rig: Rig, eye: Eye) -> None:
    await eye.write(500.0)
    await rig.until_seen(eye, "power_limit_kw", 500.0)
    fault = await rig.set("trip", eye.device)
    await rig.until_seen(eye, "active_power_kw", 0.0)
    await rig.until_seen(eye, "available", 0.0)
    await rig.until_seen(eye, "status", 7.0)
    assert rig.plant.dead == {eye.device}
    await rig.until_seen(eye, "power_limit_kw", 500.0)
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await rig.until_seen(eye, "available", 1.0)
    await rig.until_seen(eye, "status", 3.0)
    assert rig.plant.dead == set()
    # it took the setpoint before, and follows it again
    assert commands(rig) == [500.0, 500.0]


@pytest.mark.parametrize("protocol", ["modbus", "opcua", "mqtt"])
async def test_a_device_that_runs_apart_obeys_too(start_rig: Any, protocol: str) -> None:
    names = {"modbus": "turbine_m", "opcua": "turbine_o", "mqtt": "turbine_q"}
    rig = await start_rig(apart=[names[protocol]])
    eye = rig.eye(protocol)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)

    fault = await rig.set("bias", eye.device, offset=100.0)
    await rig.until_seen(eye, "active_power_kw", POWER_KW + 100)
    await rig.clear(fault)

    fault = await rig.set("writes_ignored", eye.device)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    if protocol != "mqtt":  # it says nothing about a write, so that one would not know when to look
        await eye.write(500.0)
        await rig.until_seen(eye, "power_limit_kw", SAFE_KW)
        assert commands(rig) == []
    await rig.clear(fault)

    fault = await rig.set("reboot", eye.device)
    await eye.close()
    await rig.until_unseen(eye, "silent" if protocol == "mqtt" else "refused")
    await rig.until(lambda: _is(rig.plant.dead == {eye.device}), "the plant knows")
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await eye.write(600.0)
    await rig.until_seen(eye, "power_limit_kw", 600.0)


class Breaker:
    """A grid connection that can be switched."""

    def __init__(self) -> None:
        self.closed = True

    def open_breaker(self) -> None:
        self.closed = False

    def close_breaker(self) -> None:
        self.closed = True


async def test_a_breaker_opens_and_closes_where_the_plant_has_one(start_rig: Any) -> None:
    breaker = Breaker()
    rig = await start_rig(switchgear=breaker)
    fault = await rig.set("breaker_open", "grid_meter")
    assert not breaker.closed
    await rig.clear(fault)
    assert breaker.closed


async def test_a_plant_without_a_breaker_refuses(rig: Rig) -> None:
    with pytest.raises(UnfitFault, match="the simulated plant has no breaker that could be opened"):
        await rig.set("breaker_open", "grid_meter")


async def test_a_fault_and_another_one_end_for_themselves(rig: Rig) -> None:
    """A tripped device that is rebooted meanwhile runs when both are over."""
    eye = rig.eye("modbus")
    trip = await rig.set("trip", eye.device)
    reboot = await rig.set("reboot", eye.device)
    await rig.clear(trip)
    assert rig.plant.dead == {eye.device}
    await rig.clear(reboot)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await rig.until(lambda: _is(not rig.plant.dead), "the plant knows that it is back")


def test_every_fault_of_devices_is_here() -> None:
    assert {kind for kind, model in KINDS.items() if model.group in ("commands", "physical")} == {
        *("writes_ignored", "writes_rejected", "watchdog_off", "reboot", "clock_wrong", "trip", "breaker_open"),
    }
