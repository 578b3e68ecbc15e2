"""``python -m simulators SITE.yaml``: the simulated park alone, without the rest of parkgrid."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from config.loader import SiteError, example_site, load_site
from simulators.broker import BrokerDown
from simulators.process import ParkOptions, main_park


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulators", description="Serve the simulated park of a site.")
    parser.add_argument("site", type=Path, nargs="?", default=example_site("demo_park"))
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--stepped", action="store_true")
    parser.add_argument("--start", type=datetime.fromisoformat)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--announce", type=Path)
    parser.add_argument("--free-ports", action="store_true")
    parser.add_argument("--broker", type=_address, metavar="HOST:PORT")
    parser.add_argument("--apart", action="append", default=[], metavar="DEVICE")
    parser.add_argument("--restart-after", type=float, default=10.0, dest="restart_after_s", metavar="SECONDS")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--history", type=Path)
    parser.add_argument("--faults", type=Path)
    asked = vars(parser.parse_args())
    try:
        site = load_site(asked.pop("site"))
    except SiteError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        main_park(ParkOptions(site=site, apart=tuple(asked.pop("apart")), **asked))
    except (ValueError, SiteError) as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, BrokerDown) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
