"""The library's OPC UA client, with two of its answers put into words."""

from __future__ import annotations

from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaError


class ChannelRefused(UaError):
    """The server does not talk to us at all, most often because it does not trust our certificate."""

    def __init__(self) -> None:
        super().__init__("the server refuses to open a channel")


class OpcuaClient(Client):
    """A client for which a refusal is never a broken promise of the library's own."""

    async def open_secure_channel(self, renew: bool = False) -> None:
        try:
            await super().open_secure_channel(renew)
        except AssertionError as error:
            # what some servers answer then is no answer of its kind; the library expects no other
            raise ChannelRefused from error

    def _encrypt_password(self, password: str, policy_uri: str) -> tuple[bytes, str]:
        if not self.security_policy.peer_certificate:
            raise UaError("the server shows no certificate to encrypt the password with")
        encrypted: tuple[bytes, str] = super()._encrypt_password(password, policy_uri)
        return encrypted
