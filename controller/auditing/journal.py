"""From the cycle to the audit, without the cycle ever waiting for it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config.clock import Clock
from config.point import Point
from controller.auditing.chain import AuditChain, AuditError
from controller.auditing.entry import Entry, controller_entry, outcome_said
from drivers.driver import WriteResult

PERIOD_S = 1.0
QUEUE_LIMIT = 10_000
"""Entries that wait while the disk cannot be written: hours of a busy park."""
REPEATS_S = 3600.0
"""How often repeated writes are summed up at least: what a crash may leave uncounted."""


@dataclass(slots=True)
class _Attempt:
    """The last attempt at one point, and how often it was made again."""

    value: float
    outcome: str
    asset: str
    who: str
    why: str
    repeated: int
    since_s: float


class Journal:
    """What one running controller adds to the audit of its site."""

    def __init__(self, state: Path, site: str, clock: Clock) -> None:
        self._chain = AuditChain(state, site)
        self._clock = clock
        self._queue: deque[Entry] = deque()
        self._batch: list[Entry] = []
        """What the thread puts down; only the thread touches it."""
        self._swap = threading.Lock()
        self._dropped = 0
        self._attempts: dict[str, _Attempt] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self.error = ""
        """Why entries wait or were lost; empty when all are on the disk."""

    def began(self, why: str) -> None:
        """The controller begins; says so when the run before it never said that it ended."""
        own = None
        try:
            recent = self._chain.recent()
            own = next((entry for entry in recent if entry.kind == "write" or entry.what in ("start", "stop")), None)
        except (AuditError, OSError) as error:
            self.error = str(error)
        if own is not None and own.what != "stop":
            why += "; the run before it ended without a word"
        self._put(controller_entry(self._clock.now(), "start", why))

    def ended(self) -> None:
        for point in list(self._attempts):
            self._sum_up(point)
        self._put(controller_entry(self._clock.now(), "stop", "it was told to"))

    def written(self, point: Point, asset: str, value: float, who: str, why: str, result: WriteResult) -> None:
        """An attempt to write a point; the same again with the same outcome is counted and not put down each time."""
        now_s, outcome = self._clock.monotonic_s(), outcome_said(result)
        before = self._attempts.get(point.key)
        if before is not None and (before.value, before.outcome) == (value, outcome):
            before.repeated += 1
            if now_s - before.since_s >= REPEATS_S:
                self._sum_up(point.key)
            return
        repeated = 0 if before is None else before.repeated
        self._attempts[point.key] = _Attempt(value, outcome, asset, who, why, 0, now_s)
        self._put(self._write_entry(point.key, repeated))

    def given_back(self, point: str, result: WriteResult) -> None:
        """At its end the controller left a device what it had found there, or to its own control."""
        why = "left as the profile wants it"
        entry = Entry(
            at=self._clock.now(), kind="write", who="controller", what=point, outcome=outcome_said(result), why=why
        )
        self._put(entry)

    async def run(self) -> None:
        """Put down what waits every period, until cancelled."""
        while True:
            await self.flush()
            await asyncio.sleep(PERIOD_S)

    async def flush(self) -> None:
        """Returns when all is on the disk, or the disk has refused (see `error`)."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._append)

    async def close(self) -> None:
        await self.flush()
        self._thread.shutdown(wait=False)

    # -- inside --------------------------------------------------------------------------------------

    def _sum_up(self, point: str) -> None:
        attempt = self._attempts[point]
        if attempt.repeated:
            repeated, attempt.repeated, attempt.since_s = attempt.repeated, 0, self._clock.monotonic_s()
            self._put(self._write_entry(point, repeated))

    def _write_entry(self, point: str, repeated: int) -> Entry:
        attempt = self._attempts[point]
        return Entry(
            at=self._clock.now(),
            kind="write",
            who=attempt.who,
            what=point,
            asset=attempt.asset,
            value=attempt.value,
            outcome=attempt.outcome,
            why=attempt.why,
            repeated=repeated,
        )

    def _put(self, entry: Entry) -> None:
        with self._swap:
            self._queue.append(entry)
            while len(self._queue) > QUEUE_LIMIT:
                self._queue.popleft()
                self._dropped += 1

    def _append(self) -> None:
        """In the thread: everything that waits, in one go; it is kept until the disk has it."""
        with self._swap:
            if self._dropped and self._queue:
                why = f"{self._dropped} entries were lost while the disk could not be written"
                self._batch.append(Entry(at=self._queue[0].at, kind="gap", who="controller", what="gap", why=why))
                self._dropped = 0
            if len(self._batch) < QUEUE_LIMIT:
                self._batch += self._queue
                self._queue.clear()
        try:
            self._chain.append(self._batch)
        except AuditError as error:
            self.error = str(error)
        else:
            self.error = ""
            self._batch = []
