"""What generators at their limits would feed beyond them: the demo park's PV of 1,000 kW, of which 800 are foreseen."""

from __future__ import annotations

import pytest
from park_builder import ParkBuilder

from controller.held_back import LOOKS_AGAIN_S, STEP_SHARE, HeldBack
from dispatch.plan import Plan

STEP_KW = STEP_SHARE * 1000.0


def foreseen(park: ParkBuilder, kw: float = 800.0) -> Plan:
    return park.plan({"pv_a": kw}, available_kw={"pv_a": kw})


def seen(
    park: ParkBuilder, held: HeldBack, at_s: float, *, feeds: float, limit: float, foreseen_kw: float = 800.0
) -> float:
    values = {"pv_a": feeds, "pv_a.power_limit_kw": limit}
    return held.update(park.snapshot(values, site_s=at_s), foreseen(park, foreseen_kw))


def test_at_its_limit_more_is_there_up_to_the_forecast_a_step_at_a_time(park: ParkBuilder) -> None:
    assert seen(park, HeldBack(park.site), 0.0, feeds=500.0, limit=500.0) == pytest.approx(STEP_KW)
    assert seen(park, HeldBack(park.site), 0.0, feeds=750.0, limit=750.0) == pytest.approx(50.0)
    assert seen(park, HeldBack(park.site), 0.0, feeds=790.0, limit=800.0, foreseen_kw=700.0) == 0.0


def test_below_its_limit_or_without_one_nothing_is_held_back(park: ParkBuilder) -> None:
    assert seen(park, HeldBack(park.site), 0.0, feeds=400.0, limit=500.0) == 0.0
    assert seen(park, HeldBack(park.site), 0.0, feeds=990.0, limit=1000.0, foreseen_kw=1000.0) == 0.0


def test_what_did_not_come_is_not_expected_for_a_minute(park: ParkBuilder) -> None:
    held = HeldBack(park.site)
    assert seen(park, held, 0.0, feeds=500.0, limit=500.0) == pytest.approx(STEP_KW)
    for at_s in (1.0, 2.0, 3.0, 4.0):  # its limit was raised, and it feeds no more
        assert seen(park, held, at_s, feeds=500.0, limit=600.0) == 0.0
    assert seen(park, held, 5.0, feeds=500.0, limit=500.0) == 0.0
    assert seen(park, held, 3.9 + LOOKS_AGAIN_S, feeds=500.0, limit=500.0) == 0.0
    assert seen(park, held, 4.1 + LOOKS_AGAIN_S, feeds=500.0, limit=500.0) == pytest.approx(STEP_KW)


def test_a_generator_on_its_ramp_is_not_yet_taken_to_be_free(park: ParkBuilder) -> None:
    held = HeldBack(park.site)
    seen(park, held, 0.0, feeds=500.0, limit=500.0)
    assert seen(park, held, 1.0, feeds=520.0, limit=600.0) == 0.0
    assert seen(park, held, 2.0, feeds=595.0, limit=600.0) == pytest.approx(STEP_KW)


def test_nothing_is_known_without_a_plan_or_a_reading(park: ParkBuilder) -> None:
    held = HeldBack(park.site)
    values = {"pv_a": 500.0, "pv_a.power_limit_kw": 500.0}
    assert held.update(park.snapshot(values), None) == 0.0
    assert held.update(park.snapshot({**values, "pv_a": None}), foreseen(park)) == 0.0
    assert held.update(park.snapshot({**values, "pv_a.power_limit_kw": None}), foreseen(park)) == 0.0
