"""Who we are to an OPC UA server, and whether it is the server that we mean."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies, uacrypto
from asyncua.ua.uaerrors import (
    BadIdentityTokenInvalid,
    BadIdentityTokenRejected,
    BadSecurityChecksFailed,
    BadTooManySessions,
    BadUserAccessDenied,
    UaError,
    UaStatusCodeError,
)
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from config.connection import OpcUa
from drivers.certificates import CertificateRefused, Certificates, Own
from drivers.driver import LinkDown, TurnedAway
from drivers.opcua_client import ChannelRefused

_POLICIES: Final[Mapping[str, type[security_policies.SecurityPolicy]]] = {
    "basic256sha256": security_policies.SecurityPolicyBasic256Sha256,
    "aes128_sha256_rsaoaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "aes256_sha256_rsapss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
"""By word of the site file. Basic128Rsa15 and Basic256 are broken, and not among them."""

_MODE: Final = ua.MessageSecurityMode.SignAndEncrypt

OPENING_ERRORS: Final = (OSError, UaError, InvalidSignature, ValueError)
"""What the library raises while a session is opened: that a signature is wrong or a certificate none comes
through as it is."""

_REFUSALS: Final = (
    BadIdentityTokenInvalid,
    BadIdentityTokenRejected,
    BadTooManySessions,
    BadUserAccessDenied,
    ChannelRefused,
    InvalidSignature,
)
"""Not those that a line in trouble brings about as well."""


class OpcuaSecurity:
    """What the site file says of one server's security, done to the library's client before it connects.

    The server's certificate comes over a line that anybody may have tapped. It is used only when it is among
    the trusted ones: whoever has not its key cannot read what is encrypted with it, nor sign an answer.
    """

    def __init__(self, spec: OpcUa, certificates: Certificates, password: str | None) -> None:
        self._spec = spec
        self._certificates = certificates
        self._password = password

    async def own(self) -> Own | None:
        """Our certificate, made when there is none; None where none is needed. Raises TurnedAway."""
        if self._spec.security == "none":
            return None
        try:
            # in a thread: a key takes its time to be made, and the cycle must not wait for it
            return await asyncio.to_thread(self._certificates.own, datetime.now(UTC))
        except CertificateRefused as error:
            raise TurnedAway(f"{self._spec.endpoint}: {error}") from error

    async def apply(self, client: Client, own: Own | None) -> None:
        """Make the client ready to connect; asks the server for its certificate and looks whether it is trusted.

        Raises TurnedAway and OPENING_ERRORS.
        """
        client.name = client.description = "parkgrid"
        if self._spec.username is not None:
            client.set_user(self._spec.username)
            client.set_password(self._password or "")
        if own is None:
            return
        certificate = await self._certificate_of(client)
        where = self._spec.endpoint.removeprefix("opc.tcp://").partition("/")[0]
        try:
            await asyncio.to_thread(self._certificates.check, certificate, where, datetime.now(UTC))
        except CertificateRefused as error:
            raise TurnedAway(f"{self._spec.endpoint}: {error}") from error
        client.application_uri = own.application_uri
        await client.set_security(
            _POLICIES[self._spec.security],
            certificate=uacrypto.CertProperties(own.certificate, "der"),
            private_key=uacrypto.CertProperties(own.key, "pem"),
            server_certificate=uacrypto.CertProperties(certificate.public_bytes(Encoding.DER), "der"),
            mode=_MODE,
        )

    async def _certificate_of(self, client: Client) -> x509.Certificate:
        endpoints: Sequence[ua.EndpointDescription] = await client.connect_and_get_server_endpoints()
        policy = _POLICIES[self._spec.security]
        for endpoint in endpoints:
            if endpoint.SecurityMode == _MODE and endpoint.SecurityPolicyUri == policy.URI:
                if not endpoint.ServerCertificate:
                    raise TurnedAway(f"{self._spec.endpoint}: the server shows no certificate")
                # of a chain the first
                certificate: x509.Certificate = uacrypto.x509_from_der(endpoint.ServerCertificate)  # type: ignore[no-untyped-call]
                return certificate
        offered = {str(of.SecurityPolicyUri).rpartition("#")[2] for of in endpoints if of.SecurityMode == _MODE}
        raise TurnedAway(
            f"{self._spec.endpoint}: the server does not offer {self._spec.security} to sign and encrypt, but "
            f"{', '.join(sorted(offered)) or 'nothing'}"
        )

    def failure(self, error: Exception, address: str) -> LinkDown:
        """What is to be raised when a session could not be opened."""
        kind = TurnedAway if isinstance(error, _REFUSALS) or _of_certificates(error) else LinkDown
        return kind(f"{address}: no session: {self.words(error)}")

    def words(self, error: Exception) -> str:
        """Why a session could not be opened, and what to do about it where that is known."""
        code = type(error).__name__
        match error:
            case TimeoutError():
                return "no answer in time"
            case BadUserAccessDenied() | BadIdentityTokenRejected() | BadIdentityTokenInvalid():
                if self._spec.username is None:
                    return f"the server wants a user and a password ({code})"
                return f"the server refuses user {self._spec.username!r} or the password ({code})"
            case ChannelRefused() if self._spec.security != "none":
                return f"{error}; it must trust {self._certificates.own_certificate}"
            case _ if _of_certificates(error):
                return f"the server must trust {self._certificates.own_certificate} ({code})"
            case InvalidSignature():
                return "the server's signature is wrong"
            case _:
                return str(error) or code


def _of_certificates(error: Exception) -> bool:
    """Whether the server says that it does not want ours."""
    return isinstance(error, BadSecurityChecksFailed) or (
        isinstance(error, UaStatusCodeError) and type(error).__name__.startswith("BadCertificate")
    )
