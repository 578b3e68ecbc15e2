"""A group of charging points: vehicles come, want their energy, and go.

Each point has at most one vehicle a day, on a share of the days. Arrival, stay and energy come from the seed, the
point and the day: arrivals around the start of the shift, stays around its length, needs around 40 kWh.

    P = min(station, left / eta / dt, what is left of the group's limit)    while a vehicle is plugged in and not full

Whoever cannot wait comes first, then whoever needs longest, so that as many as possible can take power later: a vehicle
can wait while the time until it goes is longer than left / eta / station by more than `HURRIES_S`. Drivers tell when
they go. What a vehicle still wants when it goes is counted as unserved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.flexible_assets import EvChargers
from simulators.account import Account
from simulators.commanded import Commanded
from simulators.model import Moment, Seat, Wired
from simulators.noise import uniform

DAY_S = 24 * 3600
PRESENT = 0.75
"""Share of the points that have a vehicle on a working day; a fifth of that at weekends."""
WEEKEND = 0.2
ARRIVAL_H, ARRIVAL_SPREAD_H = 7.2, 1.6
"""From an hour and a half before the middle of the arrivals to as much after it."""
STAY_H, STAY_SPREAD_H = 7.5, 2.5
NEED_KWH, NEED_SPREAD_KWH = 30.0, 20.0
MONDAY = 4
"""The first day of 1970 was a Thursday: four days later was a Monday."""
STANDBY, CHARGING = 1.0, 2.0
HURRIES_S = 2700.0
"""Some intervals of a plan: until then the limit may be another, and others may be in a hurry, too."""


@dataclass(slots=True)
class Visit:
    """One vehicle at one charging point."""

    begin_s: float
    """Local seconds since 1970."""
    end_s: float
    left_kwh: float
    """What its battery still wants."""


def visits_of(day: int, stations: int, stream: str, seed: int) -> list[Visit]:
    """The visits of a local day, by arrival."""
    points = day * stations + np.arange(stations)
    chance, come, stay, need = (uniform(seed, f"ev.{stream}.{what}", points) for what in ("there", "at", "for", "kwh"))
    present = PRESENT * (WEEKEND if (day - MONDAY) % 7 >= 5 else 1.0)
    visits = []
    for index in np.flatnonzero(chance < present):
        begin_s = day * DAY_S + (ARRIVAL_H + (2 * come[index] - 1) * ARRIVAL_SPREAD_H) * 3600
        length_s = (STAY_H + (2 * stay[index] - 1) * STAY_SPREAD_H) * 3600
        wanted_kwh = NEED_KWH + (2 * need[index] - 1) * NEED_SPREAD_KWH
        visits.append(Visit(float(begin_s), float(begin_s + length_s), float(wanted_kwh)))
    return sorted(visits, key=lambda visit: visit.begin_s)


class EvChargersModel(Commanded):
    """One group; its setpoint is a limit of its power."""

    def __init__(self, spec: EvChargers, stream: str, seed: int) -> None:
        super().__init__()
        self.spec = spec
        self.power_kw = 0.0
        self.plugged: list[Visit] = []
        self._stream = stream
        self._seed = seed
        self._day = -1
        self._coming: list[Visit] = []
        self._used_kwh = self._unserved_kwh = 0.0

    def accept(self, value_kw: float) -> float:
        return min(max(value_kw, 0.0), self.spec.limit_kw)

    def step(self, local_s: float, dt_s: float) -> float:
        """Go `dt_s` on, to a local time; returns the electricity used in kWh."""
        self._arrive_and_leave(local_s)
        hours = dt_s / 3600
        limit_kw = self.spec.limit_kw if self.setpoint_kw is None else self.setpoint_kw
        left_kw = limit_kw if self.running else 0.0
        self.power_kw = 0.0
        for visit in sorted(self.plugged, key=lambda visit: self._turn(visit, local_s)):
            kw = min(self._wanted_kw(visit, hours), left_kw - self.power_kw)
            self.power_kw += kw
            visit.left_kwh -= kw * hours * self.spec.efficiency
        used_kwh = self.power_kw * hours
        self._used_kwh += used_kwh
        return used_kwh

    def _turn(self, visit: Visit, local_s: float) -> tuple[bool, float]:
        """Where it stands among those who want power."""
        needs_s = max(visit.left_kwh, 0.0) / self.spec.efficiency / self.spec.station_kw * 3600.0
        waits_s = visit.end_s - local_s - needs_s
        return (False, waits_s) if waits_s < HURRIES_S else (True, -needs_s)

    def _wanted_kw(self, visit: Visit, hours: float) -> float:
        needed_kwh = max(visit.left_kwh, 0.0) / self.spec.efficiency
        return min(self.spec.station_kw, needed_kwh / hours) if hours else 0.0

    def _arrive_and_leave(self, local_s: float) -> None:
        day = int(local_s // DAY_S)
        if day != self._day:
            self._coming = [*self._coming, *visits_of(day, self.spec.stations, self._stream, self._seed)]
            if self._day == -1:
                # those who came before the start have been charged by then
                self._coming = [visit for visit in self._coming if visit.begin_s >= local_s]
            self._day = day
        while self._coming and self._coming[0].begin_s <= local_s:
            self.plugged.append(self._coming.pop(0))
        if any(visit.end_s <= local_s for visit in self.plugged):
            gone = [visit for visit in self.plugged if visit.end_s <= local_s]
            self._unserved_kwh += sum(max(visit.left_kwh, 0.0) / self.spec.efficiency for visit in gone)
            self.plugged = [visit for visit in self.plugged if visit.end_s > local_s]

    def account(self) -> Account:
        return Account(electricity_used_kwh=self._used_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "reactive_power_kvar": 0.0,
            "energy_kwh": self._used_kwh,
            "vehicles": float(len(self.plugged)),
            "energy_needed_kwh": sum(max(visit.left_kwh, 0.0) for visit in self.plugged) / self.spec.efficiency,
            "available": float(self.running),
            "status": CHARGING if self.power_kw > 0 else STANDBY,
            "power_limit_kw": self.spec.limit_kw if self.setpoint_kw is None else self.setpoint_kw,
        }


def wire_ev_chargers(spec: EvChargers, seat: Seat) -> Wired:
    model, electricity = EvChargersModel(spec, seat.name, seat.seed), seat.electricity

    def advance(now: Moment) -> None:
        electricity.use(model.step(now.local_s, now.dt_s), model.power_kw)

    return Wired(model, advance)
