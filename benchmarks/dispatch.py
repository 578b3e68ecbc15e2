"""What planning costs, each interval of a day solved by hand, compiled and through cvxpy, in one run.

    python benchmarks/dispatch.py [--only E ED EHD demo_park factory demo_park:units factory:units] [--json]

E is PV, load, battery and grid over 48 h at 15 min; ED has a demand charge as well; EHD also heat pump, tank, gas
boiler and a carbon price. `factory` has 29 assets and 8,000 columns. Each of 96 intervals brings new forecasts and
states.

`bare` is HiGHS by hand, on a program written from the equations in numpy: the model is kept, what has changed is told,
the basis stays. `unperturbed` is the same with costs that HiGHS does not perturb, as in our compiled path. `plain` is
cvxpy's own `problem.solve` on HiGHS, compiled once. Times are medians over all intervals but the first, and include
what turns forecasts into numbers. E, ED and EHD are also formulated in PyPSA and oemof.solph, where these are installed
(`pip install -e '.[compare]'`), and built anew in each of a few intervals.

`units` are days of whole plans with units that run or stand still, the factory's five with start costs and minimum
times; every twelfth plan is compared with a cold search for the cheapest. Ends with 1 when a promise does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT / "tests" / "plugins")])}
MEASURE_LIMIT_S = 240.0

PARKS = ("E", "ED", "EHD", "demo_park", "factory")
UNITS = ("demo_park:units", "factory:units")
WAYS = ("bare", "unperturbed", "compiled", "plain")

MOST_RATIO = 1.2
"""To HiGHS by hand: what a model in equations instead of indexes may cost."""
MOST_DISAGREEMENT = 1e-6
"""Relative, in cost: HiGHS aims at 1e-7 in each row and column."""
MOST_DISAGREEMENT_OF_OTHERS = 1e-4
"""Relative, in cost: other tools write the same problem in other variables, and HiGHS stops elsewhere."""
COMPARED = ("E", "ED", "EHD")
MOST_FIRST_S = 2.0
MOST_MEMORY_MB = 300.0
MOST_BUILD_S = 3.0

MOST_MEDIAN_S, MOST_P99_S = 0.3, 5.0
"""Of a plan with five units over 48 h: a plan is made each quarter of an hour, and the solver's limit is 20 s."""

Verdict = tuple[bool, str, str]


def found_by(*arguments: str) -> dict[str, Any]:
    """What a piece of `dispatch_load` prints, in a process of its own."""
    print(f"measuring {' '.join(arguments)} ...", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=ENVIRONMENT,
        cwd=ROOT,  # before this folder on the path, where `dispatch` is this file
        stdout=subprocess.PIPE,
        text=True,
        timeout=MEASURE_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)} failed")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def verdicts_of(days: dict[str, dict[str, Any]], first: dict[str, Any]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for name, day in days.items():
        ratio = day["ms"]["compiled"] / day["ms"]["bare"]
        verdicts.append((ratio <= MOST_RATIO, f"{name}: at most {MOST_RATIO} times HiGHS by hand", f"{ratio:.2f}"))
        off = day["disagreement"]
        verdicts.append((off <= MOST_DISAGREEMENT, f"{name}: all agree to {MOST_DISAGREEMENT:.0e}", f"{off:.1e}"))
        others = sum(count for way, count in day["ways"].items() if way != "KEPT")
        verdicts.append((others == 0, f"{name}: every interval is solved from the kept basis", f"{others} were not"))
        for tool, theirs in day.get("others", {}).items():
            if "disagreement" in theirs:
                off = theirs["disagreement"]
                what = f"{name}: {tool} agrees to {MOST_DISAGREEMENT_OF_OTHERS:.0e}"
                verdicts.append((off <= MOST_DISAGREEMENT_OF_OTHERS, what, f"{off:.1e}"))
    first_s, memory_mb = first["first_s"], first["memory_mb"]
    verdicts.append((first_s <= MOST_FIRST_S, f"demo_park: first plan within {MOST_FIRST_S:g} s", f"{first_s:.2f} s"))
    verdicts.append(
        (memory_mb <= MOST_MEMORY_MB, f"demo_park: at most {MOST_MEMORY_MB:g} MB", f"{memory_mb:.0f} MB in all")
    )
    if "factory" in days:
        build_s = days["factory"]["build_s"] + days["factory"]["first_ms"]["compiled"] / 1e3
        verdicts.append(
            (build_s <= MOST_BUILD_S, f"factory: built and solved within {MOST_BUILD_S:g} s", f"{build_s:.2f} s")
        )
    return verdicts


