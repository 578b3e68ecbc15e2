"""The demand guard: what may be imported now so that no 15 minutes pass what is paid anyway, worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from park_builder import ParkBuilder, told

from controller.demand_guard import MARGIN, WINDOW_S, Demand, DemandGuard, demand_target_kw
from dispatch.demand_charge import DemandCharge

CHARGE = DemandCharge(per_kw=48.0, free_kw=0.0, agreed_per_h=0.0)
TARGET_KW = 1000.0
KEPT_KW = 995.0
"""Half a percent below the target."""


def lived(park: ParkBuilder, *minutes_kw: float, before_kw: float = 0.0, step_s: float = 60.0) -> Demand:
    """What the guard says after minutes of such imports."""
    guard, imported_kwh, found = DemandGuard(before_kw), 0.0, None
    for number, kw in enumerate((0.0, *minutes_kw)):
        imported_kwh += kw * step_s / 3600.0
        snapshot = park.snapshot({"grid": kw}, site_s=number * step_s)
        found = guard.update(snapshot, imported_kwh, TARGET_KW, CHARGE)
    assert found is not None
    return found


def test_at_the_target_all_the_time_it_may_go_on_like_that(park: ParkBuilder) -> None:
    assert lived(park, *[KEPT_KW] * 20).allowed_kw == pytest.approx(KEPT_KW)
    assert lived(park, *[KEPT_KW] * 20).mean_kw == pytest.approx(KEPT_KW)


def test_what_was_left_unused_may_be_used_within_five_minutes(park: ParkBuilder) -> None:
    """Of the 15 minutes that end in five, ten are behind: 10 * 400 + 5 * x = 15 * 995."""
    assert lived(park, *[400.0] * 20).allowed_kw == pytest.approx((15 * KEPT_KW - 10 * 400) / 5)


def test_what_was_too_much_is_made_up_for_before_the_window_ends(park: ParkBuilder) -> None:
    """14 minutes at the target and one of 1,200 kW: in a minute one at the target leaves, so 790 remain."""
    minutes = [KEPT_KW] * 14 + [1200.0]
    assert lived(park, *minutes).allowed_kw == pytest.approx(2 * KEPT_KW - 1200.0)


def test_more_than_it_can_be_made_up_for_leaves_nothing(park: ParkBuilder) -> None:
    assert lived(park, *[2000.0] * 15).allowed_kw == 0.0


def test_the_time_before_the_first_look_counts_as_it_is_said(park: ParkBuilder) -> None:
    """Of ten minutes behind, one was seen, at 500 kW; the nine before had a mean of 995."""
    assert lived(park, 500.0, before_kw=KEPT_KW).allowed_kw == pytest.approx((6 * KEPT_KW - 500) / 5)
    guard = DemandGuard()
    found = guard.update(park.snapshot({"grid": KEPT_KW}), 0.0, TARGET_KW, CHARGE)
    assert found is not None
    assert found.allowed_kw == pytest.approx(KEPT_KW)


def test_cycles_of_minutes_keep_it_as_well(park: ParkBuilder) -> None:
    """A park at high speed: each cycle is five minutes long."""
    assert lived(park, 400.0, 400.0, 400.0, 400.0, step_s=300.0).allowed_kw == pytest.approx((15 * KEPT_KW - 4000) / 5)


@given(st.lists(st.floats(0, 3000), min_size=1, max_size=120))
def test_whoever_keeps_to_what_is_allowed_passes_the_target_in_no_15_minutes(
    park: ParkBuilder, wishes: list[float]
) -> None:
    guard, allowed_kw, imported_kwh = DemandGuard(0.0), KEPT_KW, [0.0]
    guard.update(park.snapshot({"grid": 0.0}), 0.0, TARGET_KW, CHARGE)
    for number, wish_kw in enumerate(wishes):
        imported_kwh.append(imported_kwh[-1] + min(wish_kw, allowed_kw) * 10.0 / 3600.0)
        found = guard.update(park.snapshot({}, site_s=10.0 * (number + 1)), imported_kwh[-1], TARGET_KW, CHARGE)
        assert found is not None
        allowed_kw = found.allowed_kw
    total = np.concatenate((np.zeros(90), imported_kwh))
    assert np.max(total[90:] - total[:-90]) * 4 <= (1 - MARGIN) * TARGET_KW * (1 + 1e-9)


# -- the target --------------------------------------------------------------------------------------


def test_the_target_is_what_is_paid_or_planned(park: ParkBuilder) -> None:
    plan = park.plan({"grid": [900.0, 1500.0, 400.0, 400.0, 0.0, 0.0, 0.0, 0.0]})

    def target(
        charge: DemandCharge = CHARGE, peak_kw: float = 1200.0, planned: bool = True, later_min: int = 0
    ) -> float | None:
        now = park.NOON + timedelta(minutes=later_min)
        return demand_target_kw(park.site, charge, peak_kw, plan if planned else None, now)

    assert target() == 1500.0
    assert target(peak_kw=1600.0) == 1600.0
    assert target(later_min=31) == 1200.0  # what the plan meant to reach is over
    assert target(planned=False) == 1200.0
    assert target(DemandCharge(per_kw=96.0, free_kw=2000.0, agreed_per_h=100.0)) == 2000.0
    assert target(DemandCharge(per_kw=0.0, free_kw=0.0, agreed_per_h=0.0)) is None
    assert target(peak_kw=0.0, planned=False) is None


def test_a_peak_that_is_planned_for_the_next_month_is_none_of_this_month(park: ParkBuilder) -> None:
    """The month ends at 16:00 UTC, which is midnight in Hangzhou."""
    start = datetime(2026, 10, 31, 15, 30, tzinfo=UTC)
    plan = park.plan({"grid": [900.0, 800.0, 1500.0, 1500.0, 0.0, 0.0, 0.0, 0.0]}, start=start)
    assert demand_target_kw(park.site, CHARGE, 100.0, plan, start) == 900.0
    assert demand_target_kw(park.site, CHARGE, 100.0, plan, start + timedelta(minutes=30)) == 1500.0


# -- who gives way -----------------------------------------------------------------------------------


def at_most(kw: float) -> Demand:
    return Demand(target_kw=1200.0, allowed_kw=kw, mean_kw=1150.0, per_kw=48.0)


def test_the_battery_gives_what_the_month_s_peak_needs_whatever_the_corridor_says(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 1200.0, "battery": 0.0}, stored_kwh={"battery": [1600.0] * 9})
    decision = park.decide({"grid": 1500.0, "battery.soc": 0.5}, plan, demand=at_most(1200.0))
    assert told(decision, "battery") == (300.0, "demand guard")
    assert decision.assets["battery"].reason == "holds 15 minutes under 1200 kW (the last: 1150 kW)"


def test_it_charges_no_more_than_the_peak_leaves(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 1500.0, "battery": -500.0})
    decision = park.decide({"grid": 1500.0, "battery": -500.0}, plan, demand=at_most(1200.0))
    assert told(decision, "battery") == (-200.0, "demand guard")


def test_a_person_s_word_and_a_cold_tank_come_before_the_peak(park: ParkBuilder) -> None:
    held = park.override("battery", -100.0)
    decision = park.decide({"grid": 1500.0}, None, held, demand=at_most(1200.0))
    assert told(decision, "battery") == (-100.0, "operator")
    values = {"grid": 2500.0, "heat_pump": 100.0, "battery.soc": 0.1, "tank.soc": 0.06}
    decision = park.decide(values, park.plan({"grid": 1200.0, "heat_pump": 100.0}), demand=at_most(1200.0))
    assert decision.assets["heat_pump"].owner == "heat supply"


def test_what_the_battery_cannot_give_the_heat_pump_does(park: ParkBuilder) -> None:
    """1,270 kW too much: 1,000 from the battery, 270 of the heat pump's 400."""
    values = {"grid": 2470.0, "heat_pump": 400.0}
    plan = park.plan({"grid": 1200.0, "battery": 0.0, "heat_pump": 400.0})
    decision = park.decide(values, plan, demand=at_most(1200.0))
    assert told(decision, "battery") == (1000.0, "rating")
    assert told(decision, "heat_pump") == (pytest.approx(130.0), "demand guard")


def test_a_heat_pump_starts_where_the_battery_can_make_up_for_it(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 1200.0, "battery": 400.0, "heat_pump": 400.0})
    decision = park.decide({"grid": 1200.0, "battery": 0.0}, plan, demand=at_most(1200.0))
    assert told(decision, "heat_pump") == (400.0, "plan")
    empty = park.decide({"grid": 1200.0, "battery": 0.0, "battery.soc": 0.1}, plan, demand=at_most(1200.0))
    assert told(empty, "heat_pump") == (0.0, "demand guard")


def test_the_window_is_that_of_the_bill() -> None:
    assert WINDOW_S == 15 * 60
