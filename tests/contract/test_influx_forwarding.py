"""From the spool to a real InfluxDB: everything arrives once, in order, whatever happens to the server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from influx_shim import InfluxShim

from config.site import InfluxDb
from controller.telemetry.influx import InfluxForwarder, NoToken
from controller.telemetry.record import Record
from controller.telemetry.store import TelemetryStore

pytestmark = [pytest.mark.server("influxd"), pytest.mark.server("nginx")]

START = datetime(2026, 10, 14, tzinfo=UTC)
START_NS = 1_791_936_000_000_000_000
PATIENCE_S = 20.0


@pytest.fixture
def store(tmp_path: Path) -> TelemetryStore:
    return TelemetryStore(tmp_path / "telemetry.sqlite", spool_limit=100_000, retention_days=30, forwarding=True)


def settings(influx: InfluxShim, **changes: str) -> InfluxDb:
    fields = {"url": influx.url, "org": influx.org, "bucket": influx.bucket, "token_env": "PARK_TOKEN"} | changes
    return InfluxDb(**fields)


@contextlib.asynccontextmanager
async def forwarding(
    store: TelemetryStore, influxdb: InfluxDb, token: str = "test-token"
) -> AsyncIterator[InfluxForwarder]:
    forwarder = InfluxForwarder(
        store, influxdb, environment={influxdb.token_env: token}, period_s=0.02, first_wait_s=0.05
    )
    task = asyncio.create_task(forwarder.run())
    try:
        yield forwarder
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        await asyncio.sleep(0.01)


def powers(first: int, count: int) -> list[Record]:
    """One record a second; the value is the number of the record."""
    tags = {"site": "demo", "asset": "battery", "kind": "battery"}
    return [
        Record("asset", tags, {"power_kw": number, "available": True}, START + timedelta(seconds=number))
        for number in range(first, first + count)
    ]


def arrived(influx: InfluxShim) -> list[float]:
    return [row["power_kw"] for row in influx.query('SELECT "power_kw" FROM "asset" WHERE "site" = \'demo\'')]


async def test_what_was_recorded_arrives_with_value_type_and_time(influx: InfluxShim, store: TelemetryStore) -> None:
    at = datetime(2026, 10, 14, 0, 0, 1, 234567, tzinfo=UTC)
    tags = {"site": "demo", "asset": "battery", "kind": "battery"}
    store.append(
        [
            Record("asset", tags, {"power_kw": -250, "soc": 0.5, "available": True, "mode": 'held "by" hand\\'}, at),
            Record("controller", {"site": "demo"}, {"overruns": 3, "cycle_ms": 12.25, "mode": "optimal"}, at),
        ]
    )
    async with forwarding(store, settings(influx)) as forwarder:
        await until(lambda: store.counts().waiting == 0)
        await until(lambda: forwarder.state.forwarded == 2)
        assert forwarder.state.link == "up"
    (asset,) = influx.query('SELECT * FROM "asset"')
    assert asset == tags | {
        "time": 1791936001234567000,
        "power_kw": -250,
        "soc": 0.5,
        "available": True,
        "mode": 'held "by" hand\\',
    }
    (controller,) = influx.query('SELECT "overruns", "cycle_ms", "mode" FROM "controller"')
    assert controller == {"time": 1791936001234567000, "overruns": 3, "cycle_ms": 12.25, "mode": "optimal"}
    types = {row["fieldKey"]: row["fieldType"] for row in influx.query("SHOW FIELD KEYS")}
    assert types == {
        "power_kw": "float",
        "soc": "float",
        "available": "boolean",
        "mode": "string",
        "overruns": "integer",
        "cycle_ms": "float",
    }


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_nothing_is_missing_or_doubled_after_an_outage(
    influx: InfluxShim, store: TelemetryStore, how: signal.Signals
) -> None:
    async with forwarding(store, settings(influx)) as forwarder:
        store.append(powers(0, 100))
        await until(lambda: forwarder.state.forwarded >= 100)
        influx.stop(how)
        for first in range(100, 400, 50):
            store.append(powers(first, 50))
            await asyncio.sleep(0.05)
        await until(lambda: forwarder.state.link == "down")
        assert "502" in forwarder.state.error
        assert store.counts().waiting == 300
        influx.start()
        store.append(powers(400, 100))
        await until(lambda: store.counts().waiting == 0)
        assert forwarder.state.link == "up"
        assert forwarder.state.error == ""
    assert arrived(influx) == list(range(500))
    assert store.counts().rejected == store.counts().dropped == 0


async def test_a_server_killed_in_the_middle_of_a_batch_leaves_no_hole(
    influx: InfluxShim, store: TelemetryStore
) -> None:
    store.append(powers(0, 20_000))
    async with forwarding(store, settings(influx)) as forwarder:
        await until(lambda: forwarder.state.forwarded >= 5000)
        influx.stop(signal.SIGKILL)
        assert store.counts().waiting > 0
        await until(lambda: forwarder.state.link == "down")
        influx.start()
        await until(lambda: store.counts().waiting == 0)
    assert arrived(influx) == list(range(20_000))


async def test_order_is_kept_so_the_newer_plan_stands(influx: InfluxShim, store: TelemetryStore) -> None:
    def plan(power_kw: float, issued_at: str) -> list[Record]:
        fields = {"power_kw": power_kw, "method": "optimal", "issued_at": issued_at}
        starts = [START + timedelta(minutes=15 * step) for step in range(4)]
        return [Record("plan", {"site": "demo", "asset": "battery"}, fields, start) for start in starts]

    influx.stop()
    async with forwarding(store, settings(influx)) as forwarder:
        store.append(plan(100.0, "first"))
        store.append(plan(-50.0, "second"))
        await until(lambda: forwarder.state.link == "down")
        influx.start()
        await until(lambda: store.counts().waiting == 0)
    rows = influx.query('SELECT "power_kw", "issued_at" FROM "plan"')
    assert [(row["power_kw"], row["issued_at"]) for row in rows] == [(-50.0, "second")] * 4


async def test_a_host_that_is_down_is_waited_for(influx: InfluxShim, store: TelemetryStore) -> None:
    influx.stop_shim()
    store.append(powers(0, 10))
    async with forwarding(store, settings(influx)) as forwarder:
        await until(lambda: forwarder.state.failures >= 2)
        assert "does not answer" in forwarder.state.error
        influx.start_shim()
        await until(lambda: store.counts().waiting == 0)
    assert arrived(influx) == list(range(10))


async def test_a_server_that_hangs_does_not_hold_up_the_end(influx: InfluxShim, store: TelemetryStore) -> None:
    influx.pause()
    store.append(powers(0, 10))
    async with forwarding(store, settings(influx)):
        await asyncio.sleep(0.3)
        stopping_s = time.monotonic()
    assert time.monotonic() - stopping_s < 3
    assert store.counts().waiting == 10
    influx.resume()
    async with forwarding(store, settings(influx)):
        await until(lambda: store.counts().waiting == 0)
    assert arrived(influx) == list(range(10))


async def test_a_restarted_controller_goes_on_where_the_last_one_ended(influx: InfluxShim, tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    for first in (0, 50):
        store = TelemetryStore(path, spool_limit=1000, retention_days=30, forwarding=True)
        store.append(powers(first, 50))
        async with forwarding(store, settings(influx)) as forwarder:
            await until(lambda store=store: store.counts().waiting == 0)  # type: ignore[misc]
            await until(lambda forwarder=forwarder: forwarder.state.forwarded == 50)  # type: ignore[misc]
        store.close()
    assert arrived(influx) == list(range(100))


async def test_a_wrong_token_is_named_and_nothing_is_lost(influx: InfluxShim, store: TelemetryStore) -> None:
    store.append(powers(0, 5))
    async with forwarding(store, settings(influx), token="old-token") as forwarder:
        await until(lambda: forwarder.state.failures >= 1)
        assert forwarder.state.link == "down"
        assert "refuses the token of PARK_TOKEN" in forwarder.state.error
        assert "old-token" not in forwarder.state.error
    assert store.counts().waiting == 5
    assert store.counts().rejected == 0


async def test_a_wrong_bucket_is_named_and_nothing_is_lost(influx: InfluxShim, store: TelemetryStore) -> None:
    store.append(powers(0, 5))
    async with forwarding(store, settings(influx, bucket="parkgird")) as forwarder:
        await until(lambda: forwarder.state.failures >= 1)
        assert "does not know bucket parkgird" in forwarder.state.error
    assert store.counts().waiting == 5
    assert store.counts().rejected == 0


@pytest.mark.parametrize("token", [None, "", "  ", "töken", "two\nlines"])
def test_a_missing_or_impossible_token_is_refused_at_the_door(
    influx: InfluxShim, store: TelemetryStore, token: str | None
) -> None:
    environment = {} if token is None else {"PARK_TOKEN": token}
    with pytest.raises(NoToken, match="PARK_TOKEN"):
        InfluxForwarder(store, settings(influx), environment=environment)


async def test_lines_that_influxdb_refuses_are_set_aside_and_the_others_arrive(
    influx: InfluxShim, store: TelemetryStore
) -> None:
    influx.write(f'asset,site=other planned_kw="text" {START_NS}')  # another program was first and fixed the type
    good = powers(0, 200)
    tags = {"site": "demo", "asset": "wind", "kind": "wind_turbine"}
    bad = [Record("asset", tags, {"planned_kw": 1.0}, START + timedelta(seconds=at)) for at in (3, 77, 78)]
    store.append([*good[:3], bad[0], *good[3:150], *bad[1:], *good[150:]])
    async with forwarding(store, settings(influx)) as forwarder:
        await until(lambda: store.counts().waiting == 0)
        await until(lambda: forwarder.state.forwarded == 200)
        assert forwarder.state.rejected == 3
        assert "planned_kw" in forwarder.state.last_rejection
        assert forwarder.state.link == "up"
    assert arrived(influx) == list(range(200))
    assert store.counts().rejected == 3
    lines = [line for line, reason in store.rejected(10) if "field type conflict" in reason]
    assert len(lines) == 3
    assert all("asset=wind" in line for line in lines)


async def test_a_batch_that_is_refused_as_a_whole_is_set_aside_with_one_request(
    influx: InfluxShim, store: TelemetryStore
) -> None:
    influx.write(f'asset,site=other power_kw="text" {START_NS}')
    store.append(powers(0, 1000))
    async with forwarding(store, settings(influx)):
        started_s = time.monotonic()
        await until(lambda: store.counts().waiting == 0)
        assert time.monotonic() - started_s < 5
    assert store.counts().rejected == 1000
