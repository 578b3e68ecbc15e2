"""TLS as a client: whom we trust, and what we are known by."""

from __future__ import annotations

import ssl
from pathlib import Path

from drivers.driver import DriverError


class _Socket(ssl.SSLSocket):
    """Closed when the two do not come together: who asked for it has not seen it yet, and could not close it."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def client_context(
    where: str, authority: Path, own: tuple[Path, Path] | None = None, password: str | None = None
) -> ssl.SSLContext:
    """TLS 1.2 or newer, with servers of one authority only, whose certificates name the host.

    `own` is our certificate and its key, `password` that of the key, `where` the address for messages.
    Raises DriverError for files that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _Socket
    try:
        context.load_verify_locations(authority)
    except OSError as error:
        raise DriverError(f"{where}: {authority} cannot be used: {error}") from error
    if own is not None:
        certificate, key = own
        # without a text here, a key that has a password would be asked for on the terminal
        try:
            context.load_cert_chain(certificate, key, password or "")
        except OSError as error:
            raise DriverError(f"{where}: {certificate} with {key} cannot be used: {error}") from error
    return context
