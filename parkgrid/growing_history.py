"""The history of a park in virtual time, as its ledger adds to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from controller.interval import Interval
from dispatch.forecast.history import History
from dispatch.plan import FloatArray
from simulators.past import Past

GROWS_BY = 96 * 28
"""Intervals that are made room for at once."""


class GrowingHistory:
    """What was measured before a run, and since. Intervals that were not closed yet are not known."""

    def __init__(self, past: Past, step_min: int) -> None:
        self._start = datetime.fromtimestamp(float(past.start_s[0]), tz=UTC)
        self._step = timedelta(minutes=step_min)
        self._step_min = step_min
        self._count = len(past.start_s)
        self._series: dict[str, FloatArray] = {name: column.copy() for name, column in past.columns.items()}

    def add(self, interval: Interval) -> None:
        place = round((interval.start - self._start) / self._step)
        if place < 0:
            return
        for name, values in self._series.items():
            if place >= len(values):
                self._series[name] = np.concatenate((values, np.full(GROWS_BY + place - len(values), np.nan)))
            mean_kw = interval.mean_kw.get(name)
            if mean_kw is not None:
                self._series[name][place] = mean_kw
        self._count = max(self._count, place + 1)

    @property
    def known(self) -> History:
        """As views of what grows: for the moment, not for keeping."""
        series = {name: values[: self._count] for name, values in self._series.items()}
        return History(start=self._start, step_min=self._step_min, series=series)
