"""The weather at the park. It is SYNTHETIC: made up from the coordinates and a seed, not recorded, not forecast.

Every value is a function of the seed and the time alone.

Clouds: two noises, both standard normal. The slow one, z, says how cloudy the hour is; the quick one, f, drives clouds
in front of the sun. The sun is hidden while f < z, with soft edges of about half a minute:

    cover  = share of a normal population below z                        0 clear .. 1 overcast
    hidden = 1 / (1 + exp((f - z) / EDGE))
    direct = direct_clear * (1 - OPACITY * hidden)
    diffuse = diffuse_clear * (1 - cover) + (THIN - (THIN - THICK) * cover) * cover * global_clear

Wind: a normal noise w, turned to a Weibull distribution with shape 2 (Rayleigh) around the site's mean, times
turbulence, and carried to the hub by the power law with exponent 0.14:

    v(h) = mean / Gamma(1.5) * sqrt(-ln(share above w)) * (1 + TURBULENCE * g) * (h / 80 m)^0.14

Temperature: a yearly and a daily wave after the latitude, and weather of some days' length:

    T = T_mean + A_year * cos(year since the warmest day) + A_day * (1 - cover / 2) * cos(day since 15:00) + 2.5 K * n
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from config.site import Location
from simulators.noise import FloatArray, share_above, smooth
from simulators.sky import clear_sky

EDGE = 0.2
"""Softness of a cloud's edge, in standard deviations of the quick noise."""
OPACITY = 0.95
"""Share of the direct light that a cloud takes."""
THIN, THICK = 0.45, 0.18
"""Share of the clear global irradiance that broken and closed cloud let through as diffuse light."""
CLOUDINESS = 0.25
"""Mean of the slow noise; with it a roof near Hangzhou yields about 1000 kWh per kWp and year, as roofs there do."""
REFERENCE_HEIGHT_M = 80.0
"""The height at which the site's mean wind speed counts."""
SHEAR = 0.14
TURBULENCE = 0.08
"""Standard deviation of a gust's share, averaged over the rotor."""
WARMEST_DAY = 205
"""Late July north of the equator; half a year later south of it."""
DAY_AMPLITUDE_K = 4.5
LAPSE_K_PER_M = 0.0065

_DAY_S = 24 * 3600.0
_YEAR_S = 365.25 * _DAY_S


@dataclass(frozen=True, slots=True)
class Sky:
    """The sky at n times; irradiances in W/m2, shape (n,)."""

    sun: FloatArray
    """Direction to the sun as a unit vector (east, north, up), shape (n, 3)."""
    direct_w_per_m2: FloatArray
    """On a plane that faces the sun."""
    diffuse_w_per_m2: FloatArray
    """From the rest of the sky on a level plane."""

    @property
    def global_w_per_m2(self) -> FloatArray:
        """Everything that falls on a level plane."""
        level: FloatArray = self.direct_w_per_m2 * np.maximum(self.sun[:, 2], 0.0) + self.diffuse_w_per_m2
        return level


