"""Between two plans the battery follows what its energy is worth: the demo park at noon, its battery of 2,000 kWh.

It takes and gives up to 1,000 kW at 94 % either way, a kWh that it gives wears 0.15; the dearest price of these plans
is 0.5, so the whole rating is worth 0.15 per kWh.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from park_builder import ParkBuilder, told

from controller.deciding.merit import BatteryWorth
from controller.tariff_now import EnergyPrices
from dispatch.plan import Plan

PEAK, VALLEY = (1.13, 0.41), (0.36, 0.05)
ON_PLAN = {"battery": [1000.0] * 9}


def plan_of(park: ParkBuilder, *, grid: float, battery: float, worth: float) -> Plan:
    return park.plan({"grid": grid, "battery": battery}, stored_kwh=ON_PLAN, stored_value={"battery": worth})


def test_at_a_dear_hour_the_battery_takes_up_what_the_load_is_above_its_forecast(park: ParkBuilder) -> None:
    """A kWh of it costs 0.6 / 0.94 + 0.15 = 0.79: less than import at 1.13, more than export brings."""
    plan = plan_of(park, grid=0.0, battery=300.0, worth=0.6)
    decision = park.decide({"grid": 200.0, "battery": 300.0}, plan, prices=PEAK)
    battery = decision.assets["battery"]
    assert battery.setpoint_kw == pytest.approx(500.0, abs=0.01)
    assert battery.reason == "plan +300 kW, +200 kW: takes up what the park has too much or too little"
    less = park.decide({"grid": -100.0, "battery": 300.0}, plan, prices=PEAK)
    assert less.assets["battery"].setpoint_kw == pytest.approx(200.0, abs=0.01)


def test_energy_that_is_worth_more_later_is_not_spent_on_a_forecast_error(park: ParkBuilder) -> None:
    plan = plan_of(park, grid=300.0, battery=0.0, worth=0.7)
    decision = park.decide({"grid": 500.0, "battery": 0.0}, plan, prices=(0.68, 0.41))
    battery = decision.assets["battery"]
    assert battery.setpoint_kw == pytest.approx(0.0, abs=0.01)
    assert battery.reason == "plan +0 kW, +0 kW: import at 0.68, stored energy worth 0.70 per kWh"


def test_surplus_is_charged_where_it_will_save_more_than_it_brings_now(park: ParkBuilder) -> None:
    plan = plan_of(park, grid=0.0, battery=0.0, worth=0.7)
    decision = park.decide({"grid": -400.0}, plan, prices=(0.68, 0.41))
    assert decision.assets["battery"].setpoint_kw == pytest.approx(-400.0, abs=0.01)
    worthless = plan_of(park, grid=0.0, battery=0.0, worth=0.3)
    sold = park.decide({"grid": -400.0}, worthless, prices=(0.68, 0.41))
    assert sold.assets["battery"].setpoint_kw == pytest.approx(0.0, abs=0.01)


def test_where_it_makes_no_difference_the_plan_holds(park: ParkBuilder) -> None:
    """Charged at 0.36 a kWh is worth 0.36: the plan chose 400 kW, and nothing says otherwise."""
    plan = plan_of(park, grid=700.0, battery=-400.0, worth=0.36 / 0.94)
    decision = park.decide({"grid": 900.0, "battery": -400.0}, plan, prices=VALLEY)
    assert decision.assets["battery"].setpoint_kw == pytest.approx(-400.0, abs=0.01)


def test_a_price_that_differs_a_little_moves_it_a_little(park: ParkBuilder) -> None:
    """A gain of 0.06 per kWh over a stiffness of 0.15 per 1,000 kW: 400 kW more."""
    plan = plan_of(park, grid=700.0, battery=-400.0, worth=0.42 / 0.94)
    decision = park.decide({"grid": 900.0, "battery": -400.0}, plan, prices=VALLEY)
    assert decision.assets["battery"].setpoint_kw == pytest.approx(-800.0, abs=0.01)


def test_what_is_stored_counts_as_more_where_less_is_there_than_planned(park: ParkBuilder) -> None:
    """It differs by 0.63, as the prices do: worth 1.23 behind, less than nothing ahead."""
    plan = park.plan({"grid": 0.0, "battery": 300.0}, stored_kwh=ON_PLAN, stored_value={"battery": 0.6})
    plan.import_price_per_kwh[0] = 1.13
    values = {"grid": 200.0, "battery": 300.0}
    ahead = park.decide({**values, "battery.soc": 0.55}, plan, prices=PEAK)
    behind = park.decide({**values, "battery.soc": 0.45}, plan, prices=PEAK)
    assert ahead.assets["battery"].setpoint_kw == pytest.approx(1000.0)
    # to give costs 1.23 / 0.94 + 0.15, more than import at 1.13; to take is not worth the 300 kW off its plan
    assert behind.assets["battery"].setpoint_kw == pytest.approx(0.0, abs=0.01)
    assert "worth 1.23 per kWh" in behind.assets["battery"].reason


def test_what_would_be_curtailed_is_charged_for_nothing(park: ParkBuilder) -> None:
    """A kWh is worth 0.3 * 0.94 = 0.28: less than export at 0.41 brings, more than curtailed energy costs."""
    plan = plan_of(park, grid=-970.0, battery=0.0, worth=0.3)
    decision = park.decide({"grid": -970.0}, plan, prices=(0.68, 0.41), held_back_kw=200.0)
    assert decision.assets["battery"].setpoint_kw == pytest.approx(-200.0, abs=0.01)
    free = park.decide({"grid": -970.0}, plan, prices=(0.68, 0.41))
    assert free.assets["battery"].setpoint_kw == pytest.approx(0.0, abs=0.01)


def test_where_import_is_paid_for_nothing_is_fed_in_its_place(park: ParkBuilder) -> None:
    """At -0.05 a kWh taken earns money: a roof that the plan curtails stays so, also when the load is 100 kW higher,
    and what it holds back is nothing that the battery should take."""
    plan = park.plan(
        {"grid": 300.0, "battery": 0.0, "pv_a": 100.0},
        stored_kwh=ON_PLAN,
        stored_value={"battery": 0.0},
        available_kw={"pv_a": 400.0},
    )
    seen = {"grid": 400.0, "pv_a": 100.0}
    paid = park.decide(seen, plan, prices=(-0.05, -0.1), held_back_kw=300.0)
    assert told(paid, "pv_a") == (100.0, "plan")
    assert paid.assets["pv_a"].reason == "plan curtails to 100 kW"
    without = park.decide(seen, plan, prices=(-0.05, -0.1))
    assert paid.assets["battery"] == without.assets["battery"]
    # where import costs money the load is fed from the roof
    assert told(park.decide(seen, plan, prices=(0.05, 0.01)), "pv_a") == (200.0, "plan")


def test_without_prices_or_values_the_grid_is_held_at_its_plan(park: ParkBuilder) -> None:
    plan = plan_of(park, grid=300.0, battery=0.0, worth=1.0)
    assert told(park.decide({"grid": 500.0}, plan), "battery") == (200.0, "plan")
    valueless = park.plan({"grid": 300.0, "battery": 0.0})
    assert told(park.decide({"grid": 500.0}, valueless, prices=PEAK), "battery") == (200.0, "plan")


@given(
    net_kw=st.floats(-2000, 2000),
    planned_kw=st.floats(-1000, 1000),
    stored=st.floats(-1, 3),
    export=st.floats(-0.5, 1),
    spread=st.floats(0, 2),
)
def test_nothing_near_it_is_cheaper(
    net_kw: float, planned_kw: float, stored: float, export: float, spread: float
) -> None:
    """A battery that would buy for less than it sells goes both ways in no plan: its own prices rise with its power."""
    given_, taken = stored / 0.94 + 0.15, stored * 0.94
    if given_ < taken:
        given_, taken = taken, given_
    worth = BatteryWorth(
        prices=EnergyPrices(import_per_kwh=export + spread, export_per_kwh=export),
        export_limit_kw=500.0,
        stored_per_kwh=stored,
        given_per_kwh=given_,
        taken_per_kwh=taken,
        stiffness=5e-5,
        low_kw=-1000.0,
        high_kw=1000.0,
    )

    def cost(kw: float) -> float:
        grid_kw, beyond_kw = net_kw - kw, min(net_kw - kw + 500.0, 0.0)
        grid = (export + spread if grid_kw > 0 else export) * (grid_kw - beyond_kw) + min(export, 0.0) * beyond_kw
        own = (given_ if kw >= 0 else taken) * kw
        return grid + own + 5e-5 / 2 * (kw - planned_kw) ** 2

    best_kw, why = worth.best_kw(net_kw, planned_kw)
    assert why
    assert -1000.0 <= best_kw <= 1000.0
    for other_kw in (-1000.0, best_kw - 1.0, best_kw + 1.0, 0.0, net_kw, planned_kw, 1000.0):
        if -1000.0 <= other_kw <= 1000.0:
            assert cost(best_kw) <= cost(other_kw) + 1e-6
