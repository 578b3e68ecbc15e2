"""A history that comes as a file, CSV or Parquet: read strictly, with every fault named by its line or row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from controller.telemetry.record import TelemetryError
from dispatch.forecast.history import History

TIME_COLUMN = "time_utc"
PARQUET = ".parquet"
_FAULTS_KEPT = 100  # a file with more is wrong as a whole
_GAPS = {"", "nan", "na", "null"}


class BadHistory(TelemetryError):
    """A file that cannot be read as a history at all; the message says why."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds, and what was wrong in it."""

    series: tuple[str, ...]
    intervals: int
    """Rows that were taken over."""
    gaps: int
    """Cells of these rows without a value: empty, nan or bad."""
    faulty: int
    """Bad rows, bad cells and duplicates, which were passed over."""
    faults: tuple[str, ...]
    """The first hundred of them, one sentence each, with their lines."""


@dataclass(frozen=True, slots=True)
class HistoryFile:
    values: tuple[tuple[str, datetime, float], ...]
    """Series, start of the interval in UTC, mean."""
    imported: Imported

    @property
    def starts(self) -> list[datetime]:
        """Of all rows with a value, rising."""
        return sorted({start for _, start, _ in self.values})

    def on_grid(self, step: timedelta) -> History:
        """On a grid that all its rows are on, NaN where there is no value; there must be one at least."""
        starts = self.starts
        first, count = starts[0], (starts[-1] - starts[0]) // step + 1
        series = {name: np.full(count, np.nan) for name in self.imported.series}
        for name, start, value in self.values:
            series[name][(start - first) // step] = value
        return History(start=first, step_min=round(step / timedelta(minutes=1)), series=series)


def read_history_file(path: Path) -> HistoryFile:
    """Reads a column ``time_utc`` (start of the interval, ISO 8601) and one column per series.

    A file that ends in ``.parquet`` is one; its times may be timestamps as well. A time without an offset is UTC, as
    the column says. Of rows with the same time the first counts. Raises BadHistory when the file cannot be read or its
    header is not of this form.
    """
    if path.suffix.lower() == PARQUET:
        header, numbered = _parquet(path)
        return _read(header, _series_of(path, header), numbered, "row")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            return _read(header, _series_of(path, header), ((rows.line_num, row) for row in rows if row), "line")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadHistory(f"{path}: {error}") from error


def _series_of(path: Path, header: Sequence[str]) -> list[str]:
    series = [name for name in header if name != TIME_COLUMN]
    if header.count(TIME_COLUMN) != 1 or not series or "" in series or len(set(series)) < len(series):
        raise BadHistory(f"{path}:1: needs one column {TIME_COLUMN} and a name of its own for each series")
    return series


def _parquet(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and the rows as a CSV file would have them, numbered from 1."""
    try:
        import pandas as pd

        frame = pd.read_parquet(path)
    except ImportError as error:
        raise BadHistory(f"{path}: Parquet needs pyarrow: pip install 'parkgrid[parquet]'") from error
    except (OSError, ValueError) as error:
        raise BadHistory(f"{path}: {error}") from error
    if frame.index.name is not None:  # pandas keeps times there by choice
        frame = frame.reset_index()
    header = [str(name).strip() for name in frame.columns]
    columns = [
        ["" if value is None or value != value else str(value) for value in frame.iloc[:, place].tolist()]
        for place in range(len(header))
    ]
    return header, ((number, list(row)) for number, row in enumerate(zip(*columns, strict=True), start=1))


def _read(
    header: Sequence[str], series: Sequence[str], rows: Iterable[tuple[int, list[str]]], counted: str
) -> HistoryFile:
    values: list[tuple[str, datetime, float]] = []
    faults: list[str] = []
    first_line: dict[datetime, int] = {}
    gaps = 0
    for line, row in rows:
        if len(row) != len(header):
            faults.append(f"{counted} {line}: {len(row)} columns instead of {len(header)}")
            continue
        cells = dict(zip(header, row, strict=True))
        start = _start(cells.pop(TIME_COLUMN))
        if isinstance(start, str):
            faults.append(f"{counted} {line}: {start}")
            continue
        if start in first_line:
            faults.append(f"{counted} {line}: {start:%Y-%m-%dT%H:%MZ} was already in {counted} {first_line[start]}")
            continue
        first_line[start] = line
        for name, cell in cells.items():
            value = _value(cell)
            if isinstance(value, str):
                faults.append(f"{counted} {line}: {name} is {value}")
            if isinstance(value, float):
                values.append((name, start, value))
            else:
                gaps += 1
    return HistoryFile(
        tuple(values), Imported(tuple(series), len(first_line), gaps, len(faults), tuple(faults[:_FAULTS_KEPT]))
    )


def _start(cell: str) -> datetime | str:
    """The time in UTC, or what is wrong with it."""
    try:
        time = datetime.fromisoformat(cell.strip())
    except ValueError:
        return f"{cell!r} is not a time in ISO 8601"
    if time.second or time.microsecond:
        return f"{cell!r} is not the start of an interval"
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _value(cell: str) -> float | str | None:
    """The number, None for a gap, or what is wrong with it."""
    if cell.strip().lower() in _GAPS:
        return None
    try:
        number = float(cell)
    except ValueError:
        return f"{cell!r}, not a number"
    return number if math.isfinite(number) else f"{cell!r}, not finite"
