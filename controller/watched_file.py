"""A file that somebody else replaces now and then."""

from __future__ import annotations

from pathlib import Path


class WatchedFile:
    """Knows whether a file is another than at the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        """Time of change and size, zeros for a file that was not there; None before the first look."""

    def changed(self) -> bool:
        """Looks; also true at the first look."""
        try:
            status = self.path.stat()
            seen = (status.st_mtime_ns, status.st_size)
        except OSError:
            seen = (0, 0)
        before, self._seen = self._seen, seen
        return seen != before
