"""A SQLite file that the controller can always start with: a damaged one is moved aside, a full disk is an error."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from controller.telemetry.record import TelemetryError

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCK_WAIT_S = 2.0  # a backup tool may hold the file for a moment; whoever waits is never the cycle


class StoreError(TelemetryError):
    """The file could not be read or written: disk full, locked by another program, no right to it, or closed."""


class _OtherVersion(Exception):
    """The file holds tables of another version."""


class Database:
    """One connection to one file, for several threads, one transaction at a time.

    WAL and ``synchronous=NORMAL``: what was committed survives a killed process; a power cut may take the last
    moments but leaves a sound file. A damaged file, or one of another version, is moved aside as
    ``NAME.damaged-TIME`` and a new one started, on opening or whenever the damage is met.
    """

    def __init__(self, path: Path, *, schema: str, version: int) -> None:
        self.path = path
        self._schema = schema
        self._version = version
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._warnings: list[str] = []
        with suppress(StoreError), self.transaction():
            pass  # opened now so that damage is known at the start; another error shows at the first use

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was moved aside since the start, one sentence each, with both file names."""
        return tuple(self._warnings)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises StoreError; after damage a new file stands ready and the same call may be repeated."""
        with self._lock:
            try:
                connection = self._opened()
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _DAMAGED:
                    self._move_aside(str(error))
                raise StoreError(f"{self.path}: {error}") from error
            except BaseException:
                self._roll_back()
                raise

    def close(self) -> None:
        """Idempotent; every later use raises StoreError."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"{self.path} is closed")
        if self._connection is None:
            try:
                self._connection = self._connect()
            except _OtherVersion as error:
                self._move_aside(str(error))
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in _DAMAGED:
                    raise
                self._move_aside(str(error))
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(
                    f"BEGIN IMMEDIATE; {self._schema}; PRAGMA user_version={self._version}; COMMIT;"
                )
            elif version != self._version:
                raise _OtherVersion(f"its tables are of version {version}, this program knows {self._version}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _move_aside(self, why: str) -> None:
        self._disconnect()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for suffix in ("", "-wal", "-shm"):
            try:
                self.path.with_name(self.path.name + suffix).replace(aside.with_name(aside.name + suffix))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{self.path} could not be used ({why}) nor moved aside: {error}") from error
        self._warnings.append(f"{self.path} could not be used ({why}): moved to {aside}, and a new one started")
