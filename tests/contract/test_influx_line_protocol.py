"""Whatever a record may say, a real InfluxDB gives it back exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from influx_shim import InfluxShim

from controller.telemetry.record import Record, to_line

pytestmark = [pytest.mark.server("influxd"), pytest.mark.server("nginx")]

START = datetime(2026, 10, 14, tzinfo=UTC)
BATCH = 20

TAGS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\"), min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text('\\"\n, =#', max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(TAGS, TEXTS, FLOATS, INTS), min_size=1, max_size=BATCH)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_every_value_comes_back_exactly(influx: InfluxShim, rows: list[tuple[str, str, float, int]]) -> None:
    influx.query('DROP SERIES FROM "controller"')
    lines = []
    for number, (tag, text, value, count) in enumerate(rows):
        fields = {"mode": text, "cycle_ms": value, "queue": count}
        lines.append(to_line(Record("controller", {"site": tag}, fields, START + timedelta(microseconds=number))))
    influx.write(*lines)
    found = influx.query('SELECT "site", "mode", "cycle_ms", "queue" FROM "controller"')
    assert [(row["site"], row["mode"], float(row["cycle_ms"]), row["queue"]) for row in found] == rows
    assert [row["time"] % 1_000_000 for row in found] == [number * 1000 for number in range(len(rows))]
