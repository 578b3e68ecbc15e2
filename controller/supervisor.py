"""Keeps a long-running part alive: what fails is reported and started again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

RESTART_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
"""What fails at once every time is not tried more often than this."""

_log = logging.getLogger(__name__)


async def supervise(name: str, work: Callable[[], Awaitable[None]], failed: Callable[[str, Exception], None]) -> None:
    """Run `work` for ever. An exception is told to `failed` and `work` starts again; cancellation ends it."""
    pause_s = RESTART_PAUSE_S
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the one place that must outlive any fault of the program
            _log.exception("%s failed", name)
            failed(name, error)
        pause_s = RESTART_PAUSE_S if loop.time() - began_s > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
        await asyncio.sleep(pause_s)
