"""The 15-min ledger, added up by hand: energy, money, the month's peak, restarts and clocks that jump.

At noon in October the demo park's tariff is in its valley: 0.155 + 0.525 * 0.4 = 0.365 CNY/kWh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from park_builder import ParkBuilder

from controller.interval import Interval
from controller.ledger import Ledger
from controller.state import SavedInterval

NO_COUNTERS = {"grid.energy_import_kwh": None, "grid.energy_export_kwh": None}
INTERVAL = timedelta(minutes=15)
VALLEY = 0.365


@dataclass
class Run:
    """A ledger that is fed one snapshot after another, and what it closed."""

    park: ParkBuilder
    ledger: Ledger
    at: datetime
    site_s: float = 0.0
    closed: list[Interval] = field(default_factory=list)

    def see(
        self,
        values: Mapping[str, float | None],
        *,
        counters: tuple[float, float] | None = None,
        limited: Mapping[str, float] | None = None,
    ) -> list[Interval]:
        """`counters` are kWh imported and exported; without them the meter's counters cannot be read."""
        read = dict(NO_COUNTERS)
        if counters is not None:
            read = {"grid.energy_import_kwh": counters[0], "grid.energy_export_kwh": counters[1]}
        snapshot = self.park.snapshot({**read, **values}, at=self.at, site_s=self.site_s)
        closed = self.ledger.update(snapshot, limited or {})
        self.closed += closed
        return closed

    def later(self, seconds: float, *, jump_s: float = 0.0) -> Run:
        """Time passes; with `jump_s` the calendar moves by more, or less, than that."""
        self.site_s += seconds
        self.at += timedelta(seconds=seconds + jump_s)
        return self


@pytest.fixture
def run(park: ParkBuilder) -> Run:
    return Run(park, Ledger(park.site), park.NOON)


def test_what_the_battery_gave_today_goes_to_the_planner(run: Run) -> None:
    for power_kw in (600.0, 600.0, -300.0, -300.0):
        for _ in range(15):
            run.see({"battery": power_kw})
            run.later(60.0)
    used = run.ledger.used(run.at)
    # 29 minutes at 600 kW, and the one in which it turns round with the mean of both, 150 kW
    assert used.day_discharged_kwh["battery"] == pytest.approx(29 * 10.0 + 2.5)
    assert used.day_since == run.park.NOON


# -- energy and money --------------------------------------------------------------------------------


def test_a_quarter_of_an_hour_at_1000_kw(run: Run) -> None:
    values = {"grid": 1000.0, "hall_1": 600.0, "hall_2": 400.0}
    for _ in range(15):
        assert run.see(values) == []
        run.later(60.0)
    (interval,) = run.see(values)
    assert interval.start == run.park.NOON
    assert interval.covered_s == pytest.approx(900.0)
    assert interval.import_kwh == pytest.approx(250.0)
    assert interval.export_kwh == 0.0
    assert interval.energy_kwh["hall_1"] == pytest.approx(150.0)
    assert interval.energy_kwh["grid"] == pytest.approx(250.0)
    assert interval.peak_kw == pytest.approx(1000.0)
    assert interval.bill.import_price == pytest.approx(VALLEY)
    assert interval.bill.cost["import"] == pytest.approx(250.0 * VALLEY)
    assert interval.bill.cost["demand"] == 0.0  # below the floor of 1200 kW that is paid in any case
    assert interval.bill.co2_kg == pytest.approx(250.0 * 0.4974)
    assert interval.tce == pytest.approx(250.0 * 0.1229 / 1000)
    assert interval.mean_kw["hall_1"] == pytest.approx(600.0)
    assert run.ledger.running_start == run.park.NOON + INTERVAL


def test_power_between_two_snapshots_is_their_mean(run: Run) -> None:
    run.see({"grid": 0.0})
    run.later(600.0).see({"grid": 600.0})
    (interval,) = run.later(300.0).see({"grid": 600.0})
    assert interval.import_kwh == pytest.approx(50.0 + 50.0)


