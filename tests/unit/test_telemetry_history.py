"""Interval means: stored, loaded on a grid with gaps, imported from CSV with every fault named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controller.telemetry.history import SeriesStore
from controller.telemetry.history_file import BadHistory

START = datetime(2026, 10, 14, tzinfo=UTC)
STEP = timedelta(minutes=15)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SeriesStore]:
    store = SeriesStore(tmp_path / "history.sqlite")
    yield store
    store.close()


def test_means_come_back_on_the_grid_with_gaps_as_nan(store: SeriesStore) -> None:
    for step, value in enumerate([10.0, None, 30.0, float("nan")]):
        store.add("load", START + step * STEP, value)
    start, series = store.load(["load", "pv"], START + timedelta(hours=1), 1, 15)
    assert start == START - timedelta(hours=23)
    assert series["load"].shape == (96,)
    np.testing.assert_array_equal(series["load"][-4:], [10.0, np.nan, 30.0, np.nan])
    assert np.isnan(series["load"][:-4]).all()
    assert np.isnan(series["pv"]).all()


def test_the_grid_ends_before_the_running_interval(store: SeriesStore) -> None:
    store.add("load", START, 10.0)
    store.add("load", START + STEP, 20.0)
    start, series = store.load(["load"], START + STEP + timedelta(minutes=3), 1, 15)
    assert start == START + STEP - timedelta(days=1)
    assert series["load"][-1] == 10.0


def test_a_later_mean_replaces_and_a_gap_does_not(store: SeriesStore) -> None:
    store.add_many([("load", START, 1.0), ("load", START, 2.0), ("load", START, None)])
    assert store.load(["load"], START + STEP, 1, 15)[1]["load"][-1] == 2.0


def test_a_finer_series_is_averaged_and_a_coarser_one_leaves_gaps(store: SeriesStore) -> None:
    store.add_many(("five", START + step * timedelta(minutes=5), float(step)) for step in range(6))
    store.add("hour", START, 7.0)
    _, series = store.load(["five", "hour"], START + 2 * STEP, 1, 15)
    np.testing.assert_array_equal(series["five"][-2:], [1.0, 4.0])
    np.testing.assert_array_equal(series["hour"][-2:], [7.0, np.nan])


def test_a_step_must_divide_the_day(store: SeriesStore) -> None:
    with pytest.raises(ValueError, match="7 min"):
        store.load(["load"], START, 1, 7)


def test_means_survive_closing(tmp_path: Path) -> None:
    for _ in range(2):
        store = SeriesStore(tmp_path / "h.sqlite")
        store.add("load", START, 5.0)
        store.close()
    store = SeriesStore(tmp_path / "h.sqlite")
    assert store.load(["load"], START + STEP, 1, 15)[1]["load"][-1] == 5.0
    store.close()


def test_a_damaged_file_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    path.write_bytes(b"\x00rubbish" * 1000)
    store = SeriesStore(path)
    store.add("load", START, 5.0)
    assert "moved to" in store.warnings[0]
    store.close()


def test_a_csv_file_is_taken_over_and_every_fault_named(store: SeriesStore, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(
        "time_utc,hall_kw,heat_kw\n"
        "2026-10-14T00:00Z,100,5.5\n"
        "2026-10-14T00:15:00+00:00,,6\n"  # a gap
        "2026-10-14T08:30+08:00,300,nan\n"  # 00:30 UTC, a gap
        "2026-10-14 00:45:00,400,8\n"  # without offset: UTC, as the column says
        "2026-10-14T00:15Z,999,999\n"  # again
        "yesterday,1,2\n"
        "2026-10-14T01:00Z,many,9\n"
        "2026-10-14T01:15Z,1\n"
        "2026-10-14T01:30:10Z,1,2\n"
        "\n"
        "2026-10-14T01:45Z,inf,10\n"
    )
    imported = store.import_file(path)
    assert imported.series == ("hall_kw", "heat_kw")
    assert imported.intervals == 6
    assert imported.gaps == 4
    assert imported.faulty == 6
    assert imported.faults == (
        "line 6: 2026-10-14T00:15Z was already in line 3",
        "line 7: 'yesterday' is not a time in ISO 8601",
        "line 8: hall_kw is 'many', not a number",
        "line 9: 2 columns instead of 3",
        "line 10: '2026-10-14T01:30:10Z' is not the start of an interval",
        "line 12: hall_kw is 'inf', not finite",
    )
    _, series = store.load(["hall_kw", "heat_kw"], START + timedelta(hours=2), 1, 15)
    nan = np.nan
    np.testing.assert_array_equal(series["hall_kw"][-8:], [100, nan, 300, 400, nan, nan, nan, nan])
    np.testing.assert_array_equal(series["heat_kw"][-8:], [5.5, 6, nan, 8, 9, nan, nan, 10])


@pytest.mark.parametrize("as_index", [False, True])
def test_a_parquet_file_is_taken_over_and_every_fault_named(store: SeriesStore, tmp_path: Path, as_index: bool) -> None:
    """Timestamps of any zone, or none, which is UTC."""
    path, zone = tmp_path / "measured.parquet", None if as_index else "Asia/Shanghai"
    quarters = pd.date_range("2026-10-14 00:00", periods=4, freq="15min", tz="UTC").tz_convert(zone)
    times = [*quarters, quarters[1], quarters[3] + pd.Timedelta(seconds=10)]
    values = {"hall_kw": [100.0, None, 300.0, np.inf, 999.0, 1.0], "heat_kw": [5, 6, 7, 8, 9, 10]}
    frame = pd.DataFrame({"time_utc": times, **values})
    (frame.set_index("time_utc") if as_index else frame).to_parquet(path)
    imported = store.import_file(path)
    assert (imported.series, imported.intervals, imported.gaps) == (("hall_kw", "heat_kw"), 4, 2)
    stamp = str(times[5])
    assert imported.faults == (
        "row 4: hall_kw is 'inf', not finite",
        "row 5: 2026-10-14T00:15Z was already in row 2",
        f"row 6: {stamp!r} is not the start of an interval",
    )
    _, series = store.load(["hall_kw", "heat_kw"], START + timedelta(hours=1), 1, 15)
    np.testing.assert_array_equal(series["hall_kw"][-4:], [100, np.nan, 300, np.nan])
    np.testing.assert_array_equal(series["heat_kw"][-4:], [5, 6, 7, 8])


def test_a_file_that_is_no_parquet_is_refused(store: SeriesStore, tmp_path: Path) -> None:
    path = tmp_path / "measured.parquet"
    path.write_bytes(b"time_utc,load_kw\n")
    with pytest.raises(BadHistory, match=r"measured\.parquet"):
        store.import_file(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "needs one column time_utc"),
        (b"time,load_kw\n", "needs one column time_utc"),
        (b"time_utc\n", "needs one column time_utc"),
        (b"time_utc,load_kw,load_kw\n", "needs one column time_utc"),
        (b"time_utc,load_kw,\n", "needs one column time_utc"),
        (b"time_utc,load_kw\n\xff\xfe\n", "codec"),
        (b'time_utc,load_kw\n"2026', "end of data"),
    ],
)
def test_a_file_that_is_no_history_is_refused(
    store: SeriesStore, tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(BadHistory, match=complaint):
        store.import_file(path)


def test_a_file_that_is_not_there_is_refused(store: SeriesStore, tmp_path: Path) -> None:
    with pytest.raises(BadHistory, match=r"nowhere\.csv"):
        store.import_file(tmp_path / "nowhere.csv")


def test_local_times_are_turned_to_utc(store: SeriesStore) -> None:
    there = START.astimezone(timezone(timedelta(hours=8)))
    store.add("load", there, 3.0)
    start, series = store.load(["load"], there + STEP, 1, 15)
    assert start.tzinfo is UTC
    assert series["load"][-1] == 3.0
