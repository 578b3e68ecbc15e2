"""What the past of a series teaches: the way that was right, how its error fades, and what that says of the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.assets import Battery
from config.loader import example_site, load_site
from config.site import Site
from dispatch.forecast.daily import SIMPLE, Days
from dispatch.forecast.experience import Experience, Outlook
from dispatch.forecast.history import History
from dispatch.forecast.learned import BOOSTED, JUDGED_DAYS, LEARNS_FROM_DAYS, RIDGE, learned
from dispatch.forecast.usual_peak import usual_peak_kw
from dispatch.plan import FloatArray

PER_DAY = 96
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Midnight in Shanghai."""


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(example_site("demo_park"))


def weekly(count: int, seed: int = 1, noise: float = 3.0) -> FloatArray:
    """Days with a daily course, weekends at a third, and noise that stays for some hours; shape (days, 96)."""
    rng = np.random.default_rng(seed)
    course = 100.0 + 80.0 * np.sin(np.linspace(0.0, 2.0 * np.pi, PER_DAY, endpoint=False))
    level = np.where(np.arange(count) % 7 >= 5, 0.33, 1.0)
    error = np.zeros(count * PER_DAY)
    for place in range(1, len(error)):
        error[place] = 0.95 * error[place - 1] + rng.normal(0.0, noise)
    return np.asarray(np.maximum(level[:, None] * course + error.reshape(count, PER_DAY), 0.0))


def as_days(rows: FloatArray) -> Days:
    like = np.arange(len(rows) + 7) % 7
    return Days(rows, like, like >= 5)


def test_the_way_with_the_least_error_is_taken_and_no_worse_than_yesterday_or_last_week() -> None:
    rows = weekly(120)
    found = learned(as_days(rows), 120, np.ones(rows.shape, dtype=bool))
    assert set(found.mean_errors) == {*SIMPLE, RIDGE}
    assert found.way == RIDGE
    assert found.mean_errors[found.way] < min(found.mean_errors["yesterday"], found.mean_errors["last week"])
    assert found.residuals.shape == (JUDGED_DAYS, PER_DAY)


def test_a_young_history_goes_without_a_ridge() -> None:
    rows = weekly(LEARNS_FROM_DAYS)
    found = learned(as_days(rows), len(rows), np.ones(rows.shape, dtype=bool))
    assert found.fitted is None
    assert found.way in SIMPLE


