"""Prices of a spot market, as a CSV file with times."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from config.base import Frozen
from config.document import Fault, shown
from config.faults import SiteError

TIME, IMPORT, EXPORT = "time", "import_per_kwh", "export_per_kwh"

MAX_BYTES = 20_000_000
"""Ten years of quarter hours; a longer file is not a list of prices."""
FAULTS_SHOWN = 20
"""Who has repaired these sees the rest at the next try."""


class SpotPrices(Frozen):
    """Where the site file finds its spot prices, and what it believes of them."""

    file: str
    """CSV, found from the site file's folder."""
    interval_min: Literal[5, 15, 30, 60]
    """How long each price holds from its time on."""
    least_per_kwh: float
    most_per_kwh: float
    """Prices outside of what the market allows are refused; the higher bound also ranks what a plan must not do."""
    published_h: Annotated[float, Field(ge=0, lt=24)] | None = None
    """Hour of the local day at which the next day's prices are known; None where the file never has what is not."""

    @model_validator(mode="after")
    def _a_range(self) -> SpotPrices:
        if not self.least_per_kwh < self.most_per_kwh:
            raise ValueError(f"most_per_kwh ({self.most_per_kwh:g}) must be above least_per_kwh")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSeries:
    """Prices that hold from their times on for `length_s` each; between them there may be gaps."""

    starts_s: tuple[float, ...]
    """POSIX seconds, rising by at least `length_s`."""
    length_s: float
    import_per_kwh: tuple[float, ...]
    """In place of what floats with the hour in the tariff: its fixed part comes on top."""
    export_per_kwh: tuple[float, ...] | None
    """None where the file has none: the tariff's counts."""
    expected_from_s: float | None = None
    """From when on they are what is expected, and not what the market has said; None where all of them are that."""

    def published(self, terms: SpotPrices, now: datetime, zone: ZoneInfo) -> PriceSeries:
        """What the market has said by a time, where it says a day's prices on the day before."""
        if terms.published_h is None:
            return self
        local = now.astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        hour = (local.replace(tzinfo=None) - midnight) / timedelta(hours=1)
        until = (midnight + timedelta(days=2 if hour >= terms.published_h else 1)).replace(tzinfo=zone).timestamp()
        count = bisect_left(self.starts_s, until)
        if count == len(self.starts_s):
            return self
        export = self.export_per_kwh
        return replace(
            self,
            starts_s=self.starts_s[:count],
            import_per_kwh=self.import_per_kwh[:count],
            export_per_kwh=None if export is None else export[:count],
        )

    def index_at(self, posix_s: float) -> int | None:
        """The price that holds at a time, None in a gap."""
        index = bisect_right(self.starts_s, posix_s) - 1
        return index if index >= 0 and posix_s < self.starts_s[index] + self.length_s else None

    def edges_s(self, start_s: float, end_s: float) -> list[float]:
        """The times within a span at which a price begins or ends."""
        first = max(bisect_right(self.starts_s, start_s) - 1, 0)
        found = []
        for begin_s in self.starts_s[first:]:
            if begin_s >= end_s:
                break
            found += [edge_s for edge_s in (begin_s, begin_s + self.length_s) if start_s < edge_s < end_s]
        return found

    def within(self, start_s: float, end_s: float) -> PriceSeries:
        """The prices that hold within a span."""
        kept = [
            index
            for index, begin_s in enumerate(self.starts_s)
            if begin_s < end_s and begin_s + self.length_s > start_s
        ]
        first, last = (kept[0], kept[-1] + 1) if kept else (0, 0)
        return replace(
            self,
            starts_s=self.starts_s[first:last],
            import_per_kwh=self.import_per_kwh[first:last],
            export_per_kwh=None if self.export_per_kwh is None else self.export_per_kwh[first:last],
        )

    def known_until(self, start_s: float, end_s: float) -> float:
        """The time up to which prices follow `start_s` without a gap, looked at up to `end_s`; `start_s` itself where
        there is none."""
        at_s = start_s
        while at_s < end_s and (index := self.index_at(at_s)) is not None:
            at_s = self.starts_s[index] + self.length_s
        return at_s


def read_prices(path: Path, spot: SpotPrices) -> PriceSeries:
    """Reads a CSV file with the columns `time`, `import_per_kwh` and, where it has one, `export_per_kwh`.

    Raises SiteError with the line of what is wrong.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SiteError([Fault(path.name, 1, "", f"is larger than {MAX_BYTES // 1_000_000} MB")])
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SiteError([Fault(path.name, 1, "", f"cannot be read: {what}")]) from error
    reader = csv.reader(lines)
    header = [name.strip() for name in next(reader, [])]
    if header not in ([TIME, IMPORT], [TIME, IMPORT, EXPORT]):
        what = f"the first line should be {TIME},{IMPORT} or {TIME},{IMPORT},{EXPORT}"
        raise SiteError([Fault(path.name, 1, "", what)])
    faults: list[Fault] = []
    starts_s: list[float] = []
    columns: list[list[float]] = [[] for _ in header[1:]]
    for row in reader:
        if not row:
            continue
        found = list(_faults_of(row, header, spot))
        start_s = None if found else datetime.fromisoformat(row[0].strip()).timestamp()
        if start_s is not None and starts_s and start_s < starts_s[-1] + 60.0 * spot.interval_min:
            before = datetime.fromtimestamp(starts_s[-1], UTC).isoformat()
            found = [(TIME, f"{row[0].strip()} begins before the price of {before} ends")]
        faults += [Fault(path.name, reader.line_num, where, what) for where, what in found]
        if len(faults) >= FAULTS_SHOWN:
            break
        if start_s is not None and not found:
            starts_s.append(start_s)
            for column, text in zip(columns, row[1:], strict=True):
                column.append(float(text))
    if not faults and not starts_s:
        faults.append(Fault(path.name, 1, "", "has no prices"))
    if faults:
        raise SiteError(faults)
    return PriceSeries(
        starts_s=tuple(starts_s),
        length_s=60.0 * spot.interval_min,
        import_per_kwh=tuple(columns[0]),
        export_per_kwh=tuple(columns[1]) if len(columns) > 1 else None,
    )


def _faults_of(row: list[str], header: list[str], spot: SpotPrices) -> Iterator[tuple[str, str]]:
    """What is wrong with a row: the column and the words."""
    if len(row) != len(header):
        yield "", f"has {len(row)} values, the first line names {len(header)} columns"
        return
    try:
        aware = datetime.fromisoformat(row[0].strip()).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        yield TIME, f"{shown(row[0])} should be a time with its zone, such as 2026-10-14T08:00+08:00"
    for name, text in zip(header[1:], row[1:], strict=True):
        try:
            price = float(text)
        except ValueError:
            yield name, f"{shown(text)} is not a number"
            continue
        if not isfinite(price) or not spot.least_per_kwh <= price <= spot.most_per_kwh:
            yield name, f"{price:g} is not between {spot.least_per_kwh:g} and {spot.most_per_kwh:g}"
