"""MQTT within TLS, with passwords and rights, in both versions, and a last will; against mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from config.clock import SystemClock
from config.loader import example_site, load_site
from config.point import Point, points_of
from config.profile import MqttProfile
from config.site import Site
from drivers.driver import Accepted, DriverError, LinkDown, Quality, Reading, Rejected, Setpoint, Unconfirmed
from drivers.mqtt import MqttDriver
from drivers.mqtt_session import MqttSession
from drivers.site import links_of

TIMEOUT_S = 1.0
NOW = datetime.now(UTC)

pytestmark = pytest.mark.server("mosquitto")


# -- an authority, a broker, a client ------------------------------------------------------------


@dataclass
class Authority:
    """Signs certificates and puts them, with their keys, into a folder."""

    folder: Path
    name: str
    key: rsa.RSAPrivateKey

    @classmethod
    def founded(cls, folder: Path, name: str) -> Authority:
        authority = cls(folder, name, rsa.generate_private_key(public_exponent=65537, key_size=2048))
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        authority._write(name, authority.key, authority._signed(name, authority.key.public_key(), constraint))
        return authority

    def sign(self, name: str, *, address: str = "127.0.0.1", days: int = 30, password: bytes | None = None) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        self._write(name, key, self._signed(name, key.public_key(), names, days), password)

    def _signed(
        self, name: str, key: rsa.RSAPublicKey, extension: x509.ExtensionType, days: int = 30
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .serial_number(x509.random_serial_number())
            .public_key(key)
            .not_valid_before(NOW - timedelta(days=60))
            .not_valid_after(NOW + timedelta(days=days))
            .add_extension(extension, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def _write(
        self, name: str, key: rsa.RSAPrivateKey, certificate: x509.Certificate, password: bytes | None = None
    ) -> None:
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        cipher = NoEncryption() if password is None else BestAvailableEncryption(password)
        (self.folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of certificates: the park's authority and what it signed, and another authority."""
    folder = tmp_path_factory.mktemp("keys")
    park = Authority.founded(folder, "park")
    Authority.founded(folder, "stranger")
    park.sign("broker")
    park.sign("elsewhere", address="127.0.0.9")
    park.sign("expired", days=-1)
    park.sign("ems", password=b"opensesame")
    return folder


@contextlib.asynccontextmanager
async def mosquitto(folder: Path, port: int, *lines: str) -> AsyncIterator[None]:
    """A broker that lets in who has a password, and the user ems only to read meters and command inverters."""
    file = folder / "mosquitto.conf"
    # started as root, mosquitto would drop to a user that may not read here
    file.write_text("\n".join((f"listener {port} 127.0.0.1", "user root", "log_dest none", *lines)) + "\n")
    process = await asyncio.create_subprocess_exec("mosquitto", "-c", str(file), stderr=asyncio.subprocess.DEVNULL)
    try:
        for _ in range(250):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.02)
        yield
    finally:
        process.kill()
        await process.wait()


def encrypted(keys: Path, name: str = "broker") -> list[str]:
    return ["allow_anonymous true", f"certfile {keys / name}.pem", f"keyfile {keys / name}.key"]


POINTS = {
    "power_kw": {"topic": "park/meter", "path": "power", "valid": [0, 1000]},
    "energy_kwh": {"topic": "park/meter", "path": "counters.0", "valid": [0, 1e6]},
    "limit_kw": {
        "topic": "park/limit",
        "valid": [0, 1000],
        "setpoint": {
            "range": [0, 1000],
            "resolution": 1,
            "tolerance": 0.5,
            "safe": 0,
            "command_topic": "park/limit/set",
            "payload": '{"cap": {"w": {value}}}',
        },
    },
}
PROFILE = {
    "protocol": "mqtt",
    "description": "made up",
    "verified": True,
    "source": "this file",
    "points": POINTS,
}
POWER, ENERGY, LIMIT = points_of("inverter", MqttProfile.model_validate(PROFILE), {})


def site_with(folder: Path, **broker: Any) -> Site:
    """The demo park, whose site file lies in a folder of ours."""
    file = folder / "site.yaml"
    file.write_text(example_site("demo_park").read_text(encoding="utf-8"), encoding="utf-8")
    return load_site(file, {"broker": {"host": "127.0.0.1", "timeout_s": TIMEOUT_S, **broker}})


Make = Callable[..., MqttDriver]


