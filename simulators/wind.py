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
from simulators.generator import GeneratorModel, wired_generator
from simulators.model import Seat, Wired
from simulators.noise import FloatArray

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


class WindModel(GeneratorModel):
    """One turbine."""

    def __init__(self, spec: WindTurbine, available_kw: float) -> None:
        super().__init__(spec.rated_kw, LIMIT_RAMP_PER_S, available_kw)
        self.spec = spec
        self.wind_m_per_s = 0.0
        self._storm = False

    def step(self, available_kw: float, wind_m_per_s: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this wind and its power; returns the energy fed in kWh."""
        self.wind_m_per_s = wind_m_per_s
        if wind_m_per_s >= self.spec.cut_out_m_per_s:
            self._storm = True
        elif wind_m_per_s < self.spec.cut_out_m_per_s - RESTART_MARGIN_M_PER_S:
            self._storm = False
        return self.feed(0.0 if self._storm else available_kw, dt_s)

    def points(self) -> dict[str, float]:
        return {
            **self.generator_points(),
            "wind_speed_m_per_s": self.wind_m_per_s,
            "status": THROTTLED if self.throttled else PRODUCING if self.power_kw > 0 else STANDBY,
        }


def wire_wind_turbine(spec: WindTurbine, seat: Seat) -> Wired:
    model = WindModel(spec, seat.first[seat.own("available_kw")])
    return wired_generator(model, seat, "wind_speed_m_per_s")
