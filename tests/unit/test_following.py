"""Batteries that take a setpoint and do not follow it."""

from __future__ import annotations

import pytest
from park_builder import ParkBuilder

from controller.following import Following
from controller.guard import AssetGuard


def told(setpoint_kw: float) -> dict[str, AssetGuard]:
    return {"battery": AssetGuard(setpoint_kw=setpoint_kw, running=True, switched_s=0.0, decided_s=0.0)}


def test_a_battery_that_stands_still_is_named_after_its_patience(park: ParkBuilder) -> None:
    following = Following()
    for site_s in (0.0, 5.0, 9.9):
        assert following.update(park.snapshot({"battery": 0.0}, site_s=site_s), told(-800.0)) == {}
    lagging = following.update(park.snapshot({"battery": 0.0}, site_s=10.0), told(-800.0))
    assert lagging == {"battery": "told -800 kW, measured 0 kW for 10 s"}
    # it follows at last: forgiven at once, and the time starts anew
    assert following.update(park.snapshot({"battery": -790.0}, site_s=11.0), told(-800.0)) == {}
    assert following.update(park.snapshot({"battery": 0.0}, site_s=12.0), told(-800.0)) == {}


def test_small_differences_and_unreadable_batteries_are_not_blamed(park: ParkBuilder) -> None:
    following = Following()
    for site_s in (0.0, 60.0):
        # 5 % of 1000 kW is still following
        assert following.update(park.snapshot({"battery": 450.0}, site_s=site_s), told(500.0)) == {}
        assert following.update(park.snapshot({"battery": None}, site_s=site_s), told(500.0)) == {}


def test_what_does_not_follow_is_not_counted_on(park: ParkBuilder) -> None:
    # 180 kW above the export limit: a battery that follows would take them, this one does not
    values = {"grid": -1150.0, "pv_a": 800.0, "pv_b": 700.0}
    trusted = park.decide(values)
    assert trusted.assets["battery"].setpoint_kw == -180.0
    assert trusted.assets["pv_a"].setpoint_kw == 800.0
    cut = park.decide(values, not_following={"battery"})
    # the battery is still told to take what it can, and the generators give up the 180 of their 1500
    assert cut.assets["battery"].setpoint_kw == -180.0
    assert cut.assets["pv_a"].setpoint_kw == pytest.approx(800.0 * 1320 / 1500)
    assert cut.assets["pv_a"].owner == "export limit"
