"""What stands at the other end of a Modbus connection: certificates, serial lines, and a server of others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from drivers.tls import client_context

KEY_PASSWORD = "correct horse"


class Authority:
    """A certificate authority of its own, and what it has signed, as PEM files.

    `server.pem` is for 127.0.0.1 and `elsewhere.pem` for another host; `client.pem` is for us, and its key comes as
    `client.key` and, with a password, as `locked.key`.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="parkgrid-authority-")
        self.folder = Path(self._folder.name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "parkgrid test authority")])
        authority = self._signed(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
        self._write("ca.pem", authority.public_bytes(Encoding.PEM))
        self._issue("server", x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]))
        self._issue("elsewhere", x509.SubjectAlternativeName([x509.DNSName("elsewhere.example")]))
        self._issue("client", x509.SubjectAlternativeName([x509.DNSName("parkgrid.example")]))

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def server_context(self, name: str = "server") -> ssl.SSLContext:
        """Of a server that asks for a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file(f"{name}.pem"), self.file(f"{name}.key"))
        context.load_verify_locations(self.file("ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(
        self, certificate: str | None = "client.pem", key: str = "client.key", password: str | None = None
    ) -> ssl.SSLContext:
        """Of a client that trusts this authority."""
        own = None if certificate is None else (self.folder / certificate, self.folder / key)
        return client_context("the test", self.folder / "ca.pem", own, password)

    def _issue(self, name: str, alternative: x509.SubjectAlternativeName) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._write(f"{name}.pem", self._signed(subject, key.public_key(), alternative).public_bytes(Encoding.PEM))
        self._write(f"{name}.key", _pem(key, NoEncryption()))
        if name == "client":
            self._write("locked.key", _pem(key, BestAvailableEncryption(KEY_PASSWORD.encode())))

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(subject_name=subject, issuer_name=self._name, public_key=key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)


def _pem(key: ec.EllipticCurvePrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, encryption)


@cache
def authority() -> Authority:
    return Authority()


@cache
def other_authority() -> Authority:
    return Authority()


def pseudo_terminal(link: Path) -> str:
    """An end of a line, as socat takes it."""
    return f"PTY,link={link},raw,echo=0"


@contextlib.asynccontextmanager
async def socat(*addresses: str, links: tuple[Path, ...] = ()) -> AsyncIterator[asyncio.subprocess.Process]:
    """socat between two addresses, once the pseudo terminals `links` are there."""
    process = await asyncio.create_subprocess_exec("socat", *addresses, stderr=asyncio.subprocess.DEVNULL)
    try:
        for link in links:
            while not link.exists():
                assert process.returncode is None, f"socat {' '.join(addresses)} ended"
                await asyncio.sleep(0.01)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        # it may end before it takes its links away
        for link in links:
            link.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def serial_line(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """Both ends of a serial line."""
    ends = folder / "ttyA", folder / "ttyB"
    async with socat(*map(pseudo_terminal, ends), links=ends):
        yield str(ends[0]), str(ends[1])


@pytest.fixture(scope="session")
def libmodbus_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libmodbus's own test server with faults built in, made from Debian's example; `tcp PORT` or `rtu TTY`."""
    examples = Path("/usr/share/doc/libmodbus-dev/examples")
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc to make libmodbus's test server, which is not installed")
    if not (examples / "unit-test-server.c").is_file():
        pytest.skip(f"needs {examples}, which this installation of libmodbus-dev has not")
    folder = tmp_path_factory.mktemp("libmodbus")
    source = (examples / "unit-test-server.c").read_text(encoding="utf-8")
    for fixed, given in (('"/dev/ttyUSB0"', "argv[2]"), ("1502", "atoi(argv[2])")):
        assert fixed in source
        source = source.replace(fixed, given)
    (folder / "server.c").write_text(source, encoding="utf-8")
    shutil.copy(examples / "unit-test.h", folder)
    program = folder / "server"
    flags = ["-I/usr/include/modbus", "-o", str(program), str(folder / "server.c"), "-lmodbus"]
    subprocess.run(["gcc", "-w", *flags], check=True, env={**os.environ, "LC_ALL": "C"})
    return program
