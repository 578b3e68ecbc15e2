"""A wind turbine: power curve, storm cut-out and a limit.

P(v) = P_rated * (v^3 - v_in^3) / (v_rated^3 - v_in^3)   v_in <= v < v_rated
P(v) = P_rated                                           v_rated <= v < v_out
P(v) = 0                                                 elsewhere

v      wind speed at the hub
v_in, v_rated, v_out   cut-in, rated and cut-out speed
"""

from __future__ import annotations

import numpy as np

from config.assets import WindTurbine
from simulators.account import Account
from simulators.noise import FloatArray
from simulators.ramp import ramp

LIMIT_RAMP_PER_S = 0.1
"""How fast the blades turn out of the wind, as a share of the rating."""
RESTART_MARGIN_M_PER_S = 3.0
"""After a storm the turbine waits for the wind to fall this far below cut-out."""
STANDBY, PRODUCING, THROTTLED = 1.0, 2.0, 3.0


def curve_kw(wind_m_per_s: FloatArray, spec: WindTurbine) -> FloatArray:
    """Power without a limit, shape of `wind_m_per_s`."""
    cube_in, cube_rated = spec.cut_in_m_per_s**3, spec.rated_m_per_s**3
    partial = np.clip((wind_m_per_s**3 - cube_in) / (cube_rated - cube_in), 0.0, 1.0)
    return np.where(wind_m_per_s < spec.cut_out_m_per_s, spec.rated_kw * partial, 0.0)


class WindModel:
    """One turbine: feeds what the wind gives up to its limit."""

    def __init__(self, spec: WindTurbine, available_kw: float) -> None:
        self.spec = spec
        self.setpoint_kw: float | None = None
        """The limit that is commanded; None without one."""
        self.running = True
        self.power_kw = available_kw
        self.wind_m_per_s = 0.0
        self._storm = False
        self._limit_kw = spec.rated_kw
        self._available_kw = available_kw
        self._fed_kwh = 0.0
        self._curtailed_kwh = 0.0

    def accept(self, value_kw: float) -> float:
        """The limit that the turbine takes from a command."""
        return min(max(value_kw, 0.0), self.spec.rated_kw)

    def step(self, available_kw: float, wind_m_per_s: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this wind and its power; returns the energy fed in kWh."""
        self.wind_m_per_s = wind_m_per_s
        if wind_m_per_s >= self.spec.cut_out_m_per_s:
            self._storm = True
        elif wind_m_per_s < self.spec.cut_out_m_per_s - RESTART_MARGIN_M_PER_S:
            self._storm = False
        if self._storm:
            available_kw = 0.0
        mean_available_kw = (self._available_kw + available_kw) / 2
        self._available_kw = available_kw
        if not self.running:
            self._limit_kw = self.power_kw = 0.0
            return 0.0
        wanted_kw = self.spec.rated_kw if self.setpoint_kw is None else self.setpoint_kw
        limit = ramp(self._limit_kw, wanted_kw, LIMIT_RAMP_PER_S * self.spec.rated_kw, dt_s)
        self._limit_kw = limit.end_kw
        self.power_kw = min(available_kw, limit.end_kw)
        mean_kw = min(mean_available_kw, limit.mean_kw)
        fed_kwh = mean_kw * dt_s / 3600
        self._fed_kwh += fed_kwh
        self._curtailed_kwh += mean_available_kw * dt_s / 3600 - fed_kwh
        return fed_kwh

    def account(self) -> Account:
        return Account(electricity_fed_kwh=self._fed_kwh, curtailed_kwh=self._curtailed_kwh)

    def points(self) -> dict[str, float]:
        throttled = self.power_kw < self._available_kw - 1e-9
        return {
            "active_power_kw": self.power_kw,
            "energy_kwh": self._fed_kwh,
            "wind_speed_m_per_s": self.wind_m_per_s,
            "reactive_power_kvar": 0.0,
            "available": float(self.running),
            "status": THROTTLED if throttled else PRODUCING if self.power_kw > 0 else STANDBY,
            "power_limit_kw": self.spec.rated_kw if self.setpoint_kw is None else self.setpoint_kw,
        }
