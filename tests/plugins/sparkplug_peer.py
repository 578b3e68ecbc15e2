"""A Sparkplug edge node that is not ours, as a process of its own: told what to do by the tests."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

PYTHON = Path(sys.prefix) / "sparkplug-peer" / "bin" / "python"
"""Made by `make servers`."""

SCRIPT = Path(__file__).parents[1] / "peers" / "sparkplug_node.py"

PATIENCE_S = 20.0


class SparkplugPeer:
    """One edge node with its devices; see tests/peers/sparkplug_node.py for what it can be told."""

    def __init__(self, port: int, **spec: Any) -> None:
        self._spec = {"port": port, "group": "park", "node": "hall", **spec}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            str(PYTHON),
            str(SCRIPT),
            json.dumps(self._spec),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    async def tell(self, do: str, **what: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
        await self._process.stdin.drain()

    async def was_told(self) -> dict[str, Any]:
        """The next command that came to it over the wire."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S)
        told: dict[str, Any] = json.loads(line)
        return told

    async def kill(self) -> None:
        """Ends it as a power cut does: the broker publishes its death."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()
        self._process = None
