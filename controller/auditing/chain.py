"""The files of the audit: one per month of UTC, appended to by any process, one at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from controller.auditing.entry import Entry, Sealed, controller_entry, genesis, line_of, sealed

FOLDER = "audit"
TAIL_BYTES = 65536
"""What is read of the end of a file: many entries, each of which is some hundred bytes."""


class AuditError(Exception):
    """The audit cannot be appended to; the message says why."""


class AuditChain:
    """The audit of one site in its state folder."""

    def __init__(self, state: Path, site: str) -> None:
        self.folder = state / FOLDER
        self._site = site
        self._known: tuple[Path, int, Sealed] | None = None
        """The last entry as this process appended it, and how long its file was then."""

    def files(self) -> list[Path]:
        """The files of the chain, the oldest first."""
        return sorted(self.folder.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"))

    def append(self, entries: Sequence[Entry]) -> Sealed | None:
        """Seal entries and force them to the disk; the last one. Raises AuditError, and then nothing was appended.

        A line that a crash has torn is kept aside, and the chain says so. An entry goes to the latest file, even when
        the calendar has gone back.
        """
        if not entries:
            return None
        try:
            with self._alone():
                return self._append(entries)
        except OSError as error:
            raise AuditError(f"{self.folder}: {error.strerror or error}") from error

    def last(self) -> Sealed | None:
        """The last entry. Raises AuditError for one that cannot be read."""
        files = self.files()
        if files and self._known is not None and self._known[:2] == (files[-1], files[-1].stat().st_size):
            return self._known[2]
        return next(self.recent(), None)

    def recent(self) -> Iterator[Sealed]:
        """The last entries, the newest first, as many as a look at the end of the last file shows.

        Raises AuditError at one that cannot be read.
        """
        for path in reversed(self.files()):
            # the first line may be cut, what is behind the last is torn
            lines = _tail(path).split(b"\n")[:-1]
            whole = lines[1:] if path.stat().st_size > TAIL_BYTES else lines
            if whole:
                yield from (_read(line, path) for line in reversed(whole))
                return

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _append(self, entries: Sequence[Entry]) -> Sealed:
        files = self.files()
        torn = _torn(files[-1]) if files else b""
        if torn:
            entries = [self._put_aside(files[-1], torn, entries[0]), *entries]
        last = self.last()
        number, before = (0, genesis(self._site)) if last is None else (last.number, last.seal)
        month = max(f"{entries[0].at:%Y-%m}", files[-1].stem if files else "")
        lines = []
        for entry in entries:
            last = sealed(entry, number + 1, before)
            number, before = last.number, last.seal
            lines.append(line_of(last) + "\n")
        assert last is not None
        path = self.folder / f"{month}.jsonl"
        _write(path, "".join(lines).encode())
        self._known = path, path.stat().st_size, last
        return last

    def _put_aside(self, path: Path, torn: bytes, first: Entry) -> Entry:
        """Take a torn line out of the chain, as it is."""
        number = sum(1 for _ in self.folder.glob("torn_*")) + 1
        aside = self.folder / f"torn_{number}"
        aside.write_bytes(torn)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - len(torn))
            os.fsync(file.fileno())
        why = f"{len(torn)} bytes at the end of {path.name} were no whole entry; they are kept in {aside.name}"
        return controller_entry(first.at, "torn entry put aside", why)


def _torn(path: Path) -> bytes:
    """What stands after the last end of line."""
    text = _tail(path)
    return text[text.rfind(b"\n") + 1 :]


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read()


def _write(path: Path, text: bytes) -> None:
    """All of it on the disk, or nothing in the file. Raises OSError."""
    with path.open("ab") as file:
        end = file.tell()
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), end)
            raise


def _read(line: bytes, path: Path) -> Sealed:
    try:
        return Sealed.model_validate_json(line)
    except ValidationError as error:
        raise AuditError(f"the last entry of {path.name} cannot be read; parkgrid audit --verify says more") from error
