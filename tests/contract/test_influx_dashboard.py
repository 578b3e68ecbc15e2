"""Every query of the dashboard, run on a real InfluxDB that was filled the way the controller fills it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from influx_shim import InfluxShim

from config.clock import SystemClock
from config.site import InfluxDb
from controller.telemetry.influx import InfluxForwarder
from controller.telemetry.record import FieldValue, Record
from controller.telemetry.schema import MEASUREMENTS
from controller.telemetry.store import TelemetryStore
from controller.telemetry.writer import TelemetryWriter

pytestmark = [pytest.mark.server("influxd"), pytest.mark.server("nginx")]

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "park_now.json"
START = datetime(2026, 10, 14, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
KINDS = {
    "grid": "grid_connection",
    "pv_a": "pv_plant",
    "pv_b": "pv_plant",
    "wind": "wind_turbine",
    "battery": "battery",
    "heat_pump": "heat_pump",
    "tank": "hot_water_tank",
    "boiler": "gas_boiler",
    "hall_1": "electric_load",
    "heat_demand": "heat_load",
}
POWER_KW = {
    "grid": 500.0,
    "pv_a": 300.0,
    "pv_b": 200.0,
    "wind": 150.0,
    "battery": -100.0,
    "heat_pump": 250.0,
    "boiler": 400.0,
    "hall_1": 800.0,
    "heat_demand": 1100.0,
}


def an_hour_of_the_park() -> Iterator[Record]:
    """Everything that is recorded, at a rate that a reader can count; another site beside it must not show."""
    for site in ("demo", "other"):
        scale = 1.0 if site == "demo" else 1000.0
        for minute in range(0, 60, 5):
            yield from measured(site, START + timedelta(minutes=minute), scale)
        for interval in range(4):
            yield from closed(site, START + timedelta(minutes=15 * interval), scale)
        yield from alarms(site)


def measured(site: str, at: datetime, scale: float) -> Iterator[Record]:
    for asset, kind in KINDS.items():
        power_kw = None if asset not in POWER_KW else POWER_KW[asset] * scale
        fields: dict[str, FieldValue] = {"power_kw": power_kw, "available": True, "mode": "automatic"}
        if asset in ("battery", "tank"):
            fields["soc"] = 0.5
        if asset == "heat_pump":
            fields["heat_kw"] = 700.0 * scale
        fields["setpoint_kw"] = fields["planned_kw"] = power_kw
        yield Record("asset", {"site": site, "asset": asset, "kind": kind}, fields, at)
        yield Record("point", {"site": site, "device": f"{asset}_device"}, {"soc": 0.5, "bad": 1, "age_s": 0.4}, at)
        yield Record("plan", {"site": site, "asset": asset}, {"power_kw": power_kw, "method": "optimal"}, at)
    reason: dict[str, FieldValue] = {"reason": f"plan of {at:%H:%M}", "owner": "plan", "written": "confirmed"}
    numbers = {"setpoint_kw": -100.0, "planned_kw": -90.0, "correction_kw": -10.0, "low_kw": -1000.0, "high_kw": 1000.0}
    yield Record("decision", {"site": site, "asset": "battery"}, reason | numbers, at)
    own: dict[str, FieldValue] = {
        name: {"float": 2.5, "int": 3, "str": "optimal", "bool": True}[field_type]
        for name, field_type in MEASUREMENTS["controller"].fields.items()
    }
    yield Record("controller", {"site": site}, own, at)


def closed(site: str, start: datetime, scale: float) -> Iterator[Record]:
    totals: dict[str, FieldValue] = dict.fromkeys(MEASUREMENTS["interval"].fields, 10.0 * scale)
    totals |= {"generation_kwh": 100.0 * scale, "self_use_kwh": 80.0 * scale, "energy_kwh": None}
    yield Record("interval", {"site": site, "asset": "park"}, totals, start)
    yield Record("interval", {"site": site, "asset": "battery"}, {"energy_kwh": -25.0 * scale}, start)


def alarms(site: str) -> Iterator[Record]:
    def said(alarm: str, asset: str, active: int, minute: int) -> Record:
        state = "raised" if active else "cleared"
        fields = {"state": state, "active": active, "priority": "high", "text": f"{alarm} {state}"}
        return Record("alarm", {"site": site, "alarm": alarm, "asset": asset}, fields, START + minute * HOUR / 60)

    yield said("asset_unavailable", "wind", 1, 1)
    yield said("asset_unavailable", "wind", 0, 9)
    yield said("asset_unavailable", "pv_a", 1, 20)
    yield said("influxdb_down", "", 1, 30)


@pytest.fixture
async def filled(influx: InfluxShim, tmp_path: Path) -> InfluxShim:
    """The records on their real way: queue, file, forwarder, InfluxDB."""
    store = TelemetryStore(tmp_path / "telemetry.sqlite", spool_limit=100_000, retention_days=30, forwarding=True)
    writer = TelemetryWriter(store, clock=SystemClock())
    target = InfluxDb(url=influx.url, org=influx.org, bucket=influx.bucket, token_env="T")
    forwarder = InfluxForwarder(store, target, environment={"T": influx.token}, period_s=0.02)
    records = list(an_hour_of_the_park())
    task = asyncio.create_task(forwarder.run())
    writer.put(records)
    await writer.flush()
    assert writer.state.refused == 0, writer.state.last_refusal
    give_up = time.monotonic() + 20
    while store.counts().waiting:
        assert time.monotonic() < give_up, forwarder.state.error
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await writer.close()
    store.close()
    assert forwarder.state.rejected == 0
    return influx


def substituted(query: str) -> str:
    """As Grafana does it: `$timeFilter` in ms, `$__interval` for the width of the panel, and the variables."""
    first, last = (int(at.timestamp() * 1000) for at in (START, START + HOUR))
    return (
        query.replace("$timeFilter", f"time >= {first}ms and time <= {last}ms")
        .replace("$__interval", "10s")
        .replace("$site", "demo")
        .replace("$asset", "battery")
    )


def targets() -> list[tuple[str, str]]:
    dashboard = json.loads(DASHBOARD.read_text())
    return [(f"{panel['title']} {t['refId']}", t["query"]) for panel in dashboard["panels"] for t in panel["targets"]]


def variables() -> dict[str, str]:
    return {v["name"]: v["query"] for v in json.loads(DASHBOARD.read_text())["templating"]["list"]}


async def test_every_panel_has_rows_with_values(filled: InfluxShim) -> None:
    for title, query in targets():
        rows = filled.query(substituted(query))
        assert rows, f"{title}: no rows from {substituted(query)}"
        for column in rows[0]:
            if column not in ("time", "asset", "device"):
                assert any(row[column] is not None for row in rows), f"{title}: {column} is never there"


async def test_the_variables_list_sites_and_assets(filled: InfluxShim) -> None:
    assert [row["value"] for row in filled.query(variables()["site"])] == ["demo", "other"]
    listed = [row["value"] for row in filled.query(substituted(variables()["asset"]))]
    assert listed == sorted(KINDS)


def panel_rows(influx: InfluxShim, title: str) -> list[dict[str, Any]]:
    return influx.query(substituted(dict(targets())[title]))


async def test_what_the_panels_say_is_right(filled: InfluxShim) -> None:
    (grid,) = panel_rows(filled, "Grid A")
    assert grid["power_kw"] == 500.0
    (pv,) = panel_rows(filled, "PV and wind A")
    assert pv["power_kw"] == 500.0, "the sum of both plants"
    (wind,) = panel_rows(filled, "PV and wind B")
    assert wind["power_kw"] == 150.0
    (mode,) = panel_rows(filled, "Mode A")
    assert mode["mode"] == "optimal"
    (cost,) = panel_rows(filled, "Cost today A")
    assert cost["Total"] == 40.0, "four intervals of 10"
    (self_use,) = panel_rows(filled, "Carbon and energy today B")
    assert self_use["Self-use"] == pytest.approx(0.8)
    electric = panel_rows(filled, "Electric power A")
    assert {row["asset"] for row in electric} == set(POWER_KW) - {"boiler", "heat_demand"}
    assert len(electric) == 7 * 12
    why = panel_rows(filled, "Why each asset does what it does A")
    assert [(row["asset"], row["reason"], row["written"]) for row in why] == [("battery", "plan of 06:55", "confirmed")]


async def test_only_alarms_that_were_not_cleared_stand(filled: InfluxShim) -> None:
    standing = panel_rows(filled, "Alarms that stand A")
    assert {(row["alarm"], row["asset"] or "") for row in standing} == {
        ("asset_unavailable", "pv_a"),
        ("influxdb_down", ""),
    }
    log = panel_rows(filled, "Alarms as they came and went A")
    assert [row["state"] for row in log] == ["raised", "raised", "cleared", "raised"]
