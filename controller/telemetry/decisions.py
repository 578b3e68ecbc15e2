"""Why a setpoint is, or was, what it is: read from the local telemetry, beside the controller that writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from controller.telemetry.record import BadRecord, Record, from_line
from controller.telemetry.store import microseconds

LOOKED_THROUGH = 5000
"""Decisions that are looked through for the begin of one: beyond, it stands for longer than anybody asks."""


class NoDecisions(Exception):
    """There is nothing to read, or nothing of that asset and time; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The decision that held at a time."""

    record: Record
    since: datetime
    """From when on its asset had this setpoint by this owner."""
    last_cycle: datetime
    """When the controller last recorded anything before that time: what came after it nobody knows."""


def explained(path: Path, asset: str, at: datetime) -> Explained:
    """The decision about an asset that held at an aware time. Raises NoDecisions."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as database:
            found = list(_latest(database, asset, at))
            row = database.execute(
                "SELECT MAX(at_us) FROM record WHERE measurement IN ('controller', 'decision') AND at_us <= ?",
                (microseconds(at),),
            ).fetchone()
    except (sqlite3.Error, BadRecord, ValueError) as error:
        raise NoDecisions(f"{path} cannot be read: {error}") from error
    if not found:
        raise NoDecisions(f"nothing was decided about {asset} until then, or it is no longer kept")
    last_cycle = datetime.fromtimestamp(row[0] / 1e6, at.tzinfo)
    return Explained(record=found[0], since=found[-1].at, last_cycle=last_cycle)


def _latest(database: sqlite3.Connection, asset: str, at: datetime) -> Iterator[Record]:
    """Decisions with the last setpoint and its owner, the newest first, as long as there was no other."""
    held: tuple[object, object] | None = None
    rows = database.execute(
        "SELECT line FROM record WHERE measurement = 'decision' AND at_us <= ? AND line LIKE ?"
        " ORDER BY at_us DESC, id DESC LIMIT ?",
        (microseconds(at), f"decision,asset={asset},%", LOOKED_THROUGH),
    )
    for (line,) in rows:
        record = from_line(line)
        if record.tags["asset"] != asset:  # _ stands for any letter in LIKE
            continue
        told = (record.fields.get("setpoint_kw"), record.fields["owner"])
        if held is not None and told != held:
            return
        held = told
        yield record
