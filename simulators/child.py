"""Programs that the park starts, and that end with it even when it is killed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import suppress

TERMINATE_S = 1.0
"""How long a program may take to end before it is killed: the park itself has two seconds."""

# Linux: ask for SIGTERM on the parent's death, then become the program. Elsewhere a killed park leaves its broker.
_BOUND = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.execvp(sys.argv[1], sys.argv[1:])
"""


async def start_bound(command: Sequence[str]) -> Process:
    """Start a program without a terminal and without output; the event loop must run in the main thread."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _BOUND, *command), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )


async def end(process: Process) -> None:
    """End a program, politely first. Does nothing when it has ended already."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), TERMINATE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
