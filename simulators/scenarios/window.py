"""When something happens in a scenario, and how far it has come in or gone again at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.base import Frozen
from simulators.faults.times import Since, Span
from simulators.noise import FloatArray


class Window(Frozen):
    """A part of a scenario."""

    at: Since = timedelta(0)
    """Since the start of the scenario, in the park's time."""
    for_: Annotated[Span | None, Field(alias="for")] = None
    """To the end of the scenario when not given."""

    def bounds(self, start: datetime, length: timedelta) -> tuple[datetime, datetime]:
        """Begin and end, UTC, in a scenario that starts at `start` (UTC) and is over after `length`."""
        end = length if self.for_ is None else min(self.at + self.for_, length)
        return start + self.at, start + end

    def stands(self, t_s: FloatArray, start: datetime, length: timedelta) -> NDArray[np.bool_]:
        """Whether it is there at UTC seconds since 1970, shape (n,)."""
        begin_s, end_s = (bound.timestamp() for bound in self.bounds(start, length))
        return (t_s >= begin_s) & (t_s < end_s)


class Slope(Window):
    """A part of a scenario that may come and go slowly."""

    ramp: Since = timedelta(0)
    """How long it takes to come, and again to go, both within the window."""

    def share(self, t_s: FloatArray, start: datetime, length: timedelta) -> FloatArray:
        """How much of it is there, 0..1, at UTC seconds since 1970, shape (n,): a trapezium over the window."""
        begin_s, end_s = (bound.timestamp() for bound in self.bounds(start, length))
        inside = self.stands(t_s, start, length)
        ramp_s = self.ramp.total_seconds()
        if ramp_s == 0:
            return np.where(inside, 1.0, 0.0)
        from_edge_s = np.minimum(t_s - begin_s, end_s - t_s)
        return np.where(inside, np.clip(from_edge_s / ramp_s, 0.0, 1.0), 0.0)
