"""The last solves, as files in the state folder: what to replay when somebody asks why."""

from __future__ import annotations

import logging
from pathlib import Path

from dispatch.solve_record import SolveRecord, written
from drivers.durable import write_durably

_log = logging.getLogger(__name__)


class SolveFolder:
    """Keeps the last records of solves. What cannot be kept is said once and costs no plan.

    Only the planner's process writes here, after it has answered, so that no disk can hold up a cycle or a plan.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._failing = False

    def keep(self, record: SolveRecord) -> None:
        """Write a record and remove the oldest beyond the limit; the names are in the order of time."""
        try:
            if self._most:
                path = self._folder / f"{record.issued_at:%Y%m%dT%H%M%S.%fZ}.json"
                write_durably(path, written(record))
            for old in self._kept()[: -self._most or None]:
                old.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            if not self._failing:
                _log.warning("solves are not kept in %s: %s", self._folder, error)
            self._failing = True
        else:
            self._failing = False

    def _kept(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))
