"""A gas boiler.

gas = heat / eta

heat   0 or between the least and the full heat, reached at the burner's ramp
eta    heat per gas energy at the lower heating value
"""

from __future__ import annotations

import math

from config.assets import GasBoiler
from simulators.account import Account
from simulators.ramp import ramp
from simulators.thermostat import Thermostat, wanted_kw

FULL_RAMP_S = 60.0
"""From cold to full heat: purge, ignition and modulation of a gas burner."""
ON_BELOW_SOC, OFF_ABOVE_SOC = 0.25, 0.4
"""The boiler's own thermostat on the hot-water tank: the backup, below the heat pump's."""
ROUNDING = 0.995
"""A setpoint this close to the least heat is meant as the least heat."""
SUPPLY_DEGC = 80.0
WARM_UP_S = 300.0
"""Time constant of the water in the boiler."""
ROOM_DEGC = 20.0
STANDBY, HEATING, STARTING = 1.0, 2.0, 3.0


class GasBoilerModel:
    """One boiler: follows its setpoint, or its own thermostat when nobody commands it."""

    def __init__(self, spec: GasBoiler) -> None:
        self.spec = spec
        self.setpoint_kw: float | None = None
        self.running = True
        self.heat_kw = 0.0
        self._thermostat = Thermostat(ON_BELOW_SOC, OFF_ABOVE_SOC)
        self._wanted_kw = 0.0
        self._supply_degc = ROOM_DEGC
        self._heat_kwh = 0.0
        self._gas_kwh = 0.0

    def accept(self, value_kw: float) -> float:
        """The setpoint that the boiler takes from a command."""
        return min(max(value_kw, 0.0), self.spec.max_heat_kw)

    def step(self, *, soc: float | None, missing_heat_kw: float, dt_s: float) -> float:
        """Go `dt_s` on; returns the heat made in kWh."""
        if not self.running:
            self._wanted_kw = self.heat_kw = 0.0
            self._follow_supply(dt_s)
            return 0.0
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_heat_kw, missing_heat_kw)
        self._wanted_kw = own_kw if self.setpoint_kw is None else self.setpoint_kw
        target_kw = self._wanted_kw
        if target_kw < self.spec.min_heat_kw:
            target_kw = self.spec.min_heat_kw if target_kw >= ROUNDING * self.spec.min_heat_kw else 0.0
        self.heat_kw, mean_kw = ramp(self.heat_kw, target_kw, self.spec.max_heat_kw / FULL_RAMP_S, dt_s)
        made_kwh = mean_kw * dt_s / 3600
        self._heat_kwh += made_kwh
        self._gas_kwh += made_kwh / self.spec.efficiency
        self._follow_supply(dt_s)
        return made_kwh

    def _follow_supply(self, dt_s: float) -> None:
        goal_degc = SUPPLY_DEGC if self.heat_kw > 0 else ROOM_DEGC
        self._supply_degc += (goal_degc - self._supply_degc) * -math.expm1(-dt_s / WARM_UP_S)

    def account(self) -> Account:
        return Account(heat_fed_kwh=self._heat_kwh, gas_kwh=self._gas_kwh)

    def points(self) -> dict[str, float]:
        starting = 0 < self.heat_kw < self.spec.min_heat_kw
        return {
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._heat_kwh,
            "gas_energy_kwh": self._gas_kwh,
            "supply_degc": self._supply_degc,
            "available": float(self.running),
            "status": STARTING if starting else HEATING if self.heat_kw > 0 else STANDBY,
            "heat_setpoint_kw": self._wanted_kw if self.setpoint_kw is None else self.setpoint_kw,
        }
