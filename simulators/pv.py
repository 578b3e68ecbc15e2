"""A PV plant: from the sky to AC power, and an inverter that obeys a limit.

irradiance = direct * max(cos(aoi), 0) + diffuse * (1 + cos(tilt)) / 2 + ALBEDO * global * (1 - cos(tilt)) / 2
T_cell = T_air + irradiance * (NOCT - 20) / 800
P_dc   = P_peak * irradiance / 1000 * (1 + GAMMA * (T_cell - 25)) * (1 - LOSSES)
eta    = 0.96 / 0.9637 * (0.9858 - 0.0162 * zeta - 0.0059 / zeta),  zeta = P_dc * 0.96 / P_rated
P_ac   = min(eta * P_dc, P_rated), never negative

aoi    angle between the sun and the normal of the modules
eta    the part-load curve of PVWatts version 5
"""

from __future__ import annotations

import math

import numpy as np

from config.assets import PvPlant
from simulators.generator import GeneratorModel, wired_generator
from simulators.model import Seat, Wired
from simulators.noise import FloatArray
from simulators.weather import Sky

ALBEDO = 0.2
"""Share of the light that gravel and light roofs throw back."""
NOCT_DEGC = 45.0
"""Cell temperature at 800 W/m2 and 20 degC air, as data sheets give it."""
GAMMA_PER_K = -0.0035
"""Temperature coefficient of monocrystalline modules."""
LOSSES = 0.141
"""Soiling, shading, mismatch, wiring, connections, light-induced degradation, nameplate and downtime (PVWatts)."""
ETA_NOMINAL, ETA_REFERENCE = 0.96, 0.9637
LIMIT_RAMP_PER_S = 0.2
"""How fast an inverter follows its limit, as a share of its rating."""
SLEEPING, PRODUCING, THROTTLED = 2.0, 4.0, 5.0
"""States of SunSpec model 103."""


def plane_of_array_w_per_m2(sky: Sky, tilt_deg: float, azimuth_deg: float) -> FloatArray:
    """Irradiance in the plane of the modules, shape (n,), with an evenly bright sky."""
    tilt, azimuth = math.radians(tilt_deg), math.radians(azimuth_deg)
    normal = np.array([math.sin(tilt) * math.sin(azimuth), math.sin(tilt) * math.cos(azimuth), math.cos(tilt)])
    direct = sky.direct_w_per_m2 * np.maximum(sky.sun @ normal, 0.0)
    from_sky = sky.diffuse_w_per_m2 * (1 + math.cos(tilt)) / 2
    from_ground = ALBEDO * sky.global_w_per_m2 * (1 - math.cos(tilt)) / 2
    plane: FloatArray = direct + from_sky + from_ground
    return plane


def cell_degc(air_degc: FloatArray, irradiance_w_per_m2: FloatArray) -> FloatArray:
    cell: FloatArray = air_degc + irradiance_w_per_m2 * (NOCT_DEGC - 20.0) / 800.0
    return cell


def dc_kw(irradiance_w_per_m2: FloatArray, cell_degc: FloatArray, peak_kw: float) -> FloatArray:
    warm = 1.0 + GAMMA_PER_K * (cell_degc - 25.0)
    power: FloatArray = peak_kw * irradiance_w_per_m2 / 1000.0 * warm * (1.0 - LOSSES)
    return power


def inverter_kw(dc_kw: FloatArray, rated_kw: float) -> FloatArray:
    """AC power without a limit: part-load efficiency, clipped at the rating."""
    load = np.maximum(dc_kw * ETA_NOMINAL / rated_kw, 1e-6)
    efficiency = ETA_NOMINAL / ETA_REFERENCE * (0.9858 - 0.0162 * load - 0.0059 / load)
    return np.clip(dc_kw * efficiency, 0.0, rated_kw)


def available_kw(irradiance_w_per_m2: FloatArray, air_degc: FloatArray, spec: PvPlant) -> FloatArray:
    """What the plant could feed without a limit, shape (n,)."""
    cell = cell_degc(air_degc, irradiance_w_per_m2)
    return inverter_kw(dc_kw(irradiance_w_per_m2, cell, spec.peak_kw), spec.rated_kw)


class PvModel(GeneratorModel):
    """One PV plant."""

    def __init__(self, spec: PvPlant, available_kw: float) -> None:
        super().__init__(spec.rated_kw, LIMIT_RAMP_PER_S, available_kw, spec.rated_kva)
        self.spec = spec
        self.irradiance_w_per_m2 = 0.0

    def step(self, available_kw: float, irradiance_w_per_m2: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this sun and its power; returns the energy fed in kWh."""
        self.irradiance_w_per_m2 = irradiance_w_per_m2
        return self.feed(available_kw, dt_s)

    def points(self) -> dict[str, float]:
        return {
            **self.generator_points(),
            "irradiance_w_per_m2": self.irradiance_w_per_m2,
            "status": THROTTLED if self.throttled else PRODUCING if self.power_kw > 0 else SLEEPING,
        }


def wire_pv_plant(spec: PvPlant, seat: Seat) -> Wired:
    model = PvModel(spec, seat.first[seat.own("available_kw")])
    return wired_generator(model, seat, "irradiance_w_per_m2")
