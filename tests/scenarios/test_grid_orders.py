"""The grid operator's orders at noon, in virtual time: what may be fed is kept within seconds, then let go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config.loader import example_site, load_site
from parkgrid.closed_loop import ClosedLoop
from simulators.plant import Plant
from simulators.scenarios.conditions import surroundings_in
from simulators.scenarios.loading import load_scenario

SCENARIO = """
description: Two orders, the stricter within the other
start: 2026-07-15T10:54:00
length: 2h
orders:
  - {at: 6m, for: 90m, feed_in_share: 0.06}
  - {at: 66m, for: 30m, feed_in_share: 0}
"""
RATED_KW = 5000.0
"""What 100 % of the feed-in are."""
SETTLES_S = 12.0
"""An order of the simulated park comes within ten seconds; then the controller has two."""


@pytest.mark.timeout(300)
def test_orders_are_kept_within_seconds_and_let_go_after_them(tmp_path: Path) -> None:
    site = load_site(example_site("hydrogen_park"))
    path = tmp_path / "orders.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    scenario = load_scenario(path, site)
    orders, start = scenario.file.orders, scenario.start
    plant = Plant(site, start=start, seed=scenario.seed, surroundings=surroundings_in(site, scenario.seed, scenario))
    # the electrolyser is out, so that there is something to feed
    plant.set_running("electrolyser_plc", False)
    loop = ClosedLoop.forecasting(site, plant, cycle_s=1.0, dead_time_s=0.5)
    lasts = [order.bounds(scenario.start, scenario.length) for order in orders]
    highest_kw: dict[float, float] = {1.0: 0.0, 0.06: 0.0, 0.0: 0.0}
    owners: set[str] = set()
    changed, share = start, 1.0
    for decision in loop.run(timedelta(minutes=110)):
        now = plant.now
        at_once = [order.feed_in_share for order, (begin, end) in zip(orders, lasts, strict=True) if begin <= now < end]
        standing = min(at_once, default=1.0)
        if standing != share:
            changed, share = now, standing
        if (now - changed).total_seconds() > SETTLES_S:
            highest_kw[share] = max(highest_kw[share], -plant.values("grid_meter")["active_power_kw"])
            if share < 1.0:
                owners |= {asset.owner for asset in decision.assets.values()}
    rows = []
    for ordered, kw in highest_kw.items():
        allowed_kw = min(2500.0, ordered * RATED_KW)
        rows.append(f"{ordered:4.0%} ordered: {allowed_kw:6.0f} kW may be fed, {kw:7.1f} kW were at most")
        assert kw <= allowed_kw + 0.01 * RATED_KW
    assert "grid operator" in owners
    # without an order the park feeds more than it may under one
    assert highest_kw[1.0] > 0.08 * RATED_KW
    print("\n" + "\n".join(rows))
