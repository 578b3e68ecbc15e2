"""The matrix of faults: one park that gets all of them, and what the controller does about each.

Each protocol has some turbines, and each of those gets one fault after the other. What the controller sees, what it
writes and what it raises must be what `fault_matrix` says, for as long as the fault stands, and all must be well again
after it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fault_matrix import CASES, GONE, PROTOCOLS, Case, table
from fault_rig import SITE_FILE
from park_faults import FaultCommands
from processes import ParkProcess

from controller.controller import Controller
from controller.modes import Mode
from controller.status import Status
from controller.telemetry.history import SeriesStore
from drivers.driver import Quality
from simulators.faults.kinds import KINDS

pytestmark = [pytest.mark.timeout(400)]

SPEED = 30.0

STANDS_S = 8.0
"""Real seconds for which a fault that is not noticed must not be: values are too old after 3, an alarm comes 2 later,
and a device reverts after 4."""

SETTLES_S = 1.0
"""Real seconds for which a reaction must last: two cycles."""

PATIENCE_S = 60.0
"""For a reaction that must come, and for what must be well again; far more than it takes on an idle machine."""

SAFE_KW = 330.0
"""What a turbine is held at when nobody knows what the grid takes."""

TURBINES = {"modbus": 4, "opcua": 4, "mqtt": 7}
"""So many that each has about as long to go through its faults, given that the lines of MQTT are one broker."""

TURBINE = {
    "kind": "wind_turbine",
    "rated_kw": 1000,
    "hub_height_m": 80,
    "cut_in_m_per_s": 1,
    "rated_m_per_s": 6,
    "cut_out_m_per_s": 80,
}
"""They turn in any wind, so that a factor or a sign always shows."""


def site_file(folder: Path) -> Path:
    """The fault park with more turbines, on a grid that takes all they make."""
    text = SITE_FILE.read_text(encoding="utf-8")
    for name in ("import_limit_kw: 3000", "export_limit_kw: 3000"):
        assert name in text
        text = text.replace(name, name.replace("3000", "20000"))
    text = text.replace("mean_wind_m_per_s: 9", "mean_wind_m_per_s: 14")
    connections, devices, assets = [], [], []
    for protocol, count in TURBINES.items():
        for number in range(1, count + 1):
            name = f"{protocol}_{number}"
            connection = f"{name}_line" if protocol != "mqtt" else "broker"
            if protocol == "modbus":
                connections.append(f"  {connection}: {{protocol: modbus, host: 127.0.0.1, port: {15200 + number}}}")
            elif protocol == "opcua":
                endpoint = f"opc.tcp://127.0.0.1:{15300 + number}/parkgrid"
                connections.append(f'  {connection}: {{protocol: opcua, endpoint: "{endpoint}", security: none}}')
            parameters = f", parameters: {{topic: park/{name}}}" if protocol == "mqtt" else ""
            devices.append(
                f"  {name}_controller: {{connection: {connection}, profile: turbine_{protocol}, max_age_s: 3,"
                f" write: [power_limit_kw]{parameters}}}"
            )
            assets.append(f"  {name}: {json.dumps(TURBINE | {'device': f'{name}_controller'})}")
    for section, lines in (("connections", connections), ("devices", devices), ("assets", assets)):
        head = f"\n{section}:\n"
        assert head in text
        text = text.replace(head, head + "\n".join(lines) + "\n")
    path = folder / "matrix_park.yaml"
    path.write_text(text, encoding="utf-8")
    shutil.copytree(SITE_FILE.parent / "profiles", folder / "profiles")
    return path


@dataclass
class Watched:
    """What the controller showed, cycle by cycle."""

    last: Status | None = None
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    alarms: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By asset, every kind that ever stood."""
    decided_kw: dict[str, set[float]] = field(default_factory=lambda: defaultdict(set))
    """By asset, every value that was decided for it."""

    def __call__(self, status: Status) -> None:
        self.last = status
        for alarm in status.alarms:
            if alarm.active:
                self.alarms[alarm.asset].add(alarm.kind.name)
        # not what was written last: of two writes that end within one cycle that is only the second
        for asset, decided in status.decision.assets.items():
            if decided.setpoint_kw is not None:
                self.decided_kw[asset].add(decided.setpoint_kw)
        self.seen.set()

    def plans(self) -> bool:
        return self.last is not None and self.last.mode is Mode.OPTIMAL

    def reaction(self, asset: str) -> str:
        """What stands now, in the words of the matrix."""
        status = self.last
        assert status is not None
        parts = []
        available = status.snapshot.available(asset)
        if not available:
            parts.append("unavailable")
        else:
            reading = status.snapshot.reading(asset, "active_power_kw")
            if reading is not None and reading.quality is Quality.UNCERTAIN:
                parts.append("doubted")
            written = status.written.get(asset)
            if written is not None and written.outcome != "confirmed":
                parts.append(f"write {written.outcome}")
        # one that chatters is held when its cause has gone
        here = (asset, "broker") if asset.startswith("mqtt") else (asset,)
        standing = [alarm for alarm in status.alarms if alarm.active and alarm.present and alarm.asset in here]
        parts += sorted(f"alarm {alarm.kind.name}" for alarm in standing)
        return ", ".join(parts) or "not noticed"

    def well(self, asset: str) -> bool:
        status = self.last
        assert status is not None
        written = status.written.get(asset)
        return self.reaction(asset) == "not noticed" and written is not None and written.outcome == "confirmed"

    async def until(self, holds: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self.seen.clear()
                    await self.seen.wait()
        except TimeoutError:
            return False
        return True


@dataclass
class Bench:
    watched: Watched
    command: FaultCommands
    found: dict[tuple[str, str], str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def measure(self, case: Case, protocol: str, asset: str, target: str) -> None:
        expected = case.expected[protocol]
        name = f"{case.label} on {protocol}"
        if not await self.watched.until(lambda: self.watched.well(asset)):
            self.wrong.append(f"{name}: {asset} was not well before: {self.watched.reaction(asset)}")
            return
        (entry,) = await self.command(do="set", fault={"kind": case.kind, "target": target, **case.keys})
        if expected == "not noticed":
            # it must stay so for the whole time
            noticed = await self.watched.until(lambda: self.watched.reaction(asset) != expected, STANDS_S)
            found = self.watched.reaction(asset) if noticed else expected
        else:
            await self.watched.until(lambda: self.watched.reaction(asset) == expected)
            await asyncio.sleep(SETTLES_S)
            found = self.watched.reaction(asset)
        self.found[case.label, protocol] = found
        if found != expected:
            self.wrong.append(f"{name}: {found}, not {expected}")
        await self.command(do="clear", id=entry["id"])
        if not await self.watched.until(lambda: self.watched.well(asset)):
            self.wrong.append(f"{name}: not well again, but {self.watched.reaction(asset)}")


async def without_a_grid_meter(bench: Bench) -> None:
    """Whatever takes the grid meter away, every device goes to its safe value, and back to the plan after it."""
    watched = bench.watched

    def safe() -> bool:
        status = watched.last
        assert status is not None
        told = {name: asset.setpoint_kw for name, asset in status.decision.assets.items()}
        turbines = [told[name] for name in told if name != "battery"]
        return status.mode is Mode.SAFE and told["battery"] == 0 and set(turbines) == {SAFE_KW}

    for kind, target in (("black_hole", "grid_tcp"), ("no_value", "grid_meter"), ("exception", "grid_meter")):
        (entry,) = await bench.command(do="set", fault={"kind": kind, "target": target})
        if not await watched.until(safe):
            bench.wrong.append(f"{kind} of the grid meter: not everything is at its safe value")
        if "grid_meter_lost" not in watched.alarms["grid"]:
            bench.wrong.append(f"{kind} of the grid meter: no alarm")
        await bench.command(do="clear", id=entry["id"])
        if not await watched.until(lambda: watched.plans() and watched.reaction("grid") == "not noticed"):
            bench.wrong.append(f"{kind} of the grid meter: the plan does not come back")
        watched.alarms["grid"].clear()


async def with_the_breaker_open(bench: Bench) -> None:
    """Without a battery that forms a grid the park goes dark: everything is unavailable, and comes back by itself."""
    watched = bench.watched
    turbines = [f"{protocol}_{number + 1}" for protocol, count in TURBINES.items() for number in range(count)]
    (entry,) = await bench.command(do="set", fault={"kind": "breaker_open", "target": "grid_meter"})
    if not await watched.until(lambda: all(watched.reaction(one) == GONE for one in (*turbines, "battery"))):
        dark = {one: watched.reaction(one) for one in (*turbines, "battery")}
        bench.wrong.append(f"breaker_open: not everything is unavailable, but {dark}")
    await bench.command(do="clear", id=entry["id"])
    if not await watched.until(lambda: watched.plans() and all(watched.well(one) for one in turbines)):
        bench.wrong.append("breaker_open: not well again")


@pytest.fixture
async def park(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ParkProcess]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    started = await asyncio.to_thread(ParkProcess, tmp_path, speed=SPEED, site=site_file(tmp_path))
    yield started
    started.close()


def plan_of_cases() -> dict[str, list[tuple[Case, str]]]:
    """By turbine, its cases and what each falls upon; those of the broker are kept apart."""
    plan: dict[str, list[tuple[Case, str]]] = defaultdict(list)
    for protocol in PROTOCOLS:
        turn = 0
        for case in CASES:
            if protocol not in case.expected or (case.on_line and protocol == "mqtt"):
                continue
            turbine = f"{protocol}_{turn % TURBINES[protocol] + 1}"
            plan[turbine].append((case, f"{turbine}_line" if case.on_line else f"{turbine}_controller"))
            turn += 1
    return plan


@pytest.mark.server("mosquitto")
async def test_what_the_controller_does_about_every_fault(park: ParkProcess, tmp_path: Path) -> None:
    control = park.announcement.control
    assert control is not None
    state = tmp_path / "state"
    state.mkdir()
    series = SeriesStore(state / "history.sqlite")
    series.import_file(park.history_file)
    series.close()
    controller = Controller(park.site, clock=park.announcement.clock(), state=state)
    bench = Bench(Watched(), FaultCommands(control))
    stop = asyncio.Event()
    running = asyncio.create_task(controller.run(stop, bench.watched))
    try:
        assert await bench.watched.until(bench.watched.plans)

        async def through(turbine: str, cases: list[tuple[Case, str]]) -> None:
            for case, target in cases:
                await bench.measure(case, turbine.partition("_")[0], turbine, target)

        async def through_mqtt(turbines: list[str]) -> None:
            await asyncio.gather(*(through(turbine, plan[turbine]) for turbine in turbines))
            for case in CASES:
                if case.on_line and "mqtt" in case.expected:
                    await bench.measure(case, "mqtt", "mqtt_1", "broker")

        plan = plan_of_cases()
        others = [turbine for turbine in plan if not turbine.startswith("mqtt")]
        mqtt = [turbine for turbine in plan if turbine.startswith("mqtt")]
        await asyncio.gather(*(through(turbine, plan[turbine]) for turbine in others), through_mqtt(mqtt))
        # whoever has no fault was left alone
        assert bench.watched.alarms["grid"] | bench.watched.alarms["battery"] == set()
        await without_a_grid_meter(bench)
        await with_the_breaker_open(bench)
    finally:
        stop.set()
        await running
    print("\n" + table(bench.found))
    assert bench.wrong == []
    # the program itself never failed
    assert "internal_error" not in bench.watched.alarms[""]
    # what a device took is what was decided for it, and nothing else
    safe_kw = {"power_limit_kw": SAFE_KW, "power_setpoint_kw": 0.0}
    device_of = {asset: spec.device for asset, spec in park.site.assets.items()}
    decided = {device_of[asset]: values for asset, values in bench.watched.decided_kw.items()}
    for command in park.commands():
        value = command["value"]
        known = {*decided[command["device"]], safe_kw[command["point"]]}
        assert value is None or min(abs(value - one) for one in known) < 0.06, command


def test_every_kind_has_its_row_for_every_protocol() -> None:
    for kind, model in KINDS.items():
        if kind == "breaker_open":
            continue  # it falls upon the whole park, and is measured after all others
        covered = set().union(*(case.expected.keys() for case in CASES if case.kind == kind))
        assert covered == set(model.protocols), kind
