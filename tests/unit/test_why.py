"""`parkgrid why`: from records that a controller has written, by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.telemetry.decisions import NoDecisions, explained
from controller.telemetry.record import Record
from controller.telemetry.store import TelemetryStore
from parkgrid.cli import app
from parkgrid.refusal import Failed, Refused
from parkgrid.time_argument import time_of

NOON = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
"""12:00 in Hangzhou."""


def minute(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def decision(
    asset: str, at: datetime, setpoint_kw: float | None, owner: str, reason: str, written: str = "confirmed"
) -> Record:
    fields: dict[str, float | int | bool | str] = {"owner": owner, "reason": reason, "written": written}
    fields |= (
        {}
        if setpoint_kw is None
        else {"setpoint_kw": setpoint_kw, "planned_kw": 300.0, "low_kw": -1000.0, "high_kw": 800.0}
    )
    return Record(measurement="decision", tags={"site": "demo_park", "asset": asset}, fields=fields, at=at)


def cycle(at: datetime) -> Record:
    return Record(measurement="controller", tags={"site": "demo_park"}, fields={"mode": "optimal"}, at=at)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    store = TelemetryStore(tmp_path / "telemetry.sqlite", spool_limit=1000, retention_days=30, forwarding=False)
    store.append(
        [
            decision("battery", minute(0), 300.0, "plan", "plan +300 kW"),
            decision("battery", minute(5), 450.0, "demand guard", "holds 15 minutes under 1200 kW"),
            decision("battery", minute(6), 450.0, "demand guard", "holds 15 minutes under 1200 kW (again)"),
            decision("heat_pump", minute(7), None, "unavailable", "soc is 12 s old", "held"),
            decision("pv_a", minute(8), 500.0, "export limit", "keeps the export limit", "unconfirmed"),
            *(cycle(minute(number)) for number in range(11)),
        ]
    )
    store.close()
    return tmp_path


def asked(state: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["why", "demo_park", *arguments, "--state", str(state)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout.strip()


def test_the_last_word_is_said_with_its_numbers_and_since_when(state: Path) -> None:
    assert asked(state, "battery", "--at", "2026-10-14T12:09:30") == (
        "battery: +450.0 kW since 2026-10-14 12:05:00, by demand guard: holds 15 minutes under 1200 kW (again); "
        "the plan wants +300.0 kW; allowed -1000 to 800 kW"
    )


def test_an_earlier_time_has_its_own_answer(state: Path) -> None:
    assert asked(state, "battery", "--at", "2026-10-14T04:04:00+00:00") == (
        "battery: +300.0 kW since 2026-10-14 12:00:00, by plan: plan +300 kW; allowed -1000 to 800 kW"
    )


def test_what_is_told_nothing_or_does_not_take_it_says_so(state: Path) -> None:
    assert asked(state, "heat_pump", "--at", "2026-10-14T12:10") == (
        "heat_pump is told nothing since 2026-10-14 12:07:00, by unavailable: soc is 12 s old"
    )
    assert asked(state, "pv_a", "--at", "2026-10-14T12:10").endswith("; the device has not taken it (unconfirmed)")


def test_a_controller_that_does_not_run_is_named(state: Path) -> None:
    assert asked(state, "battery").endswith(". The controller recorded nothing after 2026-10-14 12:10:00")


def test_it_is_there_for_programs(state: Path) -> None:
    found = json.loads(asked(state, "battery", "--at", "2026-10-14T12:09:30", "--json"))
    assert (found["setpoint_kw"], found["owner"], found["since"]) == (450.0, "demand guard", minute(5).isoformat())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("batery",), "there is no asset 'batery'; did you mean 'battery'?"),
        (("hall_1",), "hall_1 is told nothing; what is told something is pv_a, "),
        (("battery", "--at", "yesterday"), "--at 'yesterday' should look like 2026-10-14T15:04"),
    ],
)
def test_nonsense_is_refused(state: Path, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(Refused, match=words.replace("?", r"\?")):
        asked(state, *arguments)


def test_what_nobody_recorded_is_no_answer(state: Path, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="nothing was decided about battery until then"):
        asked(state, "battery", "--at", "2026-10-14T11:59")
    with pytest.raises(Failed, match="no controller has recorded anything"):
        asked(tmp_path / "elsewhere", "battery")
    (tmp_path / "torn.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(NoDecisions, match="cannot be read"):
        explained(tmp_path / "torn.sqlite", "battery", NOON)


def test_a_clock_time_is_one_of_today_at_the_site() -> None:
    class Location:
        time_zone = "Asia/Shanghai"

    class Site:
        location = Location()

    late = datetime(2026, 10, 14, 17, 30, tzinfo=UTC)  # half past one of the 15th there
    assert time_of("--at", "00:15", late, Site()) == datetime(2026, 10, 14, 16, 15, tzinfo=UTC)  # type: ignore[arg-type]
