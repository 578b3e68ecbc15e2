"""Weather and demand of a scenario: those of the site and seed, with the scenario's changes laid over them.

    direct  = direct * (1 - OPACITY * depth)
    diffuse = diffuse * (1 - depth) + THICK * depth * global          a closed cover lets THICK of the light through
    T       = T + sum of offsets
    v       = v * product of (1 + (factor - 1) * share)

`depth` is what all clouds of the scenario hide together, 1 - product of (1 - depth * share).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from config.site import Site
from simulators.model import Key
from simulators.noise import FloatArray
from simulators.scenarios.scenario import LoadChange, Scenario, ScenarioFile, Wind
from simulators.surroundings import Surroundings, simulation_of
from simulators.weather import OPACITY, THICK, Sky, Weather


class ChangedWeather(Weather):
    """The weather of a site, with a scenario's clouds, warmth and wind."""

    def __init__(self, site: Site, scenario: Scenario) -> None:
        super().__init__(site.location, seed=scenario.seed, mean_wind_m_per_s=simulation_of(site).mean_wind_m_per_s)
        self._file: ScenarioFile = scenario.file
        self._start: datetime = scenario.start
        self._length: timedelta = scenario.length

    def sky(self, t_s: FloatArray) -> Sky:
        sky = super().sky(t_s)
        through = np.ones(len(t_s))
        for cloud in self._file.clouds:
            through = through * (1.0 - cloud.depth * cloud.share(t_s, self._start, self._length))
        depth = 1.0 - through
        return Sky(
            sun=sky.sun,
            direct_w_per_m2=sky.direct_w_per_m2 * (1.0 - OPACITY * depth),
            diffuse_w_per_m2=sky.diffuse_w_per_m2 * (1.0 - depth) + THICK * depth * sky.global_w_per_m2,
        )

    def wind_m_per_s(self, t_s: FloatArray, height_m: float) -> FloatArray:
        speed = super().wind_m_per_s(t_s, height_m)
        for wind in self._file.wind:
            speed = speed * _factor(wind, t_s, self._start, self._length)
        return speed

    def outdoor_degc(self, t_s: FloatArray) -> FloatArray:
        degc = super().outdoor_degc(t_s)
        for warmth in self._file.temperature:
            degc = degc + warmth.offset_k * warmth.share(t_s, self._start, self._length)
        return degc


class ChangedSurroundings(Surroundings):
    """Weather and demand of one site in one scenario. Raises ValueError, SeriesError as `Surroundings` does."""

    def __init__(self, site: Site, scenario: Scenario) -> None:
        super().__init__(site, scenario.seed)
        self.weather = ChangedWeather(site, scenario)
        self._scenario = scenario
        self._changed = [(change, changed_loads(change, site)) for change in scenario.file.loads]

    def course(self, t_s: FloatArray) -> dict[Key, FloatArray]:
        course = super().course(t_s)
        for change, names in self._changed:
            factor = _factor(change, t_s, self._scenario.start, self._scenario.length)
            for name in names:
                course[name, "demand_kw"] = course[name, "demand_kw"] * factor
        for order in self._scenario.file.orders:
            stands = order.stands(t_s, self._scenario.start, self._scenario.length)
            for name in self._receivers:
                for quantity in ("feed_in_share", "import_share"):
                    ordered = np.where(stands, getattr(order, quantity), 1.0)
                    course[name, quantity] = np.minimum(course[name, quantity], ordered)
        return course


def _factor(change: Wind | LoadChange, t_s: FloatArray, start: datetime, length: timedelta) -> FloatArray:
    return 1.0 + (change.factor - 1.0) * change.share(t_s, start, length)


def changed_loads(change: LoadChange, site: Site) -> tuple[str, ...]:
    """The assets whose recorded series a change of loads concerns, by name."""
    series = simulation_of(site).series
    return tuple(
        name
        for name, asset in site.assets.items()
        if name in series and (not change.kinds or asset.kind in change.kinds)
    )


def surroundings_in(site: Site, seed: int, scenario: Scenario | None) -> Surroundings:
    """The surroundings of a site, in a scenario where there is one."""
    return Surroundings(site, seed) if scenario is None else ChangedSurroundings(site, scenario)
