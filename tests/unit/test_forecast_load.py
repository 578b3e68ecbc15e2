"""Forecasts of loads by hand: two values a day are enough to see the rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dispatch.forecast.history import History
from dispatch.forecast.load import best_of, blend
from dispatch.plan import BadSituation

NAN = np.nan
START = datetime(2026, 3, 2, tzinfo=UTC)


def weeks(*days: float) -> np.ndarray:
    """Two values a day, (d, 10 d)."""
    return np.array([value for day in days for value in (day, 10 * day)], dtype=float)


def test_a_steady_trend_is_as_yesterday() -> None:
    history = weeks(*range(1, 16))  # each day one more: yesterday is off by 1, last week by 7
    assert best_of(history, 4, 2, default=0.0).tolist() == [15, 150, 15, 150]


def test_a_weekly_rhythm_is_as_last_week() -> None:
    history = weeks(*[8, 8, 8, 8, 8, 1, 1] * 3)  # tomorrow is a Monday again, yesterday was a Sunday
    assert best_of(history, 4, 2, default=0.0).tolist() == [8, 80, 8, 80]


def test_only_the_last_week_is_judged() -> None:
    history = weeks(*[5, 9, 2, 7, 1, 8, 3] * 2, 4, 4, 4, 4, 4, 4, 4)
    assert best_of(history, 2, 2, default=0.0).tolist() == [4, 40]


def test_a_week_is_needed_to_judge_and_until_then_yesterday_counts() -> None:
    assert best_of(weeks(8, 8, 8, 8, 8, 1, 1), 2, 2, default=0.0).tolist() == [1, 10]


def test_gaps_are_filled_from_last_week_then_from_the_time_of_day() -> None:
    history = weeks(*range(1, 16))
    history[-1] = NAN  # yesterday's second value: last week's was 90
    assert best_of(history, 2, 2, default=0.0).tolist() == [15, 90]
    short = weeks(2, 4, 9)
    short[-2:] = NAN
    assert best_of(short, 2, 2, default=0.0).tolist() == [3, 30]  # no week ago: the mean of that time of day


def test_gaps_do_not_stop_the_judging() -> None:
    history = weeks(*[8, 8, 8, 8, 8, 1, 1] * 3)
    history[::9] = NAN
    history[-14:-12] = NAN  # last Monday is unknown, too: then the Mondays' and other days' mean
    forecast = best_of(history, 4, 2, default=0.0)
    assert np.all(np.isfinite(forecast))
    assert forecast[2:].tolist() == [8, 80]


def test_a_cold_start_is_the_default_and_a_single_value_is_better() -> None:
    assert best_of(np.array([]), 3, 2, default=7.0).tolist() == [7, 7, 7]
    assert best_of(np.full(28, NAN), 3, 2, default=7.0).tolist() == [7, 7, 7]
    assert best_of(np.array([NAN, 4.0]), 3, 2, default=7.0).tolist() == [4, 4, 4]


def test_a_horizon_longer_than_a_day_repeats_it() -> None:
    assert best_of(weeks(3), 5, 2, default=0.0).tolist() == [3, 30, 3, 30, 3]


def test_the_present_error_fades_over_two_and_a_half_hours() -> None:
    forecast = blend(np.full(11, 100.0), 140.0, np.full(11, 0.25))
    assert forecast[0] == pytest.approx(140)
    assert forecast[10] == pytest.approx(100 + 40 / np.e)  # 2.5 h on
    assert np.all(np.diff(forecast) < 0)


@pytest.mark.parametrize("measured", [None, NAN])
def test_without_a_measurement_the_forecast_stays(measured: float | None) -> None:
    assert blend(np.array([1.0, 2.0]), measured, np.ones(2)).tolist() == [1, 2]


def test_history_ends_where_the_horizon_begins() -> None:
    history = History(start=START, step_min=15, series={"a": np.arange(8.0)})
    assert history.before("a", START + timedelta(hours=2), 15, 3).tolist() == [5, 6, 7]
    assert history.before("a", START + timedelta(hours=1), 15, 3).tolist() == [1, 2, 3]
    later = history.before("a", START + timedelta(hours=2, minutes=30), 15, 4)
    assert later[:2].tolist() == [6, 7]
    assert np.isnan(later[2:]).all()
    early = history.before("a", START + timedelta(minutes=15), 15, 3)
    assert np.isnan(early[:2]).all()
    assert early[2] == 0
    assert np.isnan(history.before("b", START, 15, 4)).all()
    assert np.isnan(history.before("a", START - timedelta(days=9), 15, 4)).all()


def test_history_in_finer_steps_is_averaged_and_in_coarser_ones_repeated() -> None:
    history = History(start=START, step_min=5, series={"a": np.array([1, 2, 3, NAN, 5, 7, NAN, NAN, NAN])})
    assert history.before("a", START + timedelta(minutes=30), 15, 2).tolist() == [2, 6]
    assert np.isnan(history.before("a", START + timedelta(minutes=45), 15, 1)[0])
    hourly = History(start=START, step_min=60, series={"a": np.array([1.0, 2.0])})
    assert hourly.before("a", START + timedelta(minutes=75), 15, 3).tolist() == [1, 1, 2]
    with pytest.raises(BadSituation, match="10 min does not fit"):
        History(start=START, step_min=10, series={}).before("a", START, 15, 1)
