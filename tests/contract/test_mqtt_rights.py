"""What an MQTT broker does not allow, in both versions: passwords, rights, and two sessions of one name."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from pathlib import Path

import aiomqtt
import pytest
from mqtt_brokers import (
    LIMIT,
    POWER,
    Make,
    OffsetClock,
    configured_mosquitto,
    encrypted,
    refusal,
    session_with,
    until,
)
from mqtt_brokers import SECURED_TIMEOUT_S as TIMEOUT_S

from drivers.driver import LinkDown, Quality, Rejected, Setpoint, Unconfirmed
from drivers.mqtt import MqttDriver

pytestmark = pytest.mark.server("mosquitto")


@pytest.fixture
async def guarded(keys: Path) -> list[str]:
    users, rights = keys / "users", keys / "rights"
    users.touch(mode=0o600)
    for user in ("ems", "device"):
        making = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", str(users), user, "secret")
        assert await making.wait() == 0
    rights.write_text("user ems\ntopic read park/meter\nuser device\ntopic readwrite #\n")
    return ["allow_anonymous false", f"password_file {users}", f"acl_file {rights}"]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_what_the_brokers_rights_do_not_allow(
    make: Make,
    free_port: int,
    keys: Path,
    guarded: list[str],
    version: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARKGRID_MQTT_PASSWORD", "secret")
    async with configured_mosquitto(keys, free_port, *encrypted(keys)[1:], *guarded):
        driver = make(version=version, ca_file="park.pem", username="ems", password_env="PARKGRID_MQTT_PASSWORD")
        await driver.connect()
        tls = ssl.create_default_context(cafile=str(keys / "park.pem"))
        async with aiomqtt.Client(
            "127.0.0.1", free_port, timeout=TIMEOUT_S, tls_context=tls, username="device", password="secret"
        ) as device:
            await device.publish("park/limit", "70")
            await device.publish("park/meter", '{"power": 5, "counters": [1]}')
            await until(driver, POWER, lambda reading: reading.value == 5.0)
        (unseen,) = await driver.read([LIMIT])
        assert (unseen.quality, unseen.reason) == (Quality.BAD, "nothing received")  # granted, and nothing is sent
        (result,) = await driver.write([Setpoint(point=LIMIT, value=70.0)])
        if version == "5":
            assert result == Rejected("inverter.limit_kw: the broker refuses park/limit/set: Not authorized")
        else:
            assert isinstance(result, Unconfirmed)  # 3.1.1 has no word for it

        monkeypatch.setenv("PARKGRID_MQTT_PASSWORD", "guess")
        words = await refusal(
            make(version=version, ca_file="park.pem", username="ems", password_env="PARKGRID_MQTT_PASSWORD")
        )
        assert "ot authori" in words
        assert "guess" not in words


PLUGIN = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), "it comes with mosquitto")

REFUSING = {
    "defaultACLAccess": {
        "publishClientSend": False,
        "publishClientReceive": True,
        "subscribe": False,
        "unsubscribe": True,
    },
    "anonymousGroup": "everybody",
    "groups": [{"groupname": "everybody", "roles": [{"rolename": "meters"}]}],
    "roles": [
        {
            "rolename": "meters",
            "acls": [
                {"acltype": "subscribeLiteral", "topic": "park/meter", "allow": True},
                {"acltype": "publishClientSend", "topic": "park/meter", "allow": True},
            ],
        }
    ],
}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_subscription_that_is_refused_is_bad_with_the_reason(
    make: Make, free_port: int, keys: Path, version: str
) -> None:
    """With mosquitto's dynamic security, which tells of a right that is missing; its list of rights grants it."""
    rights = keys / "dynamic-security.json"
    rights.write_text(json.dumps(REFUSING))
    rights.chmod(0o600)
    lines = (f"plugin {PLUGIN}", f"plugin_opt_config_file {rights}", "allow_anonymous true")
    async with configured_mosquitto(keys, free_port, *lines):
        driver = make(version=version)
        await driver.connect()
        async with aiomqtt.Client("127.0.0.1", free_port, timeout=TIMEOUT_S) as device:
            await device.publish("park/meter", '{"power": 5, "counters": [1]}')
            await until(driver, POWER, lambda reading: reading.value == 5.0)
        (refused,) = await driver.read([LIMIT])
        assert (refused.quality, refused.reason) == (Quality.BAD, "the broker does not let us listen to park/limit")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_session_that_another_of_the_same_name_takes_over(
    make: Make, free_port: int, keys: Path, version: str
) -> None:
    async with configured_mosquitto(keys, free_port, "allow_anonymous true"):
        driver = make(version=version, client_id="ems")
        await driver.connect()
        async with aiomqtt.Client("127.0.0.1", free_port, timeout=TIMEOUT_S, identifier="ems"):
            with pytest.raises(LinkDown, match="the broker has gone"):
                await until(driver, POWER, lambda _: False)
        await driver.connect()
        assert (await driver.read([POWER]))[0].reason == "nothing received"


async def test_a_broker_that_says_why_it_ends_the_session() -> None:
    """Against a broker by hand: mosquitto 2.0 ends a session without a word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, length = await reader.readexactly(2)
                body = await reader.readexactly(length)
                if kind >> 4 == 1:  # CONNECT: CONNACK, accepted
                    writer.write(bytes([0x20, 3, 0, 0, 0]))
                elif kind >> 4 == 8:  # SUBSCRIBE: SUBACK, granted; DISCONNECT, session taken over
                    writer.write(bytes([0x90, 4]) + body[:2] + bytes([0, 1, 0xE0, 2, 0x8E, 0]))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        clock = OffsetClock()
        session = session_with(server.sockets[0].getsockname()[1], clock, version="5")
        driver = MqttDriver(session, [POWER], clock)
        with pytest.raises(LinkDown, match="the broker ends the session: Session taken over"):  # noqa: PT012
            await driver.connect()
            await until(driver, POWER, lambda _: False)
        await driver.close()
