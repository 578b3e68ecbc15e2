"""An electric heat pump.

    heat = COP * P,   COP = 0.85 * (a + b * dT + c * dT^2),   dT = max(T_supply - T_source, 15 K)

    P         electric power, 0 or between the least and the full power, reached at the pump's ramp
    a, b, c   regression of the "when2heat" data by source; 0.85 turns test-bench figures into operation

The parabola is followed down to its lowest point only: a larger lift never raises the COP.
"""

from __future__ import annotations

import math
from typing import Literal

from config.assets import HeatPump
from simulators.account import Account
from simulators.ramp import ramp
from simulators.thermostat import Thermostat, wanted_kw

Source = Literal["air", "ground", "water"]

REGRESSION: dict[Source, tuple[float, float, float]] = {
    "air": (6.08, -0.0941, 0.000464),
    "ground": (10.29, -0.2084, 0.001322),
    "water": (9.99, -0.2049, 0.001249),
}
IN_OPERATION = 0.85
LEAST_LIFT_K = 15.0
ON_BELOW_SOC, OFF_ABOVE_SOC = 0.45, 0.6
"""The pump's own thermostat on the hot-water tank."""
ROUNDING = 0.995
"""A setpoint this close to the least power is meant as the least power: it passed through registers and ramps."""
WARM_UP_S = 600.0
"""Time constant of the water in the pump's own loop."""
ROOM_DEGC = 20.0
STANDBY, HEATING, STARTING = 1.0, 2.0, 3.0


def cop(source: Source, source_degc: float, supply_degc: float) -> float:
    """Heat per electric power."""
    a, b, c = REGRESSION[source]
    lift_k = min(max(supply_degc - source_degc, LEAST_LIFT_K), -b / (2 * c))
    return IN_OPERATION * (a + b * lift_k + c * lift_k * lift_k)


class HeatPumpModel:
    """One heat pump: follows its setpoint, or its own thermostat when nobody commands it."""

    def __init__(self, spec: HeatPump) -> None:
        self.spec = spec
        self.setpoint_kw: float | None = None
        self.running = True
        self.power_kw = 0.0
        self.heat_kw = 0.0
        self._thermostat = Thermostat(ON_BELOW_SOC, OFF_ABOVE_SOC)
        self._wanted_kw = 0.0
        self._outdoor_degc = 0.0
        self._supply_degc = ROOM_DEGC
        self._used_kwh = 0.0
        self._heat_kwh = 0.0

    def accept(self, value_kw: float) -> float:
        """The setpoint that the pump takes from a command."""
        return min(max(value_kw, 0.0), self.spec.max_power_kw)

    def step(
        self, *, source_degc: float, outdoor_degc: float, soc: float | None, missing_heat_kw: float, dt_s: float
    ) -> tuple[float, float]:
        """Go `dt_s` on; returns electricity used and heat made in kWh."""
        self._outdoor_degc = outdoor_degc
        ratio = cop(self.spec.source, source_degc, self.spec.supply_degc)
        if not self.running:
            self._wanted_kw = self.power_kw = self.heat_kw = 0.0
            self._follow_supply(dt_s)
            return 0.0, 0.0
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_power_kw, missing_heat_kw / ratio)
        self._wanted_kw = own_kw if self.setpoint_kw is None else self.setpoint_kw
        target_kw = self._wanted_kw
        if target_kw < self.spec.min_power_kw:
            target_kw = self.spec.min_power_kw if target_kw >= ROUNDING * self.spec.min_power_kw else 0.0
        self.power_kw, mean_kw = ramp(self.power_kw, target_kw, self.spec.ramp_kw_per_s, dt_s)
        self.heat_kw = ratio * self.power_kw
        used_kwh = mean_kw * dt_s / 3600
        self._used_kwh += used_kwh
        self._heat_kwh += ratio * used_kwh
        self._follow_supply(dt_s)
        return used_kwh, ratio * used_kwh

    def _follow_supply(self, dt_s: float) -> None:
        goal_degc = self.spec.supply_degc if self.power_kw > 0 else ROOM_DEGC
        self._supply_degc += (goal_degc - self._supply_degc) * -math.expm1(-dt_s / WARM_UP_S)

    def account(self) -> Account:
        return Account(electricity_used_kwh=self._used_kwh, heat_fed_kwh=self._heat_kwh)

    def points(self) -> dict[str, float]:
        starting = 0 < self.power_kw < self.spec.min_power_kw
        return {
            "active_power_kw": self.power_kw,
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._used_kwh,
            "supply_degc": self._supply_degc,
            "outdoor_degc": self._outdoor_degc,
            "available": float(self.running),
            "status": STARTING if starting else HEATING if self.power_kw > 0 else STANDBY,
            "power_setpoint_kw": self._wanted_kw if self.setpoint_kw is None else self.setpoint_kw,
        }
