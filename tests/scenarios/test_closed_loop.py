"""Parks in virtual time under the controller: what happens within the intervals is what decides the bill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from config.loader import example_site, load_site
from config.site import Site
from controller.decision import Decision
from parkgrid.closed_loop import ClosedLoop
from parkgrid.settlement import Bill, settle
from simulators.plant import Plant
from simulators.surroundings import Surroundings
from simulators.truth import book_of

CYCLE_S = 10.0


@dataclass(frozen=True, slots=True)
class Lived:
    """A day that is over."""

    decisions: list[Decision]
    grid_kw: list[float]
    bill: Bill
    without: Bill
    unserved_kwh: float
    residual: float

    @property
    def highest_kw(self) -> float:
        """The highest mean import over any 15 minutes."""
        total = np.concatenate(([0.0], np.cumsum(np.maximum(self.grid_kw, 0.0))))
        window = round(900 / CYCLE_S)
        return float(np.max(total[window:] - total[:-window]) / window)


def day_of(name: str, start: datetime) -> Lived:
    site = load_site(example_site(name))
    assert site.file.simulation is not None
    seed = site.file.simulation.seed
    course = Surroundings(site, seed)
    plant, alone = (
        Plant(site, start=start, seed=seed, controlled=controlled, surroundings=course) for controlled in (True, False)
    )
    loop = ClosedLoop.forecasting(site, plant, cycle_s=CYCLE_S)
    decisions, grid_kw = [], []
    for decision in loop.run(timedelta(days=1)):
        alone.advance(CYCLE_S)
        decisions.append(decision)
        grid_kw.append(plant.values(site.grid[1].device)["active_power_kw"])
    books = {"park": book_of(plant.ledger), "without_control": book_of(alone.ledger)}
    return Lived(
        decisions=decisions,
        grid_kw=grid_kw,
        bill=settle(site, books, "park"),
        without=settle(site, books, "without_control"),
        unserved_kwh=plant.ledger.total.unserved_kwh,
        residual=plant.balance_residual,
    )


@pytest.fixture(scope="module")
def factory() -> Lived:
    """A Wednesday of the small factory, whose peak of 120 kW is paid in any case; by itself it reaches 233 kW."""
    return day_of("small_factory", datetime.fromisoformat("2026-10-14T00:00+08:00"))


def test_no_15_minutes_pass_the_peak_that_is_paid_anyway(factory: Lived) -> None:
    assert factory.without.terms["demand"] > 2000.0
    assert factory.bill.terms["demand"] == 0.0
    assert factory.highest_kw <= 120.0 * 1.01


def test_control_costs_a_third_of_none(factory: Lived) -> None:
    assert factory.bill.total < factory.without.total / 3
    assert factory.unserved_kwh == 0.0
    assert factory.residual < 1e-6


def test_every_setpoint_has_an_owner_and_a_reason(factory: Lived) -> None:
    told = [asset for decision in factory.decisions for asset in decision.assets.values()]
    assert len(told) > 8000
    assert all(asset.owner and asset.reason for asset in told)
    assert {asset.owner for asset in told} >= {"plan", "demand guard"}


# -- half of the load is gone, and nothing may be exported ---------------------------------------------------------


class Dropping(Surroundings):
    """The halls lose half of their load from one moment to the next."""

    def __init__(self, site: Site, seed: int, at: datetime) -> None:
        super().__init__(site, seed)
        self._at_s = at.timestamp()

    def at(self, t_s: float) -> list[float]:
        values = super().at(t_s)
        if t_s < self._at_s:
            return values
        return [0.5 * each if key[0].startswith("hall") else each for key, each in zip(self.keys, values, strict=True)]


@pytest.mark.parametrize("soc", [0.5, 0.9], ids=["room in the battery", "battery full"])
@pytest.mark.parametrize("dead_time_s", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_the_export_limit_is_kept_within_two_seconds_of_a_drop_of_the_load(soc: float, dead_time_s: float) -> None:
    """At noon, with half as much sun again as the halls need; the limit is 0 and the rating 3,000 kW.

    Devices that begin to follow only after a dead time cannot be there before it is over, and nothing swings after it.
    """
    site = load_site(example_site("demo_park"))
    grid = site.assets["grid"].model_copy(update={"export_limit_kw": 0.0})
    suns = {name: site.assets[name].model_copy(update={"peak_kw": 1800.0}) for name in ("pv_a", "pv_b")}
    assert site.file.simulation is not None
    simulation = site.file.simulation.model_copy(update={"initial_soc": {"battery": soc, "tank": 0.6}})
    changes = {"assets": {**site.assets, "grid": grid, **suns}, "simulation": simulation}
    site = replace(site, file=site.file.model_copy(update=changes))
    start = datetime.fromisoformat("2026-07-15T11:57:00+08:00")
    drop_s = 180
    course = Dropping(site, 7, start + timedelta(seconds=drop_s))
    plant = Plant(site, start=start, seed=7, surroundings=course)
    loop = ClosedLoop.forecasting(site, plant, cycle_s=1.0, dead_time_s=dead_time_s)
    grid_kw = [plant.values(site.grid[1].device)["active_power_kw"] for _ in loop.run(timedelta(minutes=6))]
    seen = np.array(grid_kw)
    settled = drop_s + 2 + round(dead_time_s)
    print(f"dead time {dead_time_s} s: {-seen[drop_s:].min():.0f} kW, then {-seen[settled:].min():.0f} kW exported")
    assert seen[60 : drop_s - 1].min() > -30.0
    assert seen[settled:].min() > -30.0
    assert np.abs(np.diff(seen[-60:])).max() < 30.0
