"""A park whose time is stepped: `parkgrid simulate --stepped` and `parkgrid step`, as another EMS would use them."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client
from processes import PATIENCE_S, ParkProcess
from pymodbus.client import ModbusTcpClient

from parkgrid.park_socket import ask

FAULTS = """\
faults:
  - {kind: reboot, target: battery_pcs, at: 120s, for: 30s}
  - {kind: spikes, target: grid_meter, points: [active_power_kw], height: 50, share: 0.5, period_s: 7, at: 9s, for: 9m}
"""


def parkgrid(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "parkgrid", *arguments], capture_output=True, text=True, timeout=PATIENCE_S
    )


def stepped_park(folder: Path, *options: str) -> ParkProcess:
    return ParkProcess(folder, "--stepped", *options, speed=1.0)


def step(park: ParkProcess, lasts: str) -> datetime:
    answer = ask(park.announcement_file, {"do": "step", "for": lasts}, patience_s=PATIENCE_S)
    return datetime.fromisoformat(answer["now"])


def now_of(park: ParkProcess) -> datetime:
    return datetime.fromisoformat(ask(park.announcement_file, {"do": "list"})["now"])


class Battery:
    """The demo's battery as a client of its own registers sees it."""

    def __init__(self, park: ParkProcess) -> None:
        address = park.announcement.connections["battery_tcp"]
        self._client = ModbusTcpClient(address["host"], port=address["port"], timeout=2, retries=0)

    def __enter__(self) -> Battery:
        assert self._client.connect()
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def discharge(self, power_kw: int) -> None:
        words = struct.unpack(">2H", struct.pack(">i", -10 * power_kw))
        assert not self._client.write_registers(200, list(words), device_id=1).isError()

    def power_kw(self) -> float:
        words = self._client.read_holding_registers(100, count=2, device_id=1).registers
        power: int = struct.unpack(">i", struct.pack(">2H", *words))[0]
        return -power / 10

    def soc(self) -> float:
        return float(self._client.read_holding_registers(102, count=1, device_id=1).registers[0]) / 10_000


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParkProcess]:
    park = stepped_park(tmp_path_factory.mktemp("stepped"))
    yield park
    park.close()


def test_who_steps_decides_when_time_goes_on(park: ParkProcess) -> None:
    begin = now_of(park)
    with Battery(park) as battery:
        soc = battery.soc()
        battery.discharge(500)
        assert battery.power_kw() == 0.0  # no moment has passed since
        assert now_of(park) == begin

        assert step(park, "5s") == begin + timedelta(seconds=5)
        assert battery.power_kw() == pytest.approx(500, abs=0.2)
        battery.discharge(500)
        step(park, "9s")
        assert battery.power_kw() == pytest.approx(500, abs=0.2)
        assert battery.soc() < soc
        # ten seconds of the park after the last write its watchdog lets go
        step(park, "2s")
        assert battery.power_kw() < 500
        step(park, "5s")
        assert battery.power_kw() == 0.0


async def test_what_an_opcua_server_renews_slowly_is_there_after_a_step(park: ParkProcess) -> None:
    async with Client(park.announcement.connections["wind_opcua"]["endpoint"]) as client:
        space = await client.get_namespace_index("urn:parkgrid:simulated-park")
        energy = client.get_node(f"ns={space};s=WindTurbine1.Energy")
        before = await energy.read_value()
        for _ in range(3):
            now = await asyncio.to_thread(step, park, "10m")
            seen = await energy.read_data_value()
            assert seen.SourceTimestamp == now
        assert seen.Value.Value > before