def test_export_is_revenue_and_lowers_the_coal_equivalent(run: Run) -> None:
    run.see({"grid": -400.0})
    (interval,) = run.later(900.0).see({"grid": -400.0})
    assert (interval.import_kwh, interval.export_kwh) == (0.0, pytest.approx(100.0))
    assert interval.energy_kwh["grid"] == pytest.approx(-100.0)
    assert interval.bill.cost["export"] == pytest.approx(-100.0 * 0.4153)
    assert interval.tce == pytest.approx(-100.0 * 0.1229 / 1000)
    assert interval.peak_kw == 0.0


def test_a_boilers_heat_is_gas(run: Run) -> None:
    run.see({"boiler": 940.0})
    (interval,) = run.later(900.0).see({"boiler": 940.0})
    assert interval.energy_kwh["boiler"] == pytest.approx(235.0)
    assert interval.gas_kwh == pytest.approx(250.0)
    assert interval.bill.cost["gas"] == pytest.approx(250.0 * 0.333)
    assert interval.bill.co2_kg == pytest.approx(250.0 * 0.1999)
    assert interval.tce == pytest.approx(250.0 * 0.1229 / 1000)


def test_a_step_across_the_boundary_is_split_there(run: Run) -> None:
    run.later(890.0).see({"grid": 900.0})
    # 10 s before to 10 s after the quarter: 5 kWh, half of it on each side
    (interval,) = run.later(20.0).see({"grid": 900.0})
    assert (interval.import_kwh, interval.covered_s) == (pytest.approx(2.5), pytest.approx(10.0))
    (interval,) = run.later(890.0).see({"grid": 900.0})
    assert interval.start == run.park.NOON + INTERVAL
    assert (interval.import_kwh, interval.covered_s) == (pytest.approx(225.0), pytest.approx(900.0))


def test_a_long_step_closes_every_interval_it_crosses(run: Run) -> None:
    run.later(600.0).see({"grid": 600.0})
    closed = run.later(2400.0).see({"grid": 600.0})
    # 12:10 to 12:50: 5, 15 and 15 minutes are closed, 5 are left
    assert [interval.start for interval in closed] == [run.park.NOON + k * INTERVAL for k in range(3)]
    assert [interval.import_kwh for interval in closed] == pytest.approx([50.0, 150.0, 150.0])
    assert [interval.peak_kw for interval in closed] == pytest.approx([200.0, 600.0, 600.0])
    assert run.ledger.total_kwh["grid"] == pytest.approx(400.0)


def test_what_lies_more_than_an_hour_apart_is_not_joined(run: Run) -> None:
    run.see({"grid": 600.0})
    closed = run.later(3601.0).see({"grid": 600.0})
    assert [(interval.import_kwh, interval.covered_s) for interval in closed] == [(0.0, 0.0)] * 4


def test_what_was_not_measured_is_not_added(run: Run) -> None:
    run.see({"grid": 600.0, "hall_1": 400.0})
    run.later(450.0).see({"grid": 600.0, "hall_1": 400.0})
    run.later(1.0).see({"grid": 600.0, "hall_1": None})
    run.later(448.0).see({"grid": 600.0, "hall_1": None})
    (interval,) = run.later(1.0).see({"grid": 600.0, "hall_1": 400.0})
    # one lost second on either side is taken from the value next to it
    assert interval.energy_kwh["hall_1"] == pytest.approx(400.0 * 452.0 / 3600)
    # and the mean is that of the time it was measured in, not of the whole interval
    assert interval.mean_kw["hall_1"] == pytest.approx(400.0)


def test_curtailed_energy_is_what_a_limit_held_back(run: Run) -> None:
    values = {"pv_a": 300.0, "pv_b": 100.0}
    run.see(values)
    (interval,) = run.later(900.0).see(values, limited={"pv_a": 700.0})
    assert interval.curtailed_kwh == pytest.approx(100.0)
    assert interval.energy_kwh["pv_a"] == pytest.approx(75.0)
    # a forecast must not learn from what a limit made
    assert interval.mean_kw["pv_a"] is None
    assert interval.mean_kw["pv_b"] == pytest.approx(100.0)


