"""The spool and the local history: order, bounds, retention, damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.telemetry.database import StoreError
from controller.telemetry.record import Record
from controller.telemetry.store import TelemetryStore

START = datetime(2026, 10, 14, tzinfo=UTC)
OpenStore = Callable[..., TelemetryStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    opened: list[TelemetryStore] = []

    def open_one(spool_limit: int = 1000, retention_days: float = 30.0, forwarding: bool = True) -> TelemetryStore:
        store = TelemetryStore(
            tmp_path / "telemetry.sqlite",
            spool_limit=spool_limit,
            retention_days=retention_days,
            forwarding=forwarding,
        )
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


def numbered(first: int, count: int, site: str = "demo") -> list[Record]:
    """One record a second that carries its number."""
    return [
        Record("controller", {"site": site}, {"queue": number}, START + timedelta(seconds=number))
        for number in range(first, first + count)
    ]


def numbers(store: TelemetryStore, limit: int = 10_000) -> list[int]:
    return [int(pending.line.split("queue=")[1].split("i ")[0]) for pending in store.pending(limit)]


def test_records_wait_in_order_until_they_are_forwarded(open_store: OpenStore) -> None:
    store = open_store()
    store.append(numbered(0, 6))
    first = store.pending(4)
    assert first[0].line == "controller,site=demo queue=0i 1791936000000000000"
    assert numbers(store, 4) == [0, 1, 2, 3]
    assert store.counts().waiting == 6
    store.mark_forwarded(first[-1])
    assert numbers(store) == [4, 5]
    assert store.counts().waiting == 2
    store.mark_forwarded(first[0])  # late and already known
    assert numbers(store) == [4, 5]


def test_what_waits_survives_closing(open_store: OpenStore) -> None:
    store = open_store()
    store.append(numbered(0, 3))
    store.mark_forwarded(store.pending(1)[0])
    store.close()
    assert numbers(open_store()) == [1, 2]


def test_a_bad_record_is_told_and_the_others_are_written(open_store: OpenStore) -> None:
    store = open_store()
    bad = Record("controller", {"site": "demo"}, {"queue": "many"}, START)
    empty = Record("controller", {"site": "demo"}, {"cycle_ms": None}, START)
    result = store.append([*numbered(0, 1), bad, empty, *numbered(1, 1)])
    assert result.written == 2
    assert result.refused == ("controller.queue is of type int: 'many' does not fit",)
    assert numbers(store) == [0, 1]


def test_beyond_the_bound_the_oldest_go_and_are_counted(open_store: OpenStore) -> None:
    store = open_store(spool_limit=10)
    store.append(numbered(0, 8))
    store.mark_forwarded(store.pending(3)[-1])
    store.append(numbered(8, 4))  # 12 records: two go, both forwarded already
    assert numbers(store) == list(range(3, 12))
    assert store.counts().dropped == 0
    store.append(numbered(12, 5))  # 15 records: five go, the first of them forwarded
    assert numbers(store) == list(range(7, 17))
    counts = store.counts()
    assert (counts.written, counts.waiting, counts.dropped) == (17, 10, 4)


def test_without_forwarding_nothing_waits_and_nothing_counts_as_dropped(open_store: OpenStore) -> None:
    store = open_store(spool_limit=10, forwarding=False)
    store.append(numbered(0, 15))
    assert store.pending(100) == []
    counts = store.counts()
    assert (counts.written, counts.waiting, counts.dropped) == (15, 0, 0)
    assert len(store.history("controller", since=START, until=START + timedelta(hours=1))) == 10


def test_the_local_history_is_forwarded_once_that_is_switched_on(open_store: OpenStore) -> None:
    open_store(forwarding=False).append(numbered(0, 3))
    store = open_store(forwarding=True)
    assert numbers(store) == [0, 1, 2]


def test_old_records_are_pruned_only_once_forwarded(open_store: OpenStore) -> None:
    store = open_store(retention_days=1)
    store.append(numbered(0, 100))
    late = START + timedelta(days=1, seconds=50)  # the first fifty are older than a day
    assert store.prune(late) == 0
    store.mark_forwarded(store.pending(30)[-1])
    assert store.prune(late) == 30
    store.mark_forwarded(store.pending(70)[-1])
    assert store.prune(late) == 20
    assert store.prune(late) == 0
    assert store.counts().waiting == 0
    kept = store.history("controller", since=START, until=START + timedelta(hours=1))
    assert [record.fields["queue"] for record in kept] == list(range(50, 100))


def test_a_record_of_the_future_does_not_keep_the_pruning_from_younger_ones_for_ever(open_store: OpenStore) -> None:
    store = open_store(retention_days=1, forwarding=False)
    plan = Record("plan", {"site": "demo", "asset": "battery"}, {"power_kw": 1.0}, START + timedelta(days=1))
    store.append([plan, *numbered(0, 5)])
    assert store.prune(START + timedelta(days=1.5)) == 0
    assert store.prune(START + timedelta(days=2.5)) == 6


def test_ids_are_never_used_twice(open_store: OpenStore) -> None:
    store = open_store(retention_days=1)
    store.append(numbered(0, 5))
    store.mark_forwarded(store.pending(5)[-1])
    store.prune(START + timedelta(days=3))
    store.close()
    store = open_store(retention_days=1)
    store.append(numbered(5, 2))
    assert numbers(store) == [5, 6]
    assert store.counts().written == 7


def test_rejected_lines_are_kept_with_the_reason_and_passed_over(open_store: OpenStore) -> None:
    store = open_store()
    store.append(numbered(0, 3))
    store.mark_rejected(store.pending(2), "field type conflict")
    assert numbers(store) == [2]
    assert store.counts().rejected == 2
    assert store.rejected(1) == [("controller,site=demo queue=1i 1791936001000000000", "field type conflict")]


def test_history_gives_records_back_by_time_and_tags(open_store: OpenStore) -> None:
    store = open_store()
    store.append(numbered(0, 5))
    store.append(numbered(0, 5, site="other"))
    found = store.history(
        "controller", since=START + timedelta(seconds=1), until=START + timedelta(seconds=4), tags={"site": "demo"}
    )
    assert found == numbered(1, 3)
    newest = store.history("controller", since=START, until=START + timedelta(hours=1), tags={"site": "demo"}, limit=2)
    assert newest == numbered(3, 2)
    assert store.history("asset", since=START, until=START + timedelta(hours=1)) == []


def test_a_file_that_is_no_database_is_moved_aside_and_named(open_store: OpenStore, tmp_path: Path) -> None:
    (tmp_path / "telemetry.sqlite").write_bytes(b"this was once a database" * 500)
    store = open_store()
    (warning,) = store.warnings
    (aside,) = tmp_path.glob("telemetry.sqlite.damaged-*")
    assert str(aside) in warning
    assert aside.read_bytes().startswith(b"this was once")
    store.append(numbered(0, 2))
    assert numbers(store) == [0, 1]


def test_damage_that_shows_later_is_moved_aside_too(open_store: OpenStore, tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    store = open_store(spool_limit=100_000)
    store.append(numbered(0, 5000))
    old = store.pending(5000)
    store.close()
    with path.open("r+b") as file:  # everything but the header and the list of tables
        file.seek(3 * 4096)
        file.write(b"\xa5" * (path.stat().st_size - 3 * 4096))
    store = open_store(spool_limit=100_000)
    with pytest.raises(StoreError, match="malformed"):
        store.pending(5000)
    (warning,) = store.warnings
    assert "moved to" in warning
    store.append(numbered(0, 20))
    store.mark_forwarded(old[-1])  # was on its way when the file broke: it says nothing of the new file
    assert numbers(store) == list(range(20))


def test_a_file_of_another_version_is_kept_aside(open_store: OpenStore, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "telemetry.sqlite") as other:
        other.execute("CREATE TABLE record (something)")
        other.execute("PRAGMA user_version = 99")
    other.close()
    store = open_store()
    assert "version 99" in store.warnings[0]
    store.append(numbered(0, 1))


def test_a_locked_file_is_an_error_that_passes(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    other = sqlite3.connect(tmp_path / "telemetry.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        store.append(numbered(0, 1))
    other.execute("ROLLBACK")
    other.close()
    assert store.append(numbered(0, 1)).written == 1
    assert store.warnings == ()


def test_a_folder_that_is_not_there_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    store = TelemetryStore(tmp_path / "gone" / "t.sqlite", spool_limit=10, retention_days=1, forwarding=True)
    with pytest.raises(StoreError, match="unable to open"):
        store.append(numbered(0, 1))
    (tmp_path / "gone").mkdir()
    assert store.append(numbered(0, 1)).written == 1
    store.close()


def test_a_closed_store_says_so(open_store: OpenStore) -> None:
    store = open_store()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.append(numbered(0, 1))
