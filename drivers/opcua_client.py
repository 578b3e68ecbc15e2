"""The library's OPC UA client, with two of its answers put into words, and without its publish loop."""

from __future__ import annotations

import contextlib
from typing import Final

from asyncua.client.client import Client
from asyncua.client.ua_session import UaSession
from asyncua.ua.uaerrors import UaError

_NO_WATCHDOG_S: Final = 365 * 24 * 3600.0
"""The library would probe the server every second in a task of its own; our reading is the probe."""

_SESSION_S: Final = 60.0
"""How long a server keeps a session that it hears nothing of. The library asks for an hour, in which a line that
breaks now and then would use up the few sessions that a PLC has."""


class ChannelRefused(UaError):
    """The server does not talk to us at all, most often because it does not trust our certificate."""

    def __init__(self) -> None:
        super().__init__("the server refuses to open a channel")


class _Session(UaSession):
    """A session whose publish requests are sent by whoever keeps the subscription.

    The library's own loop ends without a word when the server has dropped a subscription, and goes on for a while
    after the socket is gone.
    """

    def ensure_publish_loop(self) -> None:
        pass


class OpcuaClient(Client):
    """A client for which a refusal is never a broken promise of the library's own."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__(url, timeout=timeout_s, watchdog_intervall=_NO_WATCHDOG_S)
        self.session_timeout = int(_SESSION_S * 1000)
        self.uaclient.session = _Session(self.uaclient)

    async def open_secure_channel(self, renew: bool = False) -> None:
        try:
            await super().open_secure_channel(renew)
        except AssertionError as error:
            # what some servers answer then is no answer of its kind; the library expects no other
            raise ChannelRefused from error

    async def _renew_channel_loop(self) -> None:
        # a channel that cannot be renewed is one that is lost, which whoever asks next is told
        with contextlib.suppress(OSError, UaError):
            await super()._renew_channel_loop()

    def _encrypt_password(self, password: str, policy_uri: str) -> tuple[bytes, str]:
        if not self.security_policy.peer_certificate:
            raise UaError("the server shows no certificate to encrypt the password with")
        encrypted: tuple[bytes, str] = super()._encrypt_password(password, policy_uri)
        return encrypted