def test_forecasts_learn_nothing_from_less_than_half_an_interval(run: Run) -> None:
    values = {"hall_1": 500.0, "heat_pump.outdoor_degc": 12.0}
    run.later(451.0).see(values)
    (interval,) = run.later(449.0).see(values)
    assert interval.mean_kw == {}
    run.later(450.0).see(values)
    (interval,) = run.later(450.0).see(values)
    assert interval.mean_kw["hall_1"] == pytest.approx(500.0)
    assert interval.mean_kw["outdoor_degc"] == pytest.approx(12.0)


# -- the meter's counters ----------------------------------------------------------------------------


def test_the_meters_counters_are_believed_before_the_integral(run: Run) -> None:
    run.see({"grid": 1000.0}, counters=(5000.0, 70.0))
    (interval,) = run.later(900.0).see({"grid": 1000.0}, counters=(5248.0, 73.0))
    assert (interval.import_kwh, interval.export_kwh) == (248.0, 3.0)
    assert interval.energy_kwh["grid"] == 245.0


@pytest.mark.parametrize("after_kwh", [0.0, 4999.0, 5_000_000.0])
def test_a_counter_that_was_reset_or_leaps_is_not_believed_but_goes_on_from_there(run: Run, after_kwh: float) -> None:
    run.see({"grid": 1000.0}, counters=(5000.0, 0.0))
    run.later(450.0).see({"grid": 1000.0}, counters=(after_kwh, 0.0))
    (interval,) = run.later(450.0).see({"grid": 1000.0}, counters=(after_kwh + 124.0, 0.0))
    assert interval.import_kwh == pytest.approx(125.0 + 124.0)


def test_where_a_counter_cannot_be_read_power_is_integrated_and_nothing_counts_twice(run: Run) -> None:
    run.see({"grid": 1000.0}, counters=(5000.0, 0.0))
    run.later(300.0).see({"grid": 1000.0}, counters=(5083.0, 0.0))
    run.later(300.0).see({"grid": 1000.0})
    run.later(150.0).see({"grid": 1000.0}, counters=(5208.0, 0.0))
    (interval,) = run.later(150.0).see({"grid": 1000.0}, counters=(5250.0, 0.0))
    assert interval.import_kwh == pytest.approx(83.0 + 1000.0 * 450 / 3600 + 42.0)


def restarted(run: Run, away_s: float) -> Run:
    """The same ledger in a new process after some time, by way of what the state file keeps."""
    saved = run.ledger.saved_interval()
    assert saved is not None
    ledger = Ledger(run.park.site)
    ledger.restore(
        run.ledger.month,
        run.ledger.saved_peak_kw,
        SavedInterval.model_validate_json(saved.model_dump_json()),
        run.ledger.saved_counters_kwh,
    )
    # the clock of the physics begins anew
    return Run(run.park, ledger, run.at + timedelta(seconds=away_s))


def test_a_restart_within_an_interval_completes_it_from_the_counters(run: Run) -> None:
    run.see({"grid": 600.0, "hall_1": 300.0}, counters=(5000.0, 0.0))
    run.later(300.0).see({"grid": 600.0, "hall_1": 300.0}, counters=(5050.0, 0.0))
    again = restarted(run, 120.0)
    again.see({"grid": 600.0, "hall_1": 300.0}, counters=(5070.0, 0.0))
    (interval,) = again.later(480.0).see({"grid": 600.0, "hall_1": 300.0}, counters=(5150.0, 0.0))
    assert interval.start == run.park.NOON
    assert interval.import_kwh == pytest.approx(150.0)
    assert interval.covered_s == pytest.approx(780.0)
    assert interval.energy_kwh["hall_1"] == pytest.approx(65.0)  # nobody measured it in the 120 s
    assert interval.mean_kw["hall_1"] == pytest.approx(300.0)


