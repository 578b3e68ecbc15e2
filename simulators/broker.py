"""The park's own MQTT broker: mosquitto where it is installed, else the one that comes as a Python package."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
import time
from asyncio.subprocess import Process
from pathlib import Path

from simulators.child import end, start_bound

HOST = "127.0.0.1"

START_S = 10.0
"""How long a broker may take to listen; mosquitto takes a tenth of a second, the embedded one half a second."""

ATTEMPTS = 5
"""Free ports that are tried: another program may take one between looking and listening."""


class BrokerDown(Exception):
    """The broker did not start; the message says which and why."""


def installed_mosquitto() -> str | None:
    """Path of mosquitto, which may lie outside of a user's search path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class OwnBroker:
    """A broker in a process of its own, on the loopback interface, without accounts and without memory."""

    def __init__(self, port: int = 0, mosquitto: str | None = None) -> None:
        """`port` 0 takes a free one. `mosquitto` is the program to use; None takes the embedded broker."""
        self.port = port
        self._mosquitto = mosquitto
        self._process: Process | None = None
        self._stops = 0
        self._started = False

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def listens(self) -> bool:
        """Whether it runs and has come so far that clients can connect."""
        return self._started and self.running

    async def start(self) -> None:
        """Start, or start again on the same port. Raises BrokerDown, also when it is stopped meanwhile."""
        stops = self._stops
        self._started = False
        for attempt in range(1, ATTEMPTS + 1):
            port = self.port or free_port()
            # read once at the start: what is gone then, a killed park cannot leave behind
            with tempfile.TemporaryDirectory(prefix="parkgrid-broker-") as folder:
                process = self._process = await start_bound(self._command(port, Path(folder)))
                listens = await self._comes_up(process, port)
            if listens and stops == self._stops:
                self.port = port
                self._started = True
                return
            await end(process)
            if stops != self._stops:
                raise BrokerDown(f"the broker on {HOST}:{port} was stopped while it started")
            if self.port or attempt == ATTEMPTS:
                raise BrokerDown(f"{self._mosquitto or 'the embedded broker'} does not listen on {HOST}:{port}")

    async def stop(self) -> None:
        self._stops += 1
        if self._process is not None:
            await end(self._process)
            self._process = None

    def _command(self, port: int, folder: Path) -> list[str]:
        if self._mosquitto is None:
            return [sys.executable, "-m", "iotcore", "--listen", HOST, "--port", str(port), "--log-level", "CRITICAL"]
        lines = [f"listener {port} {HOST}", "allow_anonymous true", "persistence false", "log_dest none"]
        if os.geteuid() == 0:
            # else mosquitto gives up its rights, and with them the signal on its parent's death
            lines.append("user root")
        file = folder / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [self._mosquitto, "-c", str(file)]

    async def _comes_up(self, process: Process, port: int) -> bool:
        until = time.monotonic() + START_S
        while time.monotonic() < until and process.returncode is None:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return process.returncode is None
        return False
