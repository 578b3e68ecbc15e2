"""OPC UA with certificates, users and passwords, against a real server with certificates of its own."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.user_managers import UserManager
from asyncua.ua.ua_binary import struct_to_binary, uatcp_to_binary
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from config.clock import SystemClock
from config.connection import OpcUa
from config.loader import example_site, load_site
from config.point import Point, points_of
from config.profile import OpcuaProfile
from drivers.certificates import CertificateRefused, Certificates
from drivers.driver import Accepted, DriverError, LinkDown, Setpoint
from drivers.opcua import OpcuaDriver
from drivers.opcua_session import OpcuaSession
from drivers.site import links_of
from simulators.servers.namespace_zero import SmallInternalServer

URI = "urn:parkgrid:secured"
NOW = datetime.now(UTC)
EVERY_POLICY = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(name: str = "plc", *, key: rsa.RSAPrivateKey = KEY, days: tuple[int, int] = (-2, 30)) -> bytes:
    """A self-signed certificate in DER, valid between two days from now."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .serial_number(x509.random_serial_number())
        .public_key(key.public_key())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:{name}")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


class OneUser(UserManager):
    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        if (username, password) == ("ems", "secret"):
            return User(role=UserRole.User)
        return None


@contextlib.asynccontextmanager
async def a_plc(
    port: int,
    shown: bytes,
    *,
    policies: list[ua.SecurityPolicyType] = EVERY_POLICY,
    users: UserManager | None = None,
    clients: Path | None = None,
) -> AsyncIterator[None]:
    """A server with a setpoint; `clients` is the folder of the clients' certificates that it trusts."""
    server = Server(SmallInternalServer(user_manager=users))
    await server.init()
    await server.set_application_uri("urn:plc")
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plc")
    server.set_security_policy(policies)
    await server.load_certificate(shown)
    await server.load_private_key(KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    if clients is not None:
        store = TrustStore([clients], [])
        await store.load()
        options = CertificateValidatorOptions.TRUSTED_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
        server.set_certificate_validator(CertificateValidator(options, store))
    index = await server.register_namespace(URI)
    node = await server.nodes.objects.add_variable(ua.NodeId("Limit", index), "Limit", 40.0, ua.VariantType.Double)
    await node.set_writable()
    async with server:
        yield


def limit() -> Point:
    setpoint = {"range": [0, 1000], "resolution": 1, "tolerance": 0.5, "safe": 0}
    profile = OpcuaProfile.model_validate(
        {
            "protocol": "opcua",
            "description": "made up",
            "verified": True,
            "source": "this file",
            "points": {"power_limit_kw": {"node": f"nsu={URI};s=Limit", "valid": [0, 1000], "setpoint": setpoint}},
        }
    )
    return points_of("plc", profile, {})[0]


Make = Callable[..., OpcuaDriver]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certificates"


@pytest.fixture
async def make(free_port: int, folder: Path) -> AsyncIterator[Make]:
    """Makes drivers for the server at the free port; closes them in the end."""
    made: list[OpcuaDriver] = []

    def driver(security: str = "basic256sha256", password: str | None = None, **more: Any) -> OpcuaDriver:
        endpoint = f"opc.tcp://127.0.0.1:{free_port}/plc"
        spec = OpcUa.model_validate(
            {"protocol": "opcua", "endpoint": endpoint, "security": security, "timeout_s": 3.0, **more}
        )
        made.append(OpcuaDriver(OpcuaSession(spec, Certificates(folder), password), [limit()], SystemClock()))
        return made[-1]

    yield driver
    for each in made:
        await each.close()


def trust(folder: Path, der: bytes, name: str = "plc.der") -> None:
    (folder / "trusted").mkdir(parents=True, exist_ok=True)
    (folder / "trusted" / name).write_bytes(der)


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


async def refusal(driver: OpcuaDriver) -> str:
    with pytest.raises(LinkDown) as caught:
        await driver.connect()
    return str(caught.value)


# -- sessions ------------------------------------------------------------------------------------


async def test_every_security_reads_and_writes(make: Make, free_port: int, folder: Path) -> None:
    trust(folder, certificate_shown := certificate())
    async with a_plc(free_port, certificate_shown):
        for security in ("basic256sha256", "aes128_sha256_rsaoaep", "aes256_sha256_rsapss"):
            driver = make(security)
            await driver.connect()
            assert await driver.write([Setpoint(point=limit(), value=70.0)]) == [Accepted(70.0)]
            assert await driver.write([Setpoint(point=limit(), value=40.0)]) == [Accepted(40.0)]
            assert (await driver.read([limit()]))[0].value == 40.0
            await driver.close()


async def test_a_user_and_a_password(make: Make, free_port: int, folder: Path) -> None:
    trust(folder, shown := certificate())
    async with a_plc(free_port, shown, users=OneUser()):
        driver = make(username="ems", password="secret")
        await driver.connect()
        assert (await driver.read([limit()]))[0].value == 40.0

        words = await refusal(make(username="ems", password="guess"))
        assert f"127.0.0.1:{free_port}" in words
        assert "the server refuses user 'ems' or the password (BadUserAccessDenied)" in words
        assert "guess" not in words
        assert "the server refuses user 'ems' or the password" in await refusal(make(username="ems"))
        assert "the server wants a user and a password" in await refusal(make())
        # the session of the right one goes on
        assert (await driver.read([limit()]))[0].value == 40.0


async def test_an_open_session_may_have_a_user_and_needs_no_certificate(
    make: Make, free_port: int, folder: Path
) -> None:
    both = [ua.SecurityPolicyType.NoSecurity, *EVERY_POLICY]
    async with a_plc(free_port, certificate(), policies=both, users=OneUser()):
        driver = make("none", username="ems", password="secret")
        await driver.connect()
        assert (await driver.read([limit()]))[0].value == 40.0
    assert names_in(folder) == []


async def test_a_lost_server_is_found_again(make: Make, free_port: int, folder: Path) -> None:
    trust(folder, shown := certificate())
    driver = make()
    for _ in range(2):
        async with a_plc(free_port, shown):
            await driver.connect()
            assert (await driver.read([limit()]))[0].value == 40.0
        with pytest.raises(LinkDown):
            await driver.read([limit()])


async def test_a_server_with_less_security_is_refused(make: Make, free_port: int, folder: Path) -> None:
    trust(folder, shown := certificate())
    weaker = [
        ua.SecurityPolicyType.NoSecurity,
        ua.SecurityPolicyType.Basic256Sha256_Sign,
        ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ]
    async with a_plc(free_port, shown, policies=weaker):
        words = await refusal(make("basic256sha256"))
    assert words.endswith("does not offer basic256sha256 to sign and encrypt, but Aes128_Sha256_RsaOaep")


async def test_a_server_without_any_security_is_refused(make: Make, free_port: int) -> None:
    async with a_plc(free_port, certificate(), policies=[ua.SecurityPolicyType.NoSecurity]):
        assert (await refusal(make())).endswith("but nothing")


# -- whom we trust -------------------------------------------------------------------------------


async def test_an_unknown_server_is_kept_for_a_look_and_moved_by_hand(make: Make, free_port: int, folder: Path) -> None:
    shown = certificate()
    async with a_plc(free_port, shown):
        driver = make()
        words = await refusal(driver)
        (kept,) = (folder / "rejected").iterdir()
        assert kept.name.startswith(f"127.0.0.1_{free_port}_")
        assert kept.read_bytes() == shown
        assert "shows a certificate that is not trusted" in words
        assert words.endswith(f"move {kept} to {folder / 'trusted'}")
        # once more: nothing is trusted by being asked twice, and nothing is kept twice
        await refusal(driver)
        assert list((folder / "rejected").iterdir()) == [kept]

        kept.rename(folder / "trusted" / kept.name)
        await driver.connect()
        assert (await driver.read([limit()]))[0].value == 40.0


async def test_a_server_that_changes_its_certificate_is_refused(make: Make, free_port: int, folder: Path) -> None:
    trust(folder, certificate(), f"127.0.0.1_{free_port}_0123456789abcdef.der")
    async with a_plc(free_port, certificate()):
        words = await refusal(make())
    assert "shows another certificate than the trusted one; if it is the right one, move" in words


async def test_a_certificate_without_its_key_opens_nothing(make: Make, free_port: int, folder: Path) -> None:
    """Somebody shows the trusted certificate, which is no secret, and has another key."""
    trust(folder, stolen := certificate(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    async with a_plc(free_port, stolen):
        assert "no session" in await refusal(make(username="ems", password="secret"))


async def test_an_expired_server_is_refused_though_it_is_trusted(make: Make, free_port: int, folder: Path) -> None:
    trust(folder, shown := certificate(days=(-30, -1)))
    async with a_plc(free_port, shown):
        words = await refusal(make())
    assert words.endswith(f"the server's certificate expired on {NOW - timedelta(days=1):%Y-%m-%d}")


async def test_a_server_that_does_not_trust_us_says_so(
    make: Make, free_port: int, folder: Path, tmp_path: Path
) -> None:
    trust(folder, shown := certificate())
    clients = tmp_path / "clients"
    clients.mkdir()
    (clients / "somebody_else.der").write_bytes(certificate("somebody"))
    async with a_plc(free_port, shown, clients=clients):
        words = await refusal(make())
    own = folder / "own" / "certificate.der"
    assert f"the server must trust {own} (BadCertificateUntrusted)" in words

    (clients / "ems.der").write_bytes(own.read_bytes())
    async with a_plc(free_port, shown, clients=clients):
        driver = make()
        await driver.connect()
        assert (await driver.read([limit()]))[0].value == 40.0


async def test_a_server_that_refuses_the_channel_is_a_link_down(make: Make, free_port: int) -> None:
    """Against a server by hand, which answers as node-opcua does to a client that it does not trust."""
    line = SecureConnection(SecurityPolicyNone(), TransportLimits())
    refused = ua.ServiceFault()
    refused.ResponseHeader.ServiceResult = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSecurityChecksFailed))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(uatcp_to_binary(ua.MessageType.Acknowledge, ua.Acknowledge()))
        await reader.read(4096)
        writer.write(line.message_to_binary(struct_to_binary(refused), ua.MessageType.SecureOpen, request_id=1))
        await reader.read(4096)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", free_port):
        words = await refusal(make("none"))
    assert words.endswith("/plc: no session: the server refuses to open a channel")


# -- the folder ----------------------------------------------------------------------------------


@pytest.fixture
def kept(folder: Path) -> Certificates:
    return Certificates(folder)


def loaded(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def test_our_own_certificate_is_made_once_and_for_us_alone(kept: Certificates, folder: Path) -> None:
    own = kept.own(NOW)
    assert kept.own(NOW) == own
    made = loaded(own.certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [own.application_uri]
    assert own.application_uri.startswith("urn:")
    assert made.not_valid_before_utc < NOW - timedelta(hours=1)
    assert made.not_valid_after_utc > NOW + timedelta(days=15 * 365)
    assert stat.S_IMODE((folder / "own" / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "own").stat().st_mode) == 0o700
    assert names_in(folder) == ["own"]


async def test_two_who_make_it_at_once_have_the_same(folder: Path) -> None:
    both = await asyncio.gather(*(asyncio.to_thread(Certificates(folder).own, NOW) for _ in range(4)))
    assert len(set(both)) == 1
    assert names_in(folder) == ["own"]


def test_the_plants_own_authority_may_replace_ours(kept: Certificates, folder: Path) -> None:
    (folder / "own").mkdir(parents=True)
    pem = loaded(certificate("ems")).public_bytes(Encoding.PEM)
    kept.own_certificate.write_bytes(pem)
    secret = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "own" / "key.pem").write_bytes(secret)
    own = kept.own(NOW)
    assert (own.certificate, own.application_uri) == (loaded(own.certificate).public_bytes(Encoding.DER), "urn:ems")
    assert own.key == secret
    with pytest.raises(CertificateRefused, match="expired on"):
        kept.own(NOW + timedelta(days=31))


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("certificate.der", b"nonsense", "cannot be used"),
        ("key.pem", b"nonsense", "cannot be used"),
        ("certificate.der", certificate(), "do not belong together"),
        ("key.pem", None, "there is no certificate of ours"),
    ],
)
def test_an_own_certificate_that_cannot_be_used(
    kept: Certificates, folder: Path, file: str, content: bytes | None, words: str
) -> None:
    kept.own(NOW)
    if content is None:
        (folder / "own" / file).unlink()
    else:
        (folder / "own" / file).write_bytes(content)
    with pytest.raises(CertificateRefused, match=words):
        kept.own(NOW)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Certificates(tmp_path / "file" / "certificates")
    with pytest.raises(CertificateRefused, match="there is no certificate of ours"):
        kept.own(NOW)
    with pytest.raises(CertificateRefused, match="cannot be looked up"):
        kept.check(loaded(certificate()), "plc:4840", NOW)


