"""What dies in the park is noticed, and started again after a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Mortal(Protocol):
    @property
    def running(self) -> bool: ...

    async def start(self) -> None: ...


class Revival:
    """Watches one process; its times are real seconds."""

    def __init__(
        self,
        mortal: Mortal,
        after_s: float,
        died: Callable[[], None],
        back: Callable[[], None],
        failures: tuple[type[Exception], ...],
    ) -> None:
        """`after_s` 0 leaves it dead; `failures` are what its start may raise, it is tried again then."""
        self._mortal = mortal
        self._after_s = after_s
        self._died = died
        self._back = back
        self._failures = failures
        self._alive = True
        self._held = False
        self._due_s: float | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def held(self) -> bool:
        return self._held

    def hold(self) -> None:
        """Leave it dead until `let_go`."""
        self._held = True

    def let_go(self) -> None:
        """Start it at once when it is dead."""
        self._held = False
        self._due_s = time.monotonic()

    def check(self) -> None:
        now_s = time.monotonic()
        if self._starting is not None:
            if not self._starting.done():
                return
            task, self._starting = self._starting, None
            error = task.exception()
            if error is None:
                self._alive = True
                self._back()
            elif isinstance(error, self._failures):
                self._due_s = now_s + self._after_s
            else:
                raise error
        if self._alive and not self._mortal.running:
            self._alive = False
            # whoever is dead on purpose is not due; `let_go` may have come before it was noticed
            if not (self._due_s is not None and self._due_s <= now_s):
                self._due_s = now_s + self._after_s if self._after_s else None
            self._died()
        if not self._alive and not self._held and self._due_s is not None and now_s >= self._due_s:
            self._due_s = None
            self._starting = asyncio.create_task(self._start())

    async def settle(self) -> None:
        """Wait for a start that is under way."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
            self.check()

    async def _start(self) -> None:
        # it may be held again before the task has its first turn
        if not self._held:
            await self._mortal.start()

    async def stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
            self._starting = None
