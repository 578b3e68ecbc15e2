"""Faults in what devices answer, as plain clients of each protocol see them come and go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fault_eyes import Eye, Unseen, stamp_of
from fault_rig import POWER_KW, SHOWN, WIND, Rig
from still_plant import NOW

from simulators.faults.kinds import KINDS, ValueFault
from simulators.faults.values import altered

pytestmark = pytest.mark.usefixtures("in_a_hurry")


@pytest.mark.parametrize(
    ("kind", "keys", "shown"),
    [
        ("wrong_value", {"value": 77.0}, 77.0),
        ("bias", {"offset": -50.0}, POWER_KW - 50),
        ("unit_swapped", {}, POWER_KW * 1000),
        ("unit_swapped", {"factor": 0.001}, POWER_KW / 1000),
        ("sign_swapped", {}, -POWER_KW),
        ("no_value", {}, None),
    ],
)
async def test_a_value_is_another_one(rig: Rig, eye: Eye, kind: str, keys: dict[str, Any], shown: float | None) -> None:
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    fault = await rig.set(kind, eye.device, **keys)
    await rig.until_seen(eye, "active_power_kw", shown)
    await rig.until_seen(eye, "wind_speed_m_per_s", WIND)  # only its powers
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


@pytest.mark.parametrize("point", ["wind_speed_m_per_s", "status", "available"])
async def test_each_type_has_its_own_no_value(rig: Rig, eye: Eye, point: str) -> None:
    """NaN in 32-bit floats, 0xFFFF in a register, a status with an OPC UA integer or boolean, null in JSON."""
    truth = SHOWN[eye.device][point]
    await rig.until_seen(eye, point, truth)
    fault = await rig.set("no_value", eye.device, points=[point])
    if eye.protocol == "opcua" and point != "wind_speed_m_per_s":
        await rig.until_unseen(eye, "BadNoData", point)
    else:
        await rig.until_seen(eye, point, None)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await rig.clear(fault)
    await rig.until_seen(eye, point, truth)


async def test_a_frozen_value_stays_while_the_truth_moves(rig: Rig, eye: Eye) -> None:
    fault = await rig.set("frozen", eye.device)
    rig.plant.shown[eye.device] |= {"active_power_kw": 100.0, "wind_speed_m_per_s": 4.0}
    await rig.until_seen(eye, "wind_speed_m_per_s", 4.0)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", 100.0)


async def test_a_drift_grows_with_the_parks_time(rig: Rig, eye: Eye) -> None:
    fault = await rig.set("drift", eye.device, per_hour=40.0)
    for hours in (1, 2):
        rig.plant.advance(3600)
        await rig.until_seen(eye, "active_power_kw", POWER_KW + 40 * hours)
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_spikes_come_in_some_periods_only(rig: Rig, eye: Eye) -> None:
    fault = await rig.set("spikes", eye.device, height=300.0, share=0.5, period_s=10.0, id="restless")
    standing = fault.standing
    assert standing is not None
    expected = []
    for _ in range(16):
        truth = {"active_power_kw": POWER_KW}
        expected.append(altered(truth, [standing], rig.plant.now, {})["active_power_kw"])
        await rig.until_seen(eye, "active_power_kw", expected[-1])
        rig.plant.advance(10)
    assert set(expected) == {POWER_KW, POWER_KW + 300, POWER_KW - 300}
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_a_fault_ends_by_itself_in_the_parks_time(rig: Rig, eye: Eye) -> None:
    await rig.set("wrong_value", eye.device, value=5.0, **{"for": "60s"})
    rig.plant.advance(59)
    await rig.until_seen(eye, "active_power_kw", 5.0)
    rig.plant.advance(1)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


@pytest.mark.parametrize("code", [1, 4, 6, 11])
async def test_a_modbus_device_answers_with_an_exception(rig: Rig, code: int) -> None:
    eye = rig.eye("modbus")
    fault = await rig.set("exception", eye.device, code=code)
    await rig.until_unseen(eye, f"exception {code}")
    with pytest.raises(Unseen, match=f"exception {code}"):
        await eye.write(500.0)
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    assert rig.plant.commands == []


@pytest.mark.parametrize("status", ["BadDeviceFailure", "UncertainLastUsableValue"])
async def test_an_opcua_server_gives_values_with_a_status(rig: Rig, status: str) -> None:
    eye = rig.eye("opcua")
    fault = await rig.set("bad_status", eye.device, status=status)
    await rig.until_unseen(eye, status)
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_an_mqtt_device_publishes_nothing(rig: Rig) -> None:
    eye = rig.eye("mqtt")
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    fault = await rig.set("no_publication", eye.device)
    await rig.until_unseen(eye, "silent")
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


@pytest.mark.parametrize("protocol", ["opcua", "mqtt"])
async def test_time_stamps_are_off_and_values_are_not(rig: Rig, protocol: str) -> None:
    eye = rig.eye(protocol)

    async def off(by: timedelta) -> None:
        async def holds() -> bool:
            try:
                return await stamp_of(eye) == NOW + by
            except Unseen:
                return False

        await rig.until(holds, f"time stamps are off by {by}")

    await off(timedelta())
    fault = await rig.set("clock_wrong", eye.device, offset_s=-7200.0)
    await off(timedelta(hours=-2))
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await rig.clear(fault)
    await off(timedelta())


def test_every_kind_of_wrong_value_is_here() -> None:
    known = {kind for kind, model in KINDS.items() if issubclass(model, ValueFault)}
    assert known == {
        *("wrong_value", "frozen", "drift", "bias", "no_value", "spikes", "unit_swapped", "sign_swapped"),
    }
