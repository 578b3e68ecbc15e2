"""Brokers for tests: mosquitto in the open or secured by a site file, certificates, and clients of ours and others."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
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
from config.connection import Mqtt
from config.loader import example_site, load_site
from config.point import Point, points_of
from config.profile import MqttProfile
from config.site import Site
from drivers.driver import Driver, LinkDown, Reading
from drivers.link import Link
from drivers.mqtt import MqttDriver
from drivers.mqtt_session import MqttSession
from drivers.site import links_of

TIMEOUT_S = 0.5
SECURED_TIMEOUT_S = 1.0
NOW = datetime.now(UTC)

# -- in the open ---------------------------------------------------------------------------------


@dataclass
class OffsetClock:
    """The machine's clock, put forward by hand."""

    ahead_s: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def site_s(self) -> float:
        return self.monotonic_s()

    def monotonic_s(self) -> float:
        return time.monotonic() + self.ahead_s


@dataclass
class Broker:
    port: int
    peer: aiomqtt.Client
    """A client that plays the devices."""


@contextlib.asynccontextmanager
async def mosquitto(*arguments: str, port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        "mosquitto", *arguments, "-p", str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def a_peer(port: int, **login: str) -> aiomqtt.Client:
    for _ in range(200):
        with contextlib.suppress(aiomqtt.MqttError):
            return await aiomqtt.Client("127.0.0.1", port, timeout=TIMEOUT_S, **login).__aenter__()
        await asyncio.sleep(0.02)
    pytest.fail("the broker did not come up")


@pytest.fixture
async def broker(free_port: int) -> AsyncIterator[Broker]:
    async with mosquitto(port=free_port):
        peer = await a_peer(free_port)
        yield Broker(free_port, peer)
        await peer.__aexit__(None, None, None)


def profile_points(device: str = "meter", **points: dict[str, object]) -> list[Point]:
    profile = MqttProfile.model_validate(
        {
            "protocol": "mqtt",
            "description": "made up",
            "verified": True,
            "source": "this file",
            "points": {name: {"valid": [-1000, 1000], **point} for name, point in points.items()},
        }
    )
    return list(points_of(device, profile, {}))


def session_with(port: int, clock: OffsetClock, timeout_s: float = TIMEOUT_S, **login: str) -> MqttSession:
    password = login.pop("password", None)
    spec = Mqtt(protocol="mqtt", host="127.0.0.1", port=port, timeout_s=timeout_s, **login)
    return MqttSession(spec, password, clock)


async def until(driver: Driver | Link, point: Point, ok: Callable[[Reading], bool], within_s: float = 10.0) -> Reading:
    deadline_s = time.monotonic() + within_s
    while True:
        (reading,) = await driver.read([point])
        if ok(reading):
            return reading
        assert time.monotonic() < deadline_s, reading
        await asyncio.sleep(0.01)


# -- with keys, passwords and rights -------------------------------------------------------------


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
async def configured_mosquitto(folder: Path, port: int, *lines: str) -> AsyncIterator[None]:
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


INVERTER_POINTS = {
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
INVERTER = {
    "protocol": "mqtt",
    "description": "made up",
    "verified": True,
    "source": "this file",
    "points": INVERTER_POINTS,
}
POWER, ENERGY, LIMIT = points_of("inverter", MqttProfile.model_validate(INVERTER), {})


def site_with(folder: Path, **broker: Any) -> Site:
    """The demo park, whose site file lies in a folder of ours."""
    file = folder / "site.yaml"
    file.write_text(example_site("demo_park").read_text(encoding="utf-8"), encoding="utf-8")
    return load_site(file, {"broker": {"host": "127.0.0.1", "timeout_s": SECURED_TIMEOUT_S, **broker}})


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


async def refusal(driver: MqttDriver) -> str:
    start_s = time.monotonic()
    with pytest.raises(LinkDown) as caught:
        await driver.connect()
    assert time.monotonic() - start_s < 2 * SECURED_TIMEOUT_S
    return str(caught.value)
