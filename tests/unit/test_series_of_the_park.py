"""Recorded series: mapped by whole weeks, fluctuating with mean zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import example_site, load_site
from config.site import SeriesSource
from simulators.series import DATA, RecordedSeries, SeriesError, read_record, series_of, wall_clock_s

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def _series(zone: ZoneInfo = SHANGHAI, seed: int = 7) -> RecordedSeries:
    record = read_record(DATA / "simbench_2016_15min.csv", "load_g1b_kw", "Europe/Berlin")
    return RecordedSeries(record, scale=1.0, zone=zone, seed=seed, stream="load.hall")


def _record_time(series: RecordedSeries, when: datetime) -> datetime:
    """The wall-clock time in the record, as a time that only looks like UTC."""
    return datetime.fromtimestamp(float(series.record_time_s(np.array([when.timestamp()]))[0]), UTC)


def test_a_wednesday_in_october_is_a_wednesday_in_october() -> None:
    # 1 Jan 2026 is 3653 days after 1 Jan 2016, 521.86 weeks: 522 weeks back
    placed = _record_time(_series(), datetime(2026, 10, 14, 8, 30, tzinfo=SHANGHAI))
    assert placed == datetime(2016, 10, 12, 8, 30, tzinfo=UTC)


def test_the_wall_clock_counts_on_both_sides() -> None:
    assert wall_clock_s(np.array([0.0]), SHANGHAI) == 8 * 3600
    # 06:45 UTC is 08:45 on a Berlin wall in July; the recorded quarter of an hour before it began at 06:30 UTC
    series = _series(BERLIN)
    placed = _record_time(series, datetime(2026, 7, 15, 6, 45, tzinfo=UTC))
    assert (placed.hour, placed.minute, placed.weekday()) == (8, 45, 2)
    summer = datetime(2016, 7, 13, 6, 37, 30, tzinfo=UTC)  # the middle of a recorded interval
    lines = (DATA / "simbench_2016_15min.csv").read_text(encoding="utf-8").splitlines()
    recorded = next(line for line in lines if line.startswith("2016-07-13T06:30Z"))
    assert series.means(np.array([summer.timestamp()])) == pytest.approx(float(recorded.split(",")[1]))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 12, 31)))  # noqa: DTZ001
def test_any_time_keeps_weekday_clock_and_season(naive: datetime) -> None:
    when = naive.replace(tzinfo=SHANGHAI)
    placed = _record_time(_series(), when)
    assert placed.year == 2016
    assert placed.weekday() == when.weekday()
    shown = when.replace(tzinfo=UTC)
    assert abs(
        (placed - placed.replace(hour=0, minute=0, second=0, microsecond=0))
        - (shown - shown.replace(hour=0, minute=0, second=0, microsecond=0))
    ) < timedelta(seconds=1)
    apart = abs(placed.timetuple().tm_yday - when.timetuple().tm_yday)
    assert min(apart, 366 - apart) <= 7


def test_between_two_middles_it_is_interpolated(tmp_path: Path) -> None:
    rows = [f"{(datetime(2016, 1, 1, tzinfo=UTC) + timedelta(hours=h)).isoformat()},{h % 24}" for h in range(24 * 14)]
    path = tmp_path / "clock.csv"
    path.write_text("\n".join(["time_utc,hour_kw", *rows]), encoding="utf-8")
    record = read_record(path, "hour_kw", "UTC")
    series = RecordedSeries(record, scale=2.0, zone=ZoneInfo("UTC"), seed=1, stream="x")
    ten = datetime(2016, 1, 5, 10, 0, tzinfo=UTC)
    times = np.array([(ten + timedelta(minutes=minutes)).timestamp() for minutes in (30, 60, 75)])
    assert series.means(times) == pytest.approx([20, 21, 21.5])
    # a record of two weeks repeats every two weeks
    assert series.means(times + 14 * 86400 * 30) == pytest.approx([20, 21, 21.5])


def test_the_fluctuation_has_mean_zero_and_two_percent() -> None:
    series = _series()
    start = datetime(2026, 10, 14, 2, 0, tzinfo=UTC).timestamp()
    shares = []
    for interval in range(200):
        times = start + interval * 900 + np.arange(900.0)
        share = series.values(times) / series.means(times) - 1
        assert abs(share.mean()) < 1e-12
        assert np.abs(share).max() < 0.13
        shares.append(share)
    assert np.sqrt(np.mean(np.square(shares))) == pytest.approx(0.02, rel=0.1)


def test_the_same_time_gives_the_same_value_however_it_is_asked() -> None:
    series = _series()
    when = datetime(2026, 10, 14, 2, 3, 4, tzinfo=UTC)
    many = series.values(when.timestamp() + np.arange(-5000.0, 5000.0))
    assert series.value_at(when) == pytest.approx(float(many[5000]), abs=1e-9)
    assert series.value_at(when) != _series(seed=8).value_at(when)


def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path) -> None:
    site = load_site(example_site("demo_park"))
    with pytest.raises(SeriesError, match="no series 'nowhere' for load 'hall_1'; known are heat_2019_hourly"):
        series_of(site, "hall_1", SeriesSource(file="nowhere", column="x", scale=1), 1)
    with pytest.raises(SeriesError, match="has no column 'load_kw'; it has time_utc, heat_kw"):
        read_record(DATA / "heat_2019_hourly.csv", "load_kw", "UTC")
    path = tmp_path / "broken.csv"
    path.write_text("time_utc,load_kw\n2026-01-01T00:00Z,1\n2026-01-01T01:00Z,many\n", encoding="utf-8")
    with pytest.raises(SeriesError, match=r"broken\.csv:3: could not convert"):
        read_record(path, "load_kw", "UTC")
    path.write_text("time_utc,load_kw\n2026-01-01T00:00Z,1\n2026-01-01T01:00Z,2\n", encoding="utf-8")
    with pytest.raises(SeriesError, match="over a week or more"):
        read_record(path, "load_kw", "Europe/Paris")


def test_the_shipped_records_are_complete() -> None:
    simbench = {
        column: read_record(DATA / "simbench_2016_15min.csv", column, "Europe/Berlin")
        for column in ("load_g1b_kw", "load_g3m_kw", "load_g3h_kw", "load_g4b_kw", "wp7_kw")
    }
    assert {column: round(float(record.values.max()), -1) for column, record in simbench.items()} == {
        "load_g1b_kw": 450,
        "load_g3m_kw": 450,
        "load_g3h_kw": 1000,
        "load_g4b_kw": 1450,
        "wp7_kw": 990,
    }
    assert all(float(record.values.min()) >= 0 for record in simbench.values())
    heat = read_record(DATA / "heat_2019_hourly.csv", "heat_kw", "Europe/Berlin")
    assert (heat.step_s, float(heat.values.max())) == (3600, 20000)
