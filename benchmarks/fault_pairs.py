"""Every fault of the hydrogen park alone, and every two at once, at the wire.

    python benchmarks/fault_pairs.py

Lives through `tests/scenarios/test_fault_pairs.py --every-pair` on three parks side by side and prints its tables, in
about twenty minutes. Ends with 1 when an alarm was missing or wrong, a device was told what was not decided for it, or
when something was not well again without help.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUITE = "tests/scenarios/test_fault_pairs.py"


def main() -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--show-capture=stdout", "-n", "3", "--every-pair", SUITE]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
