"""What a running controller adds to the audit, and that it never waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from park_builder import ParkBuilder

from config.point import Point
from controller.auditing import journal as journals
from controller.auditing.chain import AuditChain
from controller.auditing.entry import Entry, Sealed
from controller.auditing.journal import REPEATS_S, Journal
from controller.auditing.verify import entries
from drivers.driver import Accepted, Rejected, Unconfirmed

START = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)


@dataclass
class HandClock:
    second: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.second)

    def site_s(self) -> float:
        return self.second

    def monotonic_s(self) -> float:
        return self.second


@pytest.fixture
def point(park: ParkBuilder) -> Point:
    found = park.site.setpoint("battery")
    assert found is not None
    return found


def found(state: Path) -> list[Sealed]:
    return list(entries(AuditChain(state, "demo_park"), "demo_park"))


async def test_the_same_write_again_is_counted(tmp_path: Path, point: Point) -> None:
    clock = HandClock()
    journal = Journal(tmp_path, "demo_park", clock)
    journal.began("it may write")
    for second in range(10):
        clock.second = float(second)
        journal.written(point, "battery", 100.0, "plan", "plan +100 kW", Accepted(100.0))
    journal.written(point, "battery", -50.0, "operator", "li: test", Rejected("locked"))
    journal.written(point, "battery", -50.0, "operator", "li: test", Unconfirmed(None, "shows 100"))
    journal.ended()
    await journal.close()
    told = [(each.who, each.what, each.value, each.outcome, each.repeated) for each in found(tmp_path)]
    assert told == [
        ("controller", "start", None, "", 0),
        ("plan", "battery_pcs.power_setpoint_kw", 100.0, "confirmed", 0),
        ("operator", "battery_pcs.power_setpoint_kw", -50.0, "rejected: locked", 9),
        ("operator", "battery_pcs.power_setpoint_kw", -50.0, "unconfirmed: shows 100", 0),
        ("controller", "stop", None, "", 0),
    ]


async def test_repeats_are_summed_up_every_hour_and_at_the_end(tmp_path: Path, point: Point) -> None:
    clock = HandClock()
    journal = Journal(tmp_path, "demo_park", clock)
    for second in (0.0, 10.0, REPEATS_S, REPEATS_S + 10.0):
        clock.second = second
        journal.written(point, "battery", 100.0, "plan", "", Accepted(100.0))
    journal.ended()
    await journal.close()
    # every attempt is accounted for: 1, 2 until the hour, 1 until the end
    assert [each.repeated for each in found(tmp_path) if each.kind == "write"] == [0, 2, 1]


async def test_a_run_that_ended_without_a_word_is_said_by_the_next(tmp_path: Path, point: Point) -> None:
    for ends in (False, True, False):
        journal = Journal(tmp_path, "demo_park", HandClock())
        # what a person did in between says nothing
        AuditChain(tmp_path, "demo_park").append([Entry(at=START, kind="operator", who="li", what="look")])
        journal.began("it may write")
        journal.written(point, "battery", 100.0, "plan", "", Accepted(100.0))
        if ends:
            journal.ended()
        await journal.close()
    starts = [each.why for each in found(tmp_path) if each.what == "start"]
    assert starts == ["it may write", "it may write; the run before it ended without a word", "it may write"]


async def test_what_the_disk_refuses_waits_and_what_is_too_much_is_told(
    tmp_path: Path, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "QUEUE_LIMIT", 5)
    blocked = tmp_path / "audit"
    blocked.write_text("in the way")
    journal = Journal(tmp_path, "demo_park", HandClock())
    for value in range(3):
        journal.written(point, "battery", float(value), "plan", "", Accepted(float(value)))
    await journal.flush()
    assert "audit" in journal.error
    for value in range(3, 13):
        journal.written(point, "battery", float(value), "plan", "", Accepted(float(value)))
    blocked.unlink()
    await journal.flush()
    assert journal.error == ""
    await journal.close()
    told = found(tmp_path)
    # 3 waited in the batch; of the 10 after them 5 were kept
    assert [each.value for each in told if each.kind == "write"] == [0.0, 1.0, 2.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    (gap,) = [each for each in told if each.kind == "gap"]
    assert gap.why == "5 entries were lost while the disk could not be written"
