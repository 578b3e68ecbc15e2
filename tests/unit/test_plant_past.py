"""The past of the simulated park: the same park, a little earlier."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from config.loader import example_site, load_site
from config.site import Site
from simulators.past import past_of, write_history
from simulators.plant import Plant

START = datetime(2026, 10, 14, 0, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(example_site("demo_park"))


def test_the_file(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    began_s = time.perf_counter()
    write_history(site, START, 15, path)
    assert time.perf_counter() - began_s < 6  # 0.1 s alone; the first use of pvlib takes seconds to import
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["time_utc", "pv_a", "pv_b", "wind", "hall_1", "hall_2", "heat_demand", "outdoor_degc"]
    times = [datetime.fromisoformat(row["time_utc"]) for row in rows]
    assert len(times) == 15 * 96
    assert times[-1] + timedelta(minutes=15) == datetime(2026, 10, 14, tzinfo=UTC)
    assert {b - a for a, b in pairwise(times)} == {timedelta(minutes=15)}
    assert all(float(row[name]) >= 0 for row in rows for name in list(row)[1:-1])


def test_it_is_what_the_plant_would_have_measured(site: Site) -> None:
    first = datetime(2026, 10, 13, 0, 0, tzinfo=UTC)
    plant = Plant(site, start=first, seed=7)
    plant.advance(6 * 3600)
    past = past_of(site, first + timedelta(days=1), 1, seed=7)
    for row, record in enumerate(plant.ledger.intervals):
        assert past.start_s[row] == record.start.timestamp()
        for name in ("pv_a", "pv_b", "wind"):
            account = record.accounts[name]
            measured = 4 * (account.electricity_fed_kwh + account.curtailed_kwh)
            assert past.columns[name][row] == pytest.approx(measured, rel=0.02, abs=3), name
        for name in ("hall_1", "hall_2"):
            assert past.columns[name][row] == pytest.approx(4 * record.accounts[name].electricity_used_kwh, rel=0.002)
        heat = record.accounts["heat_demand"]
        assert past.columns["heat_demand"][row] == pytest.approx(4 * heat.heat_used_kwh, rel=0.002)


def test_no_days_are_refused(site: Site) -> None:
    with pytest.raises(ValueError, match="at least one day"):
        past_of(site, START, 0)
