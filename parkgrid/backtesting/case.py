"""What is backtested: a site, what was recorded there, and which part of it is lived through again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import numpy as np

from config.site import Site
from dispatch.forecast.history import History
from dispatch.plan import FloatArray
from dispatch.soundness import stores
from parkgrid.backtesting.stepwise import Information
from parkgrid.refusal import Refused
from parkgrid.settlement import HALF_FULL
from simulators.past import Past
from simulators.plant import LONGEST_STEP_S, Plant
from simulators.recorded import Recorded, RecordedSurroundings

WEEK = timedelta(days=7)
SEARCHES_S = 300.0
"""No search of a plan takes as long; one that does is too long for any controller."""
Feature = Literal["plan following", "demand guard", "forecast choice", "blending", "scenarios"]
FEATURES: tuple[Feature, ...] = get_args(Feature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One period. It can be sent to another process."""

    site: Site
    history: History
    """As it was read, NaN in gaps, on the site's intervals."""
    recorded: Recorded
    """The same without gaps: what happens."""
    start: datetime
    """UTC, on the interval grid."""
    lasts: timedelta
    seed: int
    information: Information = "realtime"
    cycle_s: float | None = None
    """None for one decision in each interval, whose means hold all through it."""
    foreknows: bool = False
    """Whether plans know what will happen, which shows what control alone loses."""
    leaves_out: frozenset[Feature] = frozenset()
    """What the controller goes without, to see what it is worth."""
    weather: History | None = None
    """What was forecast of the weather."""

    @property
    def controlled_site(self) -> Site:
        """The site as its controller plans it: searches end at their gap, and not by a clock, so that the numbers are
        the same on any machine."""
        control = self.site.control
        changes: dict[str, object] = {
            "commitment_time_limit_s": max(SEARCHES_S, control.commitment_time_limit_s),
            "solver_time_limit_s": max(SEARCHES_S, control.solver_time_limit_s),
        }
        if "scenarios" in self.leaves_out:
            changes["scenarios"] = None
        return replace(
            self.site, file=self.site.file.model_copy(update={"control": control.model_copy(update=changes)})
        )

    @property
    def name(self) -> str:
        return f"{self.site.name} {self.start:%Y-%m-%d}, {self.lasts / timedelta(days=1):g} d"

    @property
    def step(self) -> timedelta:
        return timedelta(minutes=self.site.control.interval_min)

    @property
    def steps(self) -> int:
        return round(self.lasts / self.step)

    @property
    def first(self) -> int:
        """Where the period begins in the record."""
        return round((self.start.timestamp() - self.recorded.start_s) / self.recorded.step_s)

    def stored_kwh(self, name: str) -> float:
        """What a store holds at the beginning; 0 for one that nobody plans."""
        store = stores(self.site).get(name)
        if store is None:
            return 0.0
        simulation = self.site.file.simulation
        soc = HALF_FULL if simulation is None else simulation.initial_soc.get(name, HALF_FULL)
        return soc * store.capacity_kwh

    def surroundings(self) -> RecordedSurroundings:
        """What happens to the park."""
        return RecordedSurroundings(self.site, self.seed, self.recorded, stepwise=self.cycle_s is None)

    def plant(self, *, controlled: bool) -> Plant:
        """The park at the beginning of the period."""
        return Plant(
            self.site,
            start=self.start,
            seed=self.seed,
            controlled=controlled,
            surroundings=self.surroundings(),
            longest_step_s=self.step.total_seconds() if self.cycle_s is None else LONGEST_STEP_S,
        )

    def past(self, days: int) -> Past:
        """What was measured in the days before the period, as far as the record goes back."""
        count = min(self.first, round(timedelta(days=days) / self.step))
        start_s = self.recorded.start_s + self.recorded.step_s * np.arange(self.first - count, self.first, dtype=float)
        known = {name: values[self.first - count : self.first] for name, values in self.history.series.items()}
        return Past(start_s=start_s, columns=known)


def case_of(
    site: Site,
    history: History,
    start: datetime,
    lasts: timedelta,
    *,
    seed: int,
    information: Information = "realtime",
    cycle_s: float | None = None,
    foreknows: bool = False,
    leaves_out: frozenset[Feature] = frozenset(),
    weather: History | None = None,
) -> Case:
    """Raises Refused where the history does not hold the whole period, or lacks what the park needs."""
    on_grid = _on_intervals(site, history)
    step = timedelta(minutes=on_grid.step_min)
    lengths = {len(values) for values in on_grid.series.values()}
    end = on_grid.start + min(lengths) * step
    if start < on_grid.start or start + lasts > end:
        raise Refused(
            f"the history goes from {on_grid.start.isoformat()} to {end.isoformat()}, which does not hold"
            f" {start.isoformat()} to {(start + lasts).isoformat()}"
        )
    columns = {name: _filled(name, values, step) for name, values in on_grid.series.items()}
    recorded = Recorded(start_s=on_grid.start.timestamp(), step_s=step.total_seconds(), columns=columns)
    return Case(
        site=site,
        history=on_grid,
        recorded=recorded,
        start=start.astimezone(UTC),
        lasts=lasts,
        seed=seed,
        information=information,
        cycle_s=cycle_s,
        foreknows=foreknows,
        leaves_out=leaves_out,
        weather=weather,
    )


def _on_intervals(site: Site, history: History) -> History:
    """The history in the site's own intervals."""
    interval_min = site.control.interval_min
    if history.step_min == interval_min:
        return history
    longest = max(len(values) for values in history.series.values())
    steps = longest * history.step_min // interval_min
    end = history.start + timedelta(minutes=steps * interval_min)
    series = {name: history.before(name, end, interval_min, steps) for name in history.series}
    return replace(history, step_min=interval_min, series=series)


def _filled(name: str, values: FloatArray, step: timedelta) -> FloatArray:
    """What happened in gaps nobody knows: as a week before or after, else a straight line."""
    if np.all(np.isnan(values)):
        raise Refused(f"the column {name} has no value")
    filled = values.copy()
    week = round(WEEK / step)
    gaps = np.flatnonzero(np.isnan(filled))
    for place in gaps:
        for other in (place - week, place + week):
            if 0 <= other < len(filled) and np.isfinite(filled[other]):
                filled[place] = filled[other]
                break
    known = np.flatnonzero(np.isfinite(filled))
    return np.asarray(np.interp(np.arange(len(filled)), known, filled[known]))
