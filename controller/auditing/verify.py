"""Whether the audit is whole: every seal, every number, every link, in every file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from controller.auditing.chain import AuditChain
from controller.auditing.entry import Sealed, genesis, seal_of, spelled


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which a chain does not hold."""

    path: Path
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.why}"


class BrokenChain(Exception):
    """The audit has been changed, or damaged."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(str(broken))
        self.broken = broken


def entries(chain: AuditChain, site: str) -> Iterator[Sealed]:
    """Every entry in order, each proved before it is given. Raises BrokenChain at the first that does not hold.

    What is missing at the end cannot be seen in the chain: only a seal that was noted elsewhere proves that.
    """
    number, before = 0, genesis(site)
    for path in chain.files():
        text = path.read_bytes()
        lines = text.split(b"\n")
        if lines.pop():
            raise BrokenChain(Broken(path, len(lines) + 1, "the last entry is torn"))
        for place, line in enumerate(lines, 1):
            entry, why = _proved(line, number + 1, before)
            if entry is None:
                raise BrokenChain(Broken(path, place, why))
            number, before = entry.number, entry.seal
            yield entry


def _proved(line: bytes, number: int, before: str) -> tuple[Sealed | None, str]:
    """The entry of a line, or why it does not hold."""
    try:
        content = json.loads(line)
        entry = Sealed.model_validate(content)
    except (ValueError, ValidationError):
        return None, "this is no entry"
    if spelled(content).encode() != line:
        return None, "the entry is not spelled as parkgrid spells it"
    del content["seal"]
    if seal_of(content) != entry.seal:
        return None, f"entry {entry.number} was changed: its seal is another"
    if entry.number != number:
        return None, f"entry {entry.number} stands where {number} should"
    if entry.before != before:
        return None, f"entry {entry.number} is not tied to the one before it"
    return entry, ""