class Weather:
    """Synthetic weather at one place. All times are UTC seconds since 1970, shape (n,), as are the answers."""

    def __init__(self, location: Location, *, seed: int, mean_wind_m_per_s: float) -> None:
        self._location = location
        self._seed = seed
        self._mean_wind_m_per_s = mean_wind_m_per_s
        latitude = abs(location.latitude)
        # straight lines through the climates of Singapore, Hangzhou and Beijing; the sea makes milder places
        self.mean_degc = min(27.0, 30.0 - 0.42 * latitude) - LAPSE_K_PER_M * location.altitude_m
        """Mean of the year, which is also the temperature of the ground."""
        self._year_amplitude_k = min(15.0, 0.4 * latitude)

    def _noise(self, stream: str, parts: tuple[tuple[float, float], ...], t_s: FloatArray) -> FloatArray:
        """A sum of smooth noises of (period in s, weight), scaled to be standard normal."""
        total = np.zeros(len(t_s))
        for period_s, weight in parts:
            total += weight * smooth(self._seed, f"{stream}.{period_s:g}", period_s, t_s)
        standard: FloatArray = total / math.sqrt(sum(weight * weight for _, weight in parts))
        return standard

    def _cloudiness(self, t_s: FloatArray) -> FloatArray:
        return CLOUDINESS + self._noise("cloud", ((20 * 3600.0, 0.85), (2.5 * 3600.0, 0.5)), t_s)

    def cover(self, t_s: FloatArray) -> FloatArray:
        """Share of the sky that is clouded."""
        cover: FloatArray = 1.0 - share_above(self._cloudiness(t_s))
        return cover

    def sky(self, t_s: FloatArray) -> Sky:
        clear = clear_sky(t_s, self._location)
        slow = self._cloudiness(t_s)
        quick = self._noise("shadow", ((600.0, 0.8), (75.0, 0.6)), t_s)
        # beyond 30 the exponential only tells zero from zero
        hidden = 1.0 / (1.0 + np.exp(np.clip((quick - slow) / EDGE, -30.0, 30.0)))
        cover = self.cover(t_s)
        clear_global = clear.direct_w_per_m2 * np.maximum(clear.sun[:, 2], 0.0) + clear.diffuse_w_per_m2
        through = (THIN - (THIN - THICK) * cover) * cover
        return Sky(
            sun=clear.sun,
            direct_w_per_m2=clear.direct_w_per_m2 * (1.0 - OPACITY * hidden),
            diffuse_w_per_m2=clear.diffuse_w_per_m2 * (1.0 - cover) + through * clear_global,
        )

    def wind_m_per_s(self, t_s: FloatArray, height_m: float) -> FloatArray:
        calm = share_above(self._noise("wind", ((18 * 3600.0, 0.74), (3 * 3600.0, 0.56), (1200.0, 0.37)), t_s))
        gust = np.maximum(1.0 + TURBULENCE * smooth(self._seed, "gust", 20.0, t_s), 0.0)
        scale_m_per_s = self._mean_wind_m_per_s / math.gamma(1.5) * (height_m / REFERENCE_HEIGHT_M) ** SHEAR
        speed: FloatArray = scale_m_per_s * np.sqrt(-np.log(calm)) * gust
        return speed

    def outdoor_degc(self, t_s: FloatArray) -> FloatArray:
        warmest_s = (WARMEST_DAY + (0.0 if self._location.latitude >= 0 else 182.6)) * _DAY_S
        year = np.cos(2 * np.pi * (t_s - warmest_s) / _YEAR_S)
        solar_s = t_s + self._location.longitude / 360.0 * _DAY_S
        day = np.cos(2 * np.pi * (solar_s - 15 * 3600.0) / _DAY_S)
        days = self._noise("temperature", ((60 * 3600.0, 0.9), (9 * 3600.0, 0.44)), t_s)
        degc: FloatArray = (
            self.mean_degc
            + self._year_amplitude_k * year
            + DAY_AMPLITUDE_K * (1.0 - 0.5 * self.cover(t_s)) * day
            + 2.5 * days
        )
        return degc

    def water_degc(self, t_s: FloatArray) -> FloatArray:
        """River or well water: half of the year's wave, nothing of the day's, never freezing."""
        warmest_s = (WARMEST_DAY + (0.0 if self._location.latitude >= 0 else 182.6)) * _DAY_S
        year = np.cos(2 * np.pi * (t_s - warmest_s) / _YEAR_S)
        degc: FloatArray = np.maximum(self.mean_degc + 0.5 * self._year_amplitude_k * year, 4.0)
        return degc

    def frequency_hz(self, t_s: FloatArray) -> FloatArray:
        """Grid frequency: 50 Hz within some hundredths."""
        return 50.0 + 0.015 * self._noise("frequency", ((300.0, 0.8), (20.0, 0.6)), t_s)

    def voltage(self, t_s: FloatArray) -> FloatArray:
        """Voltage of the public grid at no load, as a share of the nominal one: within 2 %, over hours and minutes."""
        return 1.0 + 0.007 * self._noise("voltage", ((4 * 3600.0, 0.8), (600.0, 0.6)), t_s)