def test_a_restart_over_a_boundary_makes_no_peak_that_never_was(run: Run) -> None:
    run.see({"grid": 2000.0}, counters=(5000.0, 0.0))
    run.later(300.0).see({"grid": 2000.0}, counters=(5000.0 + 500.0 / 3, 0.0))
    # away from 12:05 to 12:25, always at 2000 kW
    again = restarted(run, 1200.0)
    (interval,) = again.see({"grid": 2000.0}, counters=(5000.0 + 2500.0 / 3, 0.0))
    assert interval.peak_kw == pytest.approx(2000.0)
    (interval,) = again.later(300.0).see({"grid": 2000.0}, counters=(6000.0, 0.0))
    assert interval.peak_kw == pytest.approx(2000.0)
    assert again.ledger.month_peak_kw == pytest.approx(2000.0)


def test_intervals_without_the_controller_are_closed_from_the_counters(run: Run) -> None:
    run.see({"grid": 1000.0}, counters=(5000.0, 0.0))
    run.later(300.0).see({"grid": 1000.0}, counters=(5080.0, 0.0))
    # away from 12:05 to 14:05: 1000 kWh in two hours
    again = restarted(run, 7200.0)
    closed = again.see({"grid": 1000.0}, counters=(6080.0, 0.0))
    assert [interval.start for interval in closed] == [run.park.NOON + k * INTERVAL for k in range(8)]
    assert [interval.import_kwh for interval in closed] == pytest.approx([80.0 + 1000 / 12, *[125.0] * 7])
    assert [interval.covered_s for interval in closed] == pytest.approx([300.0, *[0.0] * 7])
    assert all(interval.mean_kw == {} for interval in closed)


def test_after_more_than_a_week_nobody_knows_whose_energy_it_was(run: Run) -> None:
    run.see({"grid": 1000.0}, counters=(5000.0, 0.0))
    again = restarted(run, 8 * 24 * 3600.0)
    (interval,) = again.see({"grid": 1000.0}, counters=(5600.0, 0.0))
    assert interval.import_kwh == 0.0
    assert again.ledger.running_start == run.park.NOON + timedelta(days=8)
    (interval,) = again.later(900.0).see({"grid": 1000.0}, counters=(5850.0, 0.0))
    assert interval.import_kwh == pytest.approx(250.0)


def test_a_calendar_that_went_back_while_away_opens_no_closed_interval(run: Run) -> None:
    run.see({"grid": 1000.0}, counters=(5000.0, 0.0))
    again = restarted(run, -1800.0)
    assert again.see({"grid": 1000.0}, counters=(5010.0, 0.0)) == []
    assert again.ledger.running_start == run.park.NOON


def test_totals_begin_with_the_process(run: Run) -> None:
    run.see({"grid": 600.0}, counters=(5000.0, 0.0))
    again = restarted(run, 120.0)
    again.see({"grid": 600.0}, counters=(5020.0, 0.0))
    again.later(60.0).see({"grid": 600.0}, counters=(5030.0, 0.0))
    assert again.ledger.total_kwh["grid"] == 10.0


# -- the month's peak --------------------------------------------------------------------------------


def at_power(run: Run, grid_kw: float) -> Interval:
    """One whole interval at a constant power."""
    run.see({"grid": grid_kw})
    (interval,) = run.later(900.0).see({"grid": grid_kw})
    return interval


def test_only_what_lifts_the_months_peak_is_paid(run: Run) -> None:
    assert run.ledger.month_peak_kw == 1200.0  # the floor
    assert at_power(run, 1000.0).bill.cost["demand"] == 0.0
    assert at_power(run, 1500.0).bill.cost["demand"] == pytest.approx(300.0 * 48.0)
    assert at_power(run, 1400.0).bill.cost["demand"] == 0.0
    assert at_power(run, 1600.0).bill.cost["demand"] == pytest.approx(100.0 * 48.0)
    assert run.ledger.month_peak_kw == pytest.approx(1600.0)
    assert run.ledger.month == "2026-10"


def test_a_new_month_begins_with_its_floor_at_local_midnight(park: ParkBuilder) -> None:
    # 2026-11-01 00:00 in Hangzhou is 16:00 UTC of the day before
    run = Run(park, Ledger(park.site), datetime(2026, 10, 31, 15, 45, tzinfo=park.NOON.tzinfo))
    interval = at_power(run, 2000.0)
    assert interval.bill.cost["demand"] == pytest.approx(800.0 * 48.0)
    # known from the first second of the new month on: the plan for its first interval needs it
    assert (run.ledger.month, run.ledger.month_peak_kw) == ("2026-11", 1200.0)
    assert at_power(run, 1300.0).bill.cost["demand"] == pytest.approx(100.0 * 48.0)