def test_the_command_says_what_time_it_is_then(park: ParkProcess) -> None:
    begin = now_of(park)
    done = parkgrid("step", "15m", "--announcement", str(park.announcement_file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"the park is at {(begin + timedelta(minutes=15)).isoformat()}\n"
    done = parkgrid("step", "0.5s", "--announcement", str(park.announcement_file), "--json")
    assert json.loads(done.stdout) == {"now": (begin + timedelta(seconds=900.5)).isoformat(), "speed": 0.0}


@pytest.mark.parametrize(
    ("lasts", "words"),
    [
        ("8d", "a step should be longer than nothing and at most 7 days"),
        ("0s", "a step should be longer than nothing and at most 7 days"),
        ("soon", "for is 'soon', should look like 90s, 30m, 2h, 1d or 00:10:00"),
    ],
)
def test_a_step_that_is_none_is_refused(park: ParkProcess, lasts: str, words: str) -> None:
    begin = now_of(park)
    done = parkgrid("step", lasts, "--announcement", str(park.announcement_file))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words + "\n")
    assert now_of(park) == begin


def test_our_own_controller_refuses_a_park_whose_time_stands(park: ParkProcess, tmp_path: Path) -> None:
    named = ("--announcement", str(park.announcement_file), "--state", str(tmp_path))
    done = parkgrid("run", "demo_park", *named, "--for", "1")
    assert done.returncode == 2
    assert "the park is stepped: its time goes on only when it is told to" in done.stderr
    done = parkgrid("override", "set", "demo_park", "battery", "0", "--for", "1h", "--reason", "test", *named)
    assert (done.returncode, "the park is stepped" in done.stderr) == (2, True)


def test_a_park_whose_time_goes_by_itself_is_not_stepped(tmp_path: Path) -> None:
    park = ParkProcess(tmp_path, speed=1.0)
    try:
        done = parkgrid("step", "1s", "--announcement", str(park.announcement_file))
        assert done.returncode == 2
        assert "the time of this park goes by itself" in done.stderr
    finally:
        park.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--speed", "60"), "a park that is stepped has no speed"),
        (("--apart", "battery_pcs"), "battery_pcs cannot run apart in a park that is stepped"),
    ],
)
def test_options_that_contradict_it_are_refused(options: tuple[str, ...], words: str) -> None:
    done = parkgrid("simulate", "demo_park", "--stepped", *options)
    assert done.returncode == 2
    assert words in done.stderr


def course(folder: Path, monkeypatch: pytest.MonkeyPatch, *, seed: int, hash_seed: int) -> tuple[list[Any], bytes]:
    """What an EMS of three lines sees of a park with faults, and the truth that the park leaves."""
    folder.mkdir()
    script = folder / "faults.yaml"
    script.write_text(FAULTS, encoding="utf-8")
    monkeypatch.setenv("PYTHONHASHSEED", str(hash_seed))
    park = stepped_park(folder, "--seed", str(seed), "--faults", str(script))
    seen: list[Any] = []
    try:
        for power_kw in (300, -200, 700, 100, -50):
            with Battery(park) as battery:
                battery.discharge(power_kw)
                step(park, "8s")
                seen.append((battery.power_kw(), battery.soc()))
        step(park, "1m")
        step(park, "30s")  # the battery is off now
        with pytest.raises(AssertionError), Battery(park):
            pass
        step(park, "30s")  # and back, as soon as the step is over
        with Battery(park) as battery:
            battery.discharge(400)
            step(park, "2m")
            seen.append((battery.power_kw(), battery.soc()))
        park.stop()
    finally:
        park.close()
    return seen, park.truth_file.read_bytes()


def test_the_same_steps_give_the_same_park_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = course(tmp_path / "first", monkeypatch, seed=5, hash_seed=1)
    again = course(tmp_path / "again", monkeypatch, seed=5, hash_seed=2)
    other = course(tmp_path / "other", monkeypatch, seed=6, hash_seed=1)
    assert again == first
    assert other[1] != first[1]
    truth = json.loads(first[1])
    assert [(each["kind"], each["state"]) for each in truth["faults"]] == [("reboot", "over"), ("spikes", "standing")]
    assert truth["simulated_s"] == 280


def test_a_scenario_goes_by_the_steps(tmp_path: Path) -> None:
    scenario = tmp_path / "dark.yaml"
    scenario.write_text(
        "description: x\nstart: 2026-07-15T12:00:00\nlength: 1h\ngrid_outages: [{at: 30s, for: 60s}]\n",
        encoding="utf-8",
    )
    park = stepped_park(tmp_path, "--scenario", str(scenario))
    try:
        assert now_of(park) == datetime.fromisoformat("2026-07-15T04:00:00+00:00")
        step(park, "29s")
        step(park, "2m")
        truth = park.stop()
    finally:
        park.close()
    unserved = [truth[book]["total"]["unserved_kwh"] for book in ("park", "without_control")]
    assert unserved[0] > 10
    assert unserved[0] == pytest.approx(unserved[1])
    (outage,) = truth["faults"]
    assert (outage["begin"], outage["end"]) == ("2026-07-15T04:00:30+00:00", "2026-07-15T04:01:30+00:00")


def test_a_stepped_park_does_not_end_by_itself() -> None:
    done = parkgrid("simulate", "small_factory", "--stepped", "--for", "1h", "--free-ports")
    assert done.returncode == 2
    assert done.stderr == "a park that is stepped goes as far as it is told to, and does not end by itself\n"