@pytest.fixture
async def make(free_port: int, keys: Path) -> AsyncIterator[Make]:
    """Makes drivers from what a site file says of the broker at the free port; closes them in the end."""
    made: list[MqttDriver] = []

    def driver(**broker: Any) -> MqttDriver:
        session = session_of(site_with(keys, port=free_port, **broker))
        made.append(MqttDriver(session, [POWER, ENERGY, LIMIT], SystemClock()))
        return made[-1]

    yield driver
    for each in made:
        await each.close()


def session_of(site: Site) -> MqttSession:
    """The session that a meter of the site has been given."""
    session = links_of(site, SystemClock())["hall_1_meter"]._driver._connection  # type: ignore[attr-defined]
    assert isinstance(session, MqttSession)
    return session


async def until(driver: MqttDriver, point: Point, ok: Callable[[Reading], bool]) -> Reading:
    deadline_s = time.monotonic() + 5.0
    while True:
        (reading,) = await driver.read([point])
        if ok(reading):
            return reading
        assert time.monotonic() < deadline_s, reading
        await asyncio.sleep(0.01)


async def refusal(driver: MqttDriver) -> str:
    start_s = time.monotonic()
    with pytest.raises(LinkDown) as caught:
        await driver.connect()
    assert time.monotonic() - start_s < 2 * TIMEOUT_S
    return str(caught.value)


# -- within TLS ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["3.1.1", 5])
async def test_a_session_within_tls(make: Make, free_port: int, keys: Path, version: object) -> None:
    async with mosquitto(keys, free_port, *encrypted(keys)):
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
    async with mosquitto(keys, free_port, *encrypted(keys, shown)):
        said = await refusal(make(ca_file=trusted, username="ems", password_env="HOME"))
        assert said.startswith(f"mqtts://127.0.0.1:{free_port}: no session: ")
        assert words in said


async def test_a_broker_in_the_open_gets_no_session_and_no_password(make: Make, free_port: int, keys: Path) -> None:
    async with mosquitto(keys, free_port, "allow_anonymous true"):
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
    async with mosquitto(keys, free_port, *encrypted(keys), *wanted):
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


# -- users and rights ----------------------------------------------------------------------------


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
    async with mosquitto(keys, free_port, *encrypted(keys)[1:], *guarded):
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


# -- the last will -------------------------------------------------------------------------------


WILL = {"topic": "park/ems", "payload": "lost", "goodbye": "left", "birth": "here"}


@contextlib.asynccontextmanager
async def a_listener(port: int, topic: str) -> AsyncIterator[Callable[[], Any]]:
    async with aiomqtt.Client("127.0.0.1", port, timeout=TIMEOUT_S) as client:
        await client.subscribe(topic, qos=1)
        messages = aiter(client.messages)

        async def next_one() -> tuple[bytes, bool]:
            message = await asyncio.wait_for(anext(messages), 5.0)
            assert isinstance(message.payload, bytes)
            return message.payload, message.retain

        yield next_one


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_who_leaves_says_goodbye_and_who_is_cut_off_is_missed(
    make: Make, free_port: int, keys: Path, version: str
) -> None:
    async with mosquitto(keys, free_port, "allow_anonymous true"):
        async with a_listener(free_port, "park/ems") as heard:
            driver = make(version=version, will=WILL)
            await driver.connect()
            assert await heard() == (b"here", False)
            await driver.close()
            assert await heard() == (b"left", False)

            lost = make(version=version, will=WILL | {"goodbye": None})
            await lost.connect()
            assert await heard() == (b"here", False)
            # as when the machine dies: the line is cut without a word
            cut_off(lost)
            assert await heard() == (b"lost", False)
            with pytest.raises(LinkDown):
                await until(lost, POWER, lambda _: False)

            await lost.connect()
            assert await heard() == (b"here", False)
            await lost.close()
            assert await heard() == (b"lost", False)
        async with a_listener(free_port, "#") as heard:
            driver = make(will=WILL | {"retain": True})
            await driver.connect()
            assert await heard() == (b"here", False)
            await driver.close()
            assert await heard() == (b"left", False)
        async with a_listener(free_port, "#") as heard:
            assert await heard() == (b"left", True)


def cut_off(driver: MqttDriver) -> None:
    client = driver._connection._client
    assert client is not None
    line = client._client.socket()
    assert isinstance(line, socket.socket)
    line.shutdown(socket.SHUT_RDWR)


async def test_a_lost_broker_holds_up_no_goodbye(make: Make, free_port: int, keys: Path) -> None:
    async with mosquitto(keys, free_port, "allow_anonymous true"):
        driver = make(will=WILL)
        await driver.connect()
    start_s = time.monotonic()
    await driver.close()
    assert time.monotonic() - start_s < TIMEOUT_S
