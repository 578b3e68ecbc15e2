"""From the cycle to the disk, without the cycle ever waiting for it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from config.clock import Clock
from controller.telemetry.database import StoreError
from controller.telemetry.record import Record
from controller.telemetry.store import StoreCounts, TelemetryStore

_BATCH = 5_000  # about 50 ms of encoding and writing
_PRUNE_EVERY_S = 60.0
_NOTHING_STORED = StoreCounts(written=0, waiting=0, dropped=0, rejected=0)


@dataclass(frozen=True, slots=True)
class WriterState:
    """How the recording stands, since the start of the program."""

    queued: int = 0
    """Records that are not on the disk yet."""
    written: int = 0
    refused: int = 0
    """Records that the schema refuses: an error of the program that makes them."""
    last_refusal: str = ""
    dropped: int = 0
    """Records lost because the queue was full while the disk could not be written."""
    failures: int = 0
    """Attempts to write that failed; their records were kept."""
    error: str = ""
    """Why the last attempt failed; empty when it succeeded."""
    stored: StoreCounts = _NOTHING_STORED
    """The store's own counts as of the last attempt that succeeded."""


class TelemetryWriter:
    """A bounded queue in memory, emptied into the store about every second by one thread.

    While the store cannot be written, records wait in the queue in order and the attempts go on; beyond the
    bound the oldest are dropped and counted.
    """

    def __init__(
        self, store: TelemetryStore, *, clock: Clock, queue_limit: int = 100_000, period_s: float = 1.0
    ) -> None:
        """`queue_limit`: records held in memory, by default about an hour of a park of thirty devices."""
        self._store = store
        self._clock = clock
        self._queue_limit = queue_limit
        self._period_s = period_s
        self._queue: deque[Record] = deque()
        self._batch: list[Record] = []  # what the thread is writing; kept until the disk has it
        self._swap = threading.Lock()  # held for moving records between the two, never over the disk
        self._dropped = 0
        self._state = WriterState()  # without the counts of the queue; only the thread changes it
        self._pruned_s: float | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="telemetry-writer")
        self._closed = False

    @property
    def state(self) -> WriterState:
        with self._swap:
            return replace(self._state, queued=len(self._queue) + len(self._batch), dropped=self._dropped)

    def put(self, records: Iterable[Record]) -> None:
        """Hands records over. Never waits for the disk and never fails; after `close` it does nothing."""
        if self._closed:
            return
        with self._swap:
            self._queue.extend(records)
            while len(self._queue) > self._queue_limit:
                self._queue.popleft()
                self._dropped += 1

    async def run(self) -> None:
        """Writes what is queued every period, until cancelled."""
        while True:
            await self.flush()
            await asyncio.sleep(self._period_s)

    async def flush(self) -> None:
        """Returns when all that was put so far is on the disk, or the disk has refused (see `state.error`)."""
        if not self._closed:
            await self._write_in_thread()

    async def close(self) -> None:
        """Writes what is left and ends the thread; the store stays open. Idempotent."""
        if not self._closed:
            self._closed = True
            await self._write_in_thread()
            self._thread.shutdown(wait=False)

    async def _write_in_thread(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write)

    def _write(self) -> None:
        state = self._state
        try:
            while self._next_batch():
                result = self._store.append(self._batch)
                self._batch = []
                state = replace(
                    state,
                    written=state.written + result.written,
                    refused=state.refused + len(result.refused),
                    last_refusal=result.refused[-1] if result.refused else state.last_refusal,
                )
            now_s = self._clock.monotonic_s()
            if self._pruned_s is None or now_s - self._pruned_s >= _PRUNE_EVERY_S:
                self._pruned_s = now_s
                self._store.prune(self._clock.now())
            self._state = replace(state, stored=self._store.counts(), error="")
        except StoreError as error:
            self._state = replace(state, failures=state.failures + 1, error=str(error))

    def _next_batch(self) -> bool:
        """Whether there is something to write: what the last attempt left, else the oldest of the queue."""
        if not self._batch:
            with self._swap:
                self._batch = list(islice(self._queue, _BATCH))
                for _ in self._batch:
                    self._queue.popleft()
        return bool(self._batch)
