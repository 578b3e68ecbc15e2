"""A serial line that is none: a pseudo-terminal with a Modbus server at its other end."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import tty
from contextlib import suppress
from pathlib import Path
from typing import Any

from simulators.servers.modbus import ModbusServer

CHUNK = 1024
"""Bytes taken at a time; no Modbus frame has more than 256."""


class SerialLine:
    """Makes a pseudo-terminal and passes what comes over it on to a server that speaks RTU frames on a socket.

    A client opens it by the link in a folder of its own, as it would open an adapter. There may be no other client
    meanwhile, as on a real line.
    """

    def __init__(self, server: ModbusServer) -> None:
        self._server = server
        self._ends: tuple[int, int] | None = None
        self._folder: Path | None = None
        self._socket: asyncio.StreamWriter | None = None
        self._answers: asyncio.Task[None] | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        return self._server.devices

    @property
    def address(self) -> dict[str, Any]:
        return {} if self._folder is None else {"serial_port": str(self._folder / "line")}

    @property
    def port(self) -> int:
        return 0

    async def start(self) -> None:
        await self._server.start()
        reader, self._socket = await asyncio.open_connection(self._server.address["host"], self._server.address["port"])
        # the far end stays open here, or every client that leaves would end the line
        near, far = self._ends = os.openpty()
        tty.setraw(far)
        os.set_blocking(near, False)
        self._folder = Path(tempfile.mkdtemp(prefix="parkgrid-line-"))
        (self._folder / "line").symlink_to(os.ttyname(far))
        asyncio.get_running_loop().add_reader(near, self._pass_on, near)
        self._answers = asyncio.create_task(self._pass_back(reader, near), name=f"serial line {self.devices[0]}")

    def _pass_on(self, near: int) -> None:
        with suppress(BlockingIOError):
            asked = os.read(near, CHUNK)
            if self._socket is not None:
                self._socket.write(asked)

    async def _pass_back(self, reader: asyncio.StreamReader, near: int) -> None:
        while said := await reader.read(CHUNK):
            # a full line loses bytes, as a real one does when nobody listens
            with suppress(BlockingIOError):
                os.write(near, said)

    async def refresh(self) -> None:
        """Modbus is asked: there is nothing to push."""

    async def stop(self) -> None:
        if self._ends is not None:
            asyncio.get_running_loop().remove_reader(self._ends[0])
        if self._answers is not None:
            self._answers.cancel()
            await asyncio.wait([self._answers])
            self._answers = None
        if self._socket is not None:
            self._socket.close()
            with suppress(OSError):
                await self._socket.wait_closed()
            self._socket = None
        await self._server.stop()
        for end in self._ends or ():
            os.close(end)
        self._ends = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
