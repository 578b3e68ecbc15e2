"""What docs/benchmarking.md shows can be run as it stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.loader import example_site, load_site
from controller.decider import snapshot_of

PAGE = Path(__file__).parents[2] / "docs" / "benchmarking.md"


def test_the_lines_of_the_page_decide_four_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    exec(compile(lines, str(PAGE), "exec"), {"__name__": "page"})
    told = capsys.readouterr().out.splitlines()
    assert [line[:5] for line in told] == ["00:00", "00:15", "00:30", "00:45"]
    for line in told:
        assert re.search(r"battery [+-]\d+ kW, by \w.*: \w", line)


def test_a_point_that_the_site_does_not_have_is_named() -> None:
    site = load_site(example_site("small_factory"))
    with pytest.raises(KeyError, match="battery has no point colour"):
        snapshot_of(site, datetime(2026, 10, 1, tzinfo=UTC), {"battery.colour": 1.0}, 0.0)
