"""Where energy is too much, plans must not pretend to lose it: cases small enough to be planned by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_kinds as kinds
from tiny_park import make_park

from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Running, Solved

FREE_THEN_DEAR = (0.0, 0.0, 1.0)
LOAD_KW = [8.0, 4.0, 0.0]
LEVELS_KWH = [100.0, 90.0, 85.0, 85.0]
LOSSY = {"charge_efficiency": 0.8, "discharge_efficiency": 0.8, "soc_max": 0.8}
NO_EXPORT = {"grid": {"export_limit_kw": 0}}


def test_a_battery_above_its_window_comes_back_only_as_fast_as_the_load_takes() -> None:
    """What it charges while it discharges loses 0.45 kWh of each kWh: all 20 kWh would be gone in the first hour."""
    park = make_park({"load": {}, "battery": LOSSY} | NO_EXPORT, FREE_THEN_DEAR)
    situation = park.situation(load_kw={"load": LOAD_KW}, stored_kwh={"battery": 100.0})
    plan = park.plan(situation)
    assert plan.assets["battery"].power_kw == pytest.approx(LOAD_KW)
    assert plan.assets["battery"].stored_kwh == pytest.approx(LEVELS_KWH)
    assert check_plan(park.site, situation, plan) == []


def test_a_dispatcher_that_has_planned_before_sees_a_battery_above_its_window() -> None:
    park = make_park({"load": {}, "battery": LOSSY} | NO_EXPORT, FREE_THEN_DEAR)
    dispatcher = Dispatcher(park.site, park.steps)
    for start_kwh in (50.0, 100.0, 50.0, 100.0):
        situation = park.situation(load_kw={"load": LOAD_KW}, stored_kwh={"battery": start_kwh})
        outcome = dispatcher.plan(situation, situation.start)
        assert isinstance(outcome, Solved)
        assert check_plan(park.site, situation, outcome.plan) == []
        if start_kwh > 80.0:
            assert outcome.plan.assets["battery"].stored_kwh == pytest.approx(LEVELS_KWH)


def test_what_must_run_on_is_stopped_before_a_transformer_burns_its_power() -> None:
    """At its least load of 50 kW it gives 38 kW more than the load and the losses of the full transformer take.

    Overloaded both ways at once the transformer would seem to take it.
    """
    park = make_park(
        {"load": {}, "chp": {**kinds.CHP, "min_on_s": 3600}, "transformer": kinds.TRANSFORMER} | NO_EXPORT,
        (0.1, 0.1),
        site_keys={"control": {"interval_min": 60, "commitment": True}},
    )
    situation = park.situation(load_kw={"load": [0.0, 0.0]}, running={"chp": Running(on=True, since_h=0.5)})
    plan = park.plan(situation)
    assert plan.assets["chp"].running is not None
    assert plan.assets["chp"].running.tolist() == [False, False]
    assert plan.assets["transformer"].power_kw == pytest.approx(np.full(2, 2.0))
    found = check_plan(park.site, situation, plan)
    assert found == unmet(park.site, situation, plan)
    assert found == ["chp, step 0: it stands still within its minimum on time"]


def test_a_transformer_is_overloaded_where_the_load_needs_it() -> None:
    park = make_park(
        {"load": {}, "chp": {**kinds.CHP, "min_on_s": 3600}, "transformer": kinds.TRANSFORMER, "grid": {}},
        (0.1, 0.1),
        site_keys={"control": {"interval_min": 60, "commitment": True}},
    )
    situation = park.situation(
        load_kw={"load": [130.0, 50.0]}, running={"chp": Running(on=False, since_h=0.5)}, unavailable={"chp"}
    )
    plan = park.plan(situation)
    assert -plan.assets["transformer"].flows_kw["electricity"] == pytest.approx([-130.0, -50.0])
    assert unmet(park.site, situation, plan) == ["transformer, step 0: 30.00 kW pass beyond the rating of 100.00"]
