"""Plans of ten thousand random parks and situations, by solver and by rules, each held against the plan checker.

    python benchmarks/random_parks.py [--count 10000] [--from SEED] [--processes N] [--units | --site NAME] [--json]

A seed draws a park of any kinds of assets with five situations (`tests/plugins/drawn_parks.py`). What fails is printed
with its seed, and can be had again: `--from SEED --count 5`. A run that was stopped names the seed to go on with. Ends
with 1 when a plan fails.

With `--units` they have units that run or stand still, which takes ten times as long. With `--site` it is an example
site with all of its assets over a day, and only the situations are drawn.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "plugins")]

from drawn_parks import SITUATIONS, faults_of, faults_of_site  # noqa: E402 - the path comes first

AHEAD = 8
"""Seeds that a process takes at a time: enough that handing them out costs nothing, few enough that a stop loses
little."""


def found_by(seed: int, site: str | None, *, units: bool) -> tuple[int, list[str]]:
    try:
        return seed, list(faults_of(seed, units=units) if site is None else faults_of_site(site, seed))
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this seed and not to the run
        return seed, [f"seed {seed}: {type(error).__name__}: {error}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="parks x situations")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="SEED", help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    of_what = parser.add_mutually_exclusive_group()
    of_what.add_argument("--units", action="store_true", help="with units that run or stand still")
    of_what.add_argument("--site", help="plan an example site, such as steel_plant, in place of random parks")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    seeds = range(chosen.first, chosen.first + max(1, chosen.count // SITUATIONS))
    failed: list[str] = []
    done, began_s = 0, time.monotonic()
    columns = (TextColumn("planning random parks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        multiprocessing.Pool(chosen.processes) as pool,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("", total=len(seeds) * SITUATIONS)
        try:
            for seed, faults in pool.imap(
                partial(found_by, site=chosen.site, units=chosen.units), seeds, chunksize=AHEAD
            ):
                done = seed + 1 - chosen.first
                failed += faults
                for words in faults:
                    progress.console.print(words, highlight=False, soft_wrap=True)
                progress.advance(task, SITUATIONS)
        except KeyboardInterrupt:
            print(f"stopped; go on with --from {chosen.first + done}", file=sys.stderr)
    found = {
        "parks": done,
        "plans": 2 * done * SITUATIONS,
        "failed": len(failed),
        "took_s": round(time.monotonic() - began_s, 1),
    }
    if chosen.json:
        print(json.dumps({**found, "faults": failed}))
    else:
        print(
            f"{done} parks x {SITUATIONS} situations, {found['plans']} plans in {found['took_s']:.0f} s: "
            f"{found['failed']} fail"
        )
    return 0 if not failed and done == len(seeds) else 1


if __name__ == "__main__":
    sys.exit(main())
