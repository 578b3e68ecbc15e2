"""aiomqtt's client, for one session as the site file wants it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import aiomqtt
from paho.mqtt.client import DisconnectFlags, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from config.connection import Mqtt

_VERSIONS: Final = {"3.1.1": aiomqtt.ProtocolVersion.V311, "5": aiomqtt.ProtocolVersion.V5}

_POLL_S: Final = 0.005

T = TypeVar("T")

Receive = Callable[[str, bytes, bool], None]
"""Takes topic, payload and whether the broker had kept the message."""


def _leave_out(topic: str, payload: bytes, retained: bool) -> None:
    """Takes nothing."""


def _seen(ended: asyncio.Future[None]) -> None:
    """What `lost` says; asyncio would complain of an error that nobody has looked at."""
    if not ended.cancelled():
        ended.exception()


def address_of(spec: Mqtt) -> str:
    """The broker's address, as it is written in a message."""
    return f"{'mqtts' if spec.ca_file is not None else 'mqtt'}://{spec.host}:{spec.port}"


class MqttClient(aiomqtt.Client):
    """A client that leaves no socket behind, whichever way its connecting ends, and that hears a refusal."""

    def __init__(
        self, spec: Mqtt, password: str | None, tls: ssl.SSLContext | None, receive: Receive | None = None
    ) -> None:
        """`receive` gets each message as it arrives, and must not raise; without it they wait in `messages`."""
        will = spec.will
        super().__init__(
            spec.host,
            spec.port,
            identifier=spec.client_id,
            username=spec.username,
            password=password,
            protocol=_VERSIONS[spec.version],
            tls_context=tls,
            will=None if will is None else aiomqtt.Will(will.topic, will.payload, qos=1, retain=will.retain),
            timeout=spec.timeout_s,
            keepalive=spec.keepalive_s,
        )
        self._disconnected.add_done_callback(_seen)
        self._client.connect_timeout = spec.timeout_s
        self._hung_up = "the broker hangs up before there is a session"
        if tls is not None and spec.certificate_file is None:
            self._hung_up += "; does it ask for a certificate?"
        self._receive = receive
        self._entering = False
        self._delivering = asyncio.Lock()
        self._refusal = ""
        self._farewell = ""
        """Why the broker ends the session, which only MQTT 5 tells."""

    async def enter(self) -> None:
        """Connect within the time-out. Raises MqttError.

        The library connects in a thread that cannot be stopped: a cancellation waits for its end, at most
        one time-out, and then passes.
        """
        self._entering = True
        entering = asyncio.ensure_future(self.__aenter__())
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            await asyncio.wait([entering])
            if not entering.cancelled():
                entering.exception()  # seen: the cancellation is what counts
            await self.leave()
            raise
        except aiomqtt.MqttError:
            await self.leave()
            raise
        finally:
            self._entering = False

    async def leave(self) -> None:
        """Say goodbye and close the socket; done when it is closed."""
        self._entering = False
        if self._receive is not None:
            # what a frozen broker still has for a session that was given up is not of the next one
            self._receive = _leave_out
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.timeout):
                # paho closes the socket once its goodbye is written, and tells nobody before the session stood
                while self._client.socket() is not None:  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S)

    def when_lost(self, act: Callable[[], None]) -> None:
        """Do something as soon as the session that stands now is lost."""
        self._disconnected.add_done_callback(lambda _: act())

    @property
    def lost(self) -> str | None:
        """Why there is no session any more; None while there is one."""
        if not self._disconnected.done():
            return None
        return f"the broker ends the session: {self._farewell}" if self._farewell else "the broker has gone"

    async def deliver(self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool) -> str:
        """Publish once and wait for the broker's receipt; why it refuses, or an empty text. Raises MqttError."""
        # one at a time: the library passes a receipt on without what it says
        async with self._delivering:
            self._refusal = ""
            await self.publish(topic, payload, qos=qos, retain=retain)
            return self._refusal

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:
        """An answer of the broker. The library would wait for the time-out also when the session is lost meanwhile."""
        answer = asyncio.ensure_future(fut)
        try:
            await asyncio.wait(
                (answer, self._disconnected),
                timeout=self.timeout if timeout is None else timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                return answer.result()
            raise aiomqtt.MqttError(self.lost or "Operation timed out")
        finally:
            answer.cancel()

    def _on_disconnect(
        self, client: Any, userdata: Any, flags: DisconnectFlags, reason_code: ReasonCode, properties: Any = None
    ) -> None:
        if self._entering and not self._connected.done():
            # the library would wait for the time-out and then speak of that
            self._connected.set_exception(aiomqtt.MqttError(self._hung_up))
            return
        if flags.is_disconnect_packet_from_server and reason_code.is_failure:
            self._farewell = str(reason_code)
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_message(self, client: Any, userdata: Any, message: MQTTMessage) -> None:
        if self._receive is None:
            super()._on_message(client, userdata, message)
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no topic that anybody listens to
        self._receive(topic, bytes(message.payload), message.retain)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        if reason_code.is_failure:
            self._refusal = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)
