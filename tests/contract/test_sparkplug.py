"""Sparkplug B against an edge node that is not ours (pysparkplug), over mosquitto."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mqtt_brokers import Broker, OffsetClock, a_peer, configured_mosquitto, session_with, until
from sparkplug_meter import (
    ENERGY,
    FREQUENCY,
    METER,
    METRICS,
    PHANTOM,
    POWER,
    SERIAL,
    Start,
    because,
    good,
    sparkplug_points,
)
from sparkplug_peer import SparkplugPeer

from config.loader import example_site, load_site
from drivers.driver import LinkDown, Quality
from drivers.site import links_of
from drivers.sparkplug import SparkplugDriver
from drivers.sparkplug_node import DOUBT_S, REBIRTH_S

pytestmark = [pytest.mark.server("mosquitto"), pytest.mark.server("pysparkplug")]


@pytest.fixture
def driver(sparkplug_driver: SparkplugDriver) -> SparkplugDriver:
    return sparkplug_driver


async def silence(broker: Broker) -> None:
    """Until everything that was published before has been delivered."""
    await broker.peer.subscribe("end", qos=1)
    await broker.peer.publish("end", "", qos=1)
    await asyncio.wait_for(anext(aiter(broker.peer.messages)), 5.0)


async def test_a_birth_gives_every_metric_its_value(driver: SparkplugDriver, start: Start) -> None:
    (reading,) = await driver.read([POWER])
    assert (reading.value, reading.reason) == (None, "the edge node has not announced itself")
    await start()
    before = datetime.now(UTC)
    reading = await until(driver, POWER, good(250.0))  # -2500 of 0.1 kW, which counts the other way
    assert reading.source_at is not None
    assert abs((reading.source_at - before).total_seconds()) < 20
    assert (await driver.read([ENERGY]))[0].value == 4711
    assert (await driver.read([FREQUENCY]))[0].value == 50.0
    serial, phantom = await driver.read([SERIAL, PHANTOM])
    assert serial.reason == "the metric is of type 12, which is no number"
    assert phantom.reason == "the birth has no metric Phantom"


async def test_changes_come_by_alias_and_what_is_silent_holds(
    driver: SparkplugDriver, start: Start, clock: OffsetClock
) -> None:
    node = await start()
    await until(driver, POWER, good(250.0))
    await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "value": 1000}])
    await until(driver, POWER, good(-100.0))
    # others of the same node come in the same sequence
    await node.tell("data", device="other", metrics=[{"name": "Temperature", "value": 22.0}])
    await node.tell("data", device="meter", metrics=[{"name": "Frequency", "value": 49.5}])
    await until(driver, FREQUENCY, good(49.5))
    clock.ahead_s = 7200.0
    reading = await until(driver, POWER, good(-100.0))
    assert reading.received_s >= 7200.0  # the broker has just answered, and nobody has died


async def test_a_value_grows_stale_where_the_profile_says_so(broker: Broker, start: Start, clock: OffsetClock) -> None:
    (point,) = sparkplug_points(metrics={"active_power_kw": {**METRICS["active_power_kw"], "stale_s": 60}})
    driver = SparkplugDriver(session_with(broker.port, clock), [point], clock)
    await driver.connect()
    await start()
    await until(driver, point, good(250.0))
    clock.ahead_s = 59.0
    await until(driver, point, good(250.0))
    clock.ahead_s = 120.0
    await until(driver, point, because("nothing received for 120 s"))
    await driver.close()


async def test_a_missing_message_is_doubted_until_the_rebirth(
    driver: SparkplugDriver, start: Start, clock: OffsetClock
) -> None:
    node = await start(answers=False)
    await until(driver, POWER, good(250.0))
    await node.tell("skip")
    await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "value": 1000}])
    reading = await until(driver, POWER, lambda reading: reading.quality is Quality.UNCERTAIN)
    # what came after the gap is not taken: what its alias stands for may have changed in between
    assert (reading.value, reading.reason) == (250.0, "message 4 came where 3 was due")
    clock.ahead_s = DOUBT_S + 1
    await until(driver, POWER, because("message 4 came where 3 was due"))
    clock.ahead_s = REBIRTH_S + 1
    await driver.read([POWER])
    assert (await node.was_told())["metrics"] == {"Node Control/Rebirth": True}
    await node.tell("birth")
    await until(driver, POWER, good(-100.0))


async def test_a_node_that_answers_is_whole_again_by_itself(
    driver: SparkplugDriver, start: Start, clock: OffsetClock
) -> None:
    node = await start()
    await until(driver, POWER, good(250.0))
    clock.ahead_s = REBIRTH_S + 1
    await node.tell("skip")
    await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "value": 1000}])
    await until(driver, POWER, good(-100.0))
    assert (await node.was_told())["metrics"] == {"Node Control/Rebirth": True}


async def test_the_sequence_goes_on_past_255(driver: SparkplugDriver, start: Start) -> None:
    node = await start()
    await until(driver, POWER, good(250.0))
    for number in range(600):
        await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "value": number}])
    reading = await until(driver, POWER, lambda reading: reading.value == pytest.approx(-59.9))
    assert reading.quality is Quality.GOOD


async def test_a_node_that_is_killed_is_gone_with_all_its_values(driver: SparkplugDriver, start: Start) -> None:
    node = await start(bd_seq=7)
    await until(driver, POWER, good(250.0))
    await node.kill()
    await until(driver, POWER, because("the edge node has gone"))
    assert (await driver.read([ENERGY]))[0].quality is Quality.BAD
    await start(bd_seq=8)
    await until(driver, POWER, good(250.0))


async def test_the_death_of_another_session_is_no_death(
    driver: SparkplugDriver, start: Start, clock: OffsetClock
) -> None:
    node = await start(bd_seq=7)
    await until(driver, POWER, good(250.0))
    clock.ahead_s = REBIRTH_S + 1
    await node.tell("node_death", bd_seq=6)
    await until(driver, POWER, lambda reading: "session 6, where 7" in reading.reason)
    # asked whether it lives, it says so
    assert (await node.was_told())["metrics"] == {"Node Control/Rebirth": True}
    await until(driver, POWER, good(250.0))


async def test_a_device_that_leaves_takes_its_values_along(driver: SparkplugDriver, start: Start) -> None:
    node = await start()
    await until(driver, POWER, good(250.0))
    await node.tell("die", device="meter")
    await until(driver, POWER, because("the device has gone"))
    await node.tell("announce", device="meter")
    await until(driver, POWER, good(250.0))


async def test_null_is_no_value_and_history_is_not_now(driver: SparkplugDriver, start: Start) -> None:
    node = await start()
    await until(driver, POWER, good(250.0))
    await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "null": True}])
    await until(driver, POWER, because("the device has no value"))
    await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "value": 1000, "null": False}])
    await until(driver, POWER, good(-100.0))
    old = {"name": "Power/Active", "value": 3000, "historical": True, "timestamp": 1_700_000_000_000}
    await node.tell("data", device="meter", metrics=[old, {"name": "Frequency", "value": 49.9, "transient": True}])
    await until(driver, FREQUENCY, good(49.9))
    await until(driver, POWER, good(-100.0))


async def test_an_alias_that_nobody_announced_asks_for_a_birth(
    driver: SparkplugDriver, start: Start, clock: OffsetClock
) -> None:
    node = await start(answers=False)
    await until(driver, POWER, good(250.0))
    clock.ahead_s = REBIRTH_S + 1
    await node.tell("data", device="meter", metrics=[{"name": "New", "alias": 99, "type": "INT16", "value": 5}])
    reading = await until(driver, POWER, lambda reading: reading.quality is Quality.UNCERTAIN)
    assert reading.reason == "alias 99 was not in the birth"
    assert (await node.was_told())["metrics"] == {"Node Control/Rebirth": True}


async def test_who_comes_late_asks_once_and_data_before_the_birth_are_no_values(
    broker: Broker, start: Start, clock: OffsetClock
) -> None:
    listener = await a_peer(broker.port)
    await listener.subscribe("spBv1.0/#", qos=1)
    node = await start(answers=False)
    driver = SparkplugDriver(session_with(broker.port, clock), sparkplug_points(), clock)
    while not (await asyncio.wait_for(anext(aiter(listener.messages)), 20.0)).topic.matches("+/+/+/+/other"):
        pass  # until the node is there, with its last device
    await driver.connect()
    for _ in range(5):
        await driver.read([POWER])
        await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "value": 1000}])
    assert (await node.was_told())["metrics"] == {"Node Control/Rebirth": True}
    (reading,) = await driver.read([POWER])
    assert reading.reason == "the edge node has not announced itself"
    clock.ahead_s = REBIRTH_S + 1
    await driver.read([POWER])
    assert (await node.was_told())["metrics"] == {"Node Control/Rebirth": True}
    await node.tell("birth")
    await until(driver, POWER, good(-100.0))
    await driver.close()
    await listener.__aexit__(None, None, None)


async def test_a_profile_may_forbid_to_ask(broker: Broker, start: Start, clock: OffsetClock) -> None:
    listener = await a_peer(broker.port)
    await listener.subscribe("spBv1.0/park/NCMD/#", qos=1)
    points = sparkplug_points(rebirth=False)
    driver = SparkplugDriver(session_with(broker.port, clock), points, clock)
    await driver.connect()
    for _ in range(3):
        await driver.read(points)
    await start()
    await until(driver, points[0], good(250.0))
    await silence(broker)
    assert len(listener.messages) == 0
    await driver.close()
    await listener.__aexit__(None, None, None)


async def test_a_birth_that_the_broker_has_kept_proves_no_life(
    broker: Broker, start: Start, clock: OffsetClock
) -> None:
    await start(answers=False, retain=True)
    listener = await a_peer(broker.port)
    await listener.subscribe("spBv1.0/park/DBIRTH/#", qos=1)
    while not (await asyncio.wait_for(anext(aiter(listener.messages)), 20.0)).topic.matches("+/+/+/+/other"):
        pass
    driver = SparkplugDriver(session_with(broker.port, clock), sparkplug_points(), clock)
    await driver.connect()
    await silence(broker)
    (reading,) = await driver.read([POWER])
    assert reading.reason == "the edge node has not announced itself"
    await driver.close()
    await listener.__aexit__(None, None, None)


async def test_devices_of_one_node_and_the_node_itself_share_a_session(
    broker: Broker, start: Start, clock: OffsetClock
) -> None:
    session = session_with(broker.port, clock)
    uptime, *_ = sparkplug_points(None, {"uptime_s": {"metric": "Uptime", "valid": [0, 1e10]}})
    warmth, *_ = sparkplug_points("other", {"room_degc": {"metric": "Temperature", "valid": [-40, 60]}})
    node_driver, meter_driver = (SparkplugDriver(session, [point], clock) for point in (uptime, POWER))
    await node_driver.connect()
    await meter_driver.connect()
    await start(metrics=[{"name": "Uptime", "type": "UINT32", "value": 4_000_000_000}])
    await until(node_driver, uptime, good(4e9))
    await until(meter_driver, POWER, good(250.0))
    # one that comes later has missed the birth, and gets one
    late = SparkplugDriver(session, [warmth], clock)
    await late.connect()
    clock.ahead_s = REBIRTH_S + 1
    await until(late, warmth, good(21.5))
    for each in (node_driver, meter_driver, late):
        await each.close()


async def test_a_broker_that_comes_back_brings_a_new_birth(tmp_path: Any, free_port: int, clock: OffsetClock) -> None:
    driver = SparkplugDriver(session_with(free_port, clock), sparkplug_points(), clock)
    node = SparkplugPeer(free_port, devices=METER)
    async with configured_mosquitto(tmp_path, free_port, "allow_anonymous true"):
        await node.start()
        await driver.connect()
        await until(driver, POWER, good(250.0))
        await node.tell("data", device="meter", metrics=[{"name": "Power/Active", "value": 1000}])
        await until(driver, POWER, good(-100.0))
    with pytest.raises(LinkDown):
        await until(driver, POWER, lambda _: False)
    async with configured_mosquitto(tmp_path, free_port, "allow_anonymous true"):
        await driver.connect()
        (reading,) = await driver.read([POWER])
        assert reading.value is None  # nothing is carried over
        await until(driver, POWER, good(-100.0), within_s=20.0)
        await driver.close()
        await node.kill()


async def test_a_device_of_a_site(broker: Broker, start: Start, tmp_path: Path, clock: OffsetClock) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "hall_meter.yaml").write_text(
        "{description: made up, verified: false, source: this file, protocol: mqtt, format: sparkplug_b, group: park,"
        ' edge_node: "{hall}", device: meter, parameters: {hall: which}, points: {'
        "active_power_kw: {metric: Power/Active, scale: 0.1, turn: true, valid: [-1000, 1000]}}}"
    )
    site_file = tmp_path / "site.yaml"
    demo = example_site("demo_park").read_text(encoding="utf-8")
    meter = "profile: simulated_power_meter\n    parameters: {topic: park/hall_1/meter}"
    assert meter in demo
    site_file.write_text(demo.replace(meter, "profile: hall_meter\n    parameters: {hall: hall}"), encoding="utf-8")
    site = load_site(site_file, {"broker": {"port": broker.port}})
    links = links_of(site, clock)
    point = site.point("hall_1", "active_power_kw")
    assert point is not None
    await start()
    await until(links["hall_1_meter"], point, good(250.0))
    for link in links.values():
        await link.close()
