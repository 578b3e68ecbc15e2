"""When something happens in a scenario, and how far it has come in or gone again at a time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field

from config.base import Frozen
from simulators.noise import FloatArray

LONGEST = timedelta(days=3660)
"""Ten years: longer than any park is simulated, and far from the ends of the calendar."""

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smhd])", re.ASCII)
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d):([0-5]\d)", re.ASCII)


def span_of(value: Any) -> timedelta:
    """The time of ``120s``, ``30m``, ``2h``, ``1d`` or ``00:10:00``. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    text = value if isinstance(value, str) else ""
    if (found := _NUMBER.fullmatch(text)) is not None:
        lasts = timedelta(seconds=float(found[1]) * _UNITS_S[found[2]])
    elif (found := _CLOCK.fullmatch(text)) is not None:
        lasts = timedelta(hours=int(found[1]), minutes=int(found[2]), seconds=int(found[3]))
    else:
        raise ValueError(f"is {value!r}, should look like 90s, 30m, 2h, 1d or 00:10:00")
    if lasts > LONGEST:
        raise ValueError(f"is {value!r}, should be at most {LONGEST.days} days")
    return lasts


def lasting(value: Any) -> timedelta:
    """A time that is longer than nothing. Raises ValueError."""
    lasts = span_of(value)
    if not lasts:
        raise ValueError(f"is {value!r}, should be longer than nothing")
    return lasts


Since = Annotated[timedelta, BeforeValidator(span_of)]
"""Since the start of the scenario, in the park's time."""
Lasting = Annotated[timedelta, BeforeValidator(lasting)]
"""How long, in the park's time."""


class Window(Frozen):
    """A part of a scenario."""

    at: Since = timedelta(0)
    for_: Annotated[Lasting | None, Field(alias="for")] = None
    """To the end of the scenario when not given."""

    def bounds(self, start: datetime, length: timedelta) -> tuple[datetime, datetime]:
        """Begin and end in a scenario that starts at `start`, in the same time zone as `start`."""
        end = length if self.for_ is None else min(self.at + self.for_, length)
        return start + self.at, start + end


class Slope(Window):
    """A part of a scenario that may come and go slowly."""

    ramp: Since = timedelta(0)
    """How long it takes to come, and again to go, both within the window."""

    def share(self, t_s: FloatArray, start: datetime, length: timedelta) -> FloatArray:
        """How much of it is there, 0..1, at UTC seconds since 1970, shape (n,): a trapezium over the window."""
        begin, end = (bound.timestamp() for bound in self.bounds(start, length))
        inside = (t_s >= begin) & (t_s < end)
        ramp_s = self.ramp.total_seconds()
        if ramp_s == 0:
            return np.where(inside, 1.0, 0.0)
        nearest_edge_s = np.minimum(t_s - begin, end - t_s)
        return np.where(inside, np.clip(nearest_edge_s / ramp_s, 0.0, 1.0), 0.0)