@settings(max_examples=20, deadline=None)
@given(days=st.integers(LEARNS_FROM_DAYS, 70), seed=st.integers(0, 1000), off=st.floats(0.0, 400.0))
def test_the_error_is_never_above_that_of_yesterday_or_last_week(days: int, seed: int, off: float) -> None:
    rows = weekly(days, seed, noise=8.0) + off * (np.arange(days) > days // 2)[:, None]
    found = learned(as_days(rows), days, np.ones(rows.shape, dtype=bool))
    better = min(found.mean_errors["yesterday"], found.mean_errors["last week"])
    assert found.mean_errors[found.way] <= better / 0.95 + 1e-9


def test_trees_are_tried_where_a_site_asks_for_them() -> None:
    """A day is twice the day before where that was low, and half where it was high: no straight line knows that."""
    rng, level = np.random.default_rng(3), 100.0
    rows = np.empty((150, PER_DAY))
    for day in range(150):
        rows[day] = level + rng.normal(0.0, 3.0, PER_DAY)
        level = (2.0 if level < 150.0 else 0.5) * level * float(rng.uniform(0.9, 1.1))
    known = np.ones(rows.shape, dtype=bool)
    without, found = (learned(as_days(rows), 150, known, boosts=boosts) for boosts in (False, True))
    assert BOOSTED not in without.mean_errors
    assert found.way == BOOSTED
    assert found.mean_errors[BOOSTED] < 0.9 * without.mean_errors[without.way]
    again = learned(as_days(rows), 150, known, boosts=True)
    assert again.residuals.tolist() == found.residuals.tolist()
    assert again.day(as_days(rows), 150).tolist() == found.day(as_days(rows), 150).tolist()


def test_an_error_fades_as_it_did() -> None:
    """Noise that keeps 0.95 of itself from one interval to the next."""
    rows = weekly(150)
    found = learned(as_days(rows), 150, np.ones(rows.shape, dtype=bool))
    assert found.fades[0] == 1.0
    assert np.all(np.diff(found.fades) <= 0.0)
    assert found.fades[4] == pytest.approx(0.95**4, abs=0.1)
    assert found.errors(0) == pytest.approx(0.0, abs=1e-9)
    means = [float(np.abs(found.errors(ahead)).mean()) for ahead in (1, 8, 48)]
    assert means[0] < means[1] < means[2] * 1.2
    skill = found.skill(15)
    assert skill.way == found.way
    assert list(skill.error_kw) == [1, 4, 24]
    for hours, error_kw in skill.error_kw.items():
        errors = found.errors(hours * 4)
        assert error_kw == pytest.approx(float(np.abs(errors).mean()))
        assert np.mean(errors < skill.low_kw[hours]) == pytest.approx(0.1, abs=0.001)
        assert np.mean(errors > skill.high_kw[hours]) == pytest.approx(0.1, abs=0.001)
    assert skill.error_kw[1] < skill.error_kw[24]


def test_what_is_learned_anew_is_told_once(site: Site) -> None:
    experience, values = Experience(site), weekly(90)
    assert experience.outlook(history_of(values), "hall_1", START, PER_DAY) is not None
    assert list(experience.news()) == ["hall_1"]
    assert experience.outlook(history_of(values), "hall_1", START + timedelta(hours=1), PER_DAY) is not None
    assert experience.news() == {}


def history_of(values: FloatArray) -> History:
    start = START - timedelta(minutes=15 * values.size)
    return History(start=start, step_min=15, series={"hall_1": values.ravel()})


def outlook_of(site: Site, values: FloatArray, steps: int = PER_DAY) -> Outlook | None:
    return Experience(site).outlook(history_of(values), "hall_1", START, steps)


def test_too_little_history_says_nothing(site: Site) -> None:
    assert outlook_of(site, weekly(LEARNS_FROM_DAYS - 1)) is None
    gaps = weekly(60)
    gaps[-30:] = np.nan
    assert outlook_of(site, gaps) is None
    assert outlook_of(site, weekly(60)) is not None


def test_the_next_day_is_like_its_weekday_and_corrected_by_the_present(site: Site) -> None:
    rows = weekly(121)
    outlook = outlook_of(site, rows[:120])
    assert outlook is not None
    assert outlook.usual.shape == (PER_DAY + 1,)
    assert float(np.abs(outlook.usual[1:] - rows[120]).mean()) < 12.0
    off_kw = outlook.corrected(50.0, before=False) - outlook.usual[1:]
    assert off_kw[0] == 50.0
    assert np.all(np.diff(off_kw) <= 1e-9)
    assert outlook.corrected(50.0, before=True)[0] - outlook.usual[1] == pytest.approx(50.0 * outlook.fades[1])


def test_paths_are_past_errors_that_begin_at_nothing(site: Site) -> None:
    outlook = outlook_of(site, weekly(120))
    assert outlook is not None
    path = outlook.path(7 * PER_DAY, before=False)
    assert path is not None
    assert path.shape == (PER_DAY,)
    assert path[0] == 0.0
    assert np.abs(path).max() > 0.0
    assert outlook.path(PER_DAY // 2, before=False) is None  # it would reach into the future
    assert outlook.path(200 * PER_DAY, before=False) is None


def test_what_comes_later_changes_no_forecast(site: Site) -> None:
    """The same history with another future behind it."""
    rows = weekly(120)
    longer = np.vstack([rows, np.full((3, PER_DAY), 9999.0)]).ravel()
    start = START - timedelta(days=120)
    short = Experience(site).outlook(History(start=start, step_min=15, series={"a": rows.ravel()}), "a", START, 96)
    long = Experience(site).outlook(History(start=start, step_min=15, series={"a": longer}), "a", START, 96)
    assert short is not None
    assert long is not None
    assert np.array_equal(short.usual, long.usual)
    assert np.array_equal(short.residuals, long.residuals, equal_nan=True)


def test_a_usual_peak_is_what_the_battery_could_have_made_of_it(site: Site) -> None:
    """100 kW with one hour of 300: a battery with 100 kWh between its bounds gives what its efficiency leaves."""
    unit = site.assets["battery"]
    assert isinstance(unit, Battery)
    net_kw = np.full(96, 100.0)
    net_kw[40:44] = 300.0
    assert usual_peak_kw(net_kw, 0.25, []) == 300.0
    small = unit.model_copy(update={"capacity_kwh": 100.0 / (unit.soc_max - unit.soc_min)})
    assert usual_peak_kw(net_kw, 0.25, [small]) == pytest.approx(300.0 - 100.0 * unit.discharge_efficiency, abs=0.5)
    assert usual_peak_kw(np.full(96, 100.0), 0.25, [small]) == pytest.approx(98.0, abs=2.0)


def test_errors_of_the_import_are_those_of_one_interval_around_this_time_of_day(site: Site) -> None:
    """The load's noise has a deviation of 3 kW from interval to interval, the sun is as it always is."""
    rows = weekly(60)
    history = History(start=START, step_min=15, series={"hall_1": rows.ravel(), "pv_a": np.full(rows.size, 50.0)})
    experience, now = Experience(site), START + timedelta(days=60)
    outlooks = {name: experience.outlook(history, name, now, PER_DAY) for name in ("hall_1", "pv_a", "hall_2")}
    assert outlooks["hall_2"] is None
    errors_kw = experience.import_errors_kw(outlooks, before=True)
    like_today = 20 if now.weekday() < 5 else 8
    assert len(errors_kw) == pytest.approx(9 * like_today, abs=9)
    assert float(errors_kw.std()) == pytest.approx(3.0, rel=0.3)
    assert not len(Experience(site).import_errors_kw(outlooks, before=True))
    assert experience.import_errors_kw({}, before=True).size == 0
