"""Several grid connections: each with its own limits and transformers, all billed by their sum; planned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_kinds import TRANSFORMER
from tiny_park import GRID, TinyPark

from config.loader import example_site, load_site
from config.site import Site
from dispatch.checker import check_plan, unmet
from dispatch.plan import AssetPlan, Plan, Used
from dispatch.rules import rules_plan
from parkgrid.refusal import Refused
from parkgrid.site_argument import planned_site_from, site_from

Park = Callable[..., TinyPark]

NORTH = {**GRID, "import_limit_kw": 60, "export_limit_kw": 20}
SOUTH = {**GRID, "import_limit_kw": 30, "export_limit_kw": 10}
BOTH = {"grid": NORTH, "south": SOUTH}


def both_ways(park: TinyPark, left_open: int = 0, **given: Any) -> tuple[Plan, Plan]:
    """The plans by solver and by rules, which hold and leave so much open."""
    situation = park.situation(**given)
    plans = park.plan(situation), rules_plan(park.site, situation, situation.start)
    for plan in plans:
        found = check_plan(park.site, situation, plan)
        assert found == unmet(park.site, situation, plan)
        assert len(found) == left_open, found
    return plans


def total_kw(plan: Plan) -> list[float]:
    return [round(float(kw), 3) for kw in plan.assets["grid"].power_kw + plan.assets["south"].power_kw]


def test_two_connections_carry_more_than_one_and_are_billed_by_their_sum(tiny_park: Park) -> None:
    park = tiny_park({**BOTH, "load": {}}, (1.0, 0.5), demand_charge_per_kw_month=3)
    for plan in both_ways(park, load_kw={"load": [80, 50]}, month_peak_kw=70):
        assert total_kw(plan) == [80, 50]
        assert np.all(plan.assets["grid"].power_kw <= 60 + 1e-3)
        assert np.all(plan.assets["south"].power_kw <= 30 + 1e-3)
        assert plan.cost["energy_import"] == pytest.approx(80 + 25, abs=1e-3)
        # the peak of both together, above the 70 kW so far
        assert plan.cost["demand"] == pytest.approx(3 * 10, abs=1e-3)


def test_import_beyond_both_limits_is_said_where_it_happens(tiny_park: Park) -> None:
    park = tiny_park({**BOTH, "load": {}}, (1.0,))
    situation = park.situation(load_kw={"load": 100})
    plan = park.plan(situation)
    assert total_kw(plan) == [100]
    assert "import beyond the limit in 1 steps" in plan.note
    over_kw = np.maximum(plan.assets["grid"].power_kw - 60, 0) + np.maximum(plan.assets["south"].power_kw - 30, 0)
    assert over_kw == pytest.approx([10], abs=1e-3)
    by_rules = rules_plan(park.site, situation, situation.start)
    # by their limits: two thirds and one third
    assert by_rules.assets["grid"].power_kw == pytest.approx([100 * 60 / 90])
    assert "grid: import up to 6.7 kW beyond the limit" in by_rules.note
    assert "south: import up to 3.3 kW beyond the limit" in by_rules.note


def test_surplus_goes_out_at_both_up_to_their_limits(tiny_park: Park) -> None:
    park = tiny_park({**BOTH, "pv": {}}, (1.0, 1.0), export_per_kwh=0.3)
    for plan in both_ways(park, available_kw={"pv": [50, 12]}):
        assert total_kw(plan) == [-30, -12]
        assert plan.assets["pv"].power_kw == pytest.approx([30, 12], abs=1e-3)
        assert plan.cost["export_revenue"] == pytest.approx(-0.3 * 42, abs=1e-3)


def test_nothing_goes_in_at_one_and_out_at_the_other(tiny_park: Park) -> None:
    # export pays more than import costs, and still the sum is what counts
    park = tiny_park({**BOTH, "load": {}}, (0.2, 0.2), export_per_kwh=0.4)
    for plan in both_ways(park, load_kw={"load": 40}):
        assert total_kw(plan) == [40, 40]
        for name in BOTH:
            assert np.all(plan.assets[name].power_kw >= -1e-3)
        assert plan.cost["export_revenue"] == pytest.approx(0, abs=1e-6)


def test_each_connection_may_have_transformers_of_its_own(tiny_park: Park) -> None:
    north = {**TRANSFORMER, "rated_kva": 50, "connection": "grid"}
    park = tiny_park({"grid": GRID, "south": {**SOUTH, "import_limit_kw": 0.001}, "load": {}, "t": north}, (1.0,))
    for plan in both_ways(park, load_kw={"load": 50}):
        # all of it comes through the northern transformer at its rating: 2 + 10 kW are lost
        assert plan.assets["t"].power_kw == pytest.approx([12], abs=1e-2)
        assert plan.assets["grid"].power_kw == pytest.approx([62], abs=1e-2)
    # the southern side has none: cheaper, as far as it reaches
    park = tiny_park({**BOTH, "load": {}, "t": {**north, "rated_kva": 100}}, (1.0,))
    plan = both_ways(park, load_kw={"load": 50})[0]
    assert plan.assets["south"].power_kw == pytest.approx([30], abs=1e-3)
    two = {"t": {**north, "rated_kva": 100}, "s": {**TRANSFORMER, "connection": "south", "no_load_kw": 1}}
    park = tiny_park({**BOTH, "load": {}, **two}, (1.0,))
    for plan in both_ways(park, load_kw={"load": 50}):
        lost_kw = plan.assets["t"].power_kw + plan.assets["s"].power_kw
        assert total_kw(plan) == pytest.approx((50 + lost_kw).tolist(), abs=1e-2)


def test_caps_and_ladders_count_the_sum(tiny_park: Park) -> None:
    ladder = {"over": "month", "steps": [{"above_kwh": 1000, "surcharge_per_kwh": 0.5}]}
    cap = {"caps": {"carbon": {"over": "month", "most_kg": 600, "price_per_kg": 0.1}}}
    park = tiny_park({**BOTH, "load": {}}, (1.0, 1.0), ladder=ladder, site_keys=cap)
    used = Used(month_import_kwh=940, month_co2_kg=570)
    for plan in both_ways(park, left_open=1, load_kw={"load": 80}, used=used):
        # 100 of 160 kWh are above the step, and 80 kg of CO2 are 50 more than what is left
        assert plan.cost["ladder"] == pytest.approx(100 * 0.5, abs=1e-3)
        assert "carbon cap: 50.0 kg CO2 more than the 30.0 that are left" in plan.note


def test_a_wrong_bill_or_a_limit_that_is_broken_is_found(tiny_park: Park) -> None:
    park = tiny_park({**BOTH, "pv": {}, "load": {}}, (1.0, 1.0))
    situation = park.situation(load_kw={"load": [80, 0]}, available_kw={"pv": [0, 25]})
    plan = park.plan(situation)
    assert check_plan(park.site, situation, plan) == []
    moved_kw = np.array([0.0, 15.0])
    north, south = plan.assets["grid"], plan.assets["south"]
    wrong = {
        "grid": AssetPlan(power_kw=north.power_kw + moved_kw, flows_kw={"electricity": north.power_kw + moved_kw}),
        "south": AssetPlan(power_kw=south.power_kw - moved_kw, flows_kw={"electricity": south.power_kw - moved_kw}),
    }
    found = check_plan(park.site, situation, replace(plan, assets={**plan.assets, **wrong}))
    assert found
    assert all(sentence.startswith("south, step 1: power_kw") for sentence in found)


# -- the site file ---------------------------------------------------------------------------------------------------


@pytest.fixture
def two_connections(tmp_path: Path) -> Path:
    text = example_site("demo_park").read_text(encoding="utf-8")
    meter = "  south_meter: {connection: grid_meter_tcp, unit: 7, profile: PROFILE, parameters: PARAMETERS}"
    demo: Site = load_site(example_site("demo_park"))
    device = demo.devices[demo.assets["grid"].device]
    meter = meter.replace("PROFILE", device.profile).replace("PARAMETERS", str(dict(device.parameters)))
    south = "  south: {kind: grid_connection, device: south_meter, import_limit_kw: 800, export_limit_kw: 0}"
    text = text.replace("\nassets:\n", f"\n{meter}\n\nassets:\n{south}\n")
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_site_with_two_connections_can_be_planned_and_not_run(two_connections: Path) -> None:
    assert list(planned_site_from(str(two_connections), whole=False).grids) == ["south", "grid"]
    with pytest.raises(Refused, match="demo_park has 2 grid connections, south, grid: it can be planned"):
        site_from(str(two_connections))
