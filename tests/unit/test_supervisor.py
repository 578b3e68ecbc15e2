"""A part that fails is told of and started again; only cancellation ends it."""

from __future__ import annotations

import asyncio

import pytest

from controller import supervisor
from controller.supervisor import supervise


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "RESTART_PAUSE_S", 0.001)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 0.004)


class Part:
    """Fails as often as it is told to, ends once, and then works on."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.starts = 0
        self.ended = False
        self.works = asyncio.Event()

    async def run(self) -> None:
        self.starts += 1
        if self.failures:
            raise self.failures.pop(0)
        if not self.ended:
            self.ended = True
            return
        self.works.set()
        await asyncio.Event().wait()


async def test_what_fails_is_told_and_started_again() -> None:
    told: list[tuple[str, str]] = []
    part = Part(ValueError("no such table"), OSError("disk full"), *[KeyError("x")] * 5)
    task = asyncio.create_task(
        supervise("telemetry", part.run, lambda name, error: told.append((name, f"{type(error).__name__}: {error}")))
    )
    async with asyncio.timeout(5.0):
        await part.works.wait()
    assert told[:2] == [("telemetry", "ValueError: no such table"), ("telemetry", "OSError: disk full")]
    assert len(told) == 7
    # a part that just ended is started again too, without a word
    assert part.starts == 9
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_is_no_failure() -> None:
    told: list[str] = []
    part = Part()
    part.ended = True
    task = asyncio.create_task(supervise("planner", part.run, lambda name, _: told.append(name)))
    await part.works.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == []
