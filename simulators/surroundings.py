"""What the park cannot change: weather and demand, on a fixed grid that every plant of a site may share.

Each UTC day is computed at once for all assets, every `GRID_S`, and interpolated between. So the values are a
function of site, seed and time, whatever steps a plant takes.
"""

from __future__ import annotations

import numpy as np

from config.assets import PvPlant, WindTurbine
from config.grid_operator import OperatorLimit
from config.site import Simulation, Site
from simulators.model import Key
from simulators.noise import FloatArray
from simulators.pv import available_kw, plane_of_array_w_per_m2
from simulators.series import reactive_series_of, series_of
from simulators.weather import Weather
from simulators.wind import curve_kw

GRID_S = 10
"""Clouds and gusts of the simulated weather take longer than this."""
DAY_S = 24 * 3600
DAYS_KEPT = 2
"""The day that runs, and the one before for a plant that is a little behind."""

OUTDOOR: Key = ("", "outdoor_degc")
WATER: Key = ("", "water_degc")
FREQUENCY: Key = ("", "frequency_hz")
VOLTAGE: Key = ("", "voltage")
"""Of the grid at no load, as a share of the nominal one."""


def simulation_of(site: Site) -> Simulation:
    """The `simulation` section of a site file. Raises ValueError without one."""
    if site.file.simulation is None:
        raise ValueError(f"site {site.name} has no 'simulation' section, which a simulated park needs")
    return site.file.simulation


class Surroundings:
    """Weather and demand of one site for one seed.

    Raises ValueError for a site without a simulation section, SeriesError for a series that cannot be used.
    """

    def __init__(self, site: Site, seed: int, *, grid_s: float | None = None) -> None:
        """Values are taken every `grid_s` and interpolated; where it is given, they stay until the next."""
        self._grid_s = GRID_S if grid_s is None else grid_s
        self._interpolates = grid_s is None
        simulation = simulation_of(site)
        self._pv = site.of_kind(PvPlant)
        self._wind = site.of_kind(WindTurbine)
        self._receivers = site.of_kind(OperatorLimit)
        self.weather = Weather(site.location, seed=seed, mean_wind_m_per_s=simulation.mean_wind_m_per_s)
        self._series = {name: series_of(site, name, source, seed) for name, source in simulation.series.items()}
        self._reactive = {
            name: reactive
            for name, source in simulation.series.items()
            if (reactive := reactive_series_of(site, name, source, seed)) is not None
        }
        self.keys: tuple[Key, ...] = (
            OUTDOOR,
            WATER,
            FREQUENCY,
            VOLTAGE,
            *((name, quantity) for name in self._pv for quantity in ("available_kw", "irradiance_w_per_m2")),
            *((name, quantity) for name in self._wind for quantity in ("available_kw", "wind_speed_m_per_s")),
            *((name, "demand_kw") for name in self._series),
            *((name, "reactive_kvar") for name in self._reactive),
            *((name, quantity) for name in self._receivers for quantity in ("feed_in_share", "import_share")),
        )
        """The order of the values that `at` gives."""
        self._days: dict[int, list[list[float]]] = {}

    def course(self, t_s: FloatArray) -> dict[Key, FloatArray]:
        """Every value at many times (UTC seconds since 1970, shape (n,)), each of shape (n,)."""
        weather = self.weather
        outdoor_degc = weather.outdoor_degc(t_s)
        course: dict[Key, FloatArray] = {
            OUTDOOR: outdoor_degc,
            WATER: weather.water_degc(t_s),
            FREQUENCY: weather.frequency_hz(t_s),
            VOLTAGE: weather.voltage(t_s),
        }
        if self._pv:
            sky = weather.sky(t_s)
            for name, plant in self._pv.items():
                irradiance = plane_of_array_w_per_m2(sky, plant.tilt_deg, plant.azimuth_deg)
                course[name, "irradiance_w_per_m2"] = irradiance
                course[name, "available_kw"] = available_kw(irradiance, outdoor_degc, plant)
        for name, turbine in self._wind.items():
            speed = weather.wind_m_per_s(t_s, turbine.hub_height_m)
            course[name, "wind_speed_m_per_s"] = speed
            course[name, "available_kw"] = curve_kw(speed, turbine)
        for name, series in self._series.items():
            course[name, "demand_kw"] = series.values(t_s)
        for name, series in self._reactive.items():
            course[name, "reactive_kvar"] = series.values(t_s)
        for name in self._receivers:
            course[name, "feed_in_share"] = course[name, "import_share"] = np.ones(len(t_s))
        return course

    def at(self, t_s: float) -> list[float]:
        """Every value at one time (UTC seconds since 1970), in the order of `keys`."""
        day = int(t_s // DAY_S)
        rows = self._days.get(day)
        if rows is None:
            rows = self._rows(day)
        place = (t_s - day * DAY_S) / self._grid_s
        row = int(place)
        if not self._interpolates:
            return rows[row]
        weight = place - row
        return [a + (b - a) * weight for a, b in zip(rows[row], rows[row + 1], strict=True)]

    def until(self, t_s: float) -> list[float]:
        """Every value at the end of a step, in the order of `keys`."""
        return self.at(t_s)

    def _rows(self, day: int) -> list[list[float]]:
        times = np.arange(day * DAY_S, (day + 1) * DAY_S + self._grid_s, self._grid_s, dtype=np.float64)
        course = self.course(times)
        rows: list[list[float]] = np.column_stack([course[key] for key in self.keys]).tolist()
        while len(self._days) >= DAYS_KEPT:
            del self._days[min(self._days)]
        self._days[day] = rows
        return rows
