"""A session of simulated devices at a broker: opened, kept, and opened again when it was lost."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

import aiomqtt

from config.connection import Mqtt

PUBLISH_S = 1.0
"""Real seconds between two publications."""

RETRY_S = 1.0
"""Real seconds until a lost broker is tried again."""

FAREWELL_S = 0.4
"""How long leaving the broker may take; the park itself has two seconds to end."""


class MqttSession(ABC):
    """Who publishes in a rhythm of its own and hears commands; it comes back by itself when the broker does."""

    def __init__(self, name: str, connection: Mqtt) -> None:
        """`name` tells it from the others at the broker."""
        self._name = name
        self._connection = connection
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._hurried = asyncio.Event()

    @property
    @abstractmethod
    def listens_to(self) -> tuple[str, ...]:
        """Topics of its commands."""

    @abstractmethod
    async def publish(self, client: aiomqtt.Client) -> None:
        """Say what is now."""

    @abstractmethod
    async def hear(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        """Take a command."""

    def last_will(self) -> aiomqtt.Will | None:
        """What the broker says when the next session is lost."""
        return None

    async def enter(self, client: aiomqtt.Client) -> None:
        """Say what is said once, at the begin of a session."""
        del client

    async def leave(self, client: aiomqtt.Client) -> None:
        """Say what is said before a session ends in order."""
        del client

    @property
    def address(self) -> dict[str, Any]:
        return {}

    @property
    def port(self) -> int:
        return 0

    async def start(self) -> None:
        self._ending.clear()
        self._task = asyncio.create_task(self._stay(), name=f"mqtt {self._name}")

    async def refresh(self) -> None:
        """A device publishes in its own rhythm; only its failure shows here."""
        if self._task is not None and self._task.done():
            self._task.result()

    def hurry(self) -> None:
        """Publish now, and go on in the rhythm from here."""
        self._hurried.set()

    async def stop(self) -> None:
        task, self._task = self._task, None
        self._ending.set()
        if task is not None and not task.done():
            await asyncio.wait([task], timeout=FAREWELL_S)
        # again and again: before Python 3.12 asyncio.wait_for loses a cancellation that meets its result
        while task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=FAREWELL_S)

    async def _stay(self) -> None:
        password = os.environ.get(self._connection.password_env) if self._connection.password_env else None
        while not self._ending.is_set():
            client = aiomqtt.Client(
                self._connection.host,
                self._connection.port,
                identifier=f"simulated-{self._name}-{os.getpid()}",
                username=self._connection.username,
                password=password,
                keepalive=self._connection.keepalive_s,
                timeout=self._connection.timeout_s,
                will=self.last_will(),
            )
            try:
                async with client:
                    await self._talk(client)
            except aiomqtt.MqttError:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), RETRY_S)

    async def _talk(self, client: aiomqtt.Client) -> None:
        for topic in self.listens_to:
            await client.subscribe(topic, qos=1)
        await self.enter(client)
        listening = asyncio.create_task(self._listen(client))
        ending = asyncio.create_task(self._ending.wait())
        hurried = asyncio.create_task(self._hurried.wait())
        try:
            while not (listening.done() or ending.done()):
                await self.publish(client)
                waiting = [listening, ending, hurried]
                await asyncio.wait(waiting, timeout=PUBLISH_S, return_when=asyncio.FIRST_COMPLETED)
                if hurried.done():
                    self._hurried.clear()
                    hurried = asyncio.create_task(self._hurried.wait())
            if listening.done():
                listening.result()
            await self.leave(client)
        finally:
            for task in (listening, ending, hurried):
                task.cancel()

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Take commands; raises MqttError as soon as the broker is gone."""
        async for message in client.messages:
            if isinstance(message.payload, bytes | bytearray):
                await self.hear(client, str(message.topic), bytes(message.payload))
