"""One line of the audit, and the seal that ties it to the line before."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from config.base import Frozen
from controller.writes import outcome_of
from drivers.driver import Accepted, WriteResult

Seal = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Entry(Frozen):
    """What happened, as far as it is known where it happened."""

    at: AwareDatetime
    kind: Literal["write", "operator", "controller", "gap"]
    """A write to a device, a person's action, the controller's own begin and end, or entries that were lost."""
    who: str
    """The owner of the decision, the person, or ``controller``."""
    what: str
    """The point that was written, or the action."""
    asset: str = ""
    value: float | None = None
    outcome: str = ""
    """Of a write: confirmed, rejected or unconfirmed, with the device's reason."""
    why: str = ""
    repeated: int = 0
    """How often the write of this point before this one was attempted again with the same value and outcome."""


class Sealed(Entry):
    """An entry in its place in the chain."""

    number: int
    """From 1, without gaps."""
    before: Seal
    """The seal of the entry before; of the first one the site's (`genesis`)."""
    seal: Seal
    """SHA-256 of everything else in the entry."""


def genesis(site: str) -> str:
    """What the first entry of a site is tied to."""
    return hashlib.sha256(f"parkgrid audit of {site}".encode()).hexdigest()


def sealed(entry: Entry, number: int, before: str) -> Sealed:
    content = {**entry.model_dump(mode="json"), "number": number, "before": before}
    return Sealed.model_validate({**content, "seal": seal_of(content)})


def seal_of(content: dict[str, Any]) -> str:
    """The seal of an entry's content, in one spelling: sorted keys, no spaces, UTF-8."""
    return hashlib.sha256(spelled(content).encode()).hexdigest()


def spelled(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def line_of(entry: Sealed) -> str:
    """The entry as its line in the file, without the end of line."""
    return spelled(entry.model_dump(mode="json"))


def outcome_said(result: WriteResult) -> str:
    """What became of a write, with the device's reason where it was not confirmed."""
    word = outcome_of(result)
    return word if isinstance(result, Accepted) else f"{word}: {result.reason}"


def controller_entry(at: datetime, what: str, why: str) -> Entry:
    return Entry(at=at, kind="controller", who="controller", what=what, why=why)
