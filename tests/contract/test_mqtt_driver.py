"""What only MQTT has: retained and old messages, odd payloads, a session for many, brokers that say no."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from mqtt_brokers import TIMEOUT_S, Broker, OffsetClock, a_peer, mosquitto, profile_points, session_with, until

from config.loader import example_site, load_site
from config.point_spec import MqttPoint
from drivers.driver import Accepted, LinkDown, Quality, Setpoint, Unconfirmed
from drivers.mqtt import MqttDriver
from drivers.mqtt_inbox import LONGEST_PAYLOAD
from drivers.site import links_of

pytestmark = pytest.mark.server("mosquitto")


POWER = profile_points(
    power_kw={"topic": "meter/state", "path": "em.power", "time_path": "t", "scale": 0.001, "stale_s": 20}
)[0]


async def test_a_topic_never_heard_is_bad(broker: Broker) -> None:
    clock = OffsetClock()
    driver = MqttDriver(session_with(broker.port, clock), [POWER], clock)
    await driver.connect()
    (reading,) = await driver.read([POWER])
    assert (reading.value, reading.quality, reading.reason) == (None, Quality.BAD, "nothing received")
    await driver.close()


async def test_a_message_counts_until_it_is_stale(broker: Broker) -> None:
    clock = OffsetClock()
    driver = MqttDriver(session_with(broker.port, clock), [POWER], clock)
    await driver.connect()
    await broker.peer.publish("meter/state", '{"t": "2026-10-14T08:00:00+08:00", "em": {"power": 812000}}')
    reading = await until(driver, POWER, lambda reading: reading.value is not None)
    assert (reading.value, reading.quality) == (812.0, Quality.GOOD)
    assert reading.source_at == datetime(2026, 10, 14, tzinfo=UTC)
    heard_s = reading.received_s

    clock.ahead_s = 19.0
    (reading,) = await driver.read([POWER])
    assert (reading.value, reading.received_s) == (812.0, heard_s)
    clock.ahead_s = 21.0
    (reading,) = await driver.read([POWER])
    assert (reading.quality, reading.reason, reading.received_s) == (Quality.BAD, "nothing received for 21 s", heard_s)
    await driver.close()


async def test_a_retained_message_is_uncertain_until_a_live_one_comes(broker: Broker) -> None:
    clock = OffsetClock()
    await broker.peer.publish("meter/state", '{"em": {"power": 1000}}', qos=1, retain=True)
    driver = MqttDriver(session_with(broker.port, clock), [POWER], clock)
    await driver.connect()
    reading = await until(driver, POWER, lambda reading: reading.value is not None)
    assert (reading.value, reading.quality) == (1.0, Quality.UNCERTAIN)
    assert "unknown age" in reading.reason
    # published to be kept again, but live for us who are listening
    await broker.peer.publish("meter/state", '{"em": {"power": 2000}}', qos=1, retain=True)
    reading = await until(driver, POWER, lambda reading: reading.value == 2.0)
    assert reading.quality is Quality.GOOD
    await driver.close()
    # after a pause of ours, nobody knows again how old it is
    await driver.connect()
    reading = await until(driver, POWER, lambda reading: reading.value is not None)
    assert (reading.value, reading.quality) == (2.0, Quality.UNCERTAIN)
    await driver.close()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"out of order", "not JSON"),
        (b'{"em": {}}', "the payload has no em.power"),
        (b'{"em": {"power": "off"}}', 'no number at em.power but "off"'),
        (b'{"em": {"power": NaN}}', "not a finite number"),
        (b'{"em": {"power": 1e9}}', "1e+06 is outside -1000..1000"),
        (b"", "not JSON"),
    ],
)
async def test_a_payload_without_the_number_is_bad_with_the_reason(broker: Broker, payload: bytes, reason: str) -> None:
    clock = OffsetClock()
    driver = MqttDriver(session_with(broker.port, clock), [POWER], clock)
    await driver.connect()
    await broker.peer.publish("meter/state", '{"em": {"power": 1000}}')
    await until(driver, POWER, lambda reading: reading.value == 1.0)
    await broker.peer.publish("meter/state", payload)
    reading = await until(driver, POWER, lambda reading: reading.value is None)
    assert reason in reading.reason
    await driver.close()


async def test_devices_share_a_session_and_hear_their_own_topics(broker: Broker) -> None:
    clock = OffsetClock()
    session = session_with(broker.port, clock)
    points = {
        name: profile_points(name, power_kw={"topic": f"{name}/power"})[0] for name in ("hall_1", "hall_2", "hall_3")
    }
    drivers = {name: MqttDriver(session, [point], clock) for name, point in points.items()}
    for driver in drivers.values():
        await driver.connect()
    for number, name in enumerate(points, start=1):
        await broker.peer.publish(f"{name}/power", str(number))
    for number, name in enumerate(points, start=1):
        await until(drivers[name], points[name], lambda reading, number=number: reading.value == number)
    await drivers["hall_1"].close()
    await broker.peer.publish("hall_2/power", "20")
    await until(drivers["hall_2"], points["hall_2"], lambda reading: reading.value == 20.0)
    with pytest.raises(LinkDown):
        await drivers["hall_1"].read([points["hall_1"]])
    await drivers["hall_2"].close()
    await drivers["hall_3"].close()
    with pytest.raises(LinkDown):
        await session.check()


async def test_a_flood_leaves_the_last_message_and_no_other(broker: Broker) -> None:
    clock = OffsetClock()
    points = profile_points(power_kw={"topic": "meter/power", "valid": [0, 1e6]}, other_kw={"topic": "meter/other"})
    session = session_with(broker.port, clock, timeout_s=5.0)
    driver = MqttDriver(session, points, clock)
    await driver.connect()

    def flood() -> None:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        for number in range(20_000):
            client.publish("meter/power", str(number))
        client.publish("meter/power", "123456", qos=1).wait_for_publish(20.0)
        client.disconnect()
        client.loop_stop()

    flooding = asyncio.create_task(asyncio.to_thread(flood))
    # others are served meanwhile
    await broker.peer.publish("meter/other", "7")
    await until(driver, points[1], lambda reading: reading.value == 7.0)
    await until(driver, points[0], lambda reading: reading.value == 123456.0, within_s=20.0)
    await flooding
    assert set(session._inbox._last) == {"meter/power", "meter/other"}
    await driver.close()


async def test_a_picture_is_not_kept(broker: Broker) -> None:
    clock = OffsetClock()
    driver = MqttDriver(session_with(broker.port, clock), [POWER], clock)
    await driver.connect()
    await broker.peer.publish("meter/state", b'{"em": {"power": 1000}}'.ljust(LONGEST_PAYLOAD))
    await until(driver, POWER, lambda reading: reading.value == 1.0)
    await broker.peer.publish("meter/state", b'{"em": {"power": 2000}}'.ljust(LONGEST_PAYLOAD + 1))
    reading = await until(driver, POWER, lambda reading: reading.value is None)
    assert "more than a megabyte" in reading.reason
    await driver.close()


TEXTS = {
    "state": {"topic": "pump/state", "values": {"ON": 1, "OFF": 0, "3": 3}},
    "mode": {"topic": "pump/json", "path": "mode", "values": {"eco": 1, "true": 2, "4": 4}},
    "power_kw": {"topic": "pump/line", "template": "P={value} kW;*"},
    "energy_kwh": {"topic": "pump/json", "path": "total", "template": "{value}"},
}


@pytest.mark.parametrize(
    ("name", "payload", "value", "reason"),
    [
        ("state", b"ON", 1.0, ""),
        ("state", b" OFF\r\n", 0.0, ""),
        ("state", b"3", 3.0, ""),
        ("state", b"on", None, 'no number stands for "on"'),
        ("state", b"1", None, 'no number stands for "1"'),
        ("state", b"\xff", None, "the payload is not a text"),
        ("mode", b'{"mode": "eco"}', 1.0, ""),
        ("mode", b'{"mode": true}', 2.0, ""),
        ("mode", b'{"mode": 4}', 4.0, ""),
        ("mode", b'{"mode": 5}', None, "no number stands for 5.0"),
        ("mode", b'{"mode": null}', None, "no number stands for null"),
        ("power_kw", b"P=12.5 kW;Q=3 kvar", 12.5, ""),
        ("power_kw", b"P=12,5 kW;Q=3 kvar", None, "\"P=12,5 kW;Q=3 kvar\" is not like 'P={value} kW;*'"),
        ("energy_kwh", b'{"total": "12.5"}', 12.5, ""),
        ("energy_kwh", b'{"total": "12.5 kWh"}', None, "is not like"),
        ("energy_kwh", b'{"total": 12.5}', None, "12.5 is not like '{value}'"),
        ("energy_kwh", b'{"total": "1e999"}', None, "not a finite number"),
    ],
)
async def test_texts_that_a_profile_knows(
    broker: Broker, name: str, payload: bytes, value: float | None, reason: str
) -> None:
    clock = OffsetClock()
    (point,) = profile_points("pump", **{name: TEXTS[name]})
    driver = MqttDriver(session_with(broker.port, clock), [point], clock)
    await driver.connect()
    assert isinstance(point.source, MqttPoint)
    await broker.peer.publish(point.source.topic, payload)
    reading = await until(driver, point, lambda reading: reading.reason != "nothing received")
    assert reading.value == value
    assert reason in reading.reason
    await driver.close()


# -- commands ------------------------------------------------------------------------------------

COMMANDED = profile_points(
    "inverter",
    limit_kw={
        "topic": "inverter/limit",
        "scale": 0.001,
        "setpoint": {
            "range": [0, 1000],
            "resolution": 0.001,
            "tolerance": 0.01,
            "safe": 0,
            "command_topic": "inverter/cmd/limit",
            "payload": '{"w": {value}}',
        },
    },
)[0]


async def test_a_command_goes_out_once_with_receipt_and_is_not_kept(broker: Broker) -> None:
    clock = OffsetClock()
    driver = MqttDriver(session_with(broker.port, clock), [COMMANDED], clock)
    await driver.connect()
    await broker.peer.subscribe("inverter/cmd/#", qos=2)
    writing = asyncio.create_task(driver.write([Setpoint(point=COMMANDED, value=123.4)]))
    command = await anext(aiter(broker.peer.messages))
    assert (str(command.topic), command.payload, command.qos) == ("inverter/cmd/limit", b'{"w": 123400}', 1)
    # what it showed before, still on its way, is no answer
    await broker.peer.publish("inverter/limit", "1000000")
    await asyncio.sleep(0.05)
    assert not writing.done()
    await broker.peer.publish("inverter/limit", "123400")
    assert await writing == [Accepted(pytest.approx(123.4))]

    late = await a_peer(broker.port)
    await late.subscribe("inverter/cmd/#", qos=1)
    await asyncio.sleep(0.2)
    assert len(late.messages) == 0
    await late.__aexit__(None, None, None)
    await driver.close()


async def test_a_device_that_does_not_answer_a_command_is_unconfirmed_in_time(broker: Broker) -> None:
    clock = OffsetClock()
    driver = MqttDriver(session_with(broker.port, clock), [COMMANDED], clock)
    await driver.connect()
    start_s = time.monotonic()
    (result,) = await driver.write([Setpoint(point=COMMANDED, value=123.4)])
    assert TIMEOUT_S <= time.monotonic() - start_s < TIMEOUT_S + 0.5
    assert result == Unconfirmed(None, "inverter.limit_kw cannot be read back: nothing received")
    await driver.close()


async def test_a_device_that_publishes_only_changes_confirms_a_repeated_command(broker: Broker) -> None:
    clock = OffsetClock()
    driver = MqttDriver(session_with(broker.port, clock), [COMMANDED], clock)
    await driver.connect()
    await broker.peer.publish("inverter/limit", "123400")
    await until(driver, COMMANDED, lambda reading: reading.value is not None)
    assert await driver.write([Setpoint(point=COMMANDED, value=123.4)]) == [Accepted(pytest.approx(123.4))]
    await driver.close()


async def test_a_retained_status_confirms_nothing(broker: Broker) -> None:
    clock = OffsetClock()
    await broker.peer.publish("inverter/limit", "123400", qos=1, retain=True)
    driver = MqttDriver(session_with(broker.port, clock), [COMMANDED], clock)
    await driver.connect()
    (result,) = await driver.write([Setpoint(point=COMMANDED, value=123.4)])
    assert isinstance(result, Unconfirmed)
    assert "uncertain" in result.reason
    await driver.close()


# -- brokers that say no -------------------------------------------------------------------------


async def test_a_wrong_password_is_a_link_down_with_the_brokers_words(tmp_path: Path, free_port: int) -> None:
    users = tmp_path / "users"
    users.touch(mode=0o600)
    making = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", str(users), "ems", "secret")
    assert await making.wait() == 0
    # started as root, mosquitto would drop to a user that may not read here
    configuration = f"listener {free_port} 127.0.0.1\nallow_anonymous false\npassword_file {users}\nuser root\n"
    (tmp_path / "mosquitto.conf").write_text(configuration)
    async with mosquitto("-c", str(tmp_path / "mosquitto.conf"), port=free_port):
        peer = await a_peer(free_port, username="ems", password="secret")
        await peer.__aexit__(None, None, None)
        clock = OffsetClock()
        intruder = MqttDriver(session_with(free_port, clock, username="ems", password="guess"), [POWER], clock)
        with pytest.raises(LinkDown, match=r"[Nn]ot authori[sz]ed"):
            await intruder.connect()
        await intruder.close()
        driver = MqttDriver(session_with(free_port, clock, username="ems", password="secret"), [POWER], clock)
        await driver.connect()
        await driver.close()


async def test_a_topic_that_the_broker_refuses_is_bad_with_the_reason() -> None:
    """Against a broker by hand: mosquitto grants every subscription and then sends nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, length = await reader.readexactly(2)
                body = await reader.readexactly(length)
                if kind >> 4 == 1:  # CONNECT: CONNACK, accepted
                    writer.write(bytes([0x20, 2, 0, 0]))
                elif kind >> 4 == 8:  # SUBSCRIBE: SUBACK, refused
                    writer.write(bytes([0x90, 3]) + body[:2] + bytes([0x80]))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        clock = OffsetClock()
        driver = MqttDriver(session_with(server.sockets[0].getsockname()[1], clock), [POWER], clock)
        await driver.connect()
        (reading,) = await driver.read([POWER])
        assert reading.reason == "the broker does not let us listen to meter/state"
        await driver.close()


# -- profiles of the park ------------------------------------------------------------------------


async def test_the_demo_parks_meters(broker: Broker) -> None:
    site = load_site(example_site("demo_park"), {"broker": {"port": broker.port}})
    links = links_of(site, OffsetClock())
    power, heat = site.point("hall_1", "active_power_kw"), site.point("heat_demand", "supply_degc")
    assert power is not None
    assert heat is not None
    await links["hall_1_meter"].read([power])
    await links["heat_meter"].read([heat])
    await broker.peer.publish("park/hall_1/meter", '{"time": "2026-10-14T08:00:00Z", "power": {"active_w": 812500}}')
    await broker.peer.publish("park/heating/meter", '{"heat": {"power_kw": 900, "supply_degc": 74.5}}')
    await until(links["hall_1_meter"], power, lambda reading: reading.value == 812.5)
    await until(links["heat_meter"], heat, lambda reading: reading.value == 74.5)
    for link in links.values():
        await link.close()
