"""A steel works whose mills take reactive power, in virtual time: its battery's converter keeps the month's factor."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from math import hypot

import numpy as np
import pytest

from config.loader import example_site, load_site
from controller.planner_process import answer_of
from dispatch.dispatcher import Dispatcher
from dispatch.forecast.park import days_of_history
from parkgrid.closed_loop import ClosedLoop
from simulators.past import past_of
from simulators.plant import Plant

START = datetime.fromisoformat("2026-10-20T08:00:00+08:00")
LASTS = timedelta(hours=1)


def lived(dead_time_s: float, *, told: bool = True) -> tuple[list[float], list[float], list[float], float]:
    """Grid power, its reactive power, that of the battery, and the largest share of its circle; second by second."""
    site = load_site(example_site("steel_plant"))
    if not told:
        site.__dict__["_reactive_setpoints"] = dict.fromkeys(site.assets)
    assert site.file.simulation is not None
    plant = Plant(site, start=START, seed=site.file.simulation.seed)
    dispatcher = Dispatcher(site, site.control.horizon_h * 60 // site.control.interval_min)
    past = past_of(site, START, days_of_history(site))
    loop = ClosedLoop(site, plant, partial(answer_of, site, dispatcher), past, cycle_s=1.0, dead_time_s=dead_time_s)
    power_kw, kvar, own_kvar, circle = [], [], [], 0.0
    for _ in loop.run(LASTS):
        grid, battery = plant.values("grid_meter"), plant.values("battery_pcs")
        power_kw.append(grid["active_power_kw"])
        kvar.append(grid["reactive_power_kvar"])
        own_kvar.append(battery["reactive_power_kvar"])
        circle = max(circle, hypot(battery["active_power_kw"], battery["reactive_power_kvar"]) / 2500.0)
    return power_kw, kvar, own_kvar, circle


def factor(power_kw: list[float], kvar: list[float]) -> float:
    energy, reactive = sum(max(kw, 0.0) for kw in power_kw), sum(map(abs, kvar))
    return energy / hypot(energy, reactive)


@pytest.mark.timeout(300)
def test_the_factor_is_kept_at_its_target_and_nothing_swings() -> None:
    without = factor(*lived(0.0, told=False)[:2])
    rows = [f"without                     factor {without:.3f}"]
    for dead_time_s in (0.5, 5.0):
        power_kw, kvar, own_kvar, circle = lived(dead_time_s)
        kept = factor(power_kw, kvar)
        # what it is told goes where the load's reactive power goes, and does not turn back and forth
        turns = np.diff(np.sign(np.diff(own_kvar)[np.abs(np.diff(own_kvar)) > 1.0]))
        rows.append(
            f"dead time {dead_time_s:3.1f} s             factor {kept:.3f}  "
            f"{np.count_nonzero(turns):4} turns  most of its circle {circle:.3f}"
        )
        assert kept >= 0.95 > without
        assert circle <= 1.0 + 1e-6
        assert np.count_nonzero(turns) <= 30  # one in two minutes
    print("\n" + "\n".join(rows))
