"""From history and state to a situation that can be planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from config.site import PastDays, Site
from dispatch.checker import check_plan
from dispatch.dispatcher import Dispatcher
from dispatch.forecast.history import History
from dispatch.forecast.park import ParkState, expect, situation
from dispatch.plan import Running, Solved
from dispatch.rules import rules_plan
from dispatch.soundness import require_sound

NOW = datetime(2026, 10, 14, 2, 7, 31, tzinfo=UTC)  # 10:07:31 in Hangzhou
START = datetime(2026, 10, 14, 2, tzinfo=UTC)

EMPTY = History(start=START, step_min=15, series={})
STATE = ParkState(
    stored_kwh={"battery": 1000.0, "tank": 3000.0},
    measured_kw={"hall_1": 800.0, "hall_2": 500.0, "heat_demand": 1500.0, "pv_a": 300.0, "pv_b": 250.0, "wind": 400.0},
    outdoor_degc=15.0,
    month_peak_kw=1350.0,
)

ANY_DAYS = PastDays()


def past(days: int = 15) -> History:
    """The same every day: hall_1 400 kW at night and 800 kW from 8 to 18 h UTC, the rest constant."""
    steps = days * 96
    hour = np.arange(steps) % 96 / 4
    return History(
        start=START - timedelta(days=days) - timedelta(hours=2),  # at midnight
        step_min=15,
        series={
            "hall_1": np.where((hour >= 8) & (hour < 18), 800.0, 400.0),
            "hall_2": np.full(steps, 500.0),
            "heat_demand": np.full(steps, 1500.0),
            "wind": np.full(steps, 200.0),
            "pv_a": np.full(steps, np.nan),
            "outdoor_degc": np.full(steps, -2.0),
        },
    )


def test_the_horizon_starts_with_the_interval_that_contains_now(demo_site: Site) -> None:
    found = situation(demo_site, EMPTY, STATE, NOW)
    assert found.start == START
    assert found.step_h.tolist() == [0.25] * 96
    assert situation(demo_site, EMPTY, STATE, START).start == START
    assert situation(demo_site, EMPTY, STATE, START - timedelta(microseconds=1)).start == START - timedelta(minutes=15)
    require_sound(demo_site, found)


def test_without_history_everything_is_a_default_and_is_named(demo_site: Site) -> None:
    bare = ParkState(stored_kwh=STATE.stored_kwh, measured_kw={})
    expected = expect(demo_site, EMPTY, bare, NOW)
    found = expected.situation
    assert found.load_kw["hall_1"].tolist() == [600.0] * 96
    assert found.load_kw["hall_2"].tolist() == [500.0] * 96
    assert found.load_kw["heat_demand"].tolist() == [1300.0] * 96
    assert found.available_kw["wind"].tolist() == [250.0] * 96
    assert found.available_kw["pv_a"].max() > 100
    assert found.available_kw["pv_a"][60] == 0  # 1 h at night
    assert set(expected.defaulted) == {"hall_1", "hall_2", "heat_demand", "wind", "pv_a", "pv_b", "outdoor_degc"}
    require_sound(demo_site, found)


def test_how_long_a_unit_has_run_counts_from_the_start_of_the_horizon(demo_site: Site) -> None:
    """Of 7:31 that are past of the interval, in which the boiler was switched off half a minute ago."""
    state = replace(STATE, running={"heat_pump": Running(True, 0.5), "boiler": Running(False, 30 / 3600)})
    found = situation(demo_site, EMPTY, state, NOW)
    assert found.running["heat_pump"].since_h == pytest.approx(0.5 - 451 / 3600)
    assert found.running["boiler"].since_h == pytest.approx(-421 / 3600)
    require_sound(demo_site, found)
    assert situation(demo_site, EMPTY, replace(state, running={"boiler": Running(True)}), NOW).running == {
        "boiler": Running(True)
    }


def test_history_and_the_present_are_blended(demo_site: Site) -> None:
    state = replace(STATE, measured_kw={"hall_1": 500.0})
    expected = expect(with_scenarios(demo_site, None), past(), state, NOW)
    hall = expected.situation.load_kw["hall_1"]
    assert hall[0] == pytest.approx(500)
    assert hall[10] == pytest.approx(400 + 100 / np.e)
    assert hall[24] == pytest.approx(800 + 100 * np.exp(-6 / 2.5))  # 8 h UTC
    assert expected.situation.load_kw["hall_2"].tolist() == [500.0] * 96
    assert set(expected.defaulted) == {"pv_a", "pv_b"}


def test_temperatures_become_a_cop(demo_site: Site) -> None:
    warm = situation(demo_site, past(), replace(STATE, outdoor_degc=25.0), NOW).cop["heat_pump"]
    cold = situation(demo_site, past(), replace(STATE, outdoor_degc=None), NOW).cop["heat_pump"]
    assert warm[0] == pytest.approx(3.12, abs=0.006)  # 30 K of lift
    assert warm[-1] < warm[0]
    assert cold == pytest.approx(np.full(96, cold[0]))
    assert cold[0] < 2


def test_temperatures_below_zero_are_kept(demo_site: Site) -> None:
    state = replace(STATE, outdoor_degc=-5.0)
    lower = situation(demo_site, EMPTY, state, NOW).cop["heat_pump"]
    zero = situation(demo_site, EMPTY, replace(STATE, outdoor_degc=0.0), NOW).cop["heat_pump"]
    assert np.all(lower < zero)


@pytest.mark.parametrize("stored", [{"tank": 3000.0}, {"tank": 3000.0, "battery": float("nan")}])
def test_a_store_that_cannot_be_read_is_unavailable(demo_site: Site, stored: dict[str, float]) -> None:
    state = replace(STATE, stored_kwh=stored, unavailable=frozenset({"wind"}))
    found = situation(demo_site, past(), state, NOW)
    assert found.unavailable == {"wind", "battery"}
    assert found.stored_kwh == {"tank": 3000.0}
    outcome = Dispatcher(demo_site, 96).plan(found, NOW)
    assert isinstance(outcome, Solved)
    assert check_plan(demo_site, found, outcome.plan) == []
    assert outcome.plan.assets["battery"].stored_kwh is None
    rules = rules_plan(demo_site, found, NOW)
    assert check_plan(demo_site, found, rules) == []
    assert rules.assets["battery"].stored_kwh is None


def test_a_plan_comes_out_of_a_cold_start(demo_site: Site) -> None:
    found = situation(demo_site, EMPTY, STATE, NOW)
    outcome = Dispatcher(demo_site, found.steps).plan(found, NOW)
    assert isinstance(outcome, Solved)
    assert check_plan(demo_site, found, outcome.plan) == []


def with_scenarios(site: Site, scenarios: PastDays | None = ANY_DAYS) -> Site:
    control = site.control.model_copy(update={"scenarios": scenarios})
    return replace(site, file=site.file.model_copy(update={"control": control}))


def month() -> History:
    """As above, without a gap before now."""
    return replace(past(30), start=START - timedelta(days=29, hours=2))


def test_past_days_are_scenarios_and_their_mean_is_expected(demo_site: Site) -> None:
    site = with_scenarios(demo_site)
    found = situation(site, month(), STATE, NOW)
    assert [each.name for each in found.scenarios] == [
        "7 days ago",
        "14 days ago",
        "21 days ago",
        "28 days ago",
        "yesterday",
        "2 days ago",
        "mean",
    ]  # three days ago it was Sunday
    one = found.scenarios[0]
    assert set(one.load_kw) == {"hall_1", "hall_2", "heat_demand"}
    assert set(one.available_kw) == {"wind"}  # of PV nothing is known, so it does as expected
    assert one.load_kw["hall_1"][0] == pytest.approx(800.0)  # as measured, though it has 400 kW at this time
    assert one.load_kw["hall_1"][95] == pytest.approx(400.0 + 400.0 * np.exp(-23.75 / 4.0))
    assert found.load_kw["hall_1"] == pytest.approx(one.load_kw["hall_1"])  # all days are alike
    require_sound(site, found)


def test_a_site_without_a_past_has_no_scenarios(demo_site: Site) -> None:
    found = situation(with_scenarios(demo_site), EMPTY, STATE, NOW)
    assert found.scenarios == ()
    assert found.load_kw["hall_2"] == pytest.approx(situation(demo_site, EMPTY, STATE, NOW).load_kw["hall_2"])


def test_a_plan_over_past_days_holds(demo_site: Site) -> None:
    site, rng, history = with_scenarios(demo_site), np.random.default_rng(3), month()
    noisy = {name: series * rng.uniform(0.7, 1.3, len(series)) for name, series in history.series.items()}
    found = situation(site, replace(history, series=noisy), STATE, NOW)
    assert len(found.scenarios) == 7
    outcome = Dispatcher(site, found.steps).plan(found, NOW)
    assert isinstance(outcome, Solved)
    assert check_plan(site, found, outcome.plan) == []
    first = [each.assets["battery"].power_kw[0] for each in outcome.plan.scenarios]
    assert first == pytest.approx([first[0]] * 7, abs=1e-4)
