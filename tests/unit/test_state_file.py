"""What survives a restart: whole at every instant, and never in the way of a start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from park_builder import ParkBuilder

from controller.state import (
    SavedAlarm,
    SavedGuard,
    SavedInterval,
    SavedState,
    StateFile,
    StateInUse,
    held,
    saved_plan,
)
from dispatch.plan import AssetPlan, Method, Plan
from dispatch.reason import Reason

NOW = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)

# Saves states that differ in size for ever, and says so once the first one is there.
SAVER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from controller.state import SavedGuard, SavedState, StateFile

file = StateFile(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    guards = {
        f"asset_{k}": SavedGuard(setpoint_kw=float(number), running=True, switched_ago_s=None)
        for k in range(number % 7 * 300)
    }
    file.save(
        SavedState(
            site="demo_park", saved_at=datetime.now(UTC), month=str(len(guards)), month_peak_kw=float(number),
            interval=None, counters_kwh={}, guards=guards, alarms=(), plan=None,
        )
    )
    if number == 1:
        print("saved", flush=True)
"""
KILLS = 6
HOLDER = """
import sys, time
from pathlib import Path
from controller.state import held

with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def state(site: str = "demo_park", month_peak_kw: float = 1234.5) -> SavedState:
    return SavedState(
        site=site,
        saved_at=NOW,
        month="2026-10",
        month_peak_kw=month_peak_kw,
        interval=SavedInterval(
            start=NOW,
            until=NOW + timedelta(seconds=61),
            covered_s=61.0,
            measured_s={"grid": 61.0},
            energy_kwh={"grid": 10.1, "battery": -3.0},
            gas_kwh=1.0,
            import_kwh=10.1,
            export_kwh=0.0,
            curtailed_kwh=0.2,
            limited=("pv_a",),
            outdoor_degc_s=700.0,
            outdoor_s=61.0,
        ),
        counters_kwh={"energy_import_kwh": 123456.789},
        guards={
            "battery": SavedGuard(setpoint_kw=-150.0, running=False, switched_ago_s=None),
            "boiler": SavedGuard(setpoint_kw=600.0, running=True, switched_ago_s=42.5),
        },
        alarms=(SavedAlarm(kind="planner_lost", asset="", text="no answer", since=NOW),),
        plan=saved_plan(plan()),
    )


def plan() -> Plan:
    return Plan(
        issued_at=NOW,
        method=Method.RULES,
        start=NOW,
        step_h=np.array([0.25, 0.25]),
        assets={
            "battery": AssetPlan(power_kw=np.array([100.0, -50.0]), stored_kwh=np.array([1000.0, 970.0, 980.0])),
            "pv_a": AssetPlan(power_kw=np.array([10.0, 20.0]), available_kw=np.array([10.0, 25.0])),
            "heat_pump": AssetPlan(
                power_kw=np.array([100.0, 0.0]),
                flows_kw={"heat": np.array([300.0, 0.0])},
                running=np.array([True, False]),
            ),
            "boiler": AssetPlan(power_kw=np.array([94.0, 0.0]), gas_kw=np.array([100.0, 0.0])),
        },
        import_price_per_kwh=np.array([0.365, 0.68]),
        cost={"import": 12.0},
        marginal_per_kwh={"electricity": np.array([0.4, 0.7])},
        reasons={"battery": (Reason.DISCHARGES_DEAR, Reason.CHARGES_CHEAP)},
        note="rules without a solver",
    )


def same(loaded: SavedState | None, saved: SavedState) -> bool:
    """Equal in every value; arrays have no truth of their own."""
    return loaded is not None and loaded.model_dump() == saved.model_dump()


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "new" / "folder")
    assert file.load("demo_park") == (None, "")
    for saved in (state(), state(month_peak_kw=2000.0)):
        file.save(saved)
        loaded, warning = file.load("demo_park")
        assert warning == ""
        assert same(loaded, saved)


def test_a_plan_comes_back_without_its_marginal_values(tmp_path: Path) -> None:
    StateFile(tmp_path).save(state())
    loaded, _ = StateFile(tmp_path).load("demo_park")
    assert loaded is not None
    before, after = plan(), loaded.plan
    assert after is not None
    assert (after.issued_at, after.method, after.start) == (before.issued_at, before.method, before.start)
    assert (after.cost, after.note, after.marginal_per_kwh) == (before.cost, before.note, {})
    assert after.reasons == before.reasons
    assert after.step_at(NOW + timedelta(minutes=15)) == 1
    for name, asset in before.assets.items():
        for series in ("power_kw", "gas_kw", "stored_kwh", "available_kw", "running"):
            np.testing.assert_array_equal(getattr(after.assets[name], series), getattr(asset, series))
        assert after.assets[name].flows_kw.keys() == asset.flows_kw.keys()
        for bus, flow_kw in asset.flows_kw.items():
            np.testing.assert_array_equal(after.assets[name].flows_kw[bus], flow_kw)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe\x00 rubbish",
        b'{"site": "demo_park"}',
        b"[" * 100_000,
        state().model_dump_json().encode()[:-5],
        state().model_dump_json().replace('"version":1', '"version":2').encode(),
        state().model_dump_json().replace("1234.5", '"high"').encode(),
    ],
    ids=["empty", "cut", "null", "binary", "incomplete", "deep", "short", "newer", "mistyped"],
)
def test_a_damaged_file_is_moved_aside_and_the_controller_starts(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    loaded, warning = StateFile(tmp_path).load("demo_park")
    assert loaded is None
    assert "moved to state.unusable" in warning
    assert (tmp_path / "state.unusable").read_bytes() == content
    assert not (tmp_path / "state.json").exists()
    assert StateFile(tmp_path).load("demo_park") == (None, "")


def test_a_plan_that_another_version_wrote_costs_the_plan_and_nothing_else(tmp_path: Path) -> None:
    older = state().model_dump_json().replace('"flows_kw":', '"heat_kw":')
    assert older != state().model_dump_json()
    (tmp_path / "state.json").write_text(older)
    loaded, warning = StateFile(tmp_path).load("demo_park")
    assert warning == ""
    assert same(loaded, state().model_copy(update={"plan": None}))


def test_another_sites_file_is_moved_aside(tmp_path: Path) -> None:
    StateFile(tmp_path).save(state(site="north_park"))
    loaded, warning = StateFile(tmp_path).load("demo_park")
    assert loaded is None
    assert "belongs to site 'north_park'" in warning
    assert (tmp_path / "state.unusable").exists()


def test_a_file_that_cannot_even_be_moved_does_not_keep_the_controller_from_starting(tmp_path: Path) -> None:
    # a folder in the file's place, and another one, not empty, in the way
    (tmp_path / "state.json").mkdir()
    (tmp_path / "state.unusable").mkdir()
    (tmp_path / "state.unusable" / "full").touch()
    loaded, warning = StateFile(tmp_path).load("demo_park")
    assert loaded is None
    assert "cannot be moved aside" in warning


def test_a_disk_that_takes_nothing_is_told_and_the_last_state_stays(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.save(state())
    (tmp_path / "state.partial").mkdir()
    with pytest.raises(OSError, match="directory"):
        file.save(state(month_peak_kw=2000.0))
    assert same(file.load("demo_park")[0], state())


def test_what_a_broken_write_left_behind_is_not_read(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.save(state())
    (tmp_path / "state.partial").write_text('{"version": 1, "si')
    assert same(file.load("demo_park")[0], state())
    file.save(state(month_peak_kw=2000.0))
    assert same(file.load("demo_park")[0], state(month_peak_kw=2000.0))


def test_two_saves_at_once_leave_one_of_the_two(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    states = [state(month_peak_kw=float(number)) for number in range(1, 41)]
    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(file.save, states))
    loaded, warning = file.load("demo_park")
    assert warning == ""
    assert any(same(loaded, each) for each in states)


def test_the_file_is_whole_whenever_the_controller_is_killed(tmp_path: Path) -> None:
    last_peak_kw = 0.0
    for kill in range(KILLS):
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        try:
            assert saver.stdout is not None
            assert saver.stdout.readline() == "saved\n"
            # each time at another point of the write
            time.sleep(0.003 * kill)
            os.kill(saver.pid, signal.SIGKILL)
        finally:
            saver.kill()
            saver.wait()
            saver.stdout.close()
        loaded, warning = StateFile(tmp_path).load("demo_park")
        assert warning == ""
        assert loaded is not None
        assert loaded.month == str(len(loaded.guards))
        assert {guard.setpoint_kw for guard in loaded.guards.values()} <= {loaded.month_peak_kw}
        last_peak_kw = max(last_peak_kw, loaded.month_peak_kw)
    assert last_peak_kw > 1.0


def test_a_file_is_not_read_for_its_plan_of_a_park_that_has_changed(park: ParkBuilder, tmp_path: Path) -> None:
    # the plan is only data: what the site no longer has is simply not asked for
    StateFile(tmp_path).save(state())
    loaded, _ = StateFile(tmp_path).load("demo_park")
    assert loaded is not None
    assert loaded.plan is not None
    decision = park.without("boiler").decide({"grid": 100.0}, loaded.plan)
    assert decision.assets["battery"].planned_kw == 100.0


def test_a_state_folder_belongs_to_one_controller_until_that_ends_or_dies(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with held(folder), pytest.raises(StateInUse, match="another controller is running"), held(folder):
        pass
    with held(folder):
        pass
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateInUse), held(folder):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with held(folder):
        pass
