"""MQTT within TLS, in both versions, against mosquitto: whom we trust, and what we are known by."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import aiomqtt
import pytest
from mqtt_brokers import (
    ENERGY,
    LIMIT,
    POWER,
    Make,
    configured_mosquitto,
    encrypted,
    refusal,
    until,
)
from mqtt_brokers import SECURED_TIMEOUT_S as TIMEOUT_S

from drivers.driver import Accepted, DriverError, Setpoint

pytestmark = pytest.mark.server("mosquitto")


@pytest.mark.parametrize("version", ["3.1.1", 5])
async def test_a_session_within_tls(make: Make, free_port: int, keys: Path, version: object) -> None:
    async with configured_mosquitto(keys, free_port, *encrypted(keys)):
        driver = make(ca_file="park.pem", version=version)
        await driver.connect()
        tls = ssl.create_default_context(cafile=str(keys / "park.pem"))
        async with aiomqtt.Client("127.0.0.1", free_port, timeout=TIMEOUT_S, tls_context=tls) as device:
            # two points in one message
            await device.publish("park/meter", '{"power": 812.5, "counters": [4711, 0]}')
            await until(driver, POWER, lambda reading: reading.value == 812.5)
            assert (await driver.read([ENERGY]))[0].value == 4711.0

            await device.subscribe("park/limit/set")
            writing = asyncio.create_task(driver.write([Setpoint(point=LIMIT, value=70.0)]))
            command = await anext(aiter(device.messages))
            assert command.payload == b'{"cap": {"w": 70}}'
            await device.publish("park/limit", "70")
            assert await writing == [Accepted(70.0)]


@pytest.mark.parametrize(
    ("shown", "trusted", "words"),
    [
        ("broker", "stranger.pem", "unable to get local issuer certificate"),
        ("elsewhere", "park.pem", "IP address mismatch"),
        ("expired", "park.pem", "certificate has expired"),
    ],
)
async def test_a_broker_that_cannot_be_trusted_is_refused(
    make: Make, free_port: int, keys: Path, shown: str, trusted: str, words: str
) -> None:
    async with configured_mosquitto(keys, free_port, *encrypted(keys, shown)):
        said = await refusal(make(ca_file=trusted, username="ems", password_env="HOME"))
        assert said.startswith(f"mqtts://127.0.0.1:{free_port}: no session: ")
        assert words in said


async def test_a_broker_in_the_open_gets_no_session_and_no_password(make: Make, free_port: int, keys: Path) -> None:
    async with configured_mosquitto(keys, free_port, "allow_anonymous true"):
        assert "no session" in await refusal(make(ca_file="park.pem"))


async def test_a_broker_that_is_silent_within_tls_is_a_link_down_in_time(make: Make, free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        assert "timed out" in await refusal(make(ca_file="park.pem"))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_old_tls_is_refused(make: Make, free_port: int, keys: Path) -> None:
    """Against a listener by hand: mosquitto itself speaks no TLS below 1.2."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.load_cert_chain(keys / "broker.pem", keys / "broker.key")

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", free_port, ssl=old):
        assert "no session" in await refusal(make(ca_file="park.pem"))


async def test_a_client_certificate(make: Make, free_port: int, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [f"cafile {keys / 'park.pem'}", "require_certificate true", "use_identity_as_username true"]
    monkeypatch.setenv("PARKGRID_MQTT_KEY", "opensesame")
    async with configured_mosquitto(keys, free_port, *encrypted(keys), *wanted):
        driver = make(
            ca_file="park.pem",
            certificate_file="ems.pem",
            key_file="ems.key",
            key_password_env="PARKGRID_MQTT_KEY",
        )
        await driver.connect()
        assert (await driver.read([POWER]))[0].reason == "nothing received"
        assert "does it ask for a certificate?" in await refusal(make(ca_file="park.pem"))


@pytest.mark.parametrize(
    ("broker", "words"),
    [
        ({"ca_file": "park.key"}, "park.key cannot be used"),
        (
            {"ca_file": "park.pem", "certificate_file": "ems.pem", "key_file": "ems.key"},
            "ems.pem with .*ems.key cannot be used",
        ),
        (
            {"ca_file": "park.pem", "certificate_file": "ems.pem", "key_file": "broker.key"},
            "ems.pem with .*broker.key cannot be used",
        ),
    ],
)
async def test_files_that_cannot_be_used(make: Make, broker: dict[str, str], words: str) -> None:
    with pytest.raises(DriverError, match=words):
        make(**broker)
