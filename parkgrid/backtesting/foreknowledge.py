"""Forecasts that are right: they say what the record has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dispatch.forecast.experience import Experience, Outlook
from dispatch.forecast.history import History
from simulators.recorded import Recorded


@dataclass(slots=True)
class Foreknowledge(Experience):
    """Takes the place of what was learned."""

    recorded: Recorded | None = None

    def usual_peak_kw(self, history: History, start: datetime) -> float:
        """Nothing needs to be guessed."""
        return 0.0

    def outlook(self, history: History, name: str, start: datetime, steps: int) -> Outlook | None:
        if self.recorded is None or name not in self.recorded.columns:
            return None
        times = start.timestamp() + self.recorded.step_s * np.arange(-1, steps, dtype=float)
        return Outlook(
            usual=self.recorded.at(name, times), fades=np.zeros(steps + 1), residuals=np.empty(0), way="foreknowledge"
        )
