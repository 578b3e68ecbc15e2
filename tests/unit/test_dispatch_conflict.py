"""What is in the way of a plan that is short, and by how much it must give, on parks where one sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_kinds import CHARGERS, DISTRICT_HEAT, TRANSFORMER, TURBINE
from tiny_park import GRID, TinyPark, demo_day, make_park

from config.site import Site
from dispatch.conflict import Conflict, conflict
from dispatch.dispatcher import Dispatcher
from dispatch.in_the_way import in_the_way, with_conflict
from dispatch.plan import Plan, Solved, Wanted
from dispatch.relief import Gives
from dispatch.rules import rules_plan

LIMIT_S = 10.0


def searched(park: TinyPark, **given: Any) -> tuple[Plan, Conflict | None]:
    now = park.situation(**given)
    dispatcher = Dispatcher(park.site, park.steps)
    outcome = dispatcher.plan(now, now.start)
    assert isinstance(outcome, Solved)
    return outcome.plan, conflict(park.site, now, dispatcher.inputs(now), outcome.plan, LIMIT_S)


def said(park: TinyPark, **given: Any) -> str:
    plan, found = searched(park, **given)
    assert found is not None
    return in_the_way(park.site, plan, found)


def test_a_load_above_the_import_limit_needs_just_what_is_missing() -> None:
    park = make_park({"grid": {"import_limit_kw": 40}, "load": {}})
    plan, found = searched(park, load_kw={"load": [10, 60]})
    assert found is not None
    ((give,),) = found.ways
    assert (give.gives, give.whose, give.limit) == (Gives.IMPORT_LIMIT, "grid", 40.0)
    assert give.more == pytest.approx([0.0, 20.0])
    assert (found.short, found.rest) == ((), ())
    assert in_the_way(park.site, plan, found) == (
        "20 kW more than the import limit of 40 kW from Mon 01:00 to 02:00 would be enough"
    )


def test_heat_that_the_import_limit_keeps_from_being_served_names_the_load() -> None:
    """100 kW of heat take 33.3 kW at a COP of 3, and 10 kW the load: 23.3 more than 20."""
    park = make_park({"heat": {}, "heat_pump": {}, "grid": {"import_limit_kw": 20}, "load": {}})
    assert said(park, load_kw={"heat": [10, 100], "load": 10.0}) == (
        "23 kW more than the import limit of 20 kW from Mon 01:00 to 02:00 would meet heat"
    )


def test_an_unavailable_asset_is_the_easiest_way_and_the_limit_the_second() -> None:
    park = make_park({"grid": {"import_limit_kw": 40}, "load": {}, "battery": {}})
    given: dict[str, Any] = {"load_kw": {"load": [35, 60]}, "stored_kwh": {"battery": 50.0}}
    assert said(park, **given, unavailable=frozenset({"battery"})) == (
        "20 kW of battery, which is unavailable, from Mon 01:00 to 02:00 would be enough; "
        "so would 20 kW more than the import limit of 40 kW from Mon 01:00 to 02:00"
    )
    assert searched(park, **given)[1] is None


def test_a_unit_that_is_too_small_is_named_with_its_size() -> None:
    park = make_park({"heat": {}, "boiler": {"max_heat_kw": 60}})
    assert said(park, load_kw={"heat": [50, 100]}) == (
        "40 kW more than the 60 kW of boiler from Mon 01:00 to 02:00 would meet heat"
    )


def test_a_store_at_the_end_of_its_window_may_be_emptied_further() -> None:
    """10 kW are missing in the second hour; out of the store they take 10 / 0.9 kWh. Import over both hours comes
    first: 5.5 kW for an hour are stored and are 4.5 kW in the next, which leaves 5.5 kW of the 10."""
    park = make_park({"load": {}, "grid": {"import_limit_kw": 30}, "battery": {"soc_min": 0.2}})
    assert said(park, load_kw={"load": [30, 40]}, stored_kwh={"battery": 20.0}) == (
        "5.5 kW more than the import limit of 30 kW from Mon 00:00 to 02:00 would be enough; "
        "so would emptying battery 11 kWh below the 20 kWh that its window ends at"
    )


def test_power_that_nobody_can_take_needs_export() -> None:
    park = make_park({"grid": {"export_limit_kw": 20}, "load": {}, "turbine": TURBINE})
    assert said(park, load_kw={"load": 10.0}, available_kw={"turbine": [90, 0]}) == (
        "60 kW more than the export limit of 20 kW from Mon 00:00 to 01:00 would be enough"
    )


def test_a_transformer_that_is_too_small_is_in_the_way() -> None:
    park = make_park({"load": {}, "transformer": TRANSFORMER})
    assert said(park, load_kw={"load": [150, 0]}) == (
        "50 kW through transformer beyond its rating of 100 kW from Mon 00:00 to 01:00 would be enough"
    )


def test_a_group_of_chargers_is_too_small_for_what_leaves_soon() -> None:
    park = make_park({"cars": CHARGERS})
    assert said(park, wanted={"cars": (Wanted(0.0, 1.0, 70.0, 80.0),)}) == (
        "20 kW more than the 50 kW of cars from Mon 00:00 to 01:00 would meet cars"
    )


def test_a_hard_cap_counts_and_one_with_a_price_does_not() -> None:
    """20 kWh of import count 10 kg, and 4 are left: a load is cut off before a hard cap is exceeded."""
    hard: dict[str, Any] = {"over": "horizon", "most_kg": 4}
    park = make_park({"load": {}}, site_keys={"caps": {"carbon": hard}})
    assert said(park, load_kw={"load": 10.0}) == "6.0 kg CO2 more than the carbon cap leaves would meet load"
    priced = make_park({"load": {}}, site_keys={"caps": {"carbon": {**hard, "price_per_kg": 0.1}}})
    assert searched(priced, load_kw={"load": 10.0})[1] is None


def test_a_load_that_is_shed_for_its_price_is_no_shortage() -> None:
    shed = {"kind": "sheddable_load", "device": "d", "peak_kw": 50, "shed_order": 1, "lost_load_cny_per_kwh": 2}
    assert searched(make_park({"cold": shed}, (1.0, 3.0)), load_kw={"cold": 20.0})[1] is None
    cold_too = make_park({"cold": shed, "heat": {}, "boiler": {"max_heat_kw": 60}}, (1.0, 3.0))
    assert said(cold_too, load_kw={"cold": 20.0, "heat": [50, 100]}) == (
        "40 kW more than the 60 kW of boiler from Mon 01:00 to 02:00 would meet heat"
    )


def test_what_no_limit_can_help_is_said() -> None:
    """Ten times the boiler are 100 kW of the 300."""
    park = make_park({"heat": {}, "boiler": {"max_heat_kw": 10}})
    assert said(park, load_kw={"heat": [300, 0]}).endswith("; no limit that gives would meet heat in full")


def test_two_limits_that_must_both_give_are_named_together() -> None:
    park = make_park({"grid": {"import_limit_kw": 20}, "load": {}, "heat": {}, "boiler": {"max_heat_kw": 60}})
    assert said(park, load_kw={"load": [30, 0], "heat": [0, 80]}) == (
        "10 kW more than the import limit of 20 kW from Mon 00:00 to 01:00 and "
        "20 kW more than the 60 kW of boiler from Mon 01:00 to 02:00 would meet heat"
    )


def test_times_are_the_sites_and_many_stretches_are_counted() -> None:
    park = make_park(
        {"grid": {"import_limit_kw": 40}, "load": {}},
        (1.0,) * 9,
        site_keys={"location": {"latitude": 30, "longitude": 120, "time_zone": "Asia/Shanghai"}},
    )
    assert said(park, load_kw={"load": [60, 0, 50, 0, 60, 0, 60, 0, 60]}) == (
        "20 kW more than the import limit of 40 kW from Mon 08:00 to 09:00, from 10:00 to 11:00, from 12:00 to 13:00 "
        "and 2 times more would be enough"
    )


def test_it_stands_in_the_plans_note_and_takes_no_time_that_is_not_there() -> None:
    park = make_park({"heat": {}, "boiler": {"max_heat_kw": 60}})
    now = park.situation(load_kw={"heat": [50, 100]})
    dispatcher, rules = Dispatcher(park.site, 2), rules_plan(park.site, now, now.start)
    words = "in the way: 40 kW more than the 60 kW of boiler from Mon 01:00 to 02:00 would meet heat"
    assert with_conflict(park.site, now, dispatcher.inputs(now), rules, LIMIT_S).note.endswith(words)
    assert with_conflict(park.site, now, dispatcher.inputs(now), rules, 0.0) is rules


def test_a_winter_night_of_the_demo_park_without_its_boiler(demo_site: Site) -> None:
    day = demo_day()
    now = replace(day, unavailable=frozenset({"boiler"}), load_kw={**day.load_kw, "heat_demand": np.full(96, 2400.0)})
    dispatcher = Dispatcher(demo_site, 96)
    outcome = dispatcher.plan(now, now.start)
    assert isinstance(outcome, Solved)
    found = conflict(demo_site, now, dispatcher.inputs(now), outcome.plan, LIMIT_S)
    assert found is not None
    assert found.short == ("heat_demand",)
    assert [(give.gives, give.whose) for way in found.ways for give in way] == [
        (Gives.UNAVAILABLE, "boiler"),
        (Gives.HIGHEST_POWER, "heat_pump"),
    ]
    boiler_kwh = float(found.ways[0][0].more @ now.step_h)
    heat_pump_kwh = 24 * 2.8 * 400.0
    least_kwh = 24 * 2400.0 - heat_pump_kwh - 3000.0
    assert boiler_kwh == pytest.approx(least_kwh, rel=0.1)


def test_a_heat_network_gives_more_and_its_price_is_no_reason_to_give_something_else() -> None:
    """30 kW of heat more than the network's 50 kW, at a price far above that of any relief."""
    district = {**DISTRICT_HEAT, "import_limit_kw": 50, "import_price_per_kwh": 2.0}
    park = make_park({"heat": {}, "district": district, "load": {}, "battery": {}})
    assert said(park, load_kw={"heat": [20, 80], "load": 10}) == (
        "30 kW more than the 50 kW of district from Mon 01:00 to 02:00 would meet heat"
    )


def test_of_two_connections_the_limit_of_either_may_give() -> None:
    second = {**GRID, "import_limit_kw": 30, "export_limit_kw": 0}
    park = make_park({"grid": {"import_limit_kw": 40}, "second": second, "load": {}})
    _, found = searched(park, load_kw={"load": [10, 90]})
    assert found is not None
    assert [give.gives for give in found.ways[0]] == [Gives.IMPORT_LIMIT]
    assert sum(float(np.max(give.more)) for give in found.ways[0]) == pytest.approx(20.0, abs=0.1)


def test_a_reserve_or_cycles_that_are_short_need_no_limit_to_give() -> None:
    reserve = {"reserve": {"outage": {"hours": 2, "critical": ["load"]}}}
    park = make_park({"load": {}, "battery": {}}, site_keys=reserve)
    plan, found = searched(park, load_kw={"load": 40}, stored_kwh={"battery": 0})
    assert "reserve: energy is not kept" in plan.note
    assert found is None
