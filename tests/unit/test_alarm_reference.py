"""docs/alarms.md lists the alarms that there are."""

from __future__ import annotations

from pathlib import Path

from controller.alarming.kinds import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "alarms.md"


def test_the_page_lists_every_alarm_with_its_priority_and_delays() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line.startswith("| `")]
    assert listed == [
        f"| `{kind.name}` | {kind.priority} | {kind.on_delay_s:g} s | {kind.off_delay_s:g} s"
        f"{', and a reset' if kind.latches else ''} |"
        for kind in KINDS.values()
    ]
