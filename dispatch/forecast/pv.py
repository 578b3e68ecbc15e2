"""PV: the clear sky, times how clear it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from config.assets import PvPlant
from config.site import Location
from dispatch.plan import FloatArray

LINKE_TURBIDITY = 4.0
"""Haze of the air over industrial plains; whatever it is off by, the measured clearness takes up."""
SYSTEM_SHARE = 0.86 * 0.96
"""Losses of 14 % by soiling, wiring and mismatch, and an inverter efficiency of 0.96."""
DAYLIGHT_SHARE = 0.05
"""Of the peak power: below it the sun is too low for a ratio of measured to clear power to mean anything."""
LOWEST_SUN_ZENITH_DEG = 89.9
"""The clear-sky model divides by the sun's height: a sun at or below the horizon counts as just above it, and
its power is then set to zero."""
RECENT_H = 1.0
"""How far back the present clearness looks: a cloud's passing is averaged out, a front is not."""
DECAY_H = 2.5
"""How fast the present clearness gives way to the day's."""
DEFAULT_CLEARNESS = 0.6
"""Without any history: about what a year's clouds leave of the clear sky."""
LEAST_LIGHT_W_PER_M2 = 20.0
"""Of a clear sky on level ground: below it a forecast of light says nothing of clouds."""
HIGHEST_CLEARNESS = 1.2
"""Clean air and cool modules beat the model by this much at most; more is a wrong measurement."""


@dataclass(frozen=True, slots=True)
class _Sky:
    """Sun and cloudless light, each of shape (steps,)."""

    apparent_deg: FloatArray
    """Angle between the sun and the zenith, as it is seen."""
    zenith_deg: FloatArray
    """The same, but never below the horizon."""
    azimuth_deg: FloatArray
    direct: FloatArray
    level: FloatArray
    diffuse: FloatArray


def clear_sky_kw(plant: PvPlant, location: Location, start: datetime, step_h: FloatArray) -> FloatArray:
    """AC power under a cloudless sky in each interval from a UTC `start` on, at its middle, shape (steps,).

    Clear sky by Ineichen with a fixed turbidity, sky diffuse light taken as even, zero at night.
    """
    from pvlib import irradiance

    sky = _clear_sky(location, start, step_h)
    on_plane = irradiance.get_total_irradiance(
        plant.tilt_deg, plant.azimuth_deg, sky.zenith_deg, sky.azimuth_deg, sky.direct, sky.level, sky.diffuse
    )
    power = plant.peak_kw * np.nan_to_num(on_plane["poa_global"]) / 1000.0 * SYSTEM_SHARE
    return np.clip(np.where(sky.apparent_deg < 90.0, power, 0.0), 0.0, plant.rated_kw)


def clearness_of(
    location: Location, start: datetime, step_h: FloatArray, irradiance: FloatArray, row_s: float
) -> FloatArray:
    """What a forecast of the sun on level ground leaves of the clear sky, shape (steps,), NaN where the sun is low or
    nothing is forecast. `irradiance` holds for rows of `row_s` seconds each, in W/m2."""
    sky = _clear_sky(location, start, step_h)
    level = np.where(sky.apparent_deg < 90.0, sky.level, 0.0)
    row = ((start.timestamp() + 3600.0 * (np.cumsum(step_h) - step_h)) // row_s).astype(np.int64)
    row -= row[0]
    mean = (np.bincount(row, level) / np.bincount(row))[row]
    clear = np.maximum(mean, LEAST_LIGHT_W_PER_M2)
    return np.where(mean >= LEAST_LIGHT_W_PER_M2, np.clip(irradiance / clear, 0.0, HIGHEST_CLEARNESS), np.nan)


def _clear_sky(location: Location, start: datetime, step_h: FloatArray) -> _Sky:
    import pandas as pd  # late: the two take a second to import, and only a forecast needs them
    from pvlib import atmosphere, clearsky, solarposition

    middle_h = np.cumsum(step_h) - step_h / 2.0
    times = pd.DatetimeIndex([start + timedelta(hours=hours) for hours in middle_h.tolist()])
    sun = solarposition.get_solarposition(times, location.latitude, location.longitude, location.altitude_m)
    apparent = sun["apparent_zenith"].to_numpy()
    zenith = np.minimum(apparent, LOWEST_SUN_ZENITH_DEG)
    air_mass = atmosphere.get_absolute_airmass(
        atmosphere.get_relative_airmass(zenith), atmosphere.alt2pres(location.altitude_m)
    )
    sky = clearsky.ineichen(zenith, air_mass, LINKE_TURBIDITY, altitude=location.altitude_m)
    return _Sky(apparent, zenith, sun["azimuth"].to_numpy(), sky["dni"], sky["ghi"], sky["dhi"])


def pv_power(
    plant: PvPlant,
    clear_kw: FloatArray,
    step_h: FloatArray,
    past_kw: FloatArray,
    past_clear_kw: FloatArray,
    measured: float | None,
    unknown: float = DEFAULT_CLEARNESS,
) -> FloatArray:
    """Clear sky times clearness, between 0 and the rating, shape (steps,); `unknown` is that of a day that nobody saw.

    The clearness goes from that of the last hour of daylight, `measured` included, to that of the last day:
    k_day + (k_now - k_day) * exp(-t / decay). `past_kw` and `past_clear_kw` are the last 24 h, same shape, NaN
    where unknown; the past's intervals are taken to be as long as the first of the forecast. Curtailed power
    looks like clouds: give NaN for it.
    """
    light_kw = DAYLIGHT_SHARE * plant.peak_kw
    day = _clearness(past_kw, past_clear_kw, light_kw)
    recent = max(1, round(RECENT_H / float(step_h[0])))
    now_kw = np.append(past_kw[-recent:], np.nan if measured is None else measured)
    now = _clearness(now_kw, np.append(past_clear_kw[-recent:], clear_kw[0]), light_kw)
    if day is None:
        day = unknown
    if now is None:
        now = day
    age_h = np.cumsum(step_h) - step_h
    clearness = day + (now - day) * np.exp(-age_h / DECAY_H)
    return np.clip(clear_kw * clearness, 0.0, plant.rated_kw)


def like_then(plant: PvPlant, clear_kw: FloatArray, past_kw: FloatArray, past_clear_kw: FloatArray) -> FloatArray:
    """The coming clear sky as clear as that of a past day, all of shape (steps,).

    What is not known of the past, and of low sun, is as clear as that day was; NaN where nothing is known of its light.
    """
    light_kw = DAYLIGHT_SHARE * plant.peak_kw
    day = _clearness(past_kw, past_clear_kw, light_kw)
    if day is None:
        day = np.nan if np.any(clear_kw > light_kw) else DEFAULT_CLEARNESS
    clearness = np.full(len(clear_kw), day)
    known = np.isfinite(past_kw) & (past_clear_kw > light_kw)
    clearness[known] = np.clip(past_kw[known] / past_clear_kw[known], 0.0, HIGHEST_CLEARNESS)
    return np.asarray(np.clip(clear_kw * clearness, 0.0, plant.rated_kw))


def _clearness(power_kw: FloatArray, clear_kw: FloatArray, light_kw: float) -> float | None:
    """Measured over clear energy in daylight; None without any."""
    light = np.isfinite(power_kw) & (clear_kw > light_kw)
    if not np.any(light):
        return None
    return float(np.clip(power_kw[light].sum() / clear_kw[light].sum(), 0.0, HIGHEST_CLEARNESS))
