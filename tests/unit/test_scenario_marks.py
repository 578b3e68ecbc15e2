"""What a scenario says of itself, in words and in the truth file."""

from __future__ import annotations

from pathlib import Path

from config.site import Site
from simulators.scenarios.loading import load_scenario
from simulators.scenarios.marks import told


def test_every_change_in_words_and_in_order_of_time(demo_site: Site, tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(
        """\
description: everything
start: 2026-07-15T12:00:00
length: 6h
seed: 3
prices: [{at: 5h, import_per_kwh: 3.5, reason: price spike}]
loads:
  - {at: 4h, factor: 0.5}
  - {at: 3h, for: 1h, factor: 1.1, kinds: [electric_load, heat_load]}
wind: [{at: 2h, for: 9h, factor: 1.8}]
temperature: [{at: 1h, for: 30m, offset_k: -2.5}, {offset_k: 6}]
clouds: [{at: 30m, for: 10m, depth: 0.9}]
connection: {import_limit_share: 0.5}
grid_outages: [{at: 1h, for: 1h}]
faults: [{kind: frozen, target: grid_meter}]
""",
        encoding="utf-8",
    )
    found = told(load_scenario(path, demo_site))
    marks = [(mark["what"], mark["begin"][11:16], mark["end"] and mark["end"][11:16]) for mark in found.pop("marks")]
    assert found == {"name": "all", "description": "everything", "seed": 3, "length_s": 6 * 3600}
    # faults and outages are in the book of faults, which knows when they really began
    assert marks == [
        ("6 K warmer", "04:00", "10:00"),
        ("import limit at 50%", "04:00", None),
        ("clouds hide 90% of the sun", "04:30", "04:40"),
        ("2.5 K colder", "05:00", "05:30"),
        ("wind 1.8 times as fast", "06:00", "10:00"),
        ("electric load and heat load at 110%", "07:00", "08:00"),
        ("all loads at 50%", "08:00", "10:00"),
        ("price spike: 3.5 CNY per kWh", "09:00", "10:00"),
    ]
