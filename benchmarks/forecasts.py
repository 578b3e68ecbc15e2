"""Day-ahead error of the load forecasts on recorded series, against the ways that others would take.

    python benchmarks/forecasts.py [--json]

Rolling origin at local midnight over the second half of a year, no weather: what was learned is learned anew every week
from all days before, as the planner does it. Mean absolute error in percent of the mean. `PUBLISHED` are the best of
five ways that were measured on the same series over the same days (yesterday, last week, level-corrected weekday mean,
ridge, gradient boosting). Ends with 1 where the forecast is worse than that, or than yesterday or last week.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.calendar import SiteCalendar  # noqa: E402 - the path comes first
from dispatch.forecast.daily import SIMPLE, Days  # noqa: E402
from dispatch.forecast.days import LocalDays  # noqa: E402
from dispatch.forecast.learned import learned  # noqa: E402

DATA = ROOT / "simulators" / "data"
SIMBENCH, STEEL, HEAT = "simbench_2016_15min", "steel_2018_15min", "heat_2019_hourly"
PARK = {"load_g1b_kw": 1.0, "load_g3m_kw": 1.0, "load_g4b_kw": 0.3, "load_wbh_kw": 0.3}
SERIES = {
    "park of four loads": (SIMBENCH, PARK),
    "G3-M continuous": (SIMBENCH, {"load_g3m_kw": 1.0}),
    "G4-B": (SIMBENCH, {"load_g4b_kw": 1.0}),
    "G1-B": (SIMBENCH, {"load_g1b_kw": 1.0}),
    "steel plant": (STEEL, {"load_kw": 1.0}),
    "heat demand": (HEAT, {"heat_kw": 1.0}),
}
PUBLISHED = {
    "park of four loads": 7.9,
    "G3-M continuous": 8.9,
    "G4-B": 16.0,
    "G1-B": 18.9,
    "steel plant": 39.9,
    "heat demand": 8.8,
}
FIRST_DAY = 181
LEARNS_EVERY = 7
ZONES = {SIMBENCH: "Etc/GMT-1", STEEL: "Asia/Seoul", HEAT: "Etc/GMT-1"}
"""Central European time without summer time, as the published errors were measured."""


def read(file: str, columns: dict[str, float]) -> tuple[datetime, int, np.ndarray]:
    """Start, minutes per row, and the weighted sum of columns."""
    lines = (DATA / f"{file}.csv").read_text("utf-8").splitlines()
    header = lines[0].split(",")
    rows = [line.split(",") for line in lines[1:]]
    starts = [datetime.fromisoformat(row[0].replace("Z", "+00:00")).astimezone(UTC) for row in rows[:2]]
    values = np.zeros(len(rows))
    for name, weight in columns.items():
        values += weight * np.array([float(row[header.index(name)]) for row in rows])
    return starts[0], round((starts[1] - starts[0]) / timedelta(minutes=1)), values


def measured(file: str, columns: dict[str, float]) -> tuple[dict[str, float], str]:
    """Errors by way in percent of the mean, and the way that was chosen in the end."""
    start, step_min, values = read(file, columns)
    local = LocalDays(ZoneInfo(ZONES[file]), step_min, SiteCalendar())
    first, rows = local.matrix(start, values)
    whole = np.flatnonzero(np.isfinite(rows).all(axis=1))
    first, rows = first + int(whole[0]), rows[whole[0] : whole[-1] + 1]
    like, off = local.types(first, len(rows))
    days, known = Days(rows, like, off), np.ones(rows.shape, dtype=bool)
    errors: dict[str, list[float]] = {name: [] for name in (*SIMPLE, "parkgrid")}
    taught = None
    for day in range(FIRST_DAY, len(rows)):
        if taught is None or (day - FIRST_DAY) % LEARNS_EVERY == 0:
            taught = learned(days, day, known)
        for name, way in SIMPLE.items():
            errors[name].append(float(np.abs(way(days, day) - rows[day]).mean()))
        errors["parkgrid"].append(float(np.abs(taught.day(days, day) - rows[day]).mean()))
    assert taught is not None
    mean = float(rows[FIRST_DAY:].mean())
    return {name: 100.0 * float(np.mean(found)) / mean for name, found in errors.items()}, taught.way


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    table, holds = {}, True
    for name, (file, columns) in SERIES.items():
        errors, way = measured(file, columns)
        table[name] = {**errors, "published": PUBLISHED[name], "way": way}
        holds = holds and errors["parkgrid"] <= min(PUBLISHED[name], errors["yesterday"], errors["last week"])
    if as_json:
        print(json.dumps({"errors_percent": table, "holds": holds}))
        return 0 if holds else 1
    names = [*SIMPLE, "parkgrid", "published"]
    print(f"{'':20}" + "".join(f"{name:>18}" for name in names))
    for name, row in table.items():
        print(f"{name:20}" + "".join(f"{row[column]:>18.2f}" for column in names) + f"  {row['way']}")
    print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
