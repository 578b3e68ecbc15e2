"""A limit of time that a library cannot turn into a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from drivers.patience import patience


class OwnKind(asyncio.CancelledError):
    """What a library makes of being cancelled."""


async def stubborn() -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError as cancelled:
        raise OwnKind from cancelled


async def plain() -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("call", [plain, stubborn])
async def test_what_takes_too_long_is_a_timeout(call) -> None:
    with pytest.raises(TimeoutError):
        async with patience(0.01):
            await call()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("call", [plain, stubborn])
async def test_a_cancellation_from_outside_passes(call) -> None:
    async def limited() -> None:
        async with patience(60):
            await call()

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_done_in_time_is_left_alone() -> None:
    async with patience(60):
        await asyncio.sleep(0)
    with pytest.raises(ValueError, match="its own"):
        async with patience(60):
            raise ValueError("its own")
