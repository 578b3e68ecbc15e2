"""``python -m simulators`` from start to end, with the real physics."""

from __future__ import annotations

import csv
import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import ModbusTcpClient

from config.announcement import Announcement, read_announcement
from parkgrid.demo import PARK_ENDS_WITHIN_S

START_S = 60.0
"""The process needs about four seconds on an idle machine, most of them to load the libraries of the physics."""


@dataclass(frozen=True, slots=True)
class Run:
    """A park that ran for a moment: what it announced, what it left."""

    announced: Announcement
    seen: dict[str, Any]
    ended_after_s: float
    code: int
    said: str
    folder: Path


def look(announced: Announcement) -> dict[str, Any]:
    """Read the battery, command 100 kW of discharge, and wait until it shows."""
    address = announced.connections["battery_tcp"]
    client = ModbusTcpClient(address["host"], port=address["port"], timeout=2)
    assert client.connect()
    try:
        first_soc = client.read_holding_registers(102, count=1, device_id=1).registers[0] / 10_000
        answer = client.write_registers(200, list(struct.unpack(">2H", struct.pack(">i", -1000))), device_id=1)
        assert not answer.isError()
        until = time.monotonic() + 10
        power_kw = 0.0
        while power_kw < 99.9 and time.monotonic() < until:
            words = client.read_holding_registers(100, count=2, device_id=1).registers
            power_kw = -struct.unpack(">i", struct.pack(">2H", *words))[0] / 10
    finally:
        client.close()
    return {"soc": first_soc, "power_kw": power_kw, "at": announced.clock().now()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("park")
    announce = folder / "park.json"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulators", "--free-ports", "--speed", "3600"),
            *("--announce", announce, "--truth", folder / "truth.json", "--history", folder / "history.csv"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until = time.monotonic() + START_S
        while not announce.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        assert announce.exists(), process.poll()
        announced = read_announcement(announce)
        assert (folder / "history.csv").exists()
        seen = look(announced)
        asked_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=10)
        ended_after_s = time.monotonic() - asked_s
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return Run(announced, seen, ended_after_s, process.returncode, said, folder)


def test_it_ends_in_time_without_a_word_and_takes_its_broker_along(run: Run) -> None:
    assert (run.code, run.said) == (0, "")
    assert run.ended_after_s < PARK_ENDS_WITHIN_S
    for pid in run.announced.processes.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_battery_begins_as_the_site_says_and_follows(run: Run) -> None:
    assert run.seen["soc"] == 0.8
    assert run.seen["power_kw"] == pytest.approx(100, abs=0.1)


def test_the_truth_tells_of_both_parks(run: Run) -> None:
    truth = json.loads((run.folder / "truth.json").read_text())
    assert truth["balance_residual"] < 1e-6
    start, end = datetime.fromisoformat(truth["start"]), datetime.fromisoformat(truth["end"])
    assert start == run.announced.start == datetime(2026, 10, 14, 7, tzinfo=UTC)
    assert (end - start).total_seconds() == pytest.approx(truth["simulated_s"])
    # two ticks of 0.1 s at speed 3600
    assert end >= run.seen["at"] - timedelta(seconds=720)
    for book in (truth["park"], truth["without_control"]):
        assert book["total"]["seconds"] == truth["simulated_s"]
        for what in ("import_kwh", "export_kwh", "gas_kwh"):
            assert sum(record[what] for record in book["intervals"]) == pytest.approx(book["total"][what])
    assert truth["park"]["total"]["assets"]["battery"]["electricity_fed_kwh"] > 0
    assert truth["without_control"]["total"]["assets"]["battery"]["electricity_fed_kwh"] == 0


def test_every_command_is_in_the_log_and_the_last_one_in_the_truth(run: Run) -> None:
    lines = [json.loads(line) for line in (run.folder / "truth.json.commands.jsonl").read_text().splitlines()]
    assert [(line["device"], line["point"], line["value"]) for line in lines] == [
        ("battery_pcs", "power_setpoint_kw", 100.0)
    ]
    truth = json.loads((run.folder / "truth.json").read_text())
    # the truth is the same each time, and real time is not
    said = {key: value for key, value in lines[0].items() if key != "monotonic_s"}
    assert truth["commands"] == {"battery_pcs.power_setpoint_kw": said}
    at = datetime.fromisoformat(lines[0]["at"])
    # the plant's time of the command is the announced clock's at that moment, to one tick of 0.1 s times speed
    behind_s = (lines[0]["monotonic_s"] - run.announced.origin_s) * 3600 - (at - run.announced.start).total_seconds()
    assert -1 < behind_s < 5 * 360


def test_the_history_ends_where_the_park_begins(run: Run) -> None:
    with (run.folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15 * 96
    assert rows[-1]["time_utc"] == "2026-10-14T06:45:00Z"
    assert float(rows[-1]["hall_1"]) > 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--apart", "bess"], "there is no device bess"), (["--speed", "0"], "speed"), (["nowhere.yaml"], "nowhere")],
)
def test_what_cannot_run_is_refused_in_plain_words(arguments: list[str], word: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "--free-ports", *arguments],
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
