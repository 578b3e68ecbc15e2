"""The controller's score on a park of four recorded loads, PV and a battery on spot prices.

    python benchmarks/simbench_park.py [--json] [--jobs N]

Four periods of four weeks, own forecasts only, planned over eight scenarios and their envelope. With and without a
demand charge of 8 per kW of the period's peak, with the means of each interval known when it is decided on (realtime)
and with its expectation only (setpoint). Prices are the German day-ahead market's of 2019, moved to the same weekdays
of 2016. Ends with 1 where a score is below what `WANTED` says.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from zoneinfo import ZoneInfo

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from config.loader import load_site  # noqa: E402 - the path comes first
from config.site import PastDays, Site  # noqa: E402
from dispatch.forecast.history import History  # noqa: E402
from parkgrid.backtesting.case import Case, case_of  # noqa: E402
from parkgrid.backtesting.periods import lived_through  # noqa: E402
from parkgrid.backtesting.runs import CONTROLLER  # noqa: E402
from parkgrid.backtesting.stepwise import Information  # noqa: E402
from parkgrid.backtesting.summing import score_of  # noqa: E402

PARK = ROOT / "benchmarks" / "simbench_park"
STARTS = ("2016-03-01", "2016-06-01", "2016-09-01", "2016-11-01")
LASTS = timedelta(weeks=4)
PRICES_MOVED = timedelta(weeks=156)
"""From 2019 to 2016, by whole weeks."""
DEMAND_PER_KW = 8.0
COLUMNS = {
    "offices": ("load_g1b_kw", 1.0),
    "works": ("load_g3m_kw", 1.0),
    "shops": ("load_g4b_kw", 0.3),
    "workshop": ("load_wbh_kw", 0.3),
    "roof": ("pv3_kw", 1.2),
}
WANTED: dict[tuple[Information, bool], float] = {
    ("realtime", False): 0.985,
    ("setpoint", False): 0.955,
    ("realtime", True): 0.78,
    ("setpoint", True): 0.30,
}
"""By what is known, and whether demand is charged."""


def columns_of(path: Path) -> tuple[list[datetime], dict[str, np.ndarray]]:
    lines = path.read_text("utf-8").splitlines()
    header, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    times = [datetime.fromisoformat(row[0].replace("Z", "+00:00")).astimezone(UTC) for row in rows]
    return times, {key: np.array([float(row[place]) for row in rows]) for place, key in enumerate(header) if place}


def write_prices(folder: Path) -> None:
    times, columns = columns_of(PARK / "day_ahead_price_2019_hourly.csv")
    prices = columns["price_eur_per_mwh"] / 1000.0
    rows = [
        f"{(when - PRICES_MOVED).isoformat()},{price:.5f},{price:.5f}"
        for when, price in zip(times, prices, strict=True)
    ]
    (folder / "spot.csv").write_text("\n".join(["time,import_per_kwh,export_per_kwh", *rows]) + "\n", encoding="utf-8")


def history() -> History:
    times, columns = columns_of(ROOT / "simulators" / "data" / "simbench_2016_15min.csv")
    series = {asset: scale * columns[name] for asset, (name, scale) in COLUMNS.items()}
    return History(start=times[0], step_min=15, series=series)


def cases_of(site: Site, past: History, information: Information, demand: bool) -> list[Case]:
    blind = information == "setpoint"
    scenarios = PastDays()
    if demand:
        scenarios = PastDays(envelope_weight=0.2, lateness=2.0, spread=1.5 if blind else 1.0)
    control = site.control.model_copy(update={"scenarios": scenarios, "chance": blind})
    charge = {"demand_charge_per_kw_month": DEMAND_PER_KW if demand else 0.0}
    changed = replace(
        site,
        file=site.file.model_copy(update={"control": control}),
        tariffs=tuple(tariff.model_copy(update=charge) for tariff in site.tariffs),
    )
    zone = ZoneInfo(site.location.time_zone)
    begins = [datetime.fromisoformat(start).replace(tzinfo=zone).astimezone(UTC) for start in STARTS]
    return [case_of(changed, past, begin, LASTS, seed=1, information=information) for begin in begins]


def told(scores: Sequence[float | None]) -> str:
    return " ".join("     -" if score is None else f"{score:.4f}" for score in scores)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--jobs", type=int, default=2, help="periods at the same time")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copytree(PARK, Path(folder) / "park")
        write_prices(Path(folder) / "park")
        site, past = load_site(Path(folder) / "park" / "park.yaml"), history()
        rows, holds = [], True
        for (information, demand), wanted in WANTED.items():
            began_s = time.perf_counter()
            found = lived_through(cases_of(site, past, information, demand), chosen.jobs)
            whole, each = score_of(found, CONTROLLER), [period.score(CONTROLLER) for period in found]
            rows.append(
                {"information": information, "demand": demand, "score": whole, "periods": each, "wanted": wanted}
            )
            holds = holds and whole is not None and whole >= wanted
            if not chosen.json:
                what = f"{information}, {'with' if demand else 'without'} a demand charge"
                took_s = time.perf_counter() - began_s
                print(
                    f"{what:36} {told([whole])}  (wanted {wanted})  by period {told(each)}  {took_s:.0f} s", flush=True
                )
    print(json.dumps({"scores": rows, "holds": holds}) if chosen.json else "holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
