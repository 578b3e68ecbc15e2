"""From the park's past and present to the situation that is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from config.asset import KWH_PER_KG_HYDROGEN, AssetBase, Demand
from config.assets import HeatPump, PvPlant, WindTurbine
from config.flexible_assets import EvChargers, ShiftableJob
from config.hydrogen_assets import HydrogenLoad
from config.price_series import PriceSeries
from config.site import Site
from config.thermal_assets import Chiller, PressureTurbine, WasteHeatSource
from config.weather import IRRADIANCE, OUTDOOR
from dispatch.forecast.chiller import chiller_cop
from dispatch.forecast.experience import Experience, Outlook
from dispatch.forecast.heat_pump import cop
from dispatch.forecast.history import History
from dispatch.forecast.load import HISTORY_DAYS, best_of, blend
from dispatch.forecast.prices import with_expected
from dispatch.forecast.pv import (
    DAYLIGHT_SHARE,
    HIGHEST_CLEARNESS,
    clear_sky_kw,
    clearness_of,
    like_then,
    pv_power,
)
from dispatch.forecast.scenarios import Course, days_back, foreseen, past_scenarios
from dispatch.forecast.wind import wind_power
from dispatch.forecast.windows import job_windows, visits
from dispatch.plan import FloatArray, Running, Situation, Used
from dispatch.soundness import stores

DEFAULT_OUTDOOR_DEGC = 10.0
"""Without any measurement: a cool day, so that a heat pump is not planned better than it is."""
OUTDOOR_DECAY_H = 12.0
"""A day that is warmer than yesterday stays so until the evening."""
DEFAULT_LOAD_SHARE = 0.5
"""Of the peak, for a load without any history."""
HIGHEST_SHARE = 3.0
"""Of what PV is expected to feed: on a clear day after a dull week it feeds so many times as much."""
WIND_DAYS = 7
"""The mean of wind is that of the last week: the season's, not one storm's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkState:
    """The park at this moment, from the latest good readings."""

    stored_kwh: Mapping[str, float]
    """By store; one that cannot be read is left out."""
    measured_kw: Mapping[str, float]
    """By load, in its own carrier, and source; what is not known, or curtailed, is left out."""
    measured_before: bool = False
    """Whether that is the mean of the interval before the one that is running, of which nothing is known then."""
    local_kw: Mapping[str, float] = field(default_factory=dict)
    """By bus: what assets under local control take now, less what they give."""
    needed_kwh: Mapping[str, float] = field(default_factory=dict)
    """What vehicles and jobs say that they still want."""
    running: Mapping[str, Running] = field(default_factory=dict)
    """By unit: whether it runs, with hours before now."""
    outdoor_degc: float | None = None
    unavailable: frozenset[str] = frozenset()
    month_peak_kw: float = 0.0
    used: Used = field(default_factory=Used)
    """What month and year have used before the interval that is running."""
    spot: PriceSeries | None = None
    weather: History | None = None
    """What a weather forecast says, by the columns of `config.weather`; it may reach into the past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A situation, and how much of it is guessed."""

    situation: Situation
    defaulted: tuple[str, ...] = field(default=())
    """Series without any history, which rest on a default (and on the present measurement, where there is one)."""


