"""A history that comes as a CSV file: read strictly, with every fault named by its line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from controller.telemetry.record import TelemetryError

TIME_COLUMN = "time_utc"
_FAULTS_KEPT = 100  # a file with more is wrong as a whole
_GAPS = {"", "nan", "na", "null"}


class BadHistory(TelemetryError):
    """A CSV file that cannot be read as a history at all; the message says why."""


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
class HistoryCsv:
    values: tuple[tuple[str, datetime, float], ...]
    """Series, start of the interval in UTC, mean."""
    imported: Imported


def read_history_csv(path: Path) -> HistoryCsv:
    """Reads a column ``time_utc`` (start of the interval, ISO 8601) and one column per series.

    A time without an offset is UTC, as the column says. Of rows with the same time the first counts. Raises
    BadHistory when the file cannot be read or its header is not of this form.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            series = [name for name in header if name != TIME_COLUMN]
            if header.count(TIME_COLUMN) != 1 or not series or "" in series or len(set(series)) < len(series):
                raise BadHistory(f"{path}:1: needs one column {TIME_COLUMN} and a name of its own for each series")
            return _read(header, series, ((rows.line_num, row) for row in rows if row))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadHistory(f"{path}: {error}") from error


def _read(header: Sequence[str], series: Sequence[str], rows: Iterable[tuple[int, list[str]]]) -> HistoryCsv:
    values: list[tuple[str, datetime, float]] = []
    faults: list[str] = []
    first_line: dict[datetime, int] = {}
    gaps = 0
    for line, row in rows:
        if len(row) != len(header):
            faults.append(f"line {line}: {len(row)} columns instead of {len(header)}")
            continue
        cells = dict(zip(header, row, strict=True))
        start = _start(cells.pop(TIME_COLUMN))
        if isinstance(start, str):
            faults.append(f"line {line}: {start}")
            continue
        if start in first_line:
            faults.append(f"line {line}: {start:%Y-%m-%dT%H:%MZ} was already in line {first_line[start]}")
            continue
        first_line[start] = line
        for name, cell in cells.items():
            value = _value(cell)
            if isinstance(value, str):
                faults.append(f"line {line}: {name} is {value}")
            if isinstance(value, float):
                values.append((name, start, value))
            else:
                gaps += 1
    return HistoryCsv(
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
