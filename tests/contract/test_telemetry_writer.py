"""The queue between the cycle and the disk: nothing waits, nothing is lost that fits, everything lost is counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.telemetry.record import Record
from controller.telemetry.store import TelemetryStore
from controller.telemetry.writer import TelemetryWriter

START = datetime(2026, 10, 14, tzinfo=UTC)


@dataclass
class HandClock:
    """Time that stands still until it is moved."""

    at: datetime = START
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.at

    def site_s(self) -> float:
        return self.seconds

    def monotonic_s(self) -> float:
        return self.seconds

    def advance(self, step: timedelta) -> None:
        self.at += step
        self.seconds += step.total_seconds()


@pytest.fixture
def store(tmp_path: Path) -> TelemetryStore:
    return TelemetryStore(tmp_path / "telemetry.sqlite", spool_limit=100_000, retention_days=1, forwarding=True)


@pytest.fixture
async def writer(store: TelemetryStore) -> AsyncIterator[TelemetryWriter]:
    writer = TelemetryWriter(store, clock=HandClock(), queue_limit=100)
    yield writer
    await writer.close()
    store.close()


def numbered(first: int, count: int) -> list[Record]:
    return [
        Record("controller", {"site": "demo"}, {"queue": number}, START + timedelta(seconds=number))
        for number in range(first, first + count)
    ]


def stored(store: TelemetryStore) -> list[int]:
    return [int(pending.line.split("queue=")[1].split("i ")[0]) for pending in store.pending(100_000)]


async def test_what_is_put_is_on_the_disk_after_a_flush(store: TelemetryStore, writer: TelemetryWriter) -> None:
    writer.put(numbered(0, 3))
    assert writer.state.queued == 3
    await writer.flush()
    assert stored(store) == [0, 1, 2]
    state = writer.state
    assert (state.queued, state.written, state.error) == (0, 3, "")
    assert state.stored.waiting == 3


async def test_the_task_writes_by_itself(store: TelemetryStore) -> None:
    writer = TelemetryWriter(store, clock=HandClock(), period_s=0.01)
    task = asyncio.create_task(writer.run())
    for first in range(0, 50, 10):
        writer.put(numbered(first, 10))
        await asyncio.sleep(0.02)
    give_up = time.monotonic() + 5
    while writer.state.written < 50:
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await writer.close()
    assert stored(store) == list(range(50))


async def test_closing_writes_what_is_left_and_ends_the_taking(store: TelemetryStore, writer: TelemetryWriter) -> None:
    writer.put(numbered(0, 3))
    await writer.close()
    writer.put(numbered(3, 1))
    await writer.close()
    await writer.flush()
    assert stored(store) == [0, 1, 2]


async def test_a_refused_record_is_counted_and_explained(store: TelemetryStore, writer: TelemetryWriter) -> None:
    writer.put([Record("controller", {"site": "demo"}, {"speed": 1.0}, START), *numbered(0, 1)])
    await writer.flush()
    assert writer.state.refused == 1
    assert writer.state.last_refusal == "controller has no field 'speed'"
    assert stored(store) == [0]


async def test_a_locked_file_delays_the_records_and_not_the_cycle(
    store: TelemetryStore, writer: TelemetryWriter, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "telemetry.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    writer.put(numbered(0, 10))
    flushing = asyncio.create_task(writer.flush())
    longest_s = 0.0
    first = 10
    while not flushing.done():
        started_s = time.monotonic()
        writer.put(numbered(first, 1))
        assert writer.state.queued > 0
        longest_s = max(longest_s, time.monotonic() - started_s)
        first += 1
        await asyncio.sleep(0.05)
    assert longest_s < 0.5
    state = writer.state
    assert state.failures == 1
    assert "locked" in state.error
    assert (state.written, state.dropped, state.queued) == (0, 0, first)
    other.execute("ROLLBACK")
    other.close()
    await writer.flush()
    assert writer.state.error == ""
    assert stored(store) == list(range(first))


async def test_beyond_the_queue_the_oldest_are_dropped_and_counted(
    store: TelemetryStore, writer: TelemetryWriter
) -> None:
    writer.put(numbered(0, 130))  # the queue holds 100
    state = writer.state
    assert (state.queued, state.dropped) == (100, 30)
    await writer.flush()
    assert stored(store) == list(range(30, 130))


async def test_old_records_are_pruned_along_the_way(tmp_path: Path) -> None:
    clock = HandClock()
    store = TelemetryStore(tmp_path / "local.sqlite", spool_limit=1000, retention_days=1, forwarding=False)
    writer = TelemetryWriter(store, clock=clock)
    writer.put(numbered(0, 10))
    await writer.flush()
    clock.advance(timedelta(days=2))
    await writer.flush()
    assert store.history("controller", since=START, until=START + timedelta(days=1)) == []
    await writer.close()
    store.close()


FULL_DISK = """
import asyncio, json, resource, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from config.clock import SystemClock
from controller.telemetry.record import Record
from controller.telemetry.store import TelemetryStore
from controller.telemetry.writer import TelemetryWriter

START = datetime(2026, 10, 14, tzinfo=UTC)
PADDING = "x" * 1000

async def main():
    store = TelemetryStore(Path(sys.argv[1]), spool_limit=100_000, retention_days=1, forwarding=True)
    writer = TelemetryWriter(store, clock=SystemClock(), period_s=0.01)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))  # every file ends here: about 250 of these records
    task = asyncio.create_task(writer.run())
    longest_s = 0.0
    for number in range(1000):
        at = START + timedelta(seconds=number)
        started_s = time.monotonic()
        writer.put([Record("controller", {"site": "demo"}, {"queue": number, "mode": PADDING}, at)])
        longest_s = max(longest_s, time.monotonic() - started_s)
        await asyncio.sleep(0.001)
    full = writer.state
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await writer.flush()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await writer.close()
    numbers = [int(x.line.split("queue=")[1].split("i")[0]) for x in store.pending(100_000)]
    print(json.dumps({"longest_s": longest_s, "error": full.error, "failures": full.failures,
        "queued": full.queued, "after": writer.state.error, "all": numbers == list(range(1000))}))

asyncio.run(main())
"""


def test_a_full_disk_stops_nothing_and_loses_nothing(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL_DISK, str(tmp_path / "t.sqlite")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    assert seen["failures"] > 0
    assert seen["error"]
    assert seen["queued"] > 100
    assert seen["longest_s"] < 0.5
    assert seen["after"] == ""
    assert seen["all"]


APPEND_FOR_EVER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from controller.telemetry.record import Record
from controller.telemetry.store import TelemetryStore

START = datetime(2026, 10, 14, tzinfo=UTC)
store = TelemetryStore(Path(sys.argv[1]), spool_limit=1_000_000, retention_days=1, forwarding=True)
number = store.counts().written
while True:
    store.append([
        Record("controller", {"site": "demo"}, {"queue": number + step}, START + timedelta(seconds=number + step))
        for step in range(7)
    ])
    number += 7
    print(number, flush=True)
"""


def test_what_was_written_survives_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    for batches in (1, 40, 333):
        process = subprocess.Popen([sys.executable, "-c", APPEND_FOR_EVER, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(batches):
            confirmed = int(process.stdout.readline())
        process.kill()
        process.wait()
        process.stdout.close()
        store = TelemetryStore(path, spool_limit=1_000_000, retention_days=1, forwarding=True)
        assert store.warnings == ()
        found = stored(store)
        assert len(found) >= confirmed
        assert found == list(range(len(found)))
        assert len(found) % 7 == 0, "a batch is written as a whole or not at all"
        store.close()
