"""Parks in virtual time under the controller: what happens within the intervals is what decides the bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import pytest

from config.loader import example_site, load_site
from controller.decision import Decision
from controller.planner_process import answer_of
from dispatch.dispatcher import Dispatcher
from dispatch.forecast.park import days_of_history
from parkgrid.closed_loop import ClosedLoop
from parkgrid.settlement import Bill, settle
from simulators.past import past_of
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
    dispatcher = Dispatcher(site, site.control.horizon_h * 60 // site.control.interval_min)
    past = past_of(site, start, days_of_history(site))
    loop = ClosedLoop(site, plant, partial(answer_of, site, dispatcher), past, cycle_s=CYCLE_S)
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