def interval_start(now: datetime, interval_min: int) -> datetime:
    """The UTC start of the interval that contains an aware time."""
    seconds = interval_min * 60
    return datetime.fromtimestamp(int(now.timestamp() // seconds) * seconds, UTC)


def situation(
    site: Site, history: History, state: ParkState, now: datetime, experience: Experience | None = None
) -> Situation:
    """What to plan from, starting with the interval that contains `now`. Raises BadSituation; see `expect`."""
    return expect(site, history, state, now, experience).situation


def expect(
    site: Site, history: History, state: ParkState, now: datetime, experience: Experience | None = None
) -> Expected:
    """The situation with its forecasts, and the names of the series that had no history to go by.

    `experience` is what plans before this one have learned from the history; without one it is learned here.

    The horizon and its intervals are the site's; the first interval counts in full. A store whose energy is
    missing is made unavailable. Raises BadSituation when the history's intervals do not fit.
    """
    interval_min = site.control.interval_min
    steps = site.control.horizon_steps
    view = _View(
        history,
        state,
        interval_start(now, interval_min),
        interval_min,
        np.full(steps, interval_min / 60.0),
        Experience(site) if experience is None else experience,
    )
    zone = ZoneInfo(site.location.time_zone)
    outdoor_degc = view.outdoor()
    into_h = (now - view.start).total_seconds() / 3600.0
    unread = frozenset(name for name in stores(site) if not np.isfinite(state.stored_kwh.get(name, np.nan)))
    found = Situation(
        start=view.start,
        step_h=view.step_h,
        available_kw={
            **{name: view.pv(site, name, plant) for name, plant in site.dispatched_of(PvPlant).items()},
            **{name: view.wind(name, turbine) for name, turbine in site.dispatched_of(WindTurbine).items()},
            **{name: view.load(name, spec.max_heat_kw) for name, spec in site.dispatched_of(WasteHeatSource).items()},
            **{name: view.load(name, spec.rated_kw) for name, spec in site.dispatched_of(PressureTurbine).items()},
        },
        load_kw={
            **{name: view.load(name, spec.peak_kw) for name, spec in site.dispatched_of(Demand).items()},
            **{
                name: view.load(name, spec.peak_kg_per_h * KWH_PER_KG_HYDROGEN)
                for name, spec in site.dispatched_of(HydrogenLoad).items()
            },
        },
        cop=cops(site, outdoor_degc),
        wanted={
            **{
                name: visits(spec, site, view.start, view.step_h, state.needed_kwh.get(name))
                for name, spec in site.dispatched_of(EvChargers).items()
            },
            **{
                name: job_windows(spec, site, view.start, view.step_h, state.needed_kwh.get(name))
                for name, spec in site.dispatched_of(ShiftableJob).items()
            },
        },
        stored_kwh={name: max(0.0, state.stored_kwh[name]) for name in stores(site) if name not in unread},
        # nobody knows what their own control will do next, so it is taken to stay as it is
        local_kw={bus: np.full(steps, taken_kw) for bus, taken_kw in state.local_kw.items()},
        running={
            name: replace(past, since_h=None if past.since_h is None else past.since_h - into_h)
            for name, past in state.running.items()
        },
        unavailable=frozenset(state.unavailable & site.dispatched.keys()) | unread,
        month_peak_kw=max(0.0, state.month_peak_kw),
        usual_peak_kw=view.experience.usual_peak_kw(history, view.start),
        used=state.used,
        spot=with_expected(
            state.spot, view.start, view.start + steps * timedelta(minutes=interval_min), zone, site.file.calendar
        ),
    )
    defaulted = (*found.available_kw, *found.load_kw, *found.wanted, *((OUTDOOR,) if found.cop else ()))
    terms = site.control.scenarios
    if terms is not None:
        loads, sources = (
            {name: view.course(site, name, expected_kw) for name, expected_kw in series.items() if view.known(name)}
            for series in (found.load_kw, found.available_kw)
        )
        forecast = found
        found = foreseen(forecast, past_scenarios(loads, sources, view.step_h, terms))
        if site.control.chance:
            # errors are those of forecasts, and the plan's expectation is the mean over scenarios
            off_kw = view.first_net_kw(forecast) - view.first_net_kw(found)
            errors_kw = view.experience.import_errors_kw(view.outlooks, state.measured_before)
            found = replace(found, import_errors_kw=errors_kw + off_kw)
    return Expected(situation=found, defaulted=tuple(name for name in defaulted if not view.known(name)))


def cops(site: Site, outdoor_degc: FloatArray) -> dict[str, FloatArray]:
    """By heat pump and chiller, at full load, shape (steps,)."""
    return {
        **{
            name: cop(spec.source, spec.supply_degc, outdoor_degc, spec.source_degc)
            for name, spec in site.dispatched_of(HeatPump).items()
        },
        **{
            name: chiller_cop(spec.rated_cop, spec.supply_degc, outdoor_degc)
            for name, spec in site.dispatched_of(Chiller).items()
        },
    }


@dataclass(frozen=True, slots=True)
class _View:
    """Past and present as seen from the start of the horizon."""

    history: History
    state: ParkState
    start: datetime
    interval_min: int
    step_h: FloatArray
    experience: Experience
    outlooks: dict[str, Outlook | None] = field(default_factory=dict)

    @property
    def per_day(self) -> int:
        return 24 * 60 // self.interval_min

    def past(self, name: str, days: int) -> FloatArray:
        return self.history.before(name, self.start, self.interval_min, days * self.per_day)

    def known(self, name: str) -> bool:
        """Whether the history that a forecast looks at has any value."""
        return bool(np.any(np.isfinite(self.past(name, HISTORY_DAYS))))

    def outlook(self, name: str) -> Outlook | None:
        """What was learned of a series, None where there is too little to learn from."""
        if name not in self.outlooks:
            self.outlooks[name] = self.experience.outlook(self.history, name, self.start, len(self.step_h))
        return self.outlooks[name]

    def _corrected(self, outlook: Outlook, measured: float | None) -> FloatArray:
        before = self.state.measured_before
        error = np.nan if measured is None else measured - outlook.now(before)
        return outlook.corrected(error if np.isfinite(error) else 0.0, before)

    def load(self, name: str, peak_kw: float) -> FloatArray:
        outlook = self.outlook(name)
        if outlook is not None:
            return np.maximum(self._corrected(outlook, self.state.measured_kw.get(name)), 0.0)
        usual = best_of(self.past(name, HISTORY_DAYS), len(self.step_h), self.per_day, DEFAULT_LOAD_SHARE * peak_kw)
        return np.maximum(blend(usual, self.state.measured_kw.get(name), self.step_h), 0.0)

    def first_net_kw(self, situation: Situation) -> float:
        """What electric loads take in the first interval less what sources could give."""
        series = {**situation.load_kw, **situation.available_kw}
        return float(self.experience.net_kw(lambda name: float(series[name][0])))

    def outdoor(self) -> FloatArray:
        measured = self.state.outdoor_degc
        default = DEFAULT_OUTDOOR_DEGC
        if measured is not None and np.isfinite(measured):
            default = measured
        usual = best_of(self.past(OUTDOOR, HISTORY_DAYS), len(self.step_h), self.per_day, default)
        forecast = self.weather(OUTDOOR, self.start, len(self.step_h))
        usual = np.where(np.isfinite(forecast), forecast, usual)
        return blend(usual, measured, self.step_h, OUTDOOR_DECAY_H)

    def weather(self, column: str, start: datetime, steps: int) -> FloatArray:
        """What the weather forecast says of intervals from `start` on, shape (steps,), NaN where it says nothing."""
        if self.state.weather is None or column not in self.state.weather.series:
            return np.full(steps, np.nan)
        end = start + steps * timedelta(minutes=self.interval_min)
        return self.state.weather.before(column, end, self.interval_min, steps)

    def pv(self, site: Site, name: str, plant: PvPlant) -> FloatArray:
        """By the weather forecast where there is one, else by what was learned, else by the clear sky."""
        by_weather = self._by_weather(site, name, plant)
        if np.all(np.isfinite(by_weather)):
            return by_weather
        return np.where(np.isfinite(by_weather), by_weather, self._without_weather(site, name, plant))

    def _by_weather(self, site: Site, name: str, plant: PvPlant) -> FloatArray:
        """The clear sky as clear as it is forecast, times what the plant made of that over the last day; NaN where
        nothing is forecast."""
        day, steps = self.per_day, len(self.step_h)
        before = self.start - day * timedelta(minutes=self.interval_min)
        light = self.weather(IRRADIANCE, before, day + steps)
        if not np.any(np.isfinite(light[day:])):
            return np.full(steps, np.nan)
        assert self.state.weather is not None
        step_h = np.concatenate((np.full(day, self.interval_min / 60.0), self.step_h))
        row_s = 60.0 * max(self.state.weather.step_min, self.interval_min)
        clearness = clearness_of(site.location, before, step_h, light, row_s)
        # what cannot be told of low sun is as the rest of its day, and hardly counts
        known = np.isfinite(clearness)
        clearness = np.where(
            known | ~np.isfinite(light), clearness, float(np.mean(clearness[known])) if known.any() else 0.0
        )
        expected_kw = clear_sky_kw(plant, site.location, before, step_h) * clearness
        past_kw, measured = self.past(name, 1), self.state.measured_kw.get(name)
        past_expected_kw = np.nan_to_num(expected_kw[:day])
        return pv_power(plant, expected_kw[day:], self.step_h, past_kw, past_expected_kw, measured, unknown=1.0)

    def _without_weather(self, site: Site, name: str, plant: PvPlant) -> FloatArray:
        outlook = self.outlook(name)
        if outlook is not None:
            return self._as_clear(plant, outlook, self.state.measured_kw.get(name))
        past_kw = self.past(name, 1)
        past_step_h = np.full(self.per_day, self.interval_min / 60.0)
        before = datetime.fromtimestamp(self.start.timestamp() - 24 * 3600, UTC)
        clear_kw = clear_sky_kw(plant, site.location, before, np.concatenate((past_step_h, self.step_h)))
        past_clear_kw, clear_kw = clear_kw[: self.per_day], clear_kw[self.per_day :]
        return pv_power(plant, clear_kw, self.step_h, past_kw, past_clear_kw, self.state.measured_kw.get(name))

    def _as_clear(self, plant: PvPlant, outlook: Outlook, measured: float | None) -> FloatArray:
        """As much above or below what is usual as now, in proportion: a cloud takes a share of the sun."""
        before = self.state.measured_before
        usual, now_kw = outlook.usual[1:], outlook.now(before)
        share = 1.0
        if measured is not None and np.isfinite(measured) and now_kw > DAYLIGHT_SHARE * plant.peak_kw:
            share = min(measured / now_kw, HIGHEST_SHARE)
        return np.clip(usual * (1.0 + (share - 1.0) * outlook.left(before)), 0.0, plant.rated_kw)

    def course(self, site: Site, name: str, expected_kw: FloatArray) -> Course:
        """What a load or source had on past days; of a PV plant, its share of the clear sky. Of what was learned, the
        forecast `expected_kw`, as wrong as on past days."""
        steps, interval = len(self.step_h), timedelta(minutes=self.interval_min)
        back = days_back(self.start, ZoneInfo(site.location.time_zone), interval, steps, site.file.calendar)
        outlook = self.outlook(name)
        if outlook is not None:
            return self._as_wrong_as_then(site.assets[name], outlook, back, expected_kw)
        begins = {day: self.start - intervals * interval for day, intervals in back.items()}
        days = {
            day: self.history.before(name, begin + steps * interval, self.interval_min, steps)
            for day, begin in begins.items()
        }
        highest_kw = np.full(steps, np.inf)
        plant = site.assets[name]
        if isinstance(plant, PvPlant):
            clear_kw = clear_sky_kw(plant, site.location, self.start, self.step_h)
            highest_kw = np.minimum(HIGHEST_CLEARNESS * clear_kw, plant.rated_kw)
            days = {
                day: like_then(plant, clear_kw, past_kw, clear_sky_kw(plant, site.location, begins[day], self.step_h))
                for day, past_kw in days.items()
            }
        return Course(days=days, measured_kw=self.state.measured_kw.get(name), highest_kw=highest_kw)

    def _as_wrong_as_then(
        self, asset: AssetBase, outlook: Outlook, back: Mapping[str, int], expected_kw: FloatArray
    ) -> Course:
        paths = {day: outlook.path(intervals, self.state.measured_before) for day, intervals in back.items()}
        known = [path for path in paths.values() if path is not None]
        mean = np.mean(known, axis=0) if known else 0.0  # the forecast is in the middle of them
        unknown = np.full(len(expected_kw), np.nan)
        days = {day: unknown if path is None else expected_kw + path - mean for day, path in paths.items()}
        highest_kw = np.full(len(expected_kw), np.inf)
        if isinstance(asset, PvPlant):
            highest_kw = np.minimum(HIGHEST_SHARE * outlook.usual[1:], asset.rated_kw)
        elif isinstance(asset, WindTurbine):
            highest_kw[:] = asset.rated_kw
        return Course(days=days, measured_kw=None, highest_kw=highest_kw)

    def wind(self, name: str, turbine: WindTurbine) -> FloatArray:
        outlook = self.outlook(name)
        if outlook is not None:
            return np.clip(self._corrected(outlook, self.state.measured_kw.get(name)), 0.0, turbine.rated_kw)
        return wind_power(self.past(name, WIND_DAYS), self.state.measured_kw.get(name), turbine.rated_kw, self.step_h)
