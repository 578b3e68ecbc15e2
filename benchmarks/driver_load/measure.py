"""One measurement in a process of its own, on one of the two event loops.

    python -m driver_load.measure cycle|reading|changes|messages asyncio|uvloop PORT SECONDS

Prints what was measured as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys

from driver_load import changes, cycle, messages, reading

MEASURES = {
    "cycle": cycle.measure,
    "reading": reading.measure,
    "changes": changes.measure,
    "messages": messages.measure,
}


def main(name: str, loop: str, port: int, seconds: float) -> None:
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        found = runner.run(MEASURES[name](port, seconds))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
