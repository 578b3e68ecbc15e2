"""What is in the way of a short plan, in an operator's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from config.site import Site
from dispatch.binding import Steps
from dispatch.block import Inputs
from dispatch.conflict import Conflict, Give, conflict
from dispatch.plan import Plan, Situation
from dispatch.relief import Gives

TIMES_SHOWN = 3
"""Stretches of time of one limit; more of them are counted."""


def with_conflict(site: Site, situation: Situation, inputs: Inputs, plan: Plan, limit_s: float) -> Plan:
    """The plan with what is in its way in its note, where it is short and that is found within `limit_s` seconds."""
    found = conflict(site, situation, inputs, plan, limit_s) if limit_s > 0.0 else None
    if found is None:
        return plan
    words = f"in the way: {in_the_way(site, plan, found)}"
    return replace(plan, note=f"{plan.note}; {words}" if plan.note else words)


def in_the_way(site: Site, plan: Plan, found: Conflict) -> str:
    """One or two sentences: the easiest way to a plan that leaves nothing unmet, another, and what no way helps."""
    times = _Times(site, plan)
    helped = [name for name in found.short if name not in found.rest]
    would = f"would meet {_joined(helped)}" if helped else "would be enough"
    ways = [_joined([_words(give, times) for give in way]) for way in found.ways]
    sentences = []
    if ways:
        sentences.append(f"{ways[0]} {would}" + "".join(f"; so would {way}" for way in ways[1:]))
    if found.rest:
        sentences.append(f"no limit that gives would meet {_joined(found.rest)} in full")
    return "; ".join(sentences)


class _Times:
    """The plan's intervals by the site's clock."""

    def __init__(self, site: Site, plan: Plan) -> None:
        hours = np.concatenate(([0.0], np.cumsum(plan.step_h)))
        zone = ZoneInfo(site.location.time_zone)
        self._bounds = [
            (plan.start + timedelta(seconds=round(hour * 3600))).astimezone(zone) for hour in hours.tolist()
        ]

    def of(self, steps: Steps) -> str:
        """From when to when a mask is true; the day is named once where it stays the same."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], steps, [False])).astype(np.int8))).tolist()
        spans = [(self._bounds[first], self._bounds[end]) for first, end in zip(edges[::2], edges[1::2], strict=True)]
        words = []
        for number, (first, end) in enumerate(spans[:TIMES_SHOWN]):
            same_day = number > 0 and first.date() == spans[number - 1][0].date()
            words.append(f"from {_time(first, day=not same_day)} to {_time(end, day=end.date() != first.date())}")
        if len(spans) > TIMES_SHOWN:
            words.append(f"{len(spans) - TIMES_SHOWN} times more")
        return _joined(words)


def _words(give: Give, times: _Times) -> str:
    most, limit = float(np.max(give.more)), f"{give.limit:.0f} {give.unit}"
    amount = f"{most:.0f} {give.unit}" if most >= 10.0 else f"{most:.1f} {give.unit}"
    when = f" {times.of(give.more > 0.0)}" if give.unit == "kW" else ""
    match give.gives:
        case Gives.IMPORT_LIMIT:
            return f"{amount} more than the import limit of {limit}{when}"
        case Gives.EXPORT_LIMIT:
            return f"{amount} more than the export limit of {limit}{when}"
        case Gives.UNAVAILABLE:
            return f"{amount} of {give.whose}, which is unavailable,{when}"
        case Gives.RATING:
            return f"{amount} through {give.whose} beyond its rating of {limit}{when}"
        case Gives.HIGHEST_POWER:
            return f"{amount} more than the {limit} of {give.whose}{when}"
        case Gives.CHARGING_POWER:
            return f"charging {give.whose} with {amount} more than its {limit}{when}"
        case Gives.DISCHARGING_POWER:
            return f"discharging {give.whose} with {amount} more than its {limit}{when}"
        case Gives.LOWER_END:
            return f"emptying {give.whose} {amount} below the {limit} that its window ends at"
        case Gives.UPPER_END:
            return f"filling {give.whose} {amount} above the {limit} that its window ends at"
        case Gives.CAP:
            return f"{amount} more than the {give.whose} leaves"


def _time(when: datetime, *, day: bool) -> str:
    return f"{when:%a %H:%M}" if day else f"{when:%H:%M}"


def _joined(words: Sequence[str]) -> str:
    """With commas, and `and` before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
