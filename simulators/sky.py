"""The clear sky over the park after pvlib (Ineichen and Perez), and where the sun stands.

pvlib is called on a coarse grid for the whole span asked for, and its answer is interpolated: the sun as a unit vector,
so that no angle jumps at north.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from config.site import Location
from simulators.noise import FloatArray

GRID_S = 300.0
"""The sun moves 1.25 degrees in five minutes; interpolating over that costs less than 0.1 % of the irradiance."""


@dataclass(frozen=True, slots=True)
class ClearSky:
    """The cloudless sky at n times; irradiances in W/m2, shape (n,)."""

    sun: FloatArray
    """Direction to the sun as a unit vector (east, north, up), shape (n, 3); up is negative at night."""
    direct_w_per_m2: FloatArray
    """On a plane that faces the sun."""
    diffuse_w_per_m2: FloatArray
    """From the rest of the sky on a level plane."""


def _pvlib() -> Any:
    """pvlib takes seconds to import, hence only where the sky is asked for."""
    import pvlib

    return pvlib


@lru_cache(maxsize=8)
def _monthly_turbidity(latitude: float, longitude: float) -> tuple[float, ...]:
    """Linke turbidity of the twelve months from pvlib's world map; 2 is very clear air, 5 is haze."""
    import pandas as pd

    middles = pd.DatetimeIndex([f"2025-{month:02}-15" for month in range(1, 13)], tz="UTC")
    looked_up = _pvlib().clearsky.lookup_linke_turbidity(middles, latitude, longitude, interp_turbidity=False)
    return tuple(float(value) for value in looked_up)


def _turbidity(day_of_year: FloatArray, location: Location) -> FloatArray:
    middles = np.arange(12) * 365.25 / 12 + 15
    turbidity: FloatArray = np.interp(
        day_of_year, middles, _monthly_turbidity(location.latitude, location.longitude), period=365.25
    )
    return turbidity


def _on_grid(grid_s: FloatArray, location: Location) -> tuple[FloatArray, FloatArray, FloatArray]:
    import pandas as pd

    pvlib = _pvlib()
    times = pd.to_datetime(grid_s, unit="s", utc=True)
    position = pvlib.solarposition.get_solarposition(times, location.latitude, location.longitude, location.altitude_m)
    zenith = position["apparent_zenith"].to_numpy(dtype=np.float64)
    azimuth = np.radians(position["azimuth"].to_numpy(dtype=np.float64))
    level = np.sin(np.radians(zenith))
    sun = np.column_stack((level * np.sin(azimuth), level * np.cos(azimuth), np.cos(np.radians(zenith))))
    direct, diffuse = np.zeros(len(grid_s)), np.zeros(len(grid_s))
    day = sun[:, 2] > 0.0
    if day.any():
        day_of_year = np.asarray(times.day_of_year, dtype=np.float64)[day]
        airmass = pvlib.atmosphere.get_absolute_airmass(
            pvlib.atmosphere.get_relative_airmass(zenith[day]), pvlib.atmosphere.alt2pres(location.altitude_m)
        )
        clear = pvlib.clearsky.ineichen(
            zenith[day],
            airmass,
            _turbidity(day_of_year, location),
            location.altitude_m,
            pvlib.irradiance.get_extra_radiation(day_of_year),
        )
        direct[day], diffuse[day] = clear["dni"], clear["dhi"]
    return sun, direct, diffuse


def clear_sky(t_s: FloatArray, location: Location) -> ClearSky:
    """The clear sky at each time; `t_s` are UTC seconds since 1970, shape (n,)."""
    first, last = np.floor(t_s.min() / GRID_S), np.ceil(t_s.max() / GRID_S)
    grid_s = np.arange(first, last + 1) * GRID_S
    sun, direct, diffuse = _on_grid(grid_s, location)
    between = np.column_stack([np.interp(t_s, grid_s, sun[:, axis]) for axis in range(3)])
    return ClearSky(
        sun=between / np.linalg.norm(between, axis=1, keepdims=True),
        direct_w_per_m2=np.interp(t_s, grid_s, direct),
        diffuse_w_per_m2=np.interp(t_s, grid_s, diffuse),
    )