def test_trusted_files_in_either_form_beside_what_is_none(kept: Certificates, folder: Path) -> None:
    der, pem = certificate("one"), certificate("two")
    trust(folder, der, "one.crt")
    trust(folder, loaded(pem).public_bytes(Encoding.PEM), "two.pem")
    trust(folder, b"-----BEGIN CERTIFICATE-----\nnonsense", "three.pem")
    for each in (der, pem):
        kept.check(loaded(each), "plc:4840", NOW)
    with pytest.raises(CertificateRefused, match=r"is not valid before .* are the clocks right"):
        kept.check(loaded(der), "plc:4840", NOW - timedelta(days=3))


def test_a_server_with_a_new_certificate_each_time_does_not_fill_the_disk(kept: Certificates, folder: Path) -> None:
    for number in range(25):
        with pytest.raises(CertificateRefused):
            kept.check(loaded(certificate(f"plc{number}")), "../plc:4840", NOW)
    files = list((folder / "rejected").iterdir())
    assert len(files) == 20
    assert all(file.name.startswith(".._plc_4840_") for file in files)


# -- from the site file --------------------------------------------------------------------------


async def test_the_site_file_says_it_all(free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = example_site("demo_park").read_text(encoding="utf-8")
    plain = 'endpoint: "opc.tcp://127.0.0.1:15031/parkgrid", security: none'
    assert plain in text
    secured = (
        f'endpoint: "opc.tcp://127.0.0.1:{free_port}/plc", security: aes256_sha256_rsapss, '
        "username: ems, password_env: PARKGRID_PLC_PASSWORD"
    )
    file = tmp_path / "site.yaml"
    file.write_text(text.replace(plain, secured), encoding="utf-8")
    site = load_site(file)
    assert site.certificates == tmp_path / "certificates"
    with pytest.raises(DriverError, match=f"{free_port}/plc: environment variable PARKGRID_PLC_PASSWORD is not set"):
        links_of(site, SystemClock())
    monkeypatch.setenv("PARKGRID_PLC_PASSWORD", "secret")
    link = links_of(site, SystemClock())["wind_controller"]
    power = site.point("wind", "active_power_kw")
    assert power is not None
    shown = certificate()
    async with a_plc(free_port, shown, users=OneUser()):
        assert "not trusted" in (await link.read([power]))[0].reason
        trust(tmp_path / "certificates", shown)
        await link.close()

    file.write_text(f"certificates: /var/lib/parkgrid\n{text}", encoding="utf-8")
    assert load_site(file).certificates == Path("/var/lib/parkgrid")
