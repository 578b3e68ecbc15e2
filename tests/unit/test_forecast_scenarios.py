"""Past days as scenarios, by hand: two intervals of 12 h a day."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from dispatch.forecast.scenarios import Course, foreseen, past_scenarios
from dispatch.plan import Scenario, Situation

STEP_H = np.array([12.0, 12.0])
DECAY_H = 12.0 / math.log(2.0)  # half of the error is left after one interval


def made(past_kw: list[float], measured_kw: float | None, highest_kw: float = 100.0) -> tuple[Scenario, ...]:
    course = Course(past_kw=np.array(past_kw), measured_kw=measured_kw, highest_kw=np.full(2, highest_kw))
    return past_scenarios({"hall": course}, {}, STEP_H, 2, DECAY_H)


def test_days_are_shifted_by_the_present_error_which_decays_and_their_mean_is_one_more() -> None:
    found = made([10.0, 20.0, 30.0, 40.0], 14.0)
    assert [scenario.name for scenario in found] == ["1 days ago", "2 days ago", "mean"]
    assert [scenario.probability for scenario in found] == [pytest.approx(1 / 3)] * 3
    assert found[0].load_kw["hall"] == pytest.approx([14.0, 32.0])  # 40 - 16 / 2
    assert found[1].load_kw["hall"] == pytest.approx([14.0, 22.0])  # 20 + 4 / 2
    assert found[2].load_kw["hall"] == pytest.approx([14.0, 27.0])


def test_without_a_measurement_days_come_as_they_were() -> None:
    assert made([10.0, 20.0, 30.0, 40.0], None)[0].load_kw["hall"].tolist() == [30.0, 40.0]


def test_no_scenario_leaves_what_can_be() -> None:
    found = made([10.0, 20.0, 90.0, 10.0], 0.0, highest_kw=12.0)
    assert found[0].load_kw["hall"] == pytest.approx([0.0, 0.0])  # 10 - 90 / 2 is below nothing
    assert found[1].load_kw["hall"] == pytest.approx([0.0, 12.0])  # 20 - 10 / 2 is above the highest
    assert found[2].load_kw["hall"] == pytest.approx([0.0, 6.0])


def test_a_day_with_a_gap_is_left_out_and_one_day_makes_no_scenarios() -> None:
    assert made([math.nan, 20.0, 30.0, 40.0], None) == ()
    found = made([1.0, 2.0, math.nan, 20.0, 30.0, 40.0], None)
    assert [scenario.name for scenario in found] == ["1 days ago", "3 days ago", "mean"]


def test_a_gap_of_one_series_takes_the_day_from_all() -> None:
    whole = Course(past_kw=np.full(6, 5.0), measured_kw=None, highest_kw=np.full(2, 9.0))
    gap = Course(past_kw=np.array([1, 1, np.nan, 1, 1, 1.0]), measured_kw=None, highest_kw=np.full(2, 9.0))
    found = past_scenarios({"hall": whole}, {"wind": gap}, STEP_H, 2, DECAY_H)
    assert [scenario.name for scenario in found] == ["1 days ago", "3 days ago", "mean"]
    assert found[0].available_kw["wind"].tolist() == [1.0, 1.0]


def test_a_situation_expects_the_mean_of_what_it_foresees() -> None:
    plain = Situation(
        start=datetime(2026, 10, 14, tzinfo=UTC),
        step_h=STEP_H,
        available_kw={},
        load_kw={"hall": np.zeros(2)},
        cop={},
        stored_kwh={},
    )
    found = foreseen(plain, made([10.0, 20.0, 90.0, 10.0], 0.0, highest_kw=12.0))
    assert found.load_kw["hall"] == pytest.approx([0.0, 6.0])  # of 0, 12 and 6, clipped before the mean
    assert foreseen(plain, ()) is plain
