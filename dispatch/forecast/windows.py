"""What vehicles and jobs will want: what their device says now, and beyond that the usual day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.flexible_assets import EvChargers, ShiftableJob
from config.site import Site
from dispatch.plan import FloatArray, Wanted

PRESENT = 0.75
"""Share of the charging points that have a vehicle on a working day; a fifth of that at weekends."""
WEEKEND = 0.2
ARRIVES_H, STAYS_H = 7.2, 7.5
"""With the early shift, in hours of the local day."""
NEEDS_KWH = 30.0
"""Into the battery of a vehicle: a commuter's two days."""
SATURDAY = 5
UNUSUAL_STAY_H = 4.0
"""How long those may stay who are there outside the usual hours: enough for a cheaper hour, not for the morning."""


def visits(
    spec: EvChargers, site: Site, start: datetime, step_h: FloatArray, needed_kwh: float | None = None
) -> tuple[Wanted, ...]:
    """One window a day for all vehicles of a group together; one that is open wants the rest, or what is known.

    `needed_kwh` is what the vehicles want that are plugged in now; None where nobody says so.
    """
    found = []
    open_now = False
    group_kw = min(spec.limit_kw, spec.stations * spec.station_kw)
    for day in _days(site, start, step_h):
        vehicles = spec.stations * PRESENT * (WEEKEND if day.weekday() >= SATURDAY else 1.0)
        from_h = _hours_until(day, ARRIVES_H, site, start)
        left = min(1.0, (from_h + STAYS_H) / STAYS_H)
        if left > 0.0:
            most_kw = min(vehicles * spec.station_kw, spec.limit_kw)
            energy_kwh = left * vehicles * NEEDS_KWH / spec.efficiency
            if from_h <= 0.0 and needed_kwh is not None:
                open_now, energy_kwh, most_kw = True, needed_kwh, group_kw
            found.append(Wanted(from_h, from_h + STAYS_H, energy_kwh, most_kw))
    if needed_kwh and not open_now:
        found.insert(0, Wanted(0.0, UNUSUAL_STAY_H, needed_kwh, group_kw))
    return tuple(found)


def job_windows(
    spec: ShiftableJob, site: Site, start: datetime, step_h: FloatArray, needed_kwh: float | None = None
) -> tuple[Wanted, ...]:
    """One window a day. A job whose window is open wants what its device says, `needed_kwh`; where that says nothing it
    counts as not begun while it still fits, and then as done."""
    found = []
    duration_h = spec.duration_min / 60.0
    for day in _days(site, start, step_h):
        from_h, until_h = (_hours_until(day, hour, site, start) for hour in (spec.earliest_h, spec.latest_end_h))
        if needed_kwh is not None and from_h <= 0.0 < until_h:
            if needed_kwh > 0.0:
                found.append(Wanted(from_h, until_h, needed_kwh, spec.power_kw))
            continue
        if until_h - max(from_h, 0.0) >= duration_h:
            found.append(Wanted(from_h, until_h, spec.power_kw * duration_h, spec.power_kw))
    return tuple(found)


def _days(site: Site, start: datetime, step_h: FloatArray) -> list[date]:
    """The local days that the horizon touches."""
    zone = ZoneInfo(site.location.time_zone)
    first, end = start.astimezone(zone).date(), (start + timedelta(hours=float(step_h.sum()))).astimezone(zone).date()
    return [first + timedelta(days=number) for number in range((end - first).days + 1)]


def _hours_until(day: date, clock_h: float, site: Site, start: datetime) -> float:
    """Hours from the start until the local clock shows this, which it does also on days when it is changed."""
    shown = datetime.combine(day, time()) + timedelta(hours=clock_h)
    return (shown.replace(tzinfo=ZoneInfo(site.location.time_zone)) - start).total_seconds() / 3600.0
