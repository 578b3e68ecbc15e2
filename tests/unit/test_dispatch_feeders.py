"""Plans of parks whose assets hang on feeders, planned by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_park import TinyPark, make_park

from dispatch.binding import Limit, bindings
from dispatch.checker import check_plan, unmet
from dispatch.conflict import conflict
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Plan, Scenario, Solved
from dispatch.relief import Gives
from dispatch.rules import rules_plan
from dispatch.tariff import TariffCalendar


def hall(feeds: list[str], import_kw: float = 1000, export_kw: float = 1000) -> dict[str, Any]:
    return {
        "kind": "feeder",
        "device": "d",
        "feeds": feeds,
        "import_limit_kw": import_kw,
        "export_limit_kw": export_kw,
    }


def planned(park: TinyPark, **given: Any) -> Plan:
    situation = park.situation(**given)
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    return plan


def test_a_roof_is_curtailed_to_what_its_line_takes_back() -> None:
    park = make_park({"load": {}, "pv": {}, "hall": hall(["pv"], export_kw=60)}, export_per_kwh=0.3)
    given = {"available_kw": {"pv": [50, 150]}, "load_kw": {"load": 100}}
    plan = planned(park, **given)
    assert plan.assets["pv"].power_kw == pytest.approx([50, 60], abs=1e-3)
    assert plan.assets["grid"].power_kw == pytest.approx([50, 40], abs=1e-3)
    situation = park.situation(**given)
    prices = TariffCalendar(park.site.tariffs).over(situation.start, situation.step_h, None)
    found = [each for each in bindings(park.site, situation, plan, prices) if each.whose == "hall"]
    assert [(each.limit, each.value, each.steps.tolist()) for each in found] == [(Limit.EXPORT, 60.0, [False, True])]


def test_a_load_on_the_line_makes_room_for_the_roof() -> None:
    park = make_park({"load": {}, "pv": {}, "hall": hall(["pv", "load"], export_kw=60)}, export_per_kwh=0.3)
    plan = planned(park, available_kw={"pv": 150}, load_kw={"load": [100, 70]})
    assert plan.assets["pv"].power_kw == pytest.approx([150, 130], abs=1e-3)


def test_a_battery_charges_what_its_line_leaves() -> None:
    """30 kW of the 40 are the load's; what was charged at a price of 0.1 is given at 1."""
    park = make_park({"load": {}, "battery": {}, "hall": hall(["load", "battery"], 40)}, (0.1, 1.0))
    plan = planned(park, load_kw={"load": 30})
    assert plan.assets["battery"].power_kw == pytest.approx([-10, 10 * 0.81], abs=1e-3)


def test_what_is_too_much_for_a_line_is_said_and_what_would_help() -> None:
    park = make_park({"load": {}, "hall": hall(["load"], 60)})
    situation = park.situation(load_kw={"load": [100, 50]})
    dispatcher = Dispatcher(park.site, park.steps)
    outcome = dispatcher.plan(situation, situation.start)
    assert isinstance(outcome, Solved)
    for plan in (outcome.plan, rules_plan(park.site, situation, situation.start)):
        found = check_plan(park.site, situation, plan)
        assert found == unmet(park.site, situation, plan)
        assert found == ["hall, step 0: import is 40.00 kW beyond the limit of 60.00"]
        assert "hall: import up to 40.0 kW beyond the limit" in plan.note
    ways = conflict(park.site, situation, dispatcher.inputs(situation), outcome.plan, 10.0)
    assert ways is not None
    ((give,),) = ways.ways
    assert (give.gives, give.whose, give.limit) == (Gives.IMPORT_LIMIT, "hall", 60.0)
    assert give.more == pytest.approx([40.0, 0.0], abs=1e-3)


def test_a_line_holds_in_every_scenario() -> None:
    park = make_park({"load": {}, "pv": {}, "hall": hall(["pv"], export_kw=60)}, export_per_kwh=0.3)
    sun = tuple(Scenario(name=f"{kw}", probability=0.5, available_kw={"pv": np.full(2, kw)}) for kw in (40.0, 90.0))
    plan = planned(park, load_kw={"load": 10}, available_kw={"pv": 65}, scenarios=sun)
    assert [each.assets["pv"].power_kw.max() for each in plan.scenarios] == pytest.approx([40, 60], abs=1e-3)


def test_what_runs_under_local_control_is_no_part_of_what_is_planned() -> None:
    own = {"kind": "pv_plant", "device": "d", "peak_kw": 200, "rated_kw": 200, "tilt_deg": 10, "azimuth_deg": 180}
    park = make_park({"load": {}, "own": {**own, "control": "local"}, "hall": hall(["own"], export_kw=10)})
    planned(park, load_kw={"load": 100})
