"""A price by the hours of the local day on a grid of intervals, exact to the minute, also when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from config.daily_price import by_minute
from config.tariff import MINUTES_PER_DAY
from dispatch.plan import FloatArray

QUARTER_MIN = 15
"""Offsets of time zones change on quarters of an hour, so one look at each is enough."""


def mean_price(price: dict[str, float], zone: ZoneInfo, start: datetime, step_h: FloatArray) -> FloatArray:
    """The time-weighted mean of each interval from an aware `start` on, shape (steps,)."""
    if len(set(price.values())) == 1:
        return np.full(len(step_h), next(iter(price.values())))
    return mean_by_minute(by_minute(price), zone, start, step_h)


def mean_by_minute(of_day: FloatArray, zone: ZoneInfo, start: datetime, step_h: FloatArray) -> FloatArray:
    """The same of what each minute of the local day has, shape (1440,)."""
    bounds_min = start.timestamp() / 60.0 + np.concatenate(([0.0], np.cumsum(step_h) * 60.0))
    first = int(bounds_min[0] // QUARTER_MIN)
    quarters = int(bounds_min[-1] // QUARTER_MIN) + 1 - first
    offsets_min = [_offset_min(zone, (first + quarter) * QUARTER_MIN) for quarter in range(quarters)]
    minutes = np.arange(first * QUARTER_MIN, (first + quarters) * QUARTER_MIN)
    values = of_day[(minutes + np.repeat(offsets_min, QUARTER_MIN)) % MINUTES_PER_DAY]
    integral = np.concatenate(([0.0], np.cumsum(values)))
    edges_min = np.arange(len(integral), dtype=np.float64)
    means: FloatArray = np.diff(np.interp(bounds_min - minutes[0], edges_min, integral)) / (step_h * 60.0)
    return means


def _offset_min(zone: ZoneInfo, minute: int) -> int:
    offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() // 60)
