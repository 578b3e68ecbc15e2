"""How planning grows with the horizon and the number of assets: a table, and a picture of it.

    python benchmarks/growth.py [--only horizon assets] [--plot FILE] [--json]

Each dimension is grown by itself from the demo park over 24 h at 15 min. A park of two, four or eight times the assets
has each asset but the connection so many times, and a connection as many times as wide. Every size is measured in a
process of its own: columns, how long it takes to build, the first plan, and the median of the re-solves and of the
whole plans of the intervals after it, each with new forecasts and states.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE)}
MEASURE_LIMIT_S = 300.0

DIMENSIONS: dict[str, tuple[str, tuple[int, ...]]] = {
    "horizon": ("hours", (12, 24, 48, 96)),
    "assets": ("times the demo park's", (1, 2, 4, 8)),
}
"""What grows: in what it is counted, and its sizes. `dispatch_load.size` takes each by its name."""

COLUMNS = {
    "columns": "columns",
    "build_ms": "build",
    "first_ms": "first plan",
    "solve_ms": "re-solve",
    "plan_ms": "whole plan",
    "growth": "exponent",
}
INK, PAPER = "#303030", "white"


def measured(dimension: str, size: int) -> dict[str, Any]:
    print(f"measuring {dimension} {size} ...", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", "dispatch_load.size", dimension, str(size)],
        env=ENVIRONMENT,
        cwd=ROOT,  # before this folder on the path, where `dispatch` is a file
        stdout=subprocess.PIPE,
        text=True,
        timeout=MEASURE_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{dimension} {size} failed")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exponents(sizes: tuple[int, ...], times: list[float]) -> list[float | None]:
    """By what power of its size the time has grown since the size before: 1 is in proportion."""
    steps = np.diff(np.log(times)) / np.diff(np.log(sizes))
    return [None, *(float(step) for step in steps)]


def show(dimension: str, rows: list[dict[str, Any]]) -> None:
    unit, sizes = DIMENSIONS[dimension]
    print(f"\n{dimension} ({unit}), ms")
    print(f"  {'':>6}" + "".join(f"{words:>12}" for words in COLUMNS.values()))
    for size, row in zip(sizes, rows, strict=True):
        cells = []
        for key in COLUMNS:
            value = row[key]
            cells.append("" if value is None else f"{value:.0f}" if key == "columns" else f"{value:.2f}")
        print(f"  {size:>6}" + "".join(f"{cell:>12}" for cell in cells))


def plot(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    figure, axes = plt.subplots(1, len(found), figsize=(5.0 * len(found), 3.8), sharey=True, squeeze=False)
    for axis, (dimension, rows) in zip(axes[0], found.items(), strict=True):
        unit, sizes = DIMENSIONS[dimension]
        for key, mark in (("first_ms", "^"), ("plan_ms", "s"), ("solve_ms", "o")):
            axis.plot(sizes, [row[key] for row in rows], marker=mark, label=COLUMNS[key])
        first = rows[0]["solve_ms"] / sizes[0]
        axis.plot(sizes, [first * size for size in sizes], color=INK, linestyle=":", label="in proportion")
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xticks(sizes)
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(f"{dimension} ({unit})")
        axis.grid(which="major", alpha=0.3)
    axes[0][0].set_ylabel("ms")
    axes[0][-1].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=150, facecolor=PAPER)
    print(f"\ndrawn in {path}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(DIMENSIONS), default=list(DIMENSIONS))
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture, such as growth.png")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for dimension in chosen.only:
        _, sizes = DIMENSIONS[dimension]
        rows = [measured(dimension, size) for size in sizes]
        for row, growth in zip(rows, exponents(sizes, [row["solve_ms"] for row in rows]), strict=True):
            row["growth"] = growth
        found[dimension] = rows
    if chosen.json:
        print(json.dumps(found))
    else:
        for dimension, rows in found.items():
            show(dimension, rows)
    if chosen.plot is not None:
        plot(found, chosen.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
