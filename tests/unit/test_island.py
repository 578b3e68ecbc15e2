"""The park as an island, worked by hand on the hydrogen park: its battery of 1.5 MW and 3 MWh forms the grid."""

from __future__ import annotations

import pytest
from park_builder import ParkBuilder, Values, told

from config.assets import Battery
from config.loader import example_site, load_site
from controller.decision import Decision
from controller.island import breaker_open, island_of
from controller.modes import Mode


@pytest.fixture(scope="module")
def park() -> ParkBuilder:
    return ParkBuilder(load_site(example_site("hydrogen_park")))


def islanded(park: ParkBuilder, values: Values) -> Decision:
    return park.decide(
        {"grid": 0.0, "grid.breaker_closed": 0.0, "grid.frequency_hz": 50.0, **values}, mode=Mode.ISLANDED
    )


def battery(park: ParkBuilder) -> Battery:
    unit = park.site.assets["battery"]
    assert isinstance(unit, Battery)
    return unit


def test_the_breaker_says_whether_there_is_an_island(park: ParkBuilder) -> None:
    assert breaker_open(park.snapshot({"grid.breaker_closed": 0.0}))
    assert not breaker_open(park.snapshot({"grid.breaker_closed": 1.0}))
    # one that cannot be read is no island: then the grid's power cannot be read either, and safe values hold
    assert not breaker_open(park.snapshot({"grid.breaker_closed": None}))


def test_what_the_battery_may_be_asked_for_ends_with_its_window(park: ParkBuilder) -> None:
    unit = battery(park)
    middle = island_of(park.snapshot({"battery.soc": 0.5, "battery": 400.0}))
    assert middle is not None
    assert (middle.power_kw, middle.soc) == (400.0, 0.5)
    assert middle.most_discharge_kw == pytest.approx(0.9 * unit.max_discharge_kw)
    assert middle.most_charge_kw == pytest.approx(0.9 * unit.max_charge_kw)
    low = island_of(park.snapshot({"battery.soc": unit.soc_min + 0.05}))
    assert low is not None
    assert low.most_discharge_kw == pytest.approx(0.45 * unit.max_discharge_kw)
    full = island_of(park.snapshot({"battery.soc": unit.soc_max}))
    assert full is not None
    assert full.most_charge_kw == 0.0
    assert island_of(park.snapshot({"battery.available": 0.0})) is None


def test_what_forms_the_island_is_told_nothing(park: ParkBuilder) -> None:
    decided = islanded(park, {"battery": 300.0}).assets["battery"]
    assert (decided.setpoint_kw, decided.owner) == (None, "island")
    assert decided.reason == "holds voltage and frequency of the island: gives +300 kW, as it needs"


def test_what_can_wait_lives_on_what_is_too_much(park: ParkBuilder) -> None:
    # the battery gives 300 kW, so chargers that take 100 have to stop
    values = {"battery": 300.0, "charging": 100.0, "electrolyser": 0.0}
    decision = islanded(park, values)
    assert told(decision, "charging") == (0.0, "island")
    # it takes 250: they may take that, the electrolyser, which comes first, 250 and they none
    decision = islanded(park, {"battery": -250.0, "charging": 100.0, "electrolyser": 0.0, "hydrogen_tank.soc": 1.0})
    assert decision.assets["charging"].setpoint_kw == pytest.approx(300.0)


def test_loads_are_shed_when_the_battery_runs_out(park: ParkBuilder) -> None:
    unit = battery(park)
    # at half of the taper it may be asked for 45 % of 1.5 MW, and gives 100 kW more
    most_kw = 0.45 * unit.max_discharge_kw
    values = {"battery": most_kw + 100.0, "battery.soc": unit.soc_min + 0.05, "cold_rooms": 250.0}
    decision = islanded(park, values)
    assert told(decision, "cold_rooms") == (pytest.approx(150.0), "island")
    assert decision.assets["cold_rooms"].reason.startswith("keeps the limit: the battery gives")


def test_generators_give_way_to_a_full_battery(park: ParkBuilder) -> None:
    unit = battery(park)
    values = {"battery": -400.0, "battery.soc": unit.soc_max, "solar": 900.0, "wind": 300.0}
    decision = islanded(park, values)
    # 400 too much of 1200: each gives a third up
    assert told(decision, "solar") == (pytest.approx(600.0), "island")
    assert told(decision, "wind") == (pytest.approx(200.0), "island")


def test_generators_give_way_to_a_high_frequency(park: ParkBuilder) -> None:
    decision = islanded(park, {"battery": -100.0, "solar": 900.0, "grid.frequency_hz": 51.0})
    assert told(decision, "solar") == (pytest.approx(1250.0), "island")  # half of its rating
    assert decision.assets["solar"].reason == "51.00 Hz in the island: 50% of its rating"


def test_the_fuel_cell_spares_a_battery_that_is_half_empty(park: ParkBuilder) -> None:
    assert told(islanded(park, {"battery": 300.0, "battery.soc": 0.4}), "fuel_cell") == (300.0, "island")
    assert told(islanded(park, {"battery": 300.0, "battery.soc": 0.6}), "fuel_cell") == (0.0, "local default")


def test_a_plan_and_prices_do_not_count(park: ParkBuilder) -> None:
    plan = park.plan({"grid": 500.0, "battery": -800.0, "solar": 0.0})
    values = {"grid": 0.0, "battery": 100.0, "solar": 500.0}
    decision = park.decide(values, plan, mode=Mode.ISLANDED, prices=(1.0, 0.1))
    assert told(decision, "solar") == (2500.0, "local default")
    assert decision.grid_target_kw is None
