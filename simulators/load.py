"""Loads behind their meters: electric loads, and heat loads that may get less than they want.

Q = P * tan(acos(power factor))

T_supply = T_source - SHORT_K * unserved / demand,   T_return = T_supply - SPREAD_K * served / peak
"""

from __future__ import annotations

from config.assets import ElectricLoad, HeatLoad
from simulators.account import Account

REACTIVE_PER_ACTIVE = 0.43
"""Power factor 0.92: motors with some compensation."""
SPREAD_K = 20.0
"""Between supply and return of a heating network at its peak."""
SHORT_K = 15.0
"""How far the supply falls when nothing is left to heat it."""


class ElectricLoadModel:
    """One electric load; its demand is always met."""

    def __init__(self, spec: ElectricLoad, demand_kw: float) -> None:
        self.spec = spec
        self.power_kw = demand_kw
        self._used_kwh = 0.0

    def step(self, demand_kw: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this demand; returns the energy used in kWh."""
        used_kwh = (self.power_kw + demand_kw) / 2 * dt_s / 3600
        self.power_kw = demand_kw
        self._used_kwh += used_kwh
        return used_kwh

    def account(self) -> Account:
        return Account(electricity_used_kwh=self._used_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "reactive_power_kvar": self.power_kw * REACTIVE_PER_ACTIVE,
            "energy_kwh": self._used_kwh,
        }


class HeatLoadModel:
    """One heat load: it gets what the heat bus has."""

    def __init__(self, spec: HeatLoad, demand_kw: float) -> None:
        self.spec = spec
        self.demand_kw = demand_kw
        self._served_kw = demand_kw
        self._supply_degc = 0.0
        self._served_kwh = 0.0
        self._unserved_kwh = 0.0

    def step(self, demand_kw: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this demand; returns the energy wanted in kWh."""
        wanted_kwh = (self.demand_kw + demand_kw) / 2 * dt_s / 3600
        self.demand_kw = demand_kw
        return wanted_kwh

    def serve(self, wanted_kwh: float, served: float, source_degc: float) -> None:
        """Take the share `served` (0..1) of what was wanted in the step, from water of `source_degc`."""
        self._served_kw = self.demand_kw * served
        self._served_kwh += wanted_kwh * served
        self._unserved_kwh += wanted_kwh * (1.0 - served)
        self._supply_degc = source_degc - SHORT_K * (1.0 - served)

    def account(self) -> Account:
        return Account(heat_used_kwh=self._served_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {
            "heat_power_kw": self._served_kw,
            "energy_kwh": self._served_kwh,
            "supply_degc": self._supply_degc,
            "return_degc": self._supply_degc - SPREAD_K * min(self._served_kw / self.spec.peak_kw, 1.0),
        }
