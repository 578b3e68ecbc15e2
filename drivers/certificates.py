"""The certificates of OPC UA: our own, made on first use, and those of the servers that we trust.

In the folder that the site file names:

    own/certificate.der, own/key.pem    what we show; the plant's own authority may replace both
    trusted/                            servers' certificates that somebody has looked at
    rejected/                           those that nobody has: kept to be looked at and moved

Only the very certificate in trusted/ counts, not its issuer, so that taking a file away ends the trust.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from drivers.driver import DriverError

_KEY_BITS: Final = 2048
"""What every one of the security policies takes; some PLCs take no more."""

_OWN_DAYS: Final = 20 * 365
"""As long as a plant lives: an own certificate that ends takes every server away in the same minute."""

_CLOCKS_APART: Final = timedelta(days=1)
"""A server whose clock is behind would find a certificate of this minute not valid yet."""

_REJECTED_KEPT: Final = 20
"""A server that shows another certificate each time must not fill the disk."""


class CertificateRefused(DriverError):
    """A certificate that cannot be used. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Own:
    """What we are known by."""

    certificate: bytes
    """DER."""
    key: bytes
    """PEM."""
    application_uri: str
    """As the certificate says it: servers compare the two."""


class Certificates:
    """One folder of certificates; its files are looked at anew each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trusted = folder / "trusted"
        self._rejected = folder / "rejected"

    @property
    def own_certificate(self) -> Path:
        """What a server's people must trust."""
        return self._folder / "own" / "certificate.der"

    def own(self, now: datetime) -> Own:
        """Our certificate and key, made when there are none. Raises CertificateRefused; takes up to a second."""
        file = self.own_certificate
        try:
            if not file.parent.exists():
                _make_own(file.parent, now)
            content, key = file.read_bytes(), (file.parent / "key.pem").read_bytes()
        except OSError as error:
            raise CertificateRefused(f"there is no certificate of ours: {error}") from error
        try:
            certificate = x509.load_der_x509_certificate(_der_of(content))
            fits = certificate.public_key() == load_pem_private_key(key, None).public_key()
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        except (ValueError, TypeError, x509.ExtensionNotFound) as error:
            raise CertificateRefused(f"{file} or its key cannot be used: {error}") from error
        if not fits:
            raise CertificateRefused(f"{file} and key.pem beside it do not belong together")
        if not uris:
            raise CertificateRefused(f"{file} names no application URI")
        _require_usable(certificate, now, f"our own certificate {file}")
        return Own(certificate.public_bytes(Encoding.DER), key, uris[0])

    def check(self, certificate: x509.Certificate, server: str, now: datetime) -> None:
        """Raises CertificateRefused unless a server's certificate is trusted and holds now.

        An unknown one is kept in rejected/ under the server's name, which is its host and port.
        """
        der = certificate.public_bytes(Encoding.DER)
        try:
            for folder in (self._trusted, self._rejected):
                folder.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^A-Za-z0-9.-]", "_", server)
            trusted = {file.name: file.read_bytes() for file in self._trusted.iterdir() if file.is_file()}
            if not any(_der_of(content) == der for content in trusted.values()):
                kept = self._rejected / f"{name}_{hashlib.sha256(der).hexdigest()[:16]}.der"
                kept.write_bytes(der)
                self._forget_the_oldest()
                changed = any(other.startswith(f"{name}_") for other in trusted)
                found = "another certificate than the trusted one" if changed else "a certificate that is not trusted"
                raise CertificateRefused(
                    f"the server shows {found}; if it is the right one, move {kept} to {self._trusted}"
                )
        except OSError as error:
            raise CertificateRefused(f"the trusted certificates cannot be looked up: {error}") from error
        _require_usable(certificate, now, "the server's certificate")

    def _forget_the_oldest(self) -> None:
        files = sorted(self._rejected.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for file in files[:-_REJECTED_KEPT]:
            file.unlink(missing_ok=True)


def _der_of(content: bytes) -> bytes:
    """A certificate's bytes from a file in either of its usual forms; of any other file, its content."""
    if not content.lstrip().startswith(b"-----BEGIN CERTIFICATE-----"):
        return content
    try:
        return ssl.PEM_cert_to_DER_cert(content.decode("ascii").strip())
    except ValueError:
        return content


def _require_usable(certificate: x509.Certificate, now: datetime, whose: str) -> None:
    """Raises CertificateRefused outside of the time for which a certificate is made, and without an RSA key."""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > last:
        raise CertificateRefused(f"{whose} expired on {last:%Y-%m-%d}")
    if now < first:
        raise CertificateRefused(f"{whose} is not valid before {first:%Y-%m-%d %H:%M} UTC: are the clocks right?")
    if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
        raise CertificateRefused(f"{whose} has no RSA key, which every security policy wants")


def _make_own(folder: Path, now: datetime) -> None:
    """Make a key and its certificate in a new folder, which appears with both in it or not at all."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".own-", dir=folder.parent))
    try:
        _write(partial / "key.pem", secret)
        _write(partial / "certificate.der", _self_signed(key, now).public_bytes(Encoding.DER))
        partial.rename(folder)
    except OSError:
        # somebody else may have been faster: then theirs is ours
        shutil.rmtree(partial, ignore_errors=True)
        if not folder.exists():
            raise


def _write(file: Path, content: bytes) -> None:
    """Write for the owner's eyes only, down to the disk."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _self_signed(key: rsa.RSAPrivateKey, now: datetime) -> x509.Certificate:
    """An application instance certificate as OPC 10000-6, 6.2.2 wants it."""
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"parkgrid@{host}"[:64])])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
        key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"urn:{host}:parkgrid"), x509.DNSName(host)]
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(x509.random_serial_number())
        .public_key(key.public_key())
        .not_valid_before(now - _CLOCKS_APART)
        .not_valid_after(now + timedelta(days=_OWN_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
