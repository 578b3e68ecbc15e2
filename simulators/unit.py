"""What converters have in common: a load range, a ramp, a start that takes time, and least times on and off."""

from __future__ import annotations

import math

from config.asset import Ramped
from simulators.commanded import Commanded
from simulators.ramp import ramp

ROUNDING = 0.995
"""A setpoint this close to the least load is meant as the least load: it passed through registers and ramps."""


class RunTimes:
    """On or off, and for how long: a device keeps its own least times, whoever commands it."""

    def __init__(self, *, min_on_s: float = 0.0, min_off_s: float = 0.0, start_s: float = 0.0) -> None:
        self.on = False
        self.start_s = start_s
        self._min_on_s = min_on_s
        self._min_off_s = min_off_s
        self._since_s = math.inf

    @property
    def starting(self) -> bool:
        return self.on and self._since_s < self.start_s

    @property
    def since_s(self) -> float:
        """Seconds since the last switch; infinite before the first."""
        return self._since_s

    def step(self, wanted: bool, dt_s: float) -> bool:
        """Go `dt_s` on with a wish; returns whether the unit is on and past its start."""
        self._since_s += dt_s
        if wanted != self.on and self._since_s >= (self._min_on_s if self.on else self._min_off_s):
            self.on = wanted
            self._since_s = 0.0
        return self.on and self._since_s >= self.start_s

    def stop(self) -> None:
        """Off at once, as a device that dies."""
        if self.on:
            self.on = False
            self._since_s = 0.0


class RampedUnit(Commanded):
    """A unit whose load, in kW of whatever it is rated in, is 0 or between its least and its full load."""

    def __init__(self, *, least_kw: float, most_kw: float, ramp_kw_per_s: float, times: RunTimes) -> None:
        super().__init__()
        self.power_kw = 0.0
        self.wanted_kw = 0.0
        """What is commanded, or what its own control wants."""
        self.times = times
        self._least_kw = least_kw
        self._most_kw = most_kw
        self._ramp_kw_per_s = ramp_kw_per_s

    def accept(self, value_kw: float) -> float:
        return min(max(value_kw, 0.0), self._most_kw)

    @property
    def below_least(self) -> bool:
        """Whether it moves up to its least load, or down from it."""
        return 0 < self.power_kw < self._least_kw

    def move(self, own_kw: float, dt_s: float, most_kw: float = math.inf) -> float:
        """Go `dt_s` on, with `own_kw` as what its own control wants; returns the mean load of the step in kW.

        `most_kw` is what can be had of what it runs on; below the least load it has to stop.
        """
        if not self.running:
            self.times.stop()
            self.wanted_kw = self.power_kw = 0.0
            return 0.0
        self.wanted_kw = min(max(own_kw, 0.0), self._most_kw) if self.setpoint_kw is None else self.setpoint_kw
        goal_kw = min(self.wanted_kw, most_kw)
        able = self.times.step(goal_kw > 0 and goal_kw >= ROUNDING * self._least_kw, dt_s)
        if most_kw < ROUNDING * self._least_kw:
            self.times.stop()
            able = False
            self.power_kw = 0.0
        target_kw = max(goal_kw, self._least_kw) if able else 0.0
        # what is not there cannot be used for the time of a ramp either
        self.power_kw = min(self.power_kw, max(most_kw, target_kw))
        self.power_kw, mean_kw = ramp(self.power_kw, target_kw, self._ramp_kw_per_s, dt_s)
        return mean_kw

    def shown_setpoint_kw(self) -> float:
        return self.wanted_kw if self.setpoint_kw is None else self.setpoint_kw


class PowerUnit(RampedUnit):
    """A unit that is rated in the electric power that it takes or gives."""

    def __init__(self, spec: Ramped, times: RunTimes) -> None:
        super().__init__(
            least_kw=spec.min_power_kw, most_kw=spec.max_power_kw, ramp_kw_per_s=spec.ramp_kw_per_s, times=times
        )
