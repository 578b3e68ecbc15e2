"""A limit of time around a library's calls that holds whatever the library makes of its cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def patience(limit_s: float) -> AsyncIterator[None]:
    """As `asyncio.timeout`, which takes only a plain CancelledError for its own.

    A library that is cancelled in the moment in which its answer comes may raise a kind of its own (wait_for2, under
    asyncua); it would pass for a cancellation by somebody else and end the task. Raises TimeoutError.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            yield
    except asyncio.CancelledError as cancelled:
        if limit.expired() and task.cancelling() <= before:
            raise TimeoutError from cancelled
        raise
