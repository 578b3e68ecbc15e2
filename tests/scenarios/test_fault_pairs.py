"""Two things go wrong at once: the right alarms, nothing told that should not be, and all well again without help.

At the wire, in a park on three protocols with a battery that forms an island and a receiver of the grid operator's
orders. Each trouble is in one pair here; `--every-pair FILE` lives through all of them (`benchmarks/fault_pairs.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fault_pairs import BY_NAME, TROUBLES, Trouble, expected, pairs
from park_faults import FaultCommands
from processes import ParkProcess, planner_of
from ruamel.yaml import YAML

from config.clock import Clock
from config.loader import example_site
from controller.alarming.states import State
from controller.controller import Controller
from controller.modes import Mode
from controller.status import Status

pytestmark = [pytest.mark.timeout(7200), pytest.mark.server("mosquitto")]

SPEED = 4.0
PATIENCE_S = 90.0
"""For what must come and for what must be well again: a link that was lost for long is tried once a minute."""
STANDS_S = 3.0
"""How long both troubles go on once their alarms stand."""
TRUE_AS_WELL = {"alarm_flood", "clock_jumped", "demand_not_met", "demand_at_risk:grid"}
"""What troubles bring along: many alarms, a calendar that is put right, plans and peaks without a lost asset."""
STAYS = {"alarm_flood", "demand_at_risk:grid"}
"""What is true for a quarter of an hour after it was: that many alarms came, and that a peak was near."""
HEAD = f"{'troubles':62}  alarms    well  shown"
STANDING = (State.UNACKNOWLEDGED, State.ACKNOWLEDGED)

CHOSEN = (
    (
        ("grid meter without values", "planner killed"),
        ("battery ignores writes", "turbine says NaN"),
        ("breaker open", "fuel cell frozen"),
    ),
    (
        ("switchgear line silent", "clock an hour ahead"),
        ("solar rejects writes", "order cannot be read"),
        ("battery lost", "hydrogen line slow"),
    ),
    (
        ("broker killed", "InfluxDB gone"),
        ("electrolyser lies", "clock an hour back"),
        ("solar inverter silent", "order to feed nothing"),
    ),
)


@dataclass
class JumpingClock:
    """A park's clock whose calendar can be moved."""

    base: Clock
    ahead_s: float = 0.0

    def now(self) -> datetime:
        return self.base.now() + timedelta(seconds=self.ahead_s)

    def site_s(self) -> float:
        return self.base.site_s()

    def monotonic_s(self) -> float:
        return self.base.monotonic_s()


