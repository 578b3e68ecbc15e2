"""The park's ear for commands about its faults and its time: a local socket that only its user may open.

One JSON object per line in each direction. A request is one of

    {"do": "list"}
    {"do": "set", "fault": {"kind": "frozen", "target": "grid_meter", "for": "60s"}}
    {"do": "clear", "id": "fault_1"}         without an id: all of them
    {"do": "step", "for": "15m"}             of a park that is stepped; answered when it is done

and the answer ``{"faults": [record, ...], "now": time, "speed": factor}``, for a step without faults, or
``{"refused": "why"}``.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.faults import in_words
from simulators.faults.book import FaultBook, UnfitFault
from simulators.faults.kinds import AnyFault, Fault
from simulators.faults.times import span_of
from simulators.stepping import BadStep

LONGEST_LINE = 64 * 1024
"""Bytes of a request: a fault with the name of every point of a large device takes some kilobytes."""

MOST_CLIENTS = 8
"""Commands at the same time; a person has one."""

PATIENCE_S = 10.0
"""How long a client may take for a line before it is let go; who steps a park may think between two steps."""

_FAULT: TypeAdapter[Fault] = TypeAdapter(AnyFault)


class BadRequest(ValueError):
    """A request that makes no sense here; the message says why."""


class ControlSocket:
    """Listens at a path of the file system, as long as the park runs."""

    def __init__(
        self,
        path: Path,
        book: FaultBook,
        now: Callable[[], datetime],
        speed: float,
        step: Callable[[timedelta], Awaitable[None]] | None = None,
    ) -> None:
        """`step` moves a park that is stepped, and raises ValueError for a step that it does not take."""
        self.path = path
        self._book = book
        self._now = now
        self._speed = speed
        self._step = step
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. Raises OSError."""
        # the folder is the user's own (see `config.runtime`); the socket is too from its first moment on
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, self.path, limit=LONGEST_LINE)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Listen no more and leave nothing. Idempotent."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self.path.unlink(missing_ok=True)

    async def answer(self, line: bytes) -> dict[str, Any]:
        """What a request is answered. Never raises: who asks nonsense is told so."""
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            return {"refused": "a request should be one JSON object on a line"}
        if not isinstance(asked, dict):
            return {"refused": "a request should be one JSON object on a line"}
        try:
            return await self._done(asked) | {"now": self._now().isoformat(), "speed": self._speed}
        except (UnfitFault, BadRequest, BadStep) as error:
            return {"refused": str(error)}
        except ValidationError as error:
            return {"refused": "; ".join(in_words(error, Fault, asked.get("fault")))}

    async def _done(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked:
            case {"do": "step"}:
                await self._go_on(asked.get("for"))
                return {}
            case {"do": "list"}:
                return {"faults": [entry.record() for entry in self._book.entries()]}
            case {"do": "set", "fault": dict() as wanted}:
                fault = _FAULT.validate_python(wanted)
                return {"faults": [self._book.set(fault, self._now()).record()]}
            case {"do": "clear"}:
                id_ = asked.get("id")
                cleared = self._book.clear(None if id_ is None else str(id_), self._now())
                return {"faults": [entry.record() for entry in cleared]}
            case _:
                raise BadRequest("a request should be to list, to set a fault, to clear one, or to step")

    async def _go_on(self, lasts: Any) -> None:
        if self._step is None:
            raise BadRequest("the time of this park goes by itself; simulate --stepped makes one whose time does not")
        try:
            span = span_of(lasts)
        except ValueError as error:
            raise BadRequest(f"for {error}") from error
        await self._step(span)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MOST_CLIENTS:
            writer.write(json.dumps({"refused": f"{MOST_CLIENTS} commands are under way already"}).encode() + b"\n")
            writer.close()
            return
        task = asyncio.create_task(self._talk(reader, writer), name="commands to the park")
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, TimeoutError):
                while True:
                    async with asyncio.timeout(PATIENCE_S if self._step is None else None):
                        line = await _line(reader)
                    if line is None:
                        return
                    if line:
                        answer = await self.answer(line)
                    else:
                        answer = {"refused": f"a line is at most {LONGEST_LINE} bytes"}
                    async with asyncio.timeout(PATIENCE_S):
                        writer.write(json.dumps(answer).encode() + b"\n")
                        await writer.drain()
                    if not line:
                        return
        finally:
            writer.close()


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    """The next line; None at the end, nothing for one that is too long."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        return b""
