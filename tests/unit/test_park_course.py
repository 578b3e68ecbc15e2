"""What is shown of a run, from half an hour that a reader can add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from park_truth import BEGIN, END, MIDDLE, factory_truth

from config.loader import example_site, load_site
from config.site import Site
from parkgrid.park_course import Balance, Course, balances, capacity_kwh, course_of, exchanged_kwh
from simulators.account import Account


@pytest.fixture(scope="module")
def factory() -> Site:
    return load_site(example_site("small_factory"))


@pytest.fixture(scope="module")
def steel() -> Site:
    return load_site(example_site("steel_plant"))


@pytest.fixture
def truth() -> dict[str, Any]:
    return factory_truth()


def flows(course: Course, bus: str) -> dict[str, list[float]]:
    return {flow.asset: flow.towards_kw.tolist() for flow in course.buses[bus].flows}


def test_energies_become_means_of_their_interval(factory: Site, truth: dict[str, Any]) -> None:
    course = course_of(factory, truth)
    begin = datetime(2026, 7, 15, 2, tzinfo=UTC)
    assert course.edges == [begin + timedelta(minutes=minutes) for minutes in (0, 15, 30)]
    assert list(course.buses) == ["electricity"]
    # in a quarter of an hour 20 kWh are 80 kW
    assert flows(course, "electricity") == {
        "grid": [80, -16],
        "factory": [-100, -120],
        "roof": [40, 120],
        "battery": [-20, 16],
    }
    assert course.buses["electricity"].unserved_kw.tolist() == [0, 8]
    assert course.buses["electricity"].surplus_kw.tolist() == [0, 0]
    assert course.curtailed_kw.tolist() == [0, 6]
    # flat hours: 0.155 + 0.525
    assert course.import_price_per_kwh == pytest.approx([0.68, 0.68])


def test_what_stores_held_is_reckoned_back_from_the_end(factory: Site, truth: dict[str, Any]) -> None:
    course = course_of(factory, truth)
    assert list(course.stored_kwh) == ["battery"]
    # 4.5 in, then 4.2 out, to 152 at the end
    assert course.stored_kwh["battery"] == pytest.approx([151.7, 156.2, 152.0])


def test_a_part_of_an_interval_has_its_own_length(factory: Site, truth: dict[str, Any]) -> None:
    truth["park"]["intervals"][1]["seconds"] = 450.0
    course = course_of(factory, truth)
    assert course.edges[-1] - course.edges[-2] == timedelta(seconds=450)
    # the 4 kWh went to the grid in half of the time
    assert flows(course, "electricity")["grid"] == [80, -32]


def test_the_balance_of_a_bus(factory: Site, truth: dict[str, Any]) -> None:
    (balance,) = balances(factory, truth)
    # 20 + 10 + 30 + 4 come in; 25 + 30 + 5 + 4 go out
    assert balance == Balance(bus="electricity", supplied_kwh=64.0, used_kwh=64.0, surplus_kwh=0.0)
    assert balance.gap_kwh == 0
    truth["park"]["total"]["assets"]["factory"]["electricity_used_kwh"] -= 10
    truth["park"]["total"]["surplus_kwh"]["electricity"] = 7.0
    (balance,) = balances(factory, truth)
    assert balance.gap_kwh == pytest.approx(3.0)


def test_heat_that_goes_from_one_level_to_another_is_on_both_buses(steel: Site) -> None:
    account = Account(heat_fed_kwh=90.0, heat_used_kwh=100.0)._asdict()
    assert exchanged_kwh(steel.assets["hot_water"], account, "hot_gas") == (0.0, 100.0)
    assert exchanged_kwh(steel.assets["hot_water"], account, "heat") == (90.0, 0.0)
    assert exchanged_kwh(steel.assets["hot_water"], account, "electricity") == (0.0, 0.0)
    assert exchanged_kwh(steel.assets["tank"], account, "heat") == (90.0, 100.0)
    boiler = Account(heat_used_kwh=100.0, steam_fed_kwh=92.0)._asdict()
    assert exchanged_kwh(steel.assets["waste_steam"], boiler, "hot_gas") == (0.0, 100.0)
    assert exchanged_kwh(steel.assets["waste_steam"], boiler, "steam") == (92.0, 0.0)


def test_what_a_store_holds_at_most(steel: Site) -> None:
    hydrogen = load_site(example_site("hydrogen_park"))
    assert capacity_kwh(steel.assets["battery"]) == 4000
    assert capacity_kwh(steel.assets["tank"]) == 8000
    assert capacity_kwh(hydrogen.assets["hydrogen_tank"]) == pytest.approx(400 * 33.33)
    assert capacity_kwh(steel.assets["mills"]) is None


def test_marks_are_what_the_scenario_and_the_faults_say(factory: Site, truth: dict[str, Any]) -> None:
    truth["scenario"] = {
        "marks": [
            {"what": "6 K warmer", "begin": BEGIN, "end": "2026-07-16T02:00:00+00:00"},
            {"what": "import limit at 50%", "begin": BEGIN, "end": None},
            {"what": "never reached", "begin": END, "end": "2026-07-16T02:00:00+00:00"},
        ]
    }
    truth["faults"] = [
        {"kind": "breaker_open", "target": "meter_grid", "begin": MIDDLE, "end": None},
        {"kind": "sign_swapped", "target": "inverter", "begin": BEGIN, "end": MIDDLE},
    ]
    course = course_of(factory, truth)
    begin, middle, end = (datetime.fromisoformat(text) for text in (BEGIN, MIDDLE, END))
    assert [(mark.what, mark.begin, mark.end, mark.is_fault) for mark in course.marks] == [
        ("6 K warmer", begin, end, False),
        ("import limit at 50%", begin, end, False),
        ("fault: sign swapped, inverter", begin, middle, True),
        ("grid outage: the breaker is open", middle, end, True),
    ]


def test_nothing_is_shown_of_a_run_that_did_not_last(factory: Site, truth: dict[str, Any]) -> None:
    truth["park"]["intervals"] = []
    with pytest.raises(ValueError, match="over before anything happened"):
        course_of(factory, truth)


def test_a_flow_that_nobody_would_see_is_left_out(factory: Site, truth: dict[str, Any]) -> None:
    for interval in truth["park"]["intervals"]:
        interval["assets"]["roof"]["electricity_fed_kwh"] = 0.01
    course = course_of(factory, truth)
    assert "roof" not in flows(course, "electricity")
    assert np.isfinite(course.import_price_per_kwh).all()
