"""Faults of a simulated park, set and cleared through its socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any


class FaultCommands:
    """The park's socket for faults."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one = asyncio.Lock()

    async def __call__(self, **request: Any) -> Any:
        async with self._one:
            reader, writer = await asyncio.open_unix_connection(self._path)
            writer.write(json.dumps(request).encode() + b"\n")
            answer = json.loads(await reader.readline())
            writer.close()
        assert "refused" not in answer, answer
        return answer["faults"]
