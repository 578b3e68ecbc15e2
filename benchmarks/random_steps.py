"""A hundred thousand random seconds over all example sites: does any decision break a rule, or fail?

    python benchmarks/random_steps.py [--steps 100000] [--seed 1]

Values, losses, orders, modes, plans and overrides are drawn at random; `tests/plugins/random_steps.py` says what must
hold. Ends with 1 at the first step that does not, and says how to repeat it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "plugins")]

from random_steps import RandomSeconds  # noqa: E402 - the path comes first

from config.loader import example_site, example_sites, load_site  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    names = example_sites()
    for name in names:
        seconds = RandomSeconds.of(load_site(example_site(name)), chosen.seed)
        began_s, steps = time.perf_counter(), -(-chosen.steps // len(names))
        for number in range(steps):
            try:
                seconds.step()
            except Exception as error:  # noqa: BLE001 - any at all is what is looked for
                print(f"{name}: step {number} of seed {chosen.seed}: {type(error).__name__}: {error}")
                return 1
        print(f"{name:16}{steps:8} steps  {1e3 * (time.perf_counter() - began_s) / steps:6.2f} ms each  none fails")
    return 0


if __name__ == "__main__":
    sys.exit(main())
