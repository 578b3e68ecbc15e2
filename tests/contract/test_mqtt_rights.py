"""What an MQTT broker does not allow, in both versions: passwords, rights, and two sessions of one name."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiomqtt
import pytest
from mqtt_brokers import (
    LIMIT,
    POWER,
    Make,
    configured_mosquitto,
    encrypted,
    refusal,
    until,
)
from mqtt_brokers import SECURED_TIMEOUT_S as TIMEOUT_S

from drivers.driver import Quality, Rejected, Setpoint, Unconfirmed

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
        assert unseen.quality is Quality.BAD
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
