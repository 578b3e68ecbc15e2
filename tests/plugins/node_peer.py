"""Servers and clients on node.js, as processes of their own: told what to do by the tests."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

NODE_MODULES = Path(sys.prefix) / "peers" / "node_modules"
"""Made by `make servers`."""

SCRIPTS = Path(__file__).parents[1] / "peers"

PATIENCE_S = 60.0
"""node-opcua makes a key of its own before it begins, on cores that others use too."""

LINE_LIMIT = 1 << 20


class NodePeer:
    """A script in tests/peers/, which says what it can be told."""

    def __init__(self, script: str, **spec: Any) -> None:
        self._script = SCRIPTS / script
        self._spec = spec
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> dict[str, Any]:
        """Returns the first thing that it says."""
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(self._script),
            json.dumps(self._spec),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
            limit=LINE_LIMIT,
        )
        return await self.heard()

    async def tell(self, do: str, **what: Any) -> dict[str, Any]:
        """Returns the answer."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.heard()

    async def heard(self) -> dict[str, Any]:
        """The next line of JSON; what the library prints besides is passed over."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = await self._process.stdout.readline()
                assert line, f"{self._script.name} has ended"
                if line.startswith(b"{"):
                    said: dict[str, Any] = json.loads(line)
                    return said

    async def kill(self) -> None:
        """Ends it as a power cut does."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()
        self._process = None


class OpcuaPlant(NodePeer):
    """The plant of tests/peers/opcua_server.js."""

    def __init__(self, port: int, folder: Path, **spec: Any) -> None:
        super().__init__(
            "opcua_server.js",
            **{
                "port": port,
                "folder": str(folder),
                "trustsEverybody": True,
                "variables": {},
                "many": 0,
                **spec,
            },
        )
