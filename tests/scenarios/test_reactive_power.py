"""A steel works whose mills take reactive power, in virtual time: the converters of its battery and its roof keep the
month's factor."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import hypot

import numpy as np
import pytest
from park_builder import ParkBuilder

from config.loader import example_site, load_site
from parkgrid.closed_loop import ClosedLoop
from simulators.plant import Plant

START = datetime.fromisoformat("2026-10-20T14:00:00+08:00")
LASTS = timedelta(hours=1)


def lived(dead_time_s: float, *, told: bool = True) -> tuple[list[float], list[float], list[float], float]:
    """Grid power, its reactive power, that of the battery, and the largest share of a circle; second by second."""
    park = ParkBuilder(load_site(example_site("steel_plant")))
    untold = park.with_device("battery_pcs", write=("power_setpoint_kw",))
    site = park.site if told else untold.with_device("roof_inverter", write=("power_limit_kw",)).site
    assert site.file.simulation is not None
    plant = Plant(site, start=START, seed=site.file.simulation.seed)
    loop = ClosedLoop.forecasting(site, plant, cycle_s=1.0, dead_time_s=dead_time_s)
    power_kw, kvar, own_kvar, circle = [], [], [], 0.0
    for _ in loop.run(LASTS):
        grid, battery = plant.values("grid_meter"), plant.values("battery_pcs")
        power_kw.append(grid["active_power_kw"])
        kvar.append(grid["reactive_power_kvar"])
        own_kvar.append(battery["reactive_power_kvar"])
        roof = plant.values("roof_inverter")
        for seen, rated_kva in ((battery, 2500.0), (roof, 2000.0)):
            circle = max(circle, hypot(seen["active_power_kw"], seen["reactive_power_kvar"]) / rated_kva)
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
