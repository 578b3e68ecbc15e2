"""Ways in which the next hours may come: the park's own past days, carried over to the present."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dispatch.plan import FloatArray, Scenario, Situation

DAYS_BACK = (7, 14, 21, 28, 1, 2, 3)
"""The same weekday of four weeks, which knows the week's rhythm, then the last three days, which know the season."""
FEWEST_DAYS = 2
"""One day alone says nothing of how far days lie apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What one load or source did, and is doing."""

    past_kw: FloatArray
    """Whole days up to the start of the horizon, oldest first, NaN where unknown, shape (days * per_day,)."""
    measured_kw: float | None
    """In the interval that is running."""
    highest_kw: FloatArray
    """What it can reach in each interval, shape (steps,)."""


def past_scenarios(
    loads: Mapping[str, Course], sources: Mapping[str, Course], step_h: FloatArray, per_day: int, decay_h: float
) -> tuple[Scenario, ...]:
    """Days that every series has in full, and their mean, equally probable; none when there are too few days.

    s[t] = past[t - days] + (measured - past[0 - days]) * exp(-t / decay), between 0 and the highest. A day is
    taken whole, for all series together, so that its loads and its sun stay together.
    """
    courses = {**loads, **sources}
    age_h = np.cumsum(step_h) - step_h
    found: list[tuple[str, dict[str, FloatArray]]] = []
    for days in DAYS_BACK:
        windows = {name: _day(course, days * per_day, len(step_h)) for name, course in courses.items()}
        day = {
            name: _carried(past_kw, courses[name], age_h, decay_h)
            for name, past_kw in windows.items()
            if past_kw is not None
        }
        if day and len(day) == len(courses):
            found.append((f"{days} days ago", day))
    if len(found) < FEWEST_DAYS:
        return ()
    mean = {name: np.mean([day[name] for _, day in found], axis=0) for name in courses}
    found.append(("mean", mean))
    return tuple(
        Scenario(
            name=label,
            probability=1.0 / len(found),
            load_kw={name: day[name] for name in loads},
            available_kw={name: day[name] for name in sources},
        )
        for label, day in found
    )


def _day(course: Course, back: int, steps: int) -> FloatArray | None:
    """The horizon's intervals, `back` intervals earlier; None with a gap, or where they reach into the future."""
    first = len(course.past_kw) - back
    if first < 0 or steps > back:
        return None
    day = course.past_kw[first : first + steps]
    return day if bool(np.all(np.isfinite(day))) else None


def _carried(past_kw: FloatArray, course: Course, age_h: FloatArray, decay_h: float) -> FloatArray:
    error_kw = 0.0 if course.measured_kw is None else course.measured_kw - float(past_kw[0])
    return np.clip(past_kw + error_kw * np.exp(-age_h / decay_h), 0.0, course.highest_kw)


def foreseen(situation: Situation, scenarios: tuple[Scenario, ...]) -> Situation:
    """The situation with these scenarios, its own series their probability-weighted means."""
    if not scenarios:
        return situation
    first = scenarios[0]
    loads = {
        name: np.sum([each.probability * each.load_kw[name] for each in scenarios], axis=0) for name in first.load_kw
    }
    sources = {
        name: np.sum([each.probability * each.available_kw[name] for each in scenarios], axis=0)
        for name in first.available_kw
    }
    return replace(
        situation,
        load_kw={**situation.load_kw, **loads},
        available_kw={**situation.available_kw, **sources},
        scenarios=scenarios,
    )
