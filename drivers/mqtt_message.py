"""One message from a broker: what it has kept of a topic, or what comes next."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import unquote, urlsplit

import aiomqtt

PORTS = {"mqtt": 1883, "mqtts": 8883}


async def message_of(url: str, patience_s: float) -> bytes:
    """The payload behind `mqtt://[user:password@]host[:port]/topic`; `mqtts` is over TLS, by the machine's authorities.

    Raises OSError where the broker cannot be reached, refuses, or has nothing to say in time.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    try:
        async with (
            asyncio.timeout(patience_s),
            aiomqtt.Client(
                parts.hostname,
                parts.port or PORTS[parts.scheme],
                username=None if parts.username is None else unquote(parts.username),
                password=None if parts.password is None else unquote(parts.password),
                tls_context=ssl.create_default_context() if parts.scheme == "mqtts" else None,
                timeout=patience_s,
            ) as client,
        ):
            await client.subscribe(unquote(parts.path.removeprefix("/")), qos=1)
            message = await anext(client.messages)
    except aiomqtt.MqttError as error:
        raise ConnectionError(str(error)) from error
    except TimeoutError as error:
        raise TimeoutError(f"nothing came within {patience_s:g} s") from error
    return bytes(message.payload)
