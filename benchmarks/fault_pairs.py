"""Every fault of the hydrogen park alone, and every two at once, at the wire.

    python benchmarks/fault_pairs.py [--parks 3]

Lives through `tests/scenarios/test_fault_pairs.py --every-pair` on a few parks side by side and prints each row of its
table as soon as it is known: the seconds until the alarms stood and until all was well, and every alarm that was shown.
Ends with 1 when an alarm was missing or wrong, a device was told what was not decided for it, or when something was not
well again without help.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUITE = "tests/scenarios/test_fault_pairs.py"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parks", type=int, default=3, help="how many live side by side")
    parks = parser.parse_args().parks
    with tempfile.TemporaryDirectory() as folder:
        diary = Path(folder) / "diary"
        diary.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(parks), "--every-pair", str(diary), SUITE]
        print(f"{'troubles':62}  alarms    well  shown", flush=True)
        with subprocess.Popen(command, cwd=ROOT) as suite, diary.open() as lines:
            while suite.poll() is None:
                print(lines.read(), end="", flush=True)
                time.sleep(1.0)
            print(lines.read(), end="")
        return suite.returncode


if __name__ == "__main__":
    sys.exit(main())
