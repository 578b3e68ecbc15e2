"""The cells of a battery: their temperature, what the management allows for it, and their ageing.

C * dT/dt = loss - G * (T - T_air)
derating  = (T_max - T) / DERATING_K,        for charging also T / COLD_K,            both within 0..1
health    = 1 - LOST * (cycles / cycle_life + years * 2^((T - 25) / 10) / calendar_life)
r         = 1 + RISE * (1 - health) / LOST

T         temperature of the cells, T_air of the air around them
C, G      heat capacity, and what the air conditioning takes per kelvin
cycles    energy through the cells, both ways, per twice the capacity
r         their resistance, 1 when new
"""

from __future__ import annotations

import math

from config.assets import BatteryCells

DERATING_K = 10.0
COLD_K = 10.0
"""Lithium cells are not charged below 0 degC, and only slowly in the ten kelvin above."""
LOST = 0.2
"""Share of the capacity that is gone at the end of the cells' life."""
RISE = 0.5
"""By how much their resistance has risen by then, as tests of LFP cells show."""
REFERENCE_DEGC = 25.0
YEAR_S = 365.25 * 24 * 3600


class CellsModel:
    """All cells of one battery."""

    def __init__(self, spec: BatteryCells, capacity_kwh: float, air_degc: float) -> None:
        self.degc = air_degc
        self.health = 1.0
        self.tripped = False
        self._spec = spec
        self._capacity_kwh = capacity_kwh

    @property
    def resistance(self) -> float:
        return 1.0 + RISE * (1.0 - self.health) / LOST

    @property
    def discharge_share(self) -> float:
        """Share of the rated power that the management allows."""
        if self.tripped:
            return 0.0
        return min(max((self._spec.max_degc - self.degc) / DERATING_K, 0.0), 1.0)

    @property
    def charge_share(self) -> float:
        return min(self.discharge_share, min(max(self.degc / COLD_K, 0.0), 1.0))

    def step(self, through_kwh: float, loss_kwh: float, air_degc: float, dt_s: float) -> None:
        """Go `dt_s` on with energy through the cells and the loss in them; trips when they are too hot."""
        if dt_s == 0:
            return
        hours = dt_s / 3600
        goal_degc = air_degc + loss_kwh / hours / self._spec.cooling_kw_per_k
        speed_per_h = self._spec.cooling_kw_per_k / self._spec.heat_capacity_kwh_per_k
        self.degc += (goal_degc - self.degc) * -math.expm1(-speed_per_h * hours)
        cycles = through_kwh / (2 * self._capacity_kwh)
        years = dt_s / YEAR_S * 2.0 ** ((self.degc - REFERENCE_DEGC) / 10.0)
        self.health -= LOST * (cycles / self._spec.cycle_life + years / self._spec.calendar_life_years)
        if self.degc >= self._spec.trip_degc:
            self.tripped = True

    def reset(self) -> None:
        """Reset a trip; cells that are still too hot trip again."""
        self.tripped = self.degc >= self._spec.trip_degc
