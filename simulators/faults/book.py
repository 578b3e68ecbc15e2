"""The book of a park's faults: which are to come, which stand, and which are over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from config.site import Site
from simulators.faults.fit import Misfit, misfits, mistimed, points_hit, resolved_at
from simulators.faults.kinds import Fault, ValueFault
from simulators.faults.standing import Standing, plain

State = Literal["waiting", "standing", "over"]

MOST = 1000
"""Faults that may wait or stand at a time: more than any test has, and each costs time in every tick."""

REMEMBERED = 10_000
"""Faults that are over and still listed; a park may run for months, and the oldest go first."""


class UnfitFault(ValueError):
    """A fault that this park cannot have; the message says why."""


@dataclass(slots=True)
class Entry:
    """One fault of the book. Times are the park's, UTC."""

    id: str
    fault: Fault
    begin: datetime
    end: datetime | None
    """None as long as it stands until somebody clears it."""
    by: Literal["script", "command"]
    state: State = "waiting"
    standing: Standing | None = None

    def record(self) -> dict[str, Any]:
        """For the truth file and for lists."""
        return {
            "id": self.id,
            **plain(self.fault),
            "by": self.by,
            "state": self.state,
            "begin": self.begin.isoformat(),
            "end": None if self.end is None else self.end.isoformat(),
        }


class FaultBook:
    """Keeps the faults of one park. Times are given: it has no clock of its own."""

    def __init__(
        self,
        site: Site,
        *,
        start: datetime,
        seed: int,
        script: Iterable[Fault] = (),
        own_broker: bool = True,
        breaker: bool = False,
    ) -> None:
        """`script` are checked faults, whose offsets count from `start`.

        Raises UnfitFault where two of them have one name, as those of two files may.
        """
        self._site = site
        self._seed = seed
        self._own_broker = own_broker
        self._breaker = breaker
        self._entries: dict[str, Entry] = {}
        self._number = 0
        faults = list(script)
        # names that are given go first: a number must not take one of them
        taken = {fault.id for fault in faults if fault.id is not None}
        for fault in faults:
            if fault.id in self._entries:
                raise UnfitFault(f"there are two faults with the id {fault.id}, each needs one of its own")
            begin = _begin(site, start, fault)
            self._add(fault.id or self._free_id(taken), fault, begin, "script")

    def set(self, fault: Fault, now: datetime) -> Entry:
        """Let a fault begin with the next tick. Raises UnfitFault."""
        found = [*misfits(self._site, fault, own_broker=self._own_broker, breaker=self._breaker), *mistimed(fault)]
        if found:
            raise UnfitFault(_said(found))
        if fault.id is not None and fault.id in self._entries:
            raise UnfitFault(f"there is a fault {fault.id!r} already; known are {', '.join(self._entries)}")
        if sum(entry.state != "over" for entry in self._entries.values()) >= MOST:
            raise UnfitFault(f"{MOST} faults wait or stand already; clear some of them first")
        return self._add(fault.id or self._free_id(self._entries), fault, now, "command")

    def clear(self, id_: str | None, now: datetime) -> list[Entry]:
        """End a fault, or all of them; one that still waits never begins. Raises UnfitFault for an unknown one."""
        if id_ is not None and id_ not in self._entries:
            raise UnfitFault(f"there is no fault {id_!r}; known are {', '.join(self._entries) or 'none'}")
        chosen = self._entries.values() if id_ is None else [self._entries[id_]]
        cleared = [entry for entry in chosen if entry.state != "over"]
        for entry in cleared:
            if entry.state == "waiting":
                entry.begin = min(entry.begin, now)
            entry.end = now
            _close(entry)
        return cleared

    def advance(self, now: datetime, values: Callable[[str], Mapping[str, float]]) -> list[Standing]:
        """Go on to a time; `values` are the true ones of a device. Returns what stands, in the order of its beginning.

        A fault stands for one tick at least, however short it is.
        """
        for entry in self._entries.values():
            if entry.state == "standing" and entry.end is not None and entry.end <= now:
                _close(entry)
            elif entry.state == "waiting" and entry.begin <= now:
                entry.state = "standing"
                entry.standing = self._begun(entry, values)
        self._forget()
        return self.standing()

    def standing(self) -> list[Standing]:
        """What stands, in the order of its beginning."""
        entries = sorted((entry for entry in self._entries.values() if entry.standing), key=lambda entry: entry.begin)
        return [entry.standing for entry in entries if entry.standing is not None]

    def next_change(self, now: datetime) -> datetime | None:
        """When after `now` the next fault begins or ends, as far as that is known; None for never."""
        times = [entry.begin for entry in self._entries.values() if entry.state == "waiting"]
        times += [entry.end for entry in self._entries.values() if entry.state == "standing" and entry.end is not None]
        return min((time for time in times if time > now), default=None)

    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    def records(self) -> list[dict[str, Any]]:
        """Every fault that has begun, with its begin and its end."""
        return [entry.record() for entry in self._entries.values() if entry.state != "waiting"]

    def _begun(self, entry: Entry, values: Callable[[str], Mapping[str, float]]) -> Standing:
        fault = entry.fault
        in_values = isinstance(fault, ValueFault)
        return Standing(
            id=entry.id,
            fault=fault,
            since=entry.begin,
            seed=self._seed,
            points=points_hit(self._site, fault) if isinstance(fault, ValueFault) else (),
            before=dict(values(fault.target)) if in_values else {},
        )

    def _add(self, id_: str, fault: Fault, begin: datetime, by: Literal["script", "command"]) -> Entry:
        end = None if fault.for_ is None else begin + fault.for_
        entry = self._entries[id_] = Entry(id_, fault, begin, end, by)
        return entry

    def _free_id(self, taken: Iterable[str]) -> str:
        known = {*taken, *self._entries}
        while True:
            self._number += 1
            if (name := f"fault_{self._number}") not in known:
                return name

    def _forget(self) -> None:
        over = [entry.id for entry in self._entries.values() if entry.state == "over"]
        for id_ in over[: max(0, len(over) - REMEMBERED)]:
            del self._entries[id_]


def _begin(site: Site, start: datetime, fault: Fault) -> datetime:
    match fault.at:
        case None:
            begin = start
        case timedelta() as since:
            begin = start + since
        case datetime() as at:
            begin = resolved_at(site, at)
    return begin.astimezone(UTC)


def _close(entry: Entry) -> None:
    entry.state = "over"
    entry.standing = None


def _said(found: Iterable[Misfit]) -> str:
    return "; ".join(what for _, what in found)
