"""One OPC UA session for all devices of a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError

from config.connection import OpcUa
from drivers.certificates import Certificates
from drivers.driver import LinkDown
from drivers.opcua_client import OpcuaClient
from drivers.opcua_security import OPENING_ERRORS, OpcuaSecurity
from drivers.shared import SharedConnection

# what goes wrong is said by LinkDown, once; the library would print it again with its traceback
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

_NO_WATCHDOG_S: Final = 365 * 24 * 3600.0
"""The library would probe the server every second in a task of its own; our polling is the probe."""


class OpcuaSession(SharedConnection):
    """A session with one server. It is given up as a whole when a call fails, and opened anew."""

    def __init__(self, spec: OpcUa, certificates: Certificates, password: str | None = None) -> None:
        super().__init__()
        self._spec = spec
        self._security = OpcuaSecurity(spec, certificates, password)
        self._client: Client | None = None
        self._lock = asyncio.Lock()
        self.namespaces: tuple[str, ...] = ()
        """The server's namespaces in the order of their indices, as of the last opening."""

    async def open(self) -> None:
        async with self._lock:
            if self._client is not None and self._client.state is UaClientState.CONNECTED:
                return
            await self._give_up(self._client)
            own = await self._security.own()
            client = OpcuaClient(self._spec.endpoint, timeout=self._spec.timeout_s, watchdog_intervall=_NO_WATCHDOG_S)
            opened = False
            try:
                async with asyncio.timeout(self._spec.timeout_s):
                    await self._security.apply(client, own)
                    await client.connect()
                    self.namespaces = tuple(await client.get_namespace_array())
                opened = True
            except OPENING_ERRORS as error:
                raise self._security.failure(error, str(self)) from error
            finally:
                if not opened:
                    await _discard(client)
            self._client = client

    async def shut(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if client.state is UaClientState.CONNECTED:
                with contextlib.suppress(OSError, UaError):
                    async with asyncio.timeout(self._spec.timeout_s):
                        await client.close_session()
                        await client.close_secure_channel()
        finally:
            await _discard(client)

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """The values of all nodes in their order, each with its status. Raises LinkDown."""
        client = self._connected()
        try:
            values = await client.uaclient.read_attributes(list(nodes), AttributeIds.Value)
        except (OSError, UaError) as error:
            await self._give_up(client)
            raise LinkDown(f"{self}: {_words(error)}") from error
        if len(values) != len(nodes):
            await self._give_up(client)
            raise LinkDown(f"{self}: answered {len(values)} values instead of {len(nodes)}")
        return list(values)

    async def write(self, node: ua.NodeId, value: ua.DataValue) -> ua.StatusCode:
        """The server's verdict on one write. Raises LinkDown."""
        client = self._connected()
        try:
            (status,) = await client.uaclient.write_attributes([node], [value])
        except (OSError, UaError) as error:
            await self._give_up(client)
            raise LinkDown(f"{self}: {_words(error)}") from error
        return status

    def _connected(self) -> Client:
        if self._client is None or self._client.state is not UaClientState.CONNECTED:
            raise LinkDown(f"{self}: not connected")
        return self._client

    async def _give_up(self, client: Client | None) -> None:
        # another device may have opened a new session since this one failed
        if client is not None and self._client is client:
            self._client = None
            await _discard(client)

    def __str__(self) -> str:
        return self._spec.endpoint


async def _discard(client: Client) -> None:
    """Close the socket and end the library's tasks without a word to the server."""
    client.disconnect_socket()
    with contextlib.suppress(OSError, UaError):
        await client.close_session()
    # the transport gives the socket back in the loop's next round
    await asyncio.sleep(0)


def _words(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
