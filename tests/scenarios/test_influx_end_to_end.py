"""The whole chain to InfluxDB: every record arrives, once, also when the database was away for a minute."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from influx_shim import InfluxShim
from processes import ControllerProcess, ParkProcess, eventually

from config.loader import example_site
from controller.telemetry.record import from_line

pytestmark = [pytest.mark.server("influxd"), pytest.mark.server("nginx"), pytest.mark.timeout(300)]

AWAY_S = 60.0


def test_every_record_arrives_once_though_influxdb_was_away_for_a_minute(
    start_park: Callable[..., ParkProcess],
    make_controller: Callable[..., ControllerProcess],
    influx: InfluxShim,
    tmp_path: Path,
) -> None:
    park = start_park()
    controller = make_controller(park, _with_influxdb(tmp_path, influx), PARKGRID_TEST_TOKEN=influx.token)
    controller.start()
    eventually(lambda: influx.query("SELECT count(mode) FROM controller"), "first records arrive")

    influx.stop(signal.SIGKILL)
    cycles = len(controller.modes())
    time.sleep(AWAY_S)
    assert len(controller.modes()) > cycles + AWAY_S / 2, "the cycle did not notice"
    influx.start()
    eventually(lambda: controller.alarms("influxdb_down", "park")[-1:] == ["cleared"], "the database is back")
    controller.signal(signal.SIGINT)

    # what the last second brought may still wait: the next controller sends it
    controller.start()
    last = _lines(controller)
    eventually(lambda: _waiting(controller) <= len(_lines(controller)) - len(last), "the spool is sent")
    controller.signal(signal.SIGKILL)

    for measurement in ("asset", "point", "plan", "decision", "alarm", "controller"):
        sent = {_identity(line) for line in last if line.startswith(f"{measurement},")}
        stored = influx.query(f"SELECT * FROM {measurement}")
        arrived = [_row_identity(measurement, row) for row in stored]
        assert len(arrived) == len(set(arrived)), f"{measurement}: doubled"
        assert sent <= set(arrived), f"{measurement}: {len(sent - set(arrived))} of {len(sent)} missing"


def _with_influxdb(folder: Path, influx: InfluxShim) -> Path:
    text = example_site("demo_park").read_text(encoding="utf-8")
    text += f"""
influxdb:
  url: {influx.url}
  org: {influx.org}
  bucket: {influx.bucket}
  token_env: PARKGRID_TEST_TOKEN
"""
    path = folder / "park_with_influxdb.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _lines(controller: ControllerProcess) -> list[str]:
    with sqlite3.connect(f"file:{controller.state / 'telemetry.sqlite'}?mode=ro", uri=True, timeout=5) as database:
        lines = [line for (line,) in database.execute("SELECT line FROM record ORDER BY id")]
    database.close()
    return lines


def _waiting(controller: ControllerProcess) -> int:
    with sqlite3.connect(f"file:{controller.state / 'telemetry.sqlite'}?mode=ro", uri=True, timeout=5) as database:
        ((last,),) = database.execute("SELECT max(id) FROM record")
        ((forwarded,),) = database.execute("SELECT value FROM counter WHERE name = 'forwarded'")
    database.close()
    return int(last - forwarded)


def _identity(line: str) -> tuple[int, frozenset[tuple[str, str]]]:
    """What makes a point of InfluxDB one: its time and its tags."""
    record = from_line(line)
    return round(record.at.timestamp() * 1e6), frozenset(record.tags.items())


def _row_identity(measurement: str, row: dict) -> tuple[int, frozenset[tuple[str, str]]]:
    from controller.telemetry.schema import MEASUREMENTS

    schema = MEASUREMENTS[measurement]
    tags = {tag: row[tag] for tag in (*schema.tags, *schema.optional_tags) if row.get(tag)}
    return row["time"] // 1000, frozenset(tags.items())
