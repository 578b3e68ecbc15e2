"""What a simulated park did, from its truth file: means of each interval by carrier, and what the stores held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from config.site import Site
from dispatch.plan import FloatArray
from dispatch.tariff import TariffCalendar

Book = Literal["park", "without_control"]

SHOWN_FROM_KW = 0.05
"""A flow that never exceeds this is no area that one could see."""
SHOWN_FROM_KWH = 1e-6
"""A store that never holds or loses more than this is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The mean power of one asset on one carrier in each interval, shape (n,)."""

    asset: str
    towards_kw: FloatArray
    """+ feeds the park, - takes from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something out of the ordinary that was given to the park: a part of a scenario, or a fault."""

    what: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A run of a simulated park on its intervals of 15 minutes."""

    edges: Sequence[datetime]
    """Bounds of the intervals, aware, n + 1 of them; the first and the last interval may be shorter."""
    flows: Mapping[str, Sequence[Flow]]
    """By carrier, such as electricity; only assets that one would see."""
    stored_kwh: Mapping[str, FloatArray]
    """By store: what it held at each bound, shape (n + 1,)."""
    curtailed_kw: FloatArray
    import_price_per_kwh: FloatArray
    """At the middle of each interval."""
    marks: Sequence[Mark]


def course_of(site: Site, truth: Mapping[str, Any], book: Book = "park") -> Course:
    """Raises ValueError for a run that did not last, NoTariff for a time that no tariff covers."""
    intervals: Sequence[Mapping[str, Any]] = truth[book]["intervals"]
    if not intervals:
        raise ValueError("the run was over before anything happened: there is nothing to show")
    began = datetime.fromisoformat(truth["start"])
    edges = [began]
    for interval in intervals:
        edges.append(edges[-1] + timedelta(seconds=interval["seconds"]))
    hours = np.array([interval["seconds"] / 3600 for interval in intervals])
    calendar = TariffCalendar(site.tariffs)
    middles = [edge + (after - edge) / 2 for edge, after in pairwise(edges)]
    return Course(
        edges=edges,
        flows={carrier: _flows(intervals, carrier, hours) for carrier in carriers(truth)},
        stored_kwh=_stored(truth, intervals),
        curtailed_kw=np.array([interval["curtailed_kwh"] for interval in intervals]) / hours,
        import_price_per_kwh=np.array([calendar.import_price_at(middle) for middle in middles]),
        marks=_marks(truth, edges[-1]),
    )


def carriers(truth: Mapping[str, Any]) -> list[str]:
    """The carriers that the accounts know, in their order, as far as anything flowed."""
    accounts: Mapping[str, Mapping[str, float]] = truth["park"]["total"]["assets"]
    known: dict[str, None] = {}
    for account in accounts.values():
        known |= dict.fromkeys(key.removesuffix("_fed_kwh") for key in account if key.endswith("_fed_kwh"))
    return [
        carrier for carrier in known if any(used_and_fed(account, carrier) != (0, 0) for account in accounts.values())
    ]


def used_and_fed(account: Mapping[str, float], carrier: str) -> tuple[float, float]:
    """Energies in kWh that an asset took from the bus of a carrier, and gave to it."""
    return account[f"{carrier}_used_kwh"], account[f"{carrier}_fed_kwh"]


def _flows(intervals: Sequence[Mapping[str, Any]], carrier: str, hours: FloatArray) -> list[Flow]:
    found = []
    for name in intervals[0]["assets"]:
        pairs = [used_and_fed(interval["assets"][name], carrier) for interval in intervals]
        towards_kw: FloatArray = np.array([fed - used for used, fed in pairs]) / hours
        if float(np.abs(towards_kw).max()) > SHOWN_FROM_KW:
            found.append(Flow(asset=name, towards_kw=towards_kw))
    return found


def _stored(truth: Mapping[str, Any], intervals: Sequence[Mapping[str, Any]]) -> dict[str, FloatArray]:
    """Reckoned back from what is there at the end."""
    found: dict[str, FloatArray] = {}
    for name, at_end_kwh in truth["stored_kwh"].items():
        changes = np.array([interval["assets"][name]["stored_kwh"] for interval in intervals])
        held: FloatArray = at_end_kwh - np.concatenate((np.cumsum(changes[::-1])[::-1], [0.0]))
        if float(np.abs(held).max()) > SHOWN_FROM_KWH:
            found[name] = held
    return found


def _marks(truth: Mapping[str, Any], ended: datetime) -> list[Mark]:
    found = [_mark(entry["what"], entry, ended) for entry in truth.get("scenario", {}).get("marks", ())]
    found += [_mark(f"{entry['kind']} of {entry['target']}", entry, ended) for entry in truth.get("faults", ())]
    return sorted((mark for mark in found if mark.begin < ended), key=lambda mark: mark.begin)


def _mark(what: str, entry: Mapping[str, Any], ended: datetime) -> Mark:
    end = ended if entry["end"] is None else min(datetime.fromisoformat(entry["end"]), ended)
    return Mark(what=what, begin=datetime.fromisoformat(entry["begin"]), end=end)