def test_the_peak_comes_back_after_a_restart_in_the_same_month_only(run: Run) -> None:
    at_power(run, 1800.0)
    assert restarted(run, 60.0).ledger.month_peak_kw == pytest.approx(1800.0)
    november = restarted(run, 20 * 24 * 3600.0)
    november.see({"grid": 100.0})
    assert (november.ledger.month, november.ledger.month_peak_kw) == ("2026-11", 1200.0)


# -- clocks ------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_loses_and_doubles_nothing(run: Run) -> None:
    run.see({"grid": 3600.0})
    run.later(300.0).see({"grid": 3600.0})
    # at 12:05 the calendar leaps to 14:05 within a second, in which 1 kWh flows
    (interval,) = run.later(1.0, jump_s=7200.0).see({"grid": 3600.0})
    assert interval.start == run.park.NOON
    assert interval.import_kwh == pytest.approx(300.0 + 600 / 7201)
    assert run.ledger.running_start == run.park.NOON + timedelta(hours=2)
    (after,) = run.later(599.0).see({"grid": 3600.0})
    assert after.start == run.park.NOON + timedelta(hours=2)
    assert interval.import_kwh + after.import_kwh == pytest.approx(900.0)


def test_a_clock_that_goes_back_loses_and_doubles_nothing(run: Run) -> None:
    run.later(300.0).see({"grid": 3600.0})
    run.later(600.0).see({"grid": 3600.0})
    assert [interval.start for interval in run.closed] == [run.park.NOON]
    # at 12:15 the calendar goes back to 12:05: the running interval waits until its end comes again
    run.later(0.0, jump_s=-600.0)
    for _ in range(24):
        assert run.see({"grid": 3600.0}) == []
        run.later(50.0)
    (interval,) = run.later(300.0).see({"grid": 3600.0})
    assert interval.start == run.park.NOON + INTERVAL
    assert interval.import_kwh == pytest.approx(1500.0)
    assert interval.covered_s == pytest.approx(1500.0)
    # it is longer than an interval, and its peak is the mean over all of it
    assert interval.peak_kw == pytest.approx(3600.0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.5, 1.0, 60.0, 400.0, 1000.0]),
        st.sampled_from([0.0, 0.0, 0.0, -3.0, 1.0, 1000.0, 40_000.0, -900.0, -5000.0]),
        st.floats(-900, 2900),
        st.floats(0, 1000),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_energies_add_up_again_however_the_clock_jumps(
    park: ParkBuilder, steps: list[tuple[float, float, float, float]]
) -> None:
    run = Run(park, Ledger(park.site), park.NOON)
    run.see({"grid": 0.0, "hall_1": 0.0})
    by_hand = {"grid": 0.0, "hall_1": 0.0}
    before = {"grid": 0.0, "hall_1": 0.0}
    for passed_s, jump_s, grid_kw, hall_kw in steps:
        now = {"grid": grid_kw, "hall_1": hall_kw}
        run.later(passed_s, jump_s=jump_s).see(now)
        for name in by_hand:
            by_hand[name] += (before[name] + now[name]) / 2 * passed_s / 3600
        before = now
    left = run.ledger.saved_interval()
    assert left is not None
    for name, energy_kwh in by_hand.items():
        added = sum(interval.energy_kwh.get(name, 0.0) for interval in run.closed) + left.energy_kwh.get(name, 0.0)
        assert added == pytest.approx(energy_kwh, abs=1e-6)
        assert run.ledger.total_kwh[name] == pytest.approx(energy_kwh, abs=1e-6)
    covered_s = sum(interval.covered_s for interval in run.closed) + left.covered_s
    assert covered_s == pytest.approx(sum(step[0] for step in steps))
    starts = [interval.start for interval in run.closed] + [left.start]
    assert starts == sorted(set(starts))
    assert all(start.timestamp() % 900 == 0 for start in starts)
