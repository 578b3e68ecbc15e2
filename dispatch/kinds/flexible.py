"""Electricity that may be taken at any time within its window: vehicles, and jobs that may be interrupted.

least[t] <= sum of power * dt up to t <= most[t]
"""

from __future__ import annotations

from config.flexible_assets import EvChargers, ShiftableJob
from dispatch.forms.windowed import Windowed
from dispatch.levels import Levels
from dispatch.plan import ELECTRICITY


def ev_chargers(spec: EvChargers, levels: Levels) -> Windowed:
    """What vehicles want counts at the charging points; the losses into their batteries are in it."""
    return Windowed(bus=ELECTRICITY, gives=-1, limit_kw=min(spec.limit_kw, spec.stations * spec.station_kw))


def shiftable_job(spec: ShiftableJob, levels: Levels) -> Windowed:
    """A job that may be interrupted. One that may not needs a yes or no for each start, and stays local."""
    return Windowed(bus=ELECTRICITY, gives=-1, limit_kw=spec.power_kw)
