"""Fault scripts: which faults a park gets, and when; refused with every mistake at once, as site files are.

faults:
  - kind: frozen
    target: grid_meter
    at: 00:10:00      # of the park's time since its start, or a date and time of the site's calendar
    for: 120s
"""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from config.base import Frozen
from config.document import Document, read_document
from config.document import Fault as Mistake
from config.faults import SiteError, validate
from config.site import Site
from simulators.faults.fit import misfits
from simulators.faults.kinds import AnyFault, Fault


class Script(Frozen):
    """What a fault script says."""

    faults: tuple[AnyFault, ...]


_SCRIPT: TypeAdapter[Script] = TypeAdapter(Script)
_FAULT: TypeAdapter[Fault] = TypeAdapter(AnyFault)


def load_script(path: Path, site: Site, *, own_broker: bool = True, breaker: bool = False) -> tuple[Fault, ...]:
    """The faults of a script, checked against the site; see `fit.misfits`. Raises SiteError."""
    document = read_document(path)
    mistakes = list(document.faults)
    if document.data is None:
        raise SiteError(mistakes)
    script: Script | None = validate(document, _SCRIPT, Script, mistakes)
    mistakes += script_mistakes(document, site, own_broker=own_broker, breaker=breaker)
    if mistakes or script is None:
        raise SiteError(mistakes)
    return script.faults


def script_mistakes(document: Document, site: Site, *, own_broker: bool, breaker: bool) -> list[Mistake]:
    """What does not fit the site, of every well-written entry of `faults`, whatever the others are."""
    found: list[Mistake] = []
    first: dict[str, int] = {}
    assert document.data is not None
    entries = document.data.get("faults")
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        try:
            fault = _FAULT.validate_python(entry)
        except ValidationError:
            continue
        if fault.id is not None and first.setdefault(fault.id, index) != index:
            line = document.line(("faults", first[fault.id], "id"))
            found.append(document.fault(("faults", index, "id"), f"{fault.id!r} is given twice, first in line {line}"))
        for key, what in misfits(site, fault, own_broker=own_broker, breaker=breaker):
            found.append(document.fault(("faults", index, key), what))
    return found
