"""The alarm board: delays, what stands, what a restart brings back, and no state that is never left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.alarms import KINDS, Alarm, AlarmBoard, AlarmEvent, Condition

START = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
SLOWEST_S = max(max(kind.on_delay_s, kind.off_delay_s) for kind in KINDS.values())


def lost(text: str = "grid meter is silent") -> Condition:
    return Condition("grid_meter_lost", "grid", text)


def over(text: str = "import of 3100 kW") -> Condition:
    """Raised after 5 s and cleared after 5 s."""
    return Condition("import_limit_exceeded", "grid", text)


def at(board: AlarmBoard, second: float, *conditions: Condition) -> list[tuple[str, bool]]:
    events = board.update(conditions, START + timedelta(seconds=second), second)
    return [(event.alarm.kind.name, event.raised) for event in events]


def test_an_alarm_without_delay_is_raised_and_cleared_at_once() -> None:
    board = AlarmBoard()
    assert at(board, 0.0, lost()) == [("grid_meter_lost", True)]
    assert [(alarm.asset, alarm.text, alarm.since) for alarm in board.standing] == [
        ("grid", "grid meter is silent", START)
    ]
    assert at(board, 1.0, lost()) == []
    assert at(board, 2.0) == [("grid_meter_lost", False)]
    assert board.standing == ()
    assert board.raised_count == 1


def test_a_delay_passes_before_an_alarm_is_raised() -> None:
    board = AlarmBoard()
    assert at(board, 0.0, over()) == []
    assert at(board, 4.9, over()) == []
    assert at(board, 5.0, over()) == [("import_limit_exceeded", True)]


def test_a_condition_that_goes_away_within_the_delay_starts_again() -> None:
    board = AlarmBoard()
    for second in range(20):
        assert at(board, float(second), *([over()] if second % 4 else [])) == []
    assert board.raised_count == 0


def test_an_alarm_that_comes_back_within_its_delay_stands_on() -> None:
    board = AlarmBoard()
    at(board, 0.0, over())
    at(board, 5.0, over())
    assert at(board, 6.0) == []
    assert at(board, 9.0, over()) == []
    assert at(board, 10.0) == []
    assert at(board, 14.9) == []
    assert at(board, 15.0) == [("import_limit_exceeded", False)]


def test_one_event_of_a_moment_stands_for_its_delay() -> None:
    board = AlarmBoard()
    assert at(board, 0.0, Condition("clock_jumped", "", "by +3600 s")) == [("clock_jumped", True)]
    assert at(board, 1.0) == []
    assert at(board, 60.0) == []
    assert at(board, 61.0) == [("clock_jumped", False)]


def test_the_same_kind_stands_for_each_asset_apart() -> None:
    board = AlarmBoard()
    battery = Condition("asset_unavailable", "battery", "soc is 30 s old")
    wind = Condition("asset_unavailable", "wind", "was never read")
    assert at(board, 0.0, battery) == []
    assert at(board, 2.0, battery, wind) == [("asset_unavailable", True)]
    assert at(board, 4.0, battery, wind) == [("asset_unavailable", True)]
    at(board, 5.0, wind)
    assert at(board, 7.0, wind) == [("asset_unavailable", False)]
    assert [alarm.asset for alarm in board.standing] == ["wind"]


def test_a_jump_of_the_calendar_does_not_touch_the_delays() -> None:
    board = AlarmBoard()
    board.update([over()], START, 0.0)
    assert board.update([over()], START + timedelta(days=1), 1.0) == []
    assert [event.raised for event in board.update([over()], START - timedelta(days=1), 5.0)] == [True]


def test_an_alarm_that_stood_before_a_restart_is_not_raised_again() -> None:
    before = Alarm(KINDS["import_limit_exceeded"], "grid", "import of 3200 kW", START - timedelta(hours=1))
    board = AlarmBoard([before])
    assert board.standing == (before,)
    assert at(board, 0.0, over()) == []
    assert board.raised_count == 0
    assert board.standing == (before,)


def test_an_alarm_whose_cause_went_during_the_restart_is_cleared_after_its_delay() -> None:
    board = AlarmBoard([Alarm(KINDS["import_limit_exceeded"], "grid", "", START)])
    assert at(board, 100.0) == []
    assert at(board, 105.0) == [("import_limit_exceeded", False)]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_tells_a_person_what_it_means_and_what_to_do(kind) -> None:
    assert KINDS[kind.name] is kind
    assert kind.priority in ("high", "medium", "low")
    assert kind.consequence.endswith(".")
    assert kind.action.endswith(".")


CONDITIONS = st.lists(
    st.builds(Condition, st.sampled_from(sorted(KINDS)), st.sampled_from(["", "battery", "wind"]), st.just("text")),
    max_size=5,
)
STEPS = st.lists(st.tuples(st.sampled_from([0.2, 1.0, 7.0, 90.0]), CONDITIONS), max_size=30)


@settings(deadline=None)
@given(steps=STEPS, last=CONDITIONS)
def test_from_any_past_the_board_ends_where_the_present_says(
    steps: list[tuple[float, list[Condition]]], last: list[Condition]
) -> None:
    board = AlarmBoard()
    now_s = 0.0
    events: list[AlarmEvent] = []
    for passed_s, conditions in steps:
        now_s += passed_s
        events += board.update(conditions, START, now_s)
    for _ in range(2):
        events += board.update(last, START, now_s)
        now_s += SLOWEST_S
        events += board.update(last, START, now_s)
    present = {(condition.kind, condition.asset) for condition in last}
    assert {(alarm.kind.name, alarm.asset) for alarm in board.standing} == present
    # raised and cleared take turns for each alarm, beginning with raised
    stands: dict[tuple[str, str], bool] = {}
    for event in events:
        key = (event.alarm.kind.name, event.alarm.asset)
        assert event.raised is not stands.get(key, False)
        stands[key] = event.raised
    assert {key for key, standing in stands.items() if standing} == present
    assert board.raised_count == sum(event.raised for event in events)
