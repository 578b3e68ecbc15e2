"""One OPC UA session for all devices of a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.ua.uaerrors import UaError

from config.clock import Clock, SystemClock
from config.connection import OpcUa
from drivers.certificates import Certificates
from drivers.driver import LinkDown
from drivers.opcua_addresses import OpcuaAddresses
from drivers.opcua_calls import OpcuaCalls
from drivers.opcua_client import OpcuaClient
from drivers.opcua_security import OPENING_ERRORS, OpcuaSecurity
from drivers.opcua_watch import OpcuaWatch
from drivers.patience import patience
from drivers.quality import Stamp
from drivers.shared import SharedConnection

# what goes wrong is said by LinkDown, once; the library would print it again with its traceback
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

_CLOCK: Final = SystemClock()


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Open:
    """One session at the server, and all that ends with it."""

    client: Client
    calls: OpcuaCalls
    addresses: OpcuaAddresses
    watch: OpcuaWatch | None
    """None where everything is polled."""

    @property
    def is_up(self) -> bool:
        return self.client.state is UaClientState.CONNECTED

    async def stop_watching(self) -> None:
        if self.watch is not None:
            await self.watch.close()


class OpcuaSession(SharedConnection):
    """A session with one server. It is given up as a whole when a call fails, and opened anew."""

    def __init__(
        self, spec: OpcUa, certificates: Certificates, password: str | None = None, clock: Clock = _CLOCK
    ) -> None:
        super().__init__()
        self._spec = spec
        self._security = OpcuaSecurity(spec, certificates, password)
        self._clock = clock
        self._open: _Open | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        async with self._lock:
            if self._open is not None and self._open.is_up:
                return
            await self._give_up(self._open)
            own = await self._security.own()
            client = OpcuaClient(self._spec.endpoint, self._spec.timeout_s)
            opened: _Open | None = None
            try:
                async with patience(self._spec.timeout_s):
                    await self._security.apply(client, own)
                    await client.connect()
                    calls = OpcuaCalls(client.uaclient.session)
                    await calls.begin()
                opened = _Open(client, calls, OpcuaAddresses(calls), self._watch(client, calls))
            except OPENING_ERRORS as error:
                raise self._security.failure(error, str(self)) from error
            finally:
                if opened is None:
                    await _discard(client)
            self._open = opened

    def _watch(self, client: Client, calls: OpcuaCalls) -> OpcuaWatch | None:
        if self._spec.mode == "poll":
            return None
        watch = OpcuaWatch(self._spec, client.uaclient.session, calls, self._clock)
        watch.start()
        return watch

    async def shut(self) -> None:
        opened, self._open = self._open, None
        if opened is None:
            return
        try:
            await opened.stop_watching()
            if opened.is_up:
                with contextlib.suppress(OSError, UaError):
                    async with patience(self._spec.timeout_s):
                        await opened.client.close_session()
                        await opened.client.close_secure_channel()
        finally:
            await _discard(opened.client)

    async def nodes(self, addresses: Sequence[str]) -> list[ua.NodeId | str]:
        """The node of each address in this session; words where there is none. Raises LinkDown and DriverError."""
        opened = self._connected()
        return await self._done(opened, opened.addresses.nodes(addresses))

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[tuple[ua.DataValue, Stamp]]:
        """The values of all nodes in their order, each with its status and when it was last known to hold.

        From the subscription where it knows; the others are asked for. Raises LinkDown.
        """
        opened = self._connected()
        known: dict[ua.NodeId, tuple[ua.DataValue, Stamp]] = {}
        if opened.watch is not None:
            opened.watch.want(nodes)
            known = opened.watch.known(nodes)
        unknown = [node for node in dict.fromkeys(nodes) if node not in known]
        if unknown:
            values = await self._done(opened, opened.calls.read(unknown))
            stamp = Stamp.of(self._clock)
            known.update((node, (value, stamp)) for node, value in zip(unknown, values, strict=True))
        return [known[node] for node in nodes]

    async def ask(self, nodes: Sequence[ua.NodeId]) -> list[tuple[ua.DataValue, Stamp]]:
        """As `read`, but what the server says now: of what has just been written, a subscription knows the old value.

        Raises LinkDown.
        """
        opened = self._connected()
        if opened.watch is not None:
            opened.watch.doubt(nodes)
        return await self.read(nodes)

    async def write(self, node: ua.NodeId, value: ua.DataValue) -> ua.StatusCode:
        """The server's verdict on one write. Raises LinkDown."""
        opened = self._connected()
        if opened.watch is not None:
            opened.watch.doubt([node])
        return await self._done(opened, opened.calls.write(node, value))

    async def _done(self, opened: _Open, work: Awaitable[T]) -> T:
        """What a call answers; without an answer the session is given up. Raises LinkDown."""
        try:
            return await work
        except (OSError, UaError) as error:
            await self._give_up(opened)
            raise LinkDown(f"{self}: {_words(error)}") from error

    def _connected(self) -> _Open:
        if self._open is None or not self._open.is_up:
            raise LinkDown(f"{self}: not connected")
        return self._open

    async def _give_up(self, opened: _Open | None) -> None:
        # another device may have opened a new session since this one failed
        if opened is not None and self._open is opened:
            self._open = None
            try:
                await opened.stop_watching()
            finally:
                await _discard(opened.client)

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