def verdicts_of_units(days: dict[str, dict[str, Any]]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for name, day in days.items():
        median_s, p99_s = day["median_ms"] / 1e3, day["p99_ms"] / 1e3
        verdicts.append((median_s <= MOST_MEDIAN_S, f"{name}: median at most {MOST_MEDIAN_S:g} s", f"{median_s:.3f} s"))
        verdicts.append((p99_s <= MOST_P99_S, f"{name}: p99 at most {MOST_P99_S:g} s", f"{p99_s:.2f} s"))
        most, gap = max(day["above"]), day["gap"]
        verdicts.append((most <= gap, f"{name}: within {gap:.0e} of the cold optimum", f"{most:.1e} at most"))
        verdicts.append((day["faults"] == 0, f"{name}: the checker finds nothing", f"{day['faults']} faults"))
    return verdicts


def show_units(name: str, day: dict[str, Any]) -> None:
    print(
        f"\n{name}: {day['units']} units, {day['columns']} columns; a whole plan takes {day['median_ms']:.0f} ms, "
        f"p99 {day['p99_ms']:.0f}, most {day['most_ms']:.0f}, the first {day['first_ms']:.0f}; {day['searches']} of 96 "
        f"need a search"
    )


def show(name: str, day: dict[str, Any]) -> None:
    print(f"\n{name}, {day['columns']} columns, ms per interval")
    phases = list(day["phases_ms"]["compiled"])
    print(f"  {'':<12}" + "".join(f"{phase:>8}" for phase in (*phases, "all", "ratio", "mean", "steps", "first")))
    for way in WAYS:
        numbers = [day["phases_ms"][way][phase] for phase in phases]
        numbers += [day["ms"][way], day["ms"][way] / day["ms"]["bare"], day["mean_ms"][way]]
        print(
            f"  {way:<12}"
            + "".join(f"{number:>8.2f}" for number in numbers)
            + f"{day['iterations'][way]:>8.0f}{day['first_ms'][way]:>8.0f}"
        )
    for tool, theirs in day.get("others", {}).items():
        if "missing" in theirs:
            print(f"  {tool:<12}  not installed ({theirs['missing']}); pip install -e '.[compare]' brings it")
        else:
            print(f"  {tool:<12}{theirs['ms']:>56.2f}{theirs['ms'] / day['ms']['bare']:>8.0f}")
    tuned = day["ms"]["compiled"] / day["ms"]["unperturbed"]
    print(f"  compiled takes {tuned:.2f} times what HiGHS by hand does with the same tuning")
    print(f"  a whole plan by the dispatcher takes {day['plan_ms']:.1f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=(*PARKS, *UNITS), default=[*PARKS, *UNITS])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    days = {name: found_by("dispatch_load.measure", name) for name in chosen.only if name in PARKS}
    units = {
        name: found_by("dispatch_load.units", name.removesuffix(":units")) for name in chosen.only if name in UNITS
    }
    for name in days.keys() & set(COMPARED):
        days[name]["others"] = found_by("dispatch_load.others", name)
    first = found_by("dispatch_load.first", "demo_park")
    verdicts = verdicts_of(days, first) + verdicts_of_units(units)
    if chosen.json:
        said = [{"holds": holds, "what": what, "said": words} for holds, what, words in verdicts]
        print(json.dumps({"days": days, "units": units, "first": first, "promises": said}))
    else:
        for name, day in days.items():
            show(name, day)
        for name, day in units.items():
            show_units(name, day)
        print(
            f"\ndemo_park in a fresh process: import {first['import_s']:.2f} s, build {1e3 * first['build_s']:.0f} ms, "
            f"build and first plan {1e3 * first['first_s']:.0f} ms, {first['memory_mb']:.0f} MB\n"
        )
        for holds, what, words in verdicts:
            print(f"{'holds' if holds else 'DOES NOT HOLD'}: {what}: {words}")
    return 0 if all(holds for holds, _, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
