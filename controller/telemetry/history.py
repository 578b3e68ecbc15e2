"""Mean values by interval, kept for years: what forecasts learn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller.telemetry.database import Database
from controller.telemetry.history_file import Imported, read_history_file

FloatArray = NDArray[np.float64]

_SCHEMA = """
CREATE TABLE mean (
    series TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (series, start_s)
) WITHOUT ROWID
"""
_VERSION = 1
_DAY_MIN = 1440


class SeriesStore:
    """Series of interval means in one SQLite file. A gap is the absence of a value; nothing stands for it.

    Every method may be called from any thread, blocks for the disk and raises StoreError.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, schema=_SCHEMA, version=_VERSION)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Damaged files that were moved aside since the start."""
        return self._database.warnings

    def add(self, series: str, start: datetime, value: float | None) -> None:
        """One interval mean, replacing an earlier one; None, nan and infinity are gaps and replace nothing."""
        self.add_many([(series, start, value)])

    def add_many(self, values: Iterable[tuple[str, datetime, float | None]]) -> None:
        """Several (series, aware start of the interval, mean) in one transaction."""
        rows = [
            (series, int(start.timestamp()), float(value))
            for series, start, value in values
            if value is not None and math.isfinite(value)
        ]
        with self._database.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO mean VALUES (?, ?, ?)", rows)

    def load(
        self, series: Sequence[str], until: datetime, days: int, step_min: int
    ) -> tuple[datetime, dict[str, FloatArray]]:
        """The last `days` before `until` on a grid of `step_min` minutes: its start in UTC, and the means by series.

        Each array has shape (days * 1440 / step_min,), oldest first, nan where nothing was recorded. The grid
        ends at the last multiple of the step at or before `until`. Values on a finer grid are averaged; those
        on a coarser one stand at their start only. Raises ValueError for a step that does not divide a day.
        """
        if step_min <= 0 or _DAY_MIN % step_min:
            raise ValueError(f"a step of {step_min} min does not divide a day")
        step_s = step_min * 60
        end_s = int(until.timestamp()) // step_s * step_s
        start_s = end_s - days * _DAY_MIN * 60
        loaded: dict[str, FloatArray] = {}
        with self._database.transaction() as db:
            for name in series:
                means = np.full(days * _DAY_MIN // step_min, np.nan)
                rows = db.execute(
                    "SELECT (start_s - ?) / ?, avg(value) FROM mean"
                    " WHERE series = ? AND start_s >= ? AND start_s < ? GROUP BY 1",
                    (start_s, step_s, name, start_s, end_s),
                ).fetchall()
                if rows:
                    found = np.array(rows)
                    means[found[:, 0].astype(np.int64)] = found[:, 1]
                loaded[name] = means
        return datetime.fromtimestamp(start_s, UTC), loaded

    def import_file(self, path: Path) -> Imported:
        """Takes over a file as `read_history_file` reads it, replacing what is stored for the same intervals.

        Gaps of the file replace nothing. Raises BadHistory.
        """
        history = read_history_file(path)
        self.add_many(history.values)
        return history.imported

    def close(self) -> None:
        """Idempotent."""
        self._database.close()
