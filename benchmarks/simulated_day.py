"""How long a simulated day takes without servers, for each site that comes along.

    python benchmarks/simulated_day.py

Ends with 1 when a day of the demo park takes 5 s or more, or a balance does not close.
"""

from __future__ import annotations

import sys
import time

from config.loader import example_site, example_sites, load_site
from simulators.plant import Plant

DAY_S = 24 * 3600
MOST_S = 5.0
MOST_RESIDUAL = 1e-3


def main() -> int:
    holds = True
    print(f"{'site':<16}{'assets':>8}{'made in s':>12}{'a day in s':>12}{'residual':>12}")
    for name in example_sites():
        site = load_site(example_site(name))
        if site.file.simulation is None:
            continue
        began_s = time.perf_counter()
        plant = Plant(site, start=site.file.simulation.start, seed=site.file.simulation.seed)
        made_s, began_s = time.perf_counter() - began_s, time.perf_counter()
        plant.advance(DAY_S)
        day_s = time.perf_counter() - began_s
        print(f"{name:<16}{len(site.assets):>8}{made_s:>12.2f}{day_s:>12.2f}{plant.balance_residual:>12.1e}")
        holds &= plant.balance_residual < MOST_RESIDUAL and (name != "demo_park" or day_s < MOST_S)
    print("holds" if holds else "DOES NOT HOLD", "a day of the demo park in under 5 s, balances to 0.1 %", sep=": ")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
