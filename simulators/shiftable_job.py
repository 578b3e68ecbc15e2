"""A job that runs once a day, at its power and for its length, within its window.

On its own it starts when the window opens. A setpoint above 0 starts it at once within the window, a setpoint of 0 lets
it wait, but never so long that it would not be done in time. Once started it runs to its end, unless it is
interruptible: then it stands still whenever its setpoint is 0 and there is time left.
"""

from __future__ import annotations

from config.flexible_assets import ShiftableJob
from simulators.account import Account
from simulators.commanded import Commanded
from simulators.model import REACTIVE_PER_ACTIVE, Moment, Seat, Wired

DAY_S = 24 * 3600
WAITING, RUNNING, DONE = 1.0, 2.0, 3.0


class ShiftableJobModel(Commanded):
    """One job."""

    def __init__(self, spec: ShiftableJob) -> None:
        super().__init__()
        self.spec = spec
        self.power_kw = 0.0
        self._day = -1
        self._left_s = 0.0
        self._started = False
        self._used_kwh = self._unserved_kwh = 0.0

    def accept(self, value_kw: float) -> float:
        return self.spec.power_kw if value_kw > 0 else 0.0

    def step(self, local_s: float, dt_s: float) -> float:
        """Go `dt_s` on, to a local time; returns the electricity used in kWh."""
        day = int(local_s // DAY_S)
        of_day_s = local_s - day * DAY_S
        if day != self._day:
            self._new_day(day, of_day_s)
        begin_s, latest_s = self.spec.earliest_h * 3600, self.spec.latest_end_h * 3600 - self._left_s
        if self.spec.interruptible and self.setpoint_kw is not None:
            self._started = False
        if not self._started and self._left_s > 0 and begin_s <= of_day_s:
            self._started = self.setpoint_kw is None or self.setpoint_kw > 0 or of_day_s >= latest_s
        if not (self.running and self._started and self._left_s > 0):
            self.power_kw = 0.0
            return 0.0
        runs_s = min(dt_s, self._left_s)
        self._left_s -= runs_s
        self.power_kw = self.spec.power_kw if self._left_s > 0 else 0.0
        used_kwh = self.spec.power_kw * runs_s / 3600
        self._used_kwh += used_kwh
        return used_kwh

    def _new_day(self, day: int, of_day_s: float) -> None:
        self._unserved_kwh += self.spec.power_kw * self._left_s / 3600
        missed = self._day == -1 and of_day_s > self.spec.earliest_h * 3600
        self._left_s = 0.0 if missed else self.spec.duration_min * 60
        self._started = False
        self._day = day

    def account(self) -> Account:
        return Account(electricity_used_kwh=self._used_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "energy_kwh": self._used_kwh,
            "energy_needed_kwh": self.spec.power_kw * self._left_s / 3600,
            "available": float(self.running),
            "status": RUNNING if self.power_kw > 0 else WAITING if self._left_s > 0 else DONE,
            "power_setpoint_kw": self.power_kw if self.setpoint_kw is None else self.setpoint_kw,
        }


def wire_shiftable_job(spec: ShiftableJob, seat: Seat) -> Wired:
    model, electricity = ShiftableJobModel(spec), seat.electricity

    def advance(now: Moment) -> None:
        used_kwh = model.step(now.local_s, now.dt_s)
        electricity.use(used_kwh, model.power_kw, model.power_kw * REACTIVE_PER_ACTIVE)

    return Wired(model, advance)
