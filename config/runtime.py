"""Where running programs of this user find each other: one folder that nobody else may look into."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

_LONGEST = 90
"""Bytes of the folder's path: a socket's whole path may take 107, and its name needs some of them."""


def runtime_folder() -> Path:
    """The folder, made when it is not there. Raises OSError when it is not this user's alone."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    mine = Path(given) / "parkgrid"
    if not (given and _is_ours(Path(given)) and len(os.fsencode(mine)) <= _LONGEST):
        # no session manager has made one, as in a container, or sockets would not fit into it
        mine = Path(tempfile.gettempdir()) / f"parkgrid-{os.getuid()}"
    mine.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(mine) or stat.S_IMODE(mine.lstat().st_mode) & 0o077:
        raise OSError(f"{mine} should be a folder that belongs to this user and that nobody else may enter")
    return mine


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder of this user, and not a link that somebody else may turn."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()


def park_socket(pid: int) -> Path:
    """Where the simulated park with this process id listens for commands."""
    return runtime_folder() / f"park-{pid}.sock"


def park_sockets() -> list[Path]:
    """The sockets of all parks of this user, also those that a killed park has left."""
    return sorted(runtime_folder().glob("park-*.sock"))
