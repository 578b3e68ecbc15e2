"""A store of heat or cold that loses a share of what it holds: it takes what its bus has left, gives what it misses.

E[t+dt] = E[t] * exp(-loss * dt) + (charge - discharge) * dt,   0 <= E <= capacity

loss                share of what is stored per hour
charge, discharge   means over the step in kW within the ratings, never both above zero
"""

from __future__ import annotations

import math

from config.assets import HotWaterTank
from config.thermal_assets import ColdStore


class LossyStore:
    """What a tank of hot water and a store of cold have in common."""

    def __init__(self, spec: HotWaterTank | ColdStore, soc: float) -> None:
        self.stored_kwh = soc * spec.capacity_kwh
        self._rating = spec
        self._charged_kwh = 0.0
        self._discharged_kwh = 0.0
        self._lost_kwh = 0.0

    @property
    def capacity_kwh(self) -> float:
        return self._rating.capacity_kwh

    @property
    def soc(self) -> float:
        return self.stored_kwh / self.capacity_kwh

    def can_give_kwh(self, dt_s: float) -> float:
        hours = dt_s / 3600
        return min(self._rating.max_discharge_kw * hours, self.stored_kwh * math.exp(-self._rating.loss_per_h * hours))

    def can_take_kwh(self, dt_s: float) -> float:
        return min(self._rating.max_charge_kw * dt_s / 3600, self.capacity_kwh - self.stored_kwh)

    def exchange(self, left_kwh: float, dt_s: float) -> float:
        """Lose, and take what can be taken of `left_kwh` (- what the bus misses); returns it, + into the store."""
        hours = dt_s / 3600
        lost_kwh = self.stored_kwh * -math.expm1(-self._rating.loss_per_h * hours)
        self.stored_kwh -= lost_kwh
        self._lost_kwh += lost_kwh
        if left_kwh >= 0:
            moved_kwh = min(left_kwh, self.can_take_kwh(dt_s))
            self.stored_kwh = min(self.stored_kwh + moved_kwh, self.capacity_kwh)
            self._charged_kwh += moved_kwh
            return moved_kwh
        given_kwh = min(-left_kwh, self._rating.max_discharge_kw * hours, self.stored_kwh)
        self.stored_kwh -= given_kwh
        self._discharged_kwh += given_kwh
        return -given_kwh
