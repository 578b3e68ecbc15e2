"""Past days as scenarios, by hand: two intervals of 12 h a day."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.calendar import SiteCalendar
from config.site import PastDays
from dispatch.forecast.scenarios import Course, days_back, foreseen, past_scenarios
from dispatch.plan import Scenario, Situation

STEP_H = np.array([12.0, 12.0])
TERMS = PastDays(decay_h=12.0 / math.log(2.0))  # half of the error is left after one interval
QUARTER = timedelta(minutes=15)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def course(*days: list[float], measured_kw: float | None = None, highest_kw: float = 100.0) -> Course:
    named = {f"day {number}": np.array(day) for number, day in enumerate(days)}
    return Course(days=named, measured_kw=measured_kw, highest_kw=np.full(2, highest_kw))


def made(hall: Course, terms: PastDays = TERMS) -> tuple[Scenario, ...]:
    return past_scenarios({"hall": hall}, {}, STEP_H, terms)


def test_days_are_shifted_by_the_present_error_which_decays_and_their_mean_is_one_more() -> None:
    found = made(course([30.0, 40.0], [10.0, 20.0], measured_kw=14.0))
    assert [scenario.name for scenario in found] == ["day 0", "day 1", "mean"]
    assert [scenario.probability for scenario in found] == [pytest.approx(1 / 3)] * 3
    assert found[0].load_kw["hall"] == pytest.approx([14.0, 32.0])  # 40 - 16 / 2
    assert found[1].load_kw["hall"] == pytest.approx([14.0, 22.0])  # 20 + 4 / 2
    assert found[2].load_kw["hall"] == pytest.approx([14.0, 27.0])


@pytest.mark.parametrize("measured_kw", [None, math.nan])
def test_without_a_measurement_days_come_as_they_were(measured_kw: float | None) -> None:
    assert made(course([30.0, 40.0], [1.0, 2.0], measured_kw=measured_kw))[0].load_kw["hall"].tolist() == [30.0, 40.0]


def test_no_scenario_leaves_what_can_be() -> None:
    found = made(course([90.0, 10.0], [10.0, 20.0], measured_kw=0.0, highest_kw=12.0))
    assert found[0].load_kw["hall"] == pytest.approx([0.0, 0.0])  # 10 - 90 / 2 is below nothing
    assert found[1].load_kw["hall"] == pytest.approx([0.0, 12.0])  # 20 - 10 / 2 is above the highest
    assert found[2].load_kw["hall"] == pytest.approx([0.0, 6.0])


def test_a_day_with_a_gap_is_left_out_and_one_day_makes_no_scenarios() -> None:
    assert made(course([math.nan, 20.0], [30.0, 40.0])) == ()
    found = made(course([1.0, 2.0], [math.nan, 20.0], [30.0, 40.0]))
    assert [each.name for each in found] == [
        "day 0",
        "day 2",
        "mean",
    ]


def test_a_gap_of_one_series_takes_the_day_from_all() -> None:
    whole, gap = course([5.0, 5.0], [5.0, 5.0], [5.0, 5.0]), course([1.0, 1.0], [math.nan, 1.0], [2.0, 2.0])
    found = past_scenarios({"hall": whole}, {"wind": gap}, STEP_H, TERMS)
    assert [scenario.name for scenario in found] == ["day 0", "day 2", "mean"]
    assert found[1].available_kw["wind"].tolist() == [2.0, 2.0]


def test_there_are_no_more_than_asked_for() -> None:
    days = course([1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0])
    assert [each.name for each in made(days, PastDays(most=3))] == ["day 0", "day 1", "mean"]


def test_days_can_be_spread_about_their_mean() -> None:
    found = made(course([10.0, 20.0], [30.0, 20.0]), PastDays(spread=2.0))
    assert [each.load_kw["hall"].tolist() for each in found] == [[0.0, 20.0], [40.0, 20.0], [20.0, 20.0]]


def test_the_envelope_has_the_highest_loads_and_the_lowest_sources() -> None:
    terms = PastDays(envelope_weight=0.4)
    found = past_scenarios(
        {"hall": course([10.0, 20.0], [30.0, 5.0])}, {"wind": course([4.0, 1.0], [2.0, 3.0])}, STEP_H, terms
    )
    assert [each.name for each in found] == ["day 0", "day 1", "mean", "envelope"]
    assert [each.probability for each in found] == pytest.approx([0.2, 0.2, 0.2, 0.4])
    assert found[3].load_kw["hall"].tolist() == [30.0, 20.0]
    assert found[3].available_kw["wind"].tolist() == [2.0, 1.0]


def test_a_situation_expects_the_mean_of_what_it_foresees() -> None:
    plain = Situation(
        start=datetime(2026, 10, 14, tzinfo=UTC),
        step_h=STEP_H,
        available_kw={},
        load_kw={"hall": np.zeros(2)},
        cop={},
        stored_kwh={},
    )
    found = foreseen(plain, made(course([90.0, 10.0], [10.0, 20.0], measured_kw=0.0, highest_kw=12.0)))
    assert found.load_kw["hall"] == pytest.approx([0.0, 6.0])  # of 0, 12 and 6, clipped before the mean
    assert foreseen(plain, ()) is plain


def test_working_days_are_not_taken_for_days_off() -> None:
    weeks = {"7 days ago": 672, "14 days ago": 1344, "21 days ago": 2016, "28 days ago": 2688}
    monday, thursday = datetime(2026, 10, 12, 8, tzinfo=UTC), datetime(2026, 10, 15, 8, tzinfo=UTC)
    assert days_back(monday, SHANGHAI, QUARTER, 96, SiteCalendar()) == {**weeks, "3 days ago": 288}
    near = {"yesterday": 96, "2 days ago": 192, "3 days ago": 288}
    assert days_back(thursday, SHANGHAI, QUARTER, 96, SiteCalendar()) == {**weeks, **near}


def test_a_day_back_is_the_same_time_of_the_clock() -> None:
    """Germany's clocks went back on 25 October 2026: the week before the 28th has an hour more."""
    wednesday = datetime(2026, 10, 28, 8, tzinfo=UTC)
    assert days_back(wednesday, ZoneInfo("Europe/Berlin"), QUARTER, 96, SiteCalendar())["7 days ago"] == 7 * 96 + 4


def test_days_that_reach_into_the_future_are_left_out() -> None:
    thursday = datetime(2026, 10, 15, 8, tzinfo=UTC)
    assert "yesterday" not in days_back(thursday, SHANGHAI, QUARTER, 192, SiteCalendar())


def test_a_holiday_is_like_days_off_and_not_like_its_weekday() -> None:
    """Thursday, the first of October 2026: of the days before it only the last weekend's are days off, five back."""
    holiday = datetime(2026, 9, 30, 16, tzinfo=UTC)
    calendar = SiteCalendar(holidays=frozenset({date(2026, 10, 1), date(2026, 9, 29)}))
    assert days_back(holiday, SHANGHAI, QUARTER, 96, calendar) == {"2 days ago": 192}
