"""Series from a CSV file, for the demo park: intervals of 15 min, local time eight hours ahead of UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from config.site import Site
from parkgrid.refusal import Refused
from parkgrid.series_file import SeriesFile, over_horizon, read_series

START = datetime(2026, 10, 14, tzinfo=UTC)
Read = Callable[..., SeriesFile]


@pytest.fixture
def read(tmp_path: Path, demo_site: Site) -> Read:
    """Reads lines under a header, ``time_utc,hall_1`` if not given."""

    def reads(*lines: str, header: str = "time_utc,hall_1") -> SeriesFile:
        path = tmp_path / "series.csv"
        path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
        return read_series(path, demo_site)

    return reads


def every(step_min: int, count: int, *, start: datetime = START, without: int | None = None) -> list[str]:
    """Rows with the values 0, 1, 2 ..."""
    rows = [f"{start + timedelta(minutes=step_min * row):%Y-%m-%dT%H:%MZ},{row}" for row in range(count)]
    return [row for number, row in enumerate(rows) if number != without]


def refusal(read: Read, *lines: str, header: str = "time_utc,hall_1") -> str:
    with pytest.raises(Refused) as refused:
        read(*lines, header=header)
    return str(refused.value)


def test_rows_as_long_as_the_intervals_are_taken_as_they_are(read: Read, demo_site: Site) -> None:
    given = over_horizon(read(*every(15, 100)), demo_site, START + timedelta(hours=1))
    assert given["hall_1"].tolist() == list(range(4, 100))


def test_hours_hold_for_their_four_intervals_also_from_the_middle_of_one(read: Read, demo_site: Site) -> None:
    file = read(*every(60, 25))
    assert over_horizon(file, demo_site, START)["hall_1"][:5].tolist() == [0, 0, 0, 0, 1]
    assert over_horizon(file, demo_site, START + timedelta(minutes=30))["hall_1"][:3].tolist() == [0, 0, 1]


def test_five_minutes_are_averaged(read: Read, demo_site: Site) -> None:
    given = over_horizon(read(*every(5, 24 * 12)), demo_site, START)
    assert given["hall_1"][:3].tolist() == [1.0, 4.0, 7.0]


def test_a_gap_within_the_horizon_is_refused_with_name_and_time(read: Read, demo_site: Site) -> None:
    file = read(*every(60, 26, without=10))
    with pytest.raises(Refused, match=r"hall_1: no value for 2026-10-14T10:00Z \(Wed 18:00 in Asia/Shanghai\), 1 h"):
        over_horizon(file, demo_site, START)
    late = START + timedelta(hours=11)
    with pytest.raises(Refused, match=r"no value for 2026-10-15T02:00Z .*, 9 h are missing"):
        over_horizon(file, demo_site, late)


def test_a_missing_five_minutes_is_a_gap_too(read: Read, demo_site: Site) -> None:
    with pytest.raises(Refused, match=r"no value for 2026-10-14T01:10Z"):
        over_horizon(read(*every(5, 24 * 12, without=14)), demo_site, START)


def test_columns_with_the_same_gap_share_a_line(read: Read, demo_site: Site) -> None:
    rows = [f"{row},{row.split(',')[1]}" for row in every(60, 24)]
    rows[3] = rows[3].split(",")[0] + ",,"
    file = read(*rows, header="time_utc,hall_1,hall_2")
    with pytest.raises(Refused) as refused:
        over_horizon(file, demo_site, START)
    assert len(str(refused.value).splitlines()) == 1
    assert "hall_1, hall_2: no value for 2026-10-14T03:00Z" in str(refused.value)


def test_outside_of_the_horizon_a_gap_does_not_matter(read: Read, demo_site: Site) -> None:
    file = read(*every(60, 26, without=0))
    assert file.start == START + timedelta(hours=1)
    assert np.isfinite(over_horizon(file, demo_site, file.start)["hall_1"]).all()


def test_unknown_columns_and_faults_are_all_named(read: Read) -> None:
    said = refusal(read, "2026-10-14T00:00Z,1,2", "soon,1,2", "2026-10-14T00:15Z,x,2", header="time_utc,hal_1,battery")
    lines = said.splitlines()
    assert [line.split("series.csv: ")[1] for line in lines] == [
        "line 1: there is no series 'hal_1'; did you mean 'hall_1'?",
        "line 1: there is no series 'battery'; known are hall_1, hall_2, heat_demand, outdoor_degc, pv_a, pv_b, wind",
        "line 3: 'soon' is not a time in ISO 8601",
        "line 4: hal_1 is 'x', not a number",
    ]


def test_after_twenty_faults_the_rest_is_counted(read: Read) -> None:
    lines = refusal(read, *(f"2026-10-{day:02}T00:00Z,x" for day in range(1, 31))).splitlines()
    assert len(lines) == 21
    assert lines[-1].endswith("series.csv: and 10 more")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["2026-10-14T00:00Z,"], "there is no value in it"),
        ([*every(15, 4), "2026-10-14T01:07Z,3"], "2026-10-14T01:07Z is not on the file's grid of 15 min"),
        (every(7, 4), "rows of 7 min do not fit planning intervals of 15 min"),
        (every(15, 4, start=START + timedelta(minutes=4)), "2026-10-14T00:04Z, is not on the grid of 15 min"),
        ([*every(15, 4), "2062-10-14T00:00Z,3"], "is a year mistyped?"),
        (["2026-10-14T00:00Z,-3"], "hall_1 is -3 for 2026-10-14T00:00Z: it is never negative"),
    ],
)
def test_what_makes_no_series_is_refused(read: Read, rows: list[str], words: str) -> None:
    assert words in refusal(read, *rows)


def test_kelvin_is_no_outdoor_temperature(read: Read) -> None:
    assert read("2026-10-14T00:00Z,-12.5", header="time_utc,outdoor_degc").history.series["outdoor_degc"] == [-12.5]
    assert "between -90 and 60 degC" in refusal(read, "2026-10-14T00:00Z,285", header="time_utc,outdoor_degc")


def test_a_missing_file_is_refused(demo_site: Site) -> None:
    with pytest.raises(Refused, match=r"there is no file nowhere\.csv"):
        read_series(Path("nowhere.csv"), demo_site)
