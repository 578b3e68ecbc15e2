"""A hot-water tank: it takes what the heat bus has left, and gives what it misses.

E[t+dt] = E[t] * exp(-loss * dt) + (charge - discharge) * dt,   0 <= E <= capacity
T_top = T_low + E / capacity * (T_high - T_low)

loss                share of the stored heat per hour
charge, discharge   means over the step in kW within the ratings, never both above zero
"""

from __future__ import annotations

import math

from config.assets import HotWaterTank
from simulators.account import Account


class TankModel:
    """One tank."""

    def __init__(self, spec: HotWaterTank, soc: float) -> None:
        self.spec = spec
        self.stored_kwh = soc * spec.capacity_kwh
        self._charged_kwh = 0.0
        self._discharged_kwh = 0.0
        self._lost_kwh = 0.0

    @property
    def soc(self) -> float:
        return self.stored_kwh / self.spec.capacity_kwh

    @property
    def top_degc(self) -> float:
        return self.spec.low_degc + self.soc * (self.spec.high_degc - self.spec.low_degc)

    def step(self, left_kwh: float, dt_s: float) -> float:
        """Take `left_kwh` (+ what the bus has left in `dt_s`, - what it misses); returns what remains of it."""
        hours = dt_s / 3600
        lost_kwh = self.stored_kwh * -math.expm1(-self.spec.loss_per_h * hours)
        self.stored_kwh -= lost_kwh
        self._lost_kwh += lost_kwh
        if left_kwh >= 0:
            charged_kwh = min(left_kwh, self.spec.max_charge_kw * hours, self.spec.capacity_kwh - self.stored_kwh)
            self.stored_kwh = min(self.stored_kwh + charged_kwh, self.spec.capacity_kwh)
            self._charged_kwh += charged_kwh
            return left_kwh - charged_kwh
        discharged_kwh = min(-left_kwh, self.spec.max_discharge_kw * hours, self.stored_kwh)
        self.stored_kwh -= discharged_kwh
        self._discharged_kwh += discharged_kwh
        return left_kwh + discharged_kwh

    def account(self) -> Account:
        return Account(
            heat_fed_kwh=self._discharged_kwh,
            heat_used_kwh=self._charged_kwh,
            stored_kwh=self.stored_kwh,
            lost_kwh=self._lost_kwh,
        )

    def points(self) -> dict[str, float]:
        return {"soc": self.soc, "supply_degc": self.top_degc, "return_degc": self.spec.low_degc}
