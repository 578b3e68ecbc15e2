"""The first plan of a fresh process, and the memory of it; prints one JSON object.

python -m dispatch_load.first PARK
"""

from __future__ import annotations

import json
import resource
import sys
import time

BEGAN = time.perf_counter()

from dispatch.dispatcher import Dispatcher  # noqa: E402

IMPORTED = time.perf_counter()

from dispatch.plan import Solved  # noqa: E402
from dispatch_load.parks import committed, day  # noqa: E402


def main() -> None:
    site = committed(sys.argv[1])
    situation = day(site, 1)[0]
    began = time.perf_counter()
    dispatcher = Dispatcher(site, situation.steps)
    built = time.perf_counter()
    outcome = dispatcher.plan(situation, situation.start)
    ended = time.perf_counter()
    assert isinstance(outcome, Solved), outcome
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0  # Linux counts in KiB
    print(
        json.dumps(
            {"import_s": IMPORTED - BEGAN, "build_s": built - began, "first_s": ended - began, "memory_mb": peak_mb}
        )
    )


if __name__ == "__main__":
    main()
