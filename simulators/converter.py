"""What a battery's converter and cells lose between the AC side and the energy in the cells.

With constant efficiencies          stored = eta_c * taken,   drained = given / eta_d

With a curve of the load            loss = P_0 + r * k * P^2,   stored = taken - loss,   drained = given + loss

    P_0   loss of the running converter at little power
    k     so that the loss at rated power is that of eta_c or eta_d
    r     resistance of the cells, 1 when they are new
"""

from __future__ import annotations

import math
from typing import Protocol

from config.assets import Battery


class Converter(Protocol):
    """All energies in kWh within `dt_s` and never negative."""

    resistance: float

    def stored_kwh(self, taken_kwh: float, dt_s: float) -> float: ...

    def drained_kwh(self, given_kwh: float, dt_s: float) -> float: ...

    def most_taken_kwh(self, room_kwh: float, dt_s: float) -> float: ...  # what fills the room

    def most_given_kwh(self, held_kwh: float, dt_s: float) -> float: ...  # what empties the cells


class ConstantEfficiency:
    def __init__(self, spec: Battery) -> None:
        self.resistance = 1.0
        self._charge = spec.charge_efficiency
        self._discharge = spec.discharge_efficiency

    def stored_kwh(self, taken_kwh: float, dt_s: float) -> float:
        return taken_kwh * self._charge

    def drained_kwh(self, given_kwh: float, dt_s: float) -> float:
        return given_kwh / self._discharge

    def most_taken_kwh(self, room_kwh: float, dt_s: float) -> float:
        return room_kwh / self._charge

    def most_given_kwh(self, held_kwh: float, dt_s: float) -> float:
        return held_kwh * self._discharge


class LossCurve:
    def __init__(self, spec: Battery, no_load_kw: float) -> None:
        self.resistance = 1.0
        self._no_load_kw = no_load_kw
        charge_kw, discharge_kw = spec.max_charge_kw, spec.max_discharge_kw
        self._charge_per_kw = max((1.0 - spec.charge_efficiency) * charge_kw - no_load_kw, 0.0) / charge_kw**2
        lost_kw = (1.0 / spec.discharge_efficiency - 1.0) * discharge_kw
        self._discharge_per_kw = max(lost_kw - no_load_kw, 0.0) / discharge_kw**2

    def stored_kwh(self, taken_kwh: float, dt_s: float) -> float:
        """Less than nothing at powers below the loss of the converter itself."""
        if taken_kwh <= 0:
            return 0.0
        hours = dt_s / 3600
        power_kw = taken_kwh / hours
        return taken_kwh - (self._no_load_kw + self.resistance * self._charge_per_kw * power_kw**2) * hours

    def drained_kwh(self, given_kwh: float, dt_s: float) -> float:
        if given_kwh <= 0:
            return 0.0
        hours = dt_s / 3600
        power_kw = given_kwh / hours
        return given_kwh + (self._no_load_kw + self.resistance * self._discharge_per_kw * power_kw**2) * hours

    def most_taken_kwh(self, room_kwh: float, dt_s: float) -> float:
        # the smaller root of P - P_0 - k P^2 = room; beyond its top more power does not store more
        k, hours = self.resistance * self._charge_per_kw, dt_s / 3600
        if hours == 0:
            return 0.0
        net_kw = room_kwh / hours + self._no_load_kw
        if k == 0:
            return net_kw * hours
        inside = 1.0 - 4.0 * k * net_kw
        return (1.0 - math.sqrt(max(inside, 0.0))) / (2.0 * k) * hours

    def most_given_kwh(self, held_kwh: float, dt_s: float) -> float:
        k, hours = self.resistance * self._discharge_per_kw, dt_s / 3600
        if hours == 0:
            return 0.0
        net_kw = held_kwh / hours - self._no_load_kw
        if net_kw <= 0:
            return 0.0
        if k == 0:
            return net_kw * hours
        return (math.sqrt(1.0 + 4.0 * k * net_kw) - 1.0) / (2.0 * k) * hours
