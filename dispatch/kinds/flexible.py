"""Electricity that is wanted within a window: at any time in it by vehicles and by jobs that may be interrupted, in one
run by other jobs.

least[t] <= sum of power * dt up to t <= most[t],   or power = P from a start to its end
"""

from __future__ import annotations

from config.flexible_assets import EvChargers, ShiftableJob
from dispatch.forms.batch import Batch
from dispatch.forms.windowed import Windowed
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY


def ev_chargers(spec: EvChargers, levels: Levels) -> Windowed:
    """What vehicles want counts at the charging points; the losses into their batteries are in it."""
    return Windowed(bus=ELECTRICITY, gives=-1, limit_kw=min(spec.limit_kw, spec.stations * spec.station_kw))


def shiftable_job(spec: ShiftableJob, levels: Levels) -> Windowed | Batch:
    if spec.interruptible:
        return Windowed(bus=ELECTRICITY, gives=-1, limit_kw=spec.power_kw)
    return Batch(bus=ELECTRICITY, gives=-1, power_kw=spec.power_kw, duration_h=spec.duration_min / 60.0)
