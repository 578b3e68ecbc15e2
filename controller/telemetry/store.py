"""The records on disk: the local history, and the spool of what still has to reach InfluxDB."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.telemetry.database import Database
from controller.telemetry.record import BadRecord, Record, from_line, to_line

_SCHEMA = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, so that one number says what is forwarded
    measurement TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    line TEXT NOT NULL
);
CREATE INDEX record_by_time ON record (measurement, at_us);
CREATE TABLE rejected (
    id INTEGER PRIMARY KEY,
    line TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES ('forwarded', 0), ('dropped', 0), ('rejected', 0)
"""
_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DELETED_AT_ONCE = 50_000  # about 0.2 s: old records go in pieces, so that new ones never wait long
_REJECTED_KEPT = 10_000  # enough to see the pattern of what InfluxDB refuses


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch."""

    written: int
    refused: tuple[str, ...] = ()
    """One reason for each record that the schema refuses."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One line that waits for InfluxDB."""

    id: int
    line: str


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """All since the file was started."""

    written: int
    waiting: int
    """Not yet forwarded; always 0 where nothing is forwarded."""
    dropped: int
    """Lost to the bound before they were forwarded."""
    rejected: int
    """Refused by InfluxDB for what they say."""


class TelemetryStore:
    """Records in the order they came, in one SQLite file.

    Records are only ever deleted from the old end, and forwarded from there too: one number, the last
    forwarded id, is the whole state of the spool. Every method may be called from any thread, blocks for the
    disk and raises StoreError when the file cannot be used; then nothing of the call has happened.
    """

    def __init__(self, path: Path, *, spool_limit: int, retention_days: float, forwarding: bool) -> None:
        """`spool_limit`: records the file holds at most. `forwarding`: whether anything takes them on from here.

        Without forwarding nothing waits. What was recorded then counts as waiting once forwarding is switched on.
        """
        self._spool_limit = spool_limit
        self._retention = timedelta(days=retention_days)
        self._forwarding = forwarding
        self._database = Database(path, schema=_SCHEMA, version=_VERSION)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Damaged files that were moved aside since the start."""
        return self._database.warnings

    def append(self, records: Sequence[Record]) -> Appended:
        """Writes a batch in one transaction; beyond the bound the oldest records go, counted where they waited."""
        rows: list[tuple[str, int, str]] = []
        refused: list[str] = []
        for record in records:
            try:
                line = to_line(record)
            except BadRecord as error:
                refused.append(str(error))
                continue
            if line is not None:
                rows.append((record.measurement, microseconds(record.at), line))
        if rows:
            with self._database.transaction() as db:
                db.executemany("INSERT INTO record (measurement, at_us, line) VALUES (?, ?, ?)", rows)
                first, last = _bounds(db)
                excess = last - first + 1 - self._spool_limit
                if excess > 0:
                    self._delete_before(db, first + min(excess, max(len(rows), _DELETED_AT_ONCE)))
        return Appended(len(rows), tuple(refused))

    def pending(self, limit: int) -> list[Pending]:
        """The oldest lines that wait, in order."""
        if not self._forwarding:
            return []
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT id, line FROM record WHERE id > ? ORDER BY id LIMIT ?", (_counter(db, "forwarded"), limit)
            ).fetchall()
        return [Pending(*row) for row in rows]

    def mark_forwarded(self, last: Pending) -> None:
        """All lines up to and with this one have arrived."""
        with self._database.transaction() as db:
            _pass_over(db, last)

    def mark_rejected(self, lines: Sequence[Pending], reason: str) -> None:
        """InfluxDB will never take these lines: kept with the reason, and passed over."""
        with self._database.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO rejected VALUES (?, ?, ?)", [(x.id, x.line, reason) for x in lines])
            db.execute(
                "DELETE FROM rejected WHERE id <= (SELECT id FROM rejected ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (_REJECTED_KEPT,),
            )
            db.execute("UPDATE counter SET value = value + ? WHERE name = 'rejected'", (len(lines),))
            _pass_over(db, lines[-1])

    def rejected(self, limit: int) -> list[tuple[str, str]]:
        """The newest rejected lines with their reasons."""
        with self._database.transaction() as db:
            return db.execute("SELECT line, reason FROM rejected ORDER BY id DESC LIMIT ?", (limit,)).fetchall()

    def prune(self, now: datetime) -> int:
        """Deletes forwarded records older than the retention, oldest first and at most a piece; returns how many."""
        with self._database.transaction() as db:
            first, last = _bounds(db)
            until = min(_counter(db, "forwarded") if self._forwarding else last, first + _DELETED_AT_ONCE - 1)
            kept = db.execute(
                "SELECT id FROM record WHERE id <= ? AND at_us >= ? ORDER BY id LIMIT 1",
                (until, microseconds(now - self._retention)),
            ).fetchone()
            end = kept[0] if kept else until + 1
            self._delete_before(db, end)
        return max(0, end - first)

    def counts(self) -> StoreCounts:
        with self._database.transaction() as db:
            first, last = _bounds(db)
            counters: dict[str, int] = dict(db.execute("SELECT name, value FROM counter").fetchall())
        waiting = last - max(counters["forwarded"], first - 1) if self._forwarding else 0
        return StoreCounts(last, waiting, counters["dropped"], counters["rejected"])

    def history(
        self,
        measurement: str,
        *,
        since: datetime,
        until: datetime,
        tags: Mapping[str, str] | None = None,
        limit: int = 10_000,
    ) -> list[Record]:
        """Records of one measurement with since <= at < until that carry these tags, in order of time, the newest."""
        wanted = (tags or {}).items()
        found: list[Record] = []
        with self._database.transaction() as db:
            for (line,) in db.execute(
                "SELECT line FROM record WHERE measurement = ? AND at_us >= ? AND at_us < ?"
                " ORDER BY at_us DESC, id DESC",
                (measurement, microseconds(since), microseconds(until)),
            ):
                record = from_line(line)
                if wanted <= record.tags.items():
                    found.append(record)
                    if len(found) == limit:
                        break
        return found[::-1]

    def close(self) -> None:
        """Idempotent."""
        self._database.close()

    def _delete_before(self, db: sqlite3.Connection, first_kept: int) -> None:
        if self._forwarding:
            first, _ = _bounds(db)
            lost = first_kept - max(first, _counter(db, "forwarded") + 1)
            if lost > 0:
                db.execute("UPDATE counter SET value = value + ? WHERE name = 'dropped'", (lost,))
        db.execute("DELETE FROM record WHERE id < ?", (first_kept,))


def _bounds(db: sqlite3.Connection) -> tuple[int, int]:
    """First and last id; first = last + 1 when there is no record."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
    last = int(row[0]) if row else 0
    (first,) = db.execute("SELECT min(id) FROM record").fetchone()
    return (last + 1 if first is None else int(first)), last


def _counter(db: sqlite3.Connection, name: str) -> int:
    (value,) = db.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
    return int(value)


def _pass_over(db: sqlite3.Connection, last: Pending) -> None:
    """Only when the line is still there: a new file after damage counts from 1 again, and none of it has gone out."""
    db.execute(
        "UPDATE counter SET value = max(value, ?) WHERE name = 'forwarded'"
        " AND EXISTS (SELECT 1 FROM record WHERE id = ? AND line = ?)",
        (last.id, last.id, last.line),
    )


def microseconds(at: datetime) -> int:
    """An aware time as the table has it."""
    return (at - _EPOCH) // _MICROSECOND
