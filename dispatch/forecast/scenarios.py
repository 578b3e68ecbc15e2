"""Ways in which the next hours may come: the park's own past days, carried over to the present."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from config.calendar import SiteCalendar
from config.site import PastDays
from dispatch.plan import FloatArray, Scenario, Situation

WEEKS_BACK = (7, 14, 21, 28)
"""The same weekday of four weeks, which knows the week's rhythm,"""
DAYS_BACK = (1, 2, 3)
"""then the last three days, which know the season."""
FEWEST_DAYS = 2
"""One day alone says nothing of how far days lie apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What one load or source did, and is doing."""

    days: Mapping[str, FloatArray]
    """By the name of a past day: what it had in the horizon's intervals, NaN where unknown, each of shape (steps,)."""
    measured_kw: float | None
    """In the interval that is running."""
    highest_kw: FloatArray
    """What it can reach in each interval, shape (steps,)."""


def days_back(
    start: datetime, zone: ZoneInfo, interval: timedelta, steps: int, calendar: SiteCalendar
) -> dict[str, int]:
    """The past days that are like the coming one, by name: how many intervals earlier the same local time was.

    Days that would reach into the future are left out, and those that are working days where the coming one is a day
    off, or the other way round.
    """
    local = start.astimezone(zone)
    found = {}
    for days in (*WEEKS_BACK, *DAYS_BACK):
        then = (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=zone)
        back = round((start - then) / interval)
        alike = calendar.is_off(then.date()) == calendar.is_off(local.date())
        if alike and back >= steps:
            found["yesterday" if days == 1 else f"{days} days ago"] = back
    return found


def past_scenarios(
    loads: Mapping[str, Course], sources: Mapping[str, Course], step_h: FloatArray, terms: PastDays
) -> tuple[Scenario, ...]:
    """Days that every series has in full, their mean and their envelope; none when there are too few days.

    s[t] = past[t] + (measured - past[0]) * exp(-t / decay), between 0 and the highest. A day is taken whole, for all
    series together, so that its loads and its sun stay together. Days and mean are equally probable.
    """
    courses = {**loads, **sources}
    whole = [day for day in _days(courses) if all(np.all(np.isfinite(each.days[day])) for each in courses.values())]
    enveloped = terms.envelope_weight > 0.0
    whole = whole[: terms.most - 1 - enveloped]
    if len(whole) < FEWEST_DAYS:
        return ()
    age_h = np.cumsum(step_h) - step_h
    kept = np.exp(-age_h / terms.decay_h)
    carried = {
        name: np.array([_carried(course.days[day], course, kept) for day in whole]) for name, course in courses.items()
    }
    found = [(day, {name: rows[row] for name, rows in carried.items()}) for row, day in enumerate(whole)]
    mean = {name: rows.mean(axis=0) for name, rows in carried.items()}
    spread = [
        (day, {name: _spread(series[name], mean[name], courses[name], terms.spread) for name in series})
        for day, series in found
    ]
    probability = (1.0 - terms.envelope_weight) / (len(whole) + 1)
    ways = [(day, series, probability) for day, series in (*spread, ("mean", mean))]
    if enveloped:
        highest = {name: np.max([series[name] for _, series in spread], axis=0) for name in loads}
        lowest = {name: np.min([series[name] for _, series in spread], axis=0) for name in sources}
        ways.append(("envelope", {**highest, **lowest}, terms.envelope_weight))
    return tuple(
        Scenario(
            name=name,
            probability=weight,
            load_kw={each: series[each] for each in loads},
            available_kw={each: series[each] for each in sources},
        )
        for name, series, weight in ways
    )


def foreseen(situation: Situation, scenarios: tuple[Scenario, ...]) -> Situation:
    """The situation with these scenarios, its own series their means."""
    if not scenarios:
        return situation
    weights, first = [each.probability for each in scenarios], scenarios[0]

    def mean(of: Sequence[Mapping[str, FloatArray]], name: str) -> FloatArray:
        return np.asarray(np.average([each[name] for each in of], axis=0, weights=weights))

    loads, sources = [each.load_kw for each in scenarios], [each.available_kw for each in scenarios]
    return replace(
        situation,
        load_kw={**situation.load_kw, **{name: mean(loads, name) for name in first.load_kw}},
        available_kw={**situation.available_kw, **{name: mean(sources, name) for name in first.available_kw}},
        scenarios=scenarios,
    )


def _days(courses: Mapping[str, Course]) -> list[str]:
    """The names of the days, in their order."""
    return list(next(iter(courses.values())).days) if courses else []


def _carried(past_kw: FloatArray, course: Course, kept: FloatArray) -> FloatArray:
    known = course.measured_kw is not None and np.isfinite(course.measured_kw)
    error_kw = course.measured_kw - float(past_kw[0]) if known and course.measured_kw is not None else 0.0
    return np.clip(past_kw + error_kw * kept, 0.0, course.highest_kw)


def _spread(series_kw: FloatArray, mean_kw: FloatArray, course: Course, spread: float) -> FloatArray:
    return np.clip(mean_kw + spread * (series_kw - mean_kw), 0.0, course.highest_kw)
