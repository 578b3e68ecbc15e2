"""What vehicles and jobs are taken to want, and how warm buses are taken to be, where nobody says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
import tiny_kinds as kinds
from tiny_park import TinyPark

from config.flexible_assets import EvChargers, ShiftableJob
from dispatch.forecast.chiller import chiller_cop
from dispatch.forecast.windows import job_windows, visits
from dispatch.levels import Levels
from dispatch.plan import Wanted

Park = Callable[..., TinyPark]
CHARGERS = EvChargers.model_validate(kinds.CHARGERS)
JOB = ShiftableJob.model_validate(kinds.JOB)
DAY = np.ones(24)


def test_vehicles_come_with_the_early_shift(tiny_park: Park) -> None:
    site = tiny_park({"chargers": kinds.CHARGERS}).site
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    (found,) = visits(CHARGERS, site, monday, DAY[:23])
    # three of four points are taken, each by a vehicle that wants 30 kWh behind its charger
    assert (found.from_h, found.until_h, found.most_kw) == (7.2, pytest.approx(14.7), 50)
    assert found.energy_kwh == pytest.approx(3 * 30 / 0.9)
    (found,) = visits(CHARGERS, site, datetime(2026, 3, 1, tzinfo=UTC), DAY[:23])
    assert found.energy_kwh == pytest.approx(0.2 * 3 * 30 / 0.9)


def test_who_has_come_already_wants_the_rest(tiny_park: Park) -> None:
    site = tiny_park({"chargers": kinds.CHARGERS}).site
    (found,) = visits(CHARGERS, site, datetime(2026, 3, 2, 12, tzinfo=UTC), DAY[:8])
    assert found.until_h == pytest.approx(2.7)
    assert found.energy_kwh == pytest.approx(100 * 2.7 / 7.5)
    assert visits(CHARGERS, site, datetime(2026, 3, 2, 15, tzinfo=UTC), DAY[:8]) == ()


def test_a_job_has_a_window_on_each_day_that_it_still_fits(tiny_park: Park) -> None:
    site = tiny_park({"job": kinds.JOB}).site
    found = job_windows(JOB, site, datetime(2026, 3, 2, 3, tzinfo=UTC), DAY)
    assert found == (Wanted(-2.0, 2.0, 100.0, 50.0), Wanted(22.0, 26.0, 100.0, 50.0))
    late = job_windows(JOB, site, datetime(2026, 3, 2, 4, tzinfo=UTC), DAY)
    assert late == (Wanted(21.0, 25.0, 100.0, 50.0),)


def test_a_chiller_is_rated_at_35_degrees_and_better_below() -> None:
    found = chiller_cop(4.0, 6.0, np.array([35.0, 15.0, 5.0, 45.0]))
    # the lift from 6 degC to 12 K above the air: 41 K, 21 K, no less than that, and 51 K
    assert found == pytest.approx([4.0, 4.0 * 41 / 21, 4.0 * 41 / 21, 4.0 * 41 / 51])


def test_a_bus_is_as_warm_as_its_tank_or_as_what_feeds_it(tiny_park: Park) -> None:
    assets = {"hot": kinds.HOT, "chp": kinds.CHP, "heat": {}}
    levels = Levels(tiny_park(assets).site)
    assert (levels.degc("hot"), levels.degc("heat"), levels.degc("tea")) == (200, 85, None)
    # between 40 and 75 degC, mixed, in the middle of its window, or at its top
    assert Levels(tiny_park({**assets, "tank": {"soc_max": 0.8}}).site).degc("heat") == pytest.approx(54)
    assert Levels(tiny_park({**assets, "tank": {"layers": 5}}).site).degc("heat") == 75


def test_what_is_plugged_in_is_known_in_place_of_the_usual_day(tiny_park: Park) -> None:
    site = tiny_park({"chargers": kinds.CHARGERS}).site
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    (found,) = visits(CHARGERS, site, noon, DAY[:8], needed_kwh=17.0)
    assert (found.energy_kwh, found.until_h) == (17.0, pytest.approx(2.7))
    (late,) = visits(CHARGERS, site, datetime(2026, 3, 2, 15, tzinfo=UTC), DAY[:8], needed_kwh=17.0)
    assert (late.from_h, late.until_h, late.energy_kwh) == (0.0, 4.0, 17.0)
    assert visits(CHARGERS, site, datetime(2026, 3, 2, 15, tzinfo=UTC), DAY[:8], needed_kwh=0.0) == ()


def test_a_job_whose_window_is_open_wants_what_is_left(tiny_park: Park) -> None:
    site = tiny_park({"job": kinds.JOB}).site
    # the window closes in one hour: half of the 100 kWh still fit, and are known to be left
    late = datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert job_windows(JOB, site, late, DAY, needed_kwh=50.0)[0] == Wanted(-3.0, 1.0, 50.0, 50.0)
    assert job_windows(JOB, site, late, DAY, needed_kwh=0.0) == (Wanted(21.0, 25.0, 100.0, 50.0),)