class Database:
    """Takes whatever is written to it, as InfluxDB does, while it is there."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@dataclass
class Bench:
    """One park, its controller in this process, and what both showed."""

    command: FaultCommands
    clock: JumpingClock
    database: Database
    last: Status | None = None
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    shown: set[str] = field(default_factory=set)
    """Every alarm that a person was shown since the last pair."""
    decided_kw: dict[str, set[float]] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    diary: Path | None = None
    """Gets the row of each pair as soon as it has been lived through, and what was wrong with it."""

    def __call__(self, status: Status) -> None:
        self.last = status
        self.shown |= {alarm.name for alarm in status.alarms if alarm.active and alarm.present}
        for asset, decided in status.decision.assets.items():
            if decided.setpoint_kw is not None:
                self.decided_kw.setdefault(asset, set()).add(decided.setpoint_kw)
        self.seen.set()

    def standing(self) -> set[str]:
        """Alarms whose cause is there, shown or explained by another."""
        assert self.last is not None
        return {alarm.name for alarm in self.last.alarms if alarm.standing in STANDING and alarm.present}

    def well(self) -> bool:
        """All as it should be."""
        status = self.last
        if status is None or status.mode is not Mode.OPTIMAL or self.standing() - STAYS:
            return False
        site = status.snapshot.site
        told = [name for name in site.assets if site.setpoint(name) is not None]
        outcomes = [written.outcome for name in told if (written := status.written.get(name)) is not None]
        return all(map(status.snapshot.available, site.assets)) and set(outcomes) == {"confirmed"}

    async def until(self, holds: Callable[[], bool]) -> float | None:
        """Real seconds until it holds; None when that takes too long."""
        since_s = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    self.seen.clear()
                    await self.seen.wait()
        except TimeoutError:
            return None
        return time.monotonic() - since_s

    async def live_through(self, *troubles: Trouble) -> None:
        rows, wrong = len(self.rows), len(self.wrong)
        await self._live_through(*troubles)
        if self.diary is not None:
            with self.diary.open("a") as diary:
                diary.writelines(f"{line}\n" for line in (*self.rows[rows:], *self.wrong[wrong:]))

    async def _live_through(self, *troubles: Trouble) -> None:
        name = " and ".join(trouble.name for trouble in troubles)
        if await self.until(self.well) is None:
            self.wrong.append(f"{name}: not well before: {self._state()}")
            return
        self.shown.clear()
        wanted = expected(*troubles)
        standing = set().union(*(set() if trouble.passes else {trouble.alarm} for trouble in troubles)) & wanted
        entries = [await self._begin(trouble) for trouble in troubles]
        came_s = await self.until(lambda: standing <= self.standing() and wanted <= self.shown | self.standing())
        if came_s is None:
            self.wrong.append(f"{name}: {sorted(wanted)} wanted: {self._state()}")
        await asyncio.sleep(STANDS_S)
        for trouble, entry in zip(troubles, entries, strict=True):
            await self._end(trouble, entry)
        well_s = await self.until(self.well)
        if well_s is None:
            self.wrong.append(f"{name}: not well again: {self._state()}")
        true = (
            {trouble.alarm for trouble in troubles}
            | {also for trouble in troubles for also in trouble.also}
            | TRUE_AS_WELL
        )
        if more := {alarm for alarm in self.shown - true if not _of_the_same(alarm, troubles)}:
            self.wrong.append(f"{name}: {sorted(more)} stood as well")
        self.rows.append(f"{name:62} {_seconds(came_s)} {_seconds(well_s)}  {', '.join(sorted(self.shown)) or '-'}")

    async def _begin(self, trouble: Trouble) -> Any:
        if trouble.fault:
            (entry,) = await self.command(do="set", fault=dict(trouble.fault))
            return entry
        self.clock.ahead_s += trouble.clock_s
        if trouble.planner:
            pid = planner_of(os.getpid())
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        if trouble.influxdb:
            await self.database.close()
        return None

    async def _end(self, trouble: Trouble, entry: Any) -> None:
        if entry is not None:
            await self.command(do="clear", id=entry["id"])
        self.clock.ahead_s -= trouble.clock_s
        if trouble.influxdb:
            await self.database.open()

    def _state(self) -> str:
        assert self.last is not None
        gone = [name for name in self.last.snapshot.site.assets if not self.last.snapshot.available(name)]
        return f"mode {self.last.mode.value}, standing {sorted(self.standing())}, unavailable {gone}"


def _seconds(value: float | None) -> str:
    return "  never" if value is None else f"{value:5.1f} s"


def _of_the_same(alarm: str, troubles: tuple[Trouble, ...]) -> bool:
    """What the trouble of an asset, or of the whole park, is also called on its way in or out."""
    whole = {"breaker open", "switchgear line silent", "grid meter without values"}
    if whole & {trouble.name for trouble in troubles}:
        return alarm.startswith(("asset_unavailable:", "setpoint_not_followed:", "grid_meter_lost", "connection_lost"))
    places = {trouble.alarm.partition(":")[2] for trouble in troubles if ":" in trouble.alarm}
    return alarm.partition(":")[2] in places


def site_file(folder: Path, database_port: int) -> Path:
    """The hydrogen park, which notices sooner what is lost, and writes to a database."""
    yaml = YAML()
    site = yaml.load(example_site("hydrogen_park"))
    for device in site["devices"].values():
        device["max_age_s"] = min(device.get("max_age_s", 10.0), 4.0)
    site["influxdb"] = {
        "url": f"http://127.0.0.1:{database_port}",
        "org": "park",
        "bucket": "park",
        "token_env": "PAIRS_TOKEN",
    }
    path = folder / "pairs_park.yaml"
    yaml.dump(site, path)
    return path


@pytest.fixture
async def bench(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PAIRS_TOKEN", "secret")
    database = Database(free_port)
    await database.open()
    path = site_file(tmp_path, free_port)
    park = await asyncio.to_thread(ParkProcess, tmp_path, speed=SPEED, site=path)
    try:
        control = park.announcement.control
        assert control is not None
        clock = JumpingClock(park.announcement.clock())
        found = Bench(FaultCommands(control), clock, database)
        controller = Controller(park.site, clock=clock, state=tmp_path / "state")
        stop = asyncio.Event()
        running = asyncio.create_task(controller.run(stop, found))
        try:
            yield found
        finally:
            stop.set()
            await running
        site = park.site
        device_of = {asset: spec.device for asset, spec in site.assets.items()}
        decided = {device_of[asset]: values for asset, values in found.decided_kw.items()}
        for received in park.commands():
            point = next(point for point in site.points[received["device"]] if point.name == received["point"])
            assert point.setpoint is not None
            value = received["value"]
            if value is not None:
                assert point.setpoint.low - 0.1 <= value <= point.setpoint.high + 0.1, received
                known = {*decided.get(received["device"], ()), point.setpoint.safe}
                assert min(abs(value - one) for one in known) <= point.setpoint.resolution, received
    finally:
        park.close()
        await database.close()


async def live_through(bench: Bench, chosen: list[tuple[Trouble, ...]]) -> None:
    for troubles in chosen:
        await bench.live_through(*troubles)
    print("\n" + HEAD)
    print("\n".join(bench.rows))
    assert bench.wrong == []
    assert "internal_error" not in bench.shown


@pytest.mark.parametrize("part", range(len(CHOSEN)))
async def test_two_troubles_at_once(bench: Bench, part: int, request: pytest.FixtureRequest) -> None:
    chosen = [tuple(BY_NAME[name] for name in names) for names in CHOSEN[part]]
    bench.diary = request.config.getoption("--every-pair")
    if bench.diary is not None:
        chosen = [*((one,) for one in TROUBLES), *pairs()][part :: len(CHOSEN)]
    await live_through(bench, chosen)


def test_each_trouble_is_in_a_pair() -> None:
    named = [name for part in CHOSEN for pair in part for name in pair]
    assert sorted(named) == sorted(BY_NAME)
