"""One session with an MQTT broker for all devices that publish to it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
import ssl
from collections.abc import Callable, Iterable
from typing import Final, TypeVar, cast

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from config.clock import Clock
from config.connection import Mqtt
from drivers.driver import LinkDown, TurnedAway
from drivers.mqtt_client import MqttClient, address_of
from drivers.mqtt_inbox import Follower, Inbox, Message
from drivers.quality import Stamp
from drivers.shared import SharedConnection

# what goes wrong is said by LinkDown, once
logging.getLogger("mqtt").setLevel(logging.CRITICAL)

FollowerT = TypeVar("FollowerT", bound=Follower)

_PROBE_TOPIC: Final = "parkgrid/probe"
"""Nothing is published here. The answer to subscribing to it shows that the broker is alive; every broker
gives one, also when it refuses."""


class MqttSession(SharedConnection):
    """Listens to the topics of all its devices and keeps the last message of each.

    A broker that has been quiet for the connection's time-out is asked for a sign of life before old
    messages are served, so that a frozen broker is noticed within two time-outs.
    """

    def __init__(self, spec: Mqtt, password: str | None, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is what the session is kept within; in the open when not given."""
        super().__init__()
        self._spec = spec
        self._password = password
        self._clock = clock
        self._tls = tls
        self._client: MqttClient | None = None
        self._lock = asyncio.Lock()
        self._arrival = asyncio.Event()
        self._alive_s = float("-inf")
        self._wanted: set[str] = set()
        self._subscribed: set[str] = set()
        self._refused: set[str] = set()
        self._inbox = Inbox()
        # not from 1: an answer that comes late must not meet a command of a program that was started since
        self._ids = itertools.count(random.randrange(1 << 30))

    @property
    def timeout_s(self) -> float:
        return self._spec.timeout_s

    def heard(self, topic: str) -> Message | None:
        """The last message of a topic in this session."""
        return self._inbox.last(topic)

    def next_id(self) -> int:
        """A number that no other command of this session has; it fits 32 bits with a sign."""
        return next(self._ids)

    def refuses(self, topic: str) -> bool:
        """Whether the broker did not let us listen to a topic."""
        return topic in self._refused

    async def open(self) -> None:
        async with self._lock:
            if self._is_up():
                return
            await self._give_up()
            self._inbox.begin()
            self._subscribed.clear()
            self._refused.clear()
            client = MqttClient(self._spec, self._password, self._tls, self._take)
            try:
                await client.enter()
            except aiomqtt.MqttError as error:
                # what the library makes of its cause it raises without naming it
                refused = isinstance(error, MqttConnectError) or isinstance(error.__context__, ssl.SSLError)
                kind = TurnedAway if refused else LinkDown
                raise kind(f"{self}: no session: {error}") from error
            self._client = client
            self._alive_s = self._clock.monotonic_s()
            # whoever waits for a message finds the session lost and says so
            client.when_lost(self._arrival.set)
            await self._subscribe(client, self._wanted)
            will = self._spec.will
            if will is not None and will.birth is not None:
                await self._say(client, will.birth)

    async def listen(self, topics: Iterable[str]) -> None:
        """Hear these topics from now on, in later sessions too. Raises LinkDown."""
        topics = set(topics)
        self._inbox.want(topics)
        await self.attend(topics)

    async def attend(self, topics: Iterable[str]) -> None:
        """Let followers hear these topics, which may have wildcards. Raises LinkDown."""
        async with self._lock:
            self._wanted |= set(topics)
            await self._subscribe(self._up(), self._wanted - self._subscribed)

    def follower(self, key: str, make: Callable[[], FollowerT]) -> FollowerT:
        """Who follows under this key until the session is given back; made and registered when there is none yet."""
        follower = self._inbox.follower(key)
        if follower is None:
            follower = make()
            self._inbox.follow(key, follower)
        return cast("FollowerT", follower)

    async def check(self) -> None:
        """Raises LinkDown when the session is lost or the broker gives no sign of life in time."""
        self._up()
        if self._is_quiet():
            async with self._lock:
                client = self._up()
                if self._is_quiet():
                    await self._subscribe(client, (_PROBE_TOPIC,))

    async def publish(self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False) -> str:
        """Publish once, with the broker's receipt unless `qos` is 0. Raises LinkDown when no receipt comes in time.

        Returns why the broker refuses, which only MQTT 5 tells, or an empty text.
        """
        client = self._up()
        try:
            return await client.deliver(topic, payload, qos=qos, retain=retain)
        except aiomqtt.MqttError as error:
            async with self._lock:
                await self._give_up(client)
            raise LinkDown(f"{self}: the command was not received: {error}") from error

    async def arrival(self, timeout_s: float) -> None:
        """Wait until a message arrives or the time is over. Raises LinkDown when the session is lost."""
        self._arrival.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._arrival.wait()
        self._up()

    async def shut(self) -> None:
        async with self._lock:
            will = self._spec.will
            if will is not None and self._client is not None and self._is_up():
                # the broker forgets the will of those who leave in order
                with contextlib.suppress(LinkDown):
                    await self._say(self._client, will.payload if will.goodbye is None else will.goodbye)
            await self._give_up()
            self._wanted.clear()
            self._inbox.clear()

    async def _say(self, client: MqttClient, payload: str) -> None:
        """Publish on the will's topic. The lock is held by the caller. Raises LinkDown."""
        will = self._spec.will
        assert will is not None
        try:
            await client.deliver(will.topic, payload, retain=will.retain)
        except aiomqtt.MqttError as error:
            await self._give_up(client)
            raise LinkDown(f"{self}: gives no sign of life: {error}") from error

    async def _subscribe(self, client: MqttClient, topics: Iterable[str]) -> None:
        """The lock is held by the caller."""
        try:
            for topic in sorted(topics):
                codes = await client.subscribe(topic, qos=1)
                self._alive_s = self._clock.monotonic_s()
                self._subscribed.add(topic)
                if any(not isinstance(code, int) and code.is_failure for code in codes):
                    self._refused.add(topic)
        except aiomqtt.MqttError as error:
            await self._give_up(client)
            raise LinkDown(f"{self}: gives no sign of life: {error}") from error

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        stamp = Stamp.of(self._clock)
        self._alive_s = stamp.received_s
        self._inbox.take(topic, payload, retained, stamp)
        self._arrival.set()

    def _is_up(self) -> bool:
        return self._client is not None and self._client.lost is None

    def _up(self) -> MqttClient:
        if self._client is None:
            raise LinkDown(f"{self}: not connected")
        if (reason := self._client.lost) is not None:
            raise LinkDown(f"{self}: {reason}")
        return self._client

    def _is_quiet(self) -> bool:
        return self._clock.monotonic_s() - self._alive_s > self._spec.timeout_s

    async def _give_up(self, client: MqttClient | None = None) -> None:
        """Leave the present session, or this one when it still is the present one."""
        present = self._client
        if present is None or (client is not None and client is not present):
            return
        self._client = None
        self._arrival.set()
        await present.leave()

    def __str__(self) -> str:
        return address_of(self._spec)
