"""Whether the month's peak will grow: the demo park at a target of 1,000 kW, its battery of 2,000 kWh at 94 %."""

from __future__ import annotations

import pytest
from park_builder import ParkBuilder

from controller.demand_guard import Demand
from controller.demand_outlook import DemandRisk, demand_risk

AT_TARGET = [1000.0] * 14
LEVEL = [0.0] * 10


def risk(
    park: ParkBuilder,
    values: dict[str, float | None],
    minutes_kw: list[float] = AT_TARGET,
    rises_kw: list[float] = LEVEL,
) -> DemandRisk | None:
    demand = Demand(target_kw=1000.0, allowed_kw=1000.0, mean_kw=1000.0, per_kw=48.0)
    return demand_risk(park.snapshot(values), demand, minutes_kw, rises_kw)


def test_what_the_battery_can_give_for_ten_minutes_is_no_risk(park: ParkBuilder) -> None:
    """300 kW for ten minutes are 50 kWh; at 50 % there are 752."""
    assert risk(park, {"grid": 1000.0, "battery": 300.0}) is None


def test_a_battery_that_will_be_empty_is_said_in_time(park: ParkBuilder) -> None:
    """2.394 % above its floor it gives 45 kWh: 300 kW and 150 of doubt for six minutes, then nothing."""
    found = risk(park, {"grid": 1000.0, "battery": 300.0, "battery.soc": 0.1 + 45.0 / 0.94 / 2000.0})
    assert found is not None
    assert found.in_min == 6
    # at the target all the time, the four minutes without it bring 4 * 450 / 15
    assert found.by_kw == pytest.approx(4 * 450.0 / 15.0)
    assert found.battery_kw == pytest.approx(450.0)
    words = found.in_words(1000.0)
    assert words == "the mean of 15 minutes passes 1000 kW in 6 min, by up to 120 kW; batteries give 450 kW"


def test_a_step_that_nothing_can_meet_is_said_now(park: ParkBuilder) -> None:
    found = risk(park, {"grid": 2500.0, "battery": 0.0})
    assert found is not None
    assert found.in_min == 0
    assert found.battery_kw == pytest.approx(1000.0)
    assert found.in_words(1000.0).startswith("the mean of 15 minutes passes 1000 kW now, by up to 433 kW")


def test_what_was_left_unused_puts_it_off(park: ParkBuilder) -> None:
    """Without a battery, 1,500 kW and 150 of doubt after 14 minutes at 500: the windows fill up by 77 kW a minute."""
    found = risk(park, {"grid": 1500.0, "battery.soc": 0.1}, [500.0] * 14)
    assert found is not None
    assert found.in_min == 6  # after six minutes 960, after seven 1,037


def test_what_can_wait_is_no_part_of_it(park: ParkBuilder) -> None:
    assert risk(park, {"grid": 1200.0, "heat_pump": 350.0, "battery.soc": 0.1}) is None
    assert risk(park, {"grid": 1200.0, "heat_pump": 0.0, "battery.soc": 0.1}) is not None


def test_near_the_target_an_empty_battery_is_a_risk_and_a_full_one_is_none(park: ParkBuilder) -> None:
    """Loads may rise by 15 % of the target, 150 kW."""
    assert risk(park, {"grid": 840.0, "battery.soc": 0.1}) is None
    assert risk(park, {"grid": 880.0, "battery.soc": 0.1}) is not None
    assert risk(park, {"grid": 880.0, "battery.soc": 0.5}) is None


def test_a_battery_that_cannot_be_read_gives_nothing(park: ParkBuilder) -> None:
    assert risk(park, {"grid": 1300.0, "battery": 0.0, "battery.soc": None}) is not None
    assert risk(park, {"grid": None}) is None


def test_what_the_plan_expects_to_come_counts(park: ParkBuilder) -> None:
    """An empty battery 200 kW below the target, and from the sixth minute on 250 kW more, with the doubt 400."""
    found = risk(park, {"grid": 800.0, "battery.soc": 0.1}, rises_kw=[0.0] * 6 + [250.0] * 9)
    assert found is not None
    assert found.in_min == 7  # six minutes leave 6 * 50 kW unused, and each one after them takes 200
    assert found.by_kw == pytest.approx((9 * 200.0 - 6 * 50.0) / 15.0)
    assert risk(park, {"grid": 800.0, "battery.soc": 0.1}) is None
