"""Why a plan is as it is: stretches of one reason, and the limits that bind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from dispatch.binding import Steps
from dispatch.plan import Plan
from dispatch.reason import Reason
from parkgrid.plan_output import starts
from parkgrid.planning import Planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Intervals in a row in which an asset does something for one reason."""

    asset: str
    first: int
    end: int
    """The first interval after it."""
    mean_kw: float
    reason: Reason


def stretches(plan: Plan) -> Iterator[Stretch]:
    """Asset by asset, each in the order of time."""
    for name, reasons in plan.reasons.items():
        for reason, group in groupby(range(plan.steps), reasons.__getitem__):
            steps = list(group)
            within = slice(steps[0], steps[-1] + 1)
            hours = plan.step_h[within]
            mean_kw = float(plan.assets[name].power_kw[within] @ hours / hours.sum())
            yield Stretch(asset=name, first=within.start, end=within.stop, mean_kw=mean_kw, reason=reason)


def runs(steps: Steps) -> list[tuple[int, int]]:
    """Where a mask is true in a row: first interval and the one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], steps, [False])).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def why_tables(planned: Planned) -> tuple[Table, ...]:
    """The reasons as a table by asset and time, and the limits that bind."""
    bounds = _bounds(planned)
    reasons = _table("Why, in mean kW", "asset", "from", "to", "kW", "reason")
    for _, group in groupby(stretches(planned.plan), lambda stretch: stretch.asset):
        for number, stretch in enumerate(group):
            name = stretch.asset if number == 0 else ""
            times = bounds[stretch.first], bounds[stretch.end]
            reasons.add_row(name, *map(_time, times), f"{round(stretch.mean_kw):d}", stretch.reason.value)
        reasons.add_section()
    if not planned.binding:
        return (reasons,)
    limits = _table("Limits that bind", "whose", "limit", "at", "when")
    for each in planned.binding:
        when = ", ".join(f"{_time(bounds[first])} to {_time(bounds[end])}" for first, end in runs(each.steps))
        limits.add_row(each.whose, each.limit.value, f"{each.value:.0f} {each.unit}", when)
    return reasons, limits


def _bounds(planned: Planned) -> list[datetime]:
    """Local time at each interval's bound."""
    zone = ZoneInfo(planned.site.location.time_zone)
    return [when.astimezone(zone) for when in (*starts(planned.plan), planned.plan.until)]


def _time(when: datetime) -> str:
    return f"{when:%a %H:%M}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="right" if column in ("kW", "at") else "left", no_wrap=column != "when")
    return table
